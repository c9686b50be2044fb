// Reading of manifests, with one-line errors.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "verify/Manifest.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"

using namespace mlir::softmax::verify;
using llvm::ArrayRef;
using llvm::Error;
using llvm::Expected;
using llvm::StringRef;

static const std::pair<StringRef, Operation> kOperations[] = {
    {"softmax", Operation::Softmax},
    {"log-softmax", Operation::LogSoftmax},
    {"logsumexp", Operation::LogSumExp},
    {"softmax-grad", Operation::SoftmaxGrad},
    {"log-softmax-grad", Operation::LogSoftmaxGrad},
    {"cross-entropy", Operation::CrossEntropy},
    {"cross-entropy-grad", Operation::CrossEntropyGrad},
    {"cross-entropy-with-grad", Operation::CrossEntropyWithGrad},
    {"sgd", Operation::Sgd},
    {"from", Operation::Other}};

StringRef mlir::softmax::verify::getName(Operation op) {
  return llvm::find_if(kOperations,
                       [&](auto &entry) { return entry.second == op; })
      ->first;
}

const Argument *Manifest::find(StringRef argument) const {
  auto it = llvm::find_if(arguments, [&](const Argument &candidate) {
    return candidate.name == argument;
  });
  return it == arguments.end() ? nullptr : &*it;
}

Manifest Manifest::onDevice(const Device &entry) const {
  Manifest result = *this;
  result.device = entry;
  llvm::erase_if(result.arguments, [](const Argument &argument) {
    return argument.role == Role::Hook;
  });
  Argument added;
  if (entry.hasWorkspace) {
    added.name = "workspace";
    added.role = Role::Workspace;
    result.arguments.push_back(added);
  }
  added.name = "stream";
  added.role = Role::Stream;
  result.arguments.push_back(added);
  return result;
}

namespace {

/// Fills a manifest from JSON; every method reports one fault and stops.
class Reader {
public:
  Reader(StringRef path, Manifest &manifest) : path(path), result(manifest) {}
  Error read(const llvm::json::Value &json);

private:
  Error error(const llvm::Twine &text) {
    return llvm::createStringError(path + ": " + text);
  }
  Error readString(const llvm::json::Object &object, StringRef key,
                   std::string &value);
  Error readType(const llvm::json::Object &object, ElementType &type,
                 StringRef where);
  Error readShape(const llvm::json::Object &object, std::vector<Extent> &shape,
                  StringRef where);
  Error readArgument(const llvm::json::Value &json);
  Error readOptions(const llvm::json::Object &options);
  Error readDevice(const llvm::json::Value &json);
  bool isExtent(const Extent &extent) const;
  Error checkArguments();
  Error checkOperation();
  Error checkFormula();
  Error checkShape(StringRef name, ArrayRef<Extent> shape);

  StringRef path;
  Manifest &result;
};

} // namespace

Error Reader::readString(const llvm::json::Object &object, StringRef key,
                         std::string &value) {
  std::optional<StringRef> text = object.getString(key);
  if (!text || text->empty())
    return error("'" + key + "' is missing or no text");
  value = text->str();
  return Error::success();
}

Error Reader::readType(const llvm::json::Object &object, ElementType &type,
                       StringRef where) {
  std::string name;
  if (Error failure = readString(object, "type", name))
    return failure;
  std::optional<ElementType> parsed = parseElementType(name);
  if (!parsed)
    return error(where + " has the unknown type '" + name + "'");
  type = *parsed;
  return Error::success();
}

Error Reader::readShape(const llvm::json::Object &object,
                        std::vector<Extent> &shape, StringRef where) {
  const llvm::json::Array *entries = object.getArray("shape");
  if (!entries)
    return error(where + " has no 'shape' array");
  for (const llvm::json::Value &entry : *entries) {
    Extent extent;
    if (std::optional<int64_t> number = entry.getAsInteger()) {
      if (*number < 0)
        return error(where + " has a negative extent");
      extent.value = *number;
    } else if (std::optional<StringRef> name = entry.getAsString()) {
      extent.name = name->str();
    } else {
      return error(where + " has an extent that is no number and no name");
    }
    shape.push_back(extent);
  }
  return Error::success();
}

Error Reader::readArgument(const llvm::json::Value &json) {
  const llvm::json::Object *object = json.getAsObject();
  if (!object)
    return error("an entry of 'arguments' is no object");
  Argument argument;
  std::string role;
  if (Error failure = readString(*object, "name", argument.name))
    return failure;
  if (Error failure = readString(*object, "role", role))
    return failure;
  std::string where = "argument '" + argument.name + "'";
  auto parsed = llvm::StringSwitch<std::optional<Role>>(role)
                    .Case("input", Role::Input)
                    .Case("output", Role::Output)
                    .Case("inout", Role::InOut)
                    .Case("extent", Role::Extent)
                    .Case("stride", Role::Stride)
                    .Case("stream", Role::Stream)
                    .Case("hook", Role::Hook)
                    .Default(std::nullopt);
  if (!parsed)
    return error(where + " has the unknown role '" + role + "'");
  argument.role = *parsed;
  if (argument.role <= Role::InOut) {
    if (Error failure = readType(*object, argument.type, where))
      return failure;
    if (Error failure = readShape(*object, argument.shape, where))
      return failure;
    // The rate of sgd is the one operand that the interface passes by value.
    argument.byValue =
        object->getBoolean("by_value").value_or(argument.name == "rate");
  }
  if (argument.role == Role::Stride) {
    if (Error failure = readString(*object, "of", argument.strideOf))
      return failure;
    std::optional<int64_t> axis = object->getInteger("axis");
    if (!axis)
      return error(where + " is a stride without 'axis'");
    argument.strideAxis = *axis;
  }
  result.arguments.push_back(std::move(argument));
  return Error::success();
}

Error Reader::readOptions(const llvm::json::Object &options) {
  result.axis = static_cast<int64_t>(result.shape.size()) - 1;
  for (const auto &[key, value] : options) {
    std::optional<int64_t> number = value.getAsInteger();
    std::optional<StringRef> text = value.getAsString();
    std::optional<bool> flag = value.getAsBoolean();
    bool understood = true;
    if (key == "axis" && number)
      result.axis = *number;
    else if (key == "reduction" && text) {
      auto reduction = llvm::StringSwitch<std::optional<Reduction>>(*text)
                           .Case("none", Reduction::None)
                           .Case("mean", Reduction::Mean)
                           .Case("sum", Reduction::Sum)
                           .Default(std::nullopt);
      understood = reduction.has_value();
      result.reduction = reduction.value_or(Reduction::None);
    } else if (key == "in_place" && flag)
      result.inPlace = *flag;
    else if (key == "strided" && flag)
      result.strided = *flag;
    else if (key == "threads" && text)
      result.threads = text->str();
    else if (key == "accuracy" && text) {
      understood = *text == "accurate" || *text == "fast";
      result.fast = *text == "fast";
    } else if (!llvm::is_contained({"target_type", "out_type", "lse", "dloss",
                                    "weight", "deterministic"},
                                   StringRef(key)))
      // Those above repeat what the arguments say.
      understood = result.formula.set(key, value);

    // An option that is not understood would be verified as if it were absent.
    if (!understood)
      return error("the verifier does not know the option '" + StringRef(key) +
                   "', or its value");
  }
  return Error::success();
}

Error Reader::readDevice(const llvm::json::Value &json) {
  const llvm::json::Object *object = json.getAsObject();
  if (!object)
    return error("an entry of 'devices' is no object");
  Device device;
  if (Error failure = readString(*object, "entry", device.entry))
    return failure;
  if (Error failure = readString(*object, "launcher", device.launcher))
    return failure;
  if (device.launcher != "vulkan" && device.launcher != "driver")
    return error("'" + device.entry + "' has the unknown launcher '" +
                 device.launcher + "'");
  std::optional<bool> workspace = object->getBoolean("workspace");
  if (!workspace)
    return error("'workspace' of '" + device.entry +
                 "' is missing or neither true nor false");
  device.hasWorkspace = *workspace;
  result.devices.push_back(std::move(device));
  return Error::success();
}

bool Reader::isExtent(const Extent &extent) const {
  if (extent.name.empty())
    return true;
  const Argument *argument = result.find(extent.name);
  return argument && argument->role == Role::Extent;
}

Error Reader::checkArguments() {
  for (const Argument &argument : result.arguments) {
    if (argument.role == Role::Stream)
      return error("kernels with a stream do not run on the CPU");
    for (const Extent &extent : argument.shape)
      if (!isExtent(extent))
        return error("argument '" + argument.name + "' uses the extent '" +
                     extent.name + "', which is no argument");
    if (argument.role != Role::Stride)
      continue;
    const Argument *tensor = result.find(argument.strideOf);
    if (!tensor || argument.strideAxis < 0 ||
        argument.strideAxis >= static_cast<int64_t>(tensor->shape.size()))
      return error("stride '" + argument.name + "' belongs to no axis");
  }
  return Error::success();
}

Error Reader::checkOperation() {
  for (const Extent &extent : result.shape)
    if (!isExtent(extent))
      return error("'shape' uses the extent '" + extent.name +
                   "', which is no argument");
  if (result.shape.empty())
    return error("'shape' is empty");
  if (result.axis < 0 ||
      result.axis >= static_cast<int64_t>(result.shape.size()))
    return error("'axis' is outside of the shape");
  if (!isFloat(result.type))
    return error("'type' is no floating-point type");

  static const std::vector<StringRef> required[] = {
      {"x", "y"},
      {"x", "y"},
      {"x", "lse"},
      {"dy", "y", "dx"},
      {"dy", "y", "dx"},
      {"logits", "target", "loss"},
      {"dloss", "logits", "target", "dlogits"},
      {"logits", "target", "loss", "dlogits"},
      {"parameter", "gradient", "rate"}};
  for (StringRef name : required[static_cast<int>(result.op)])
    if (!result.find(name))
      return error("argument '" + name + "' of " + getName(result.op) +
                   " is missing");
  for (StringRef name : {"x", "y", "dy", "dx", "logits", "dlogits", "parameter",
                         "gradient"})
    if (Error failure = checkShape(name, result.shape))
      return failure;
  return checkFormula();
}

Error Reader::checkShape(StringRef name, ArrayRef<Extent> shape) {
  auto same = [](const Extent &a, const Extent &b) {
    return a.value == b.value && a.name == b.name;
  };
  const Argument *argument = result.find(name);
  if (argument && !llvm::equal(argument->shape, shape, same))
    return error("'" + name + "' has another shape than it needs");
  return Error::success();
}

/// Options without a formula for the operator would be verified as if absent.
Error Reader::checkFormula() {
  const Formula &formula = result.formula;
  bool isLoss = result.op == Operation::CrossEntropy ||
                result.op == Operation::CrossEntropyGrad ||
                result.op == Operation::CrossEntropyWithGrad;
  bool isGradient = result.op == Operation::SoftmaxGrad ||
                    result.op == Operation::LogSoftmaxGrad;
  bool hasMask =
      formula.mask == Mask::Boolean || formula.mask == Mask::Additive;
  if (hasMask != (result.find("mask") != nullptr))
    return error("option and argument 'mask' contradict each other");
  if (formula.mask != Mask::None && (isLoss || result.op == Operation::Sgd))
    return error(getName(result.op) + " has no 'mask'");
  if (const Argument *mask = result.find("mask"))
    if (mask->type !=
        (formula.mask == Mask::Boolean ? ElementType::U8 : result.type))
      return error("'mask' has another type than it needs");
  if (formula.mask == Mask::Causal &&
      (result.shape.size() < 2 ||
       result.axis != static_cast<int64_t>(result.shape.size()) - 1))
    return error("a causal mask needs a rank of 2 and the last axis");
  if (isGradient && (formula.softcap != 0) != (result.find("x") != nullptr))
    return error("option 'softcap' and argument 'x' contradict each other");
  if (!isLoss && (!formula.isPlain() || result.find("weight")))
    return error(getName(result.op) + " has no loss to change");
  if (result.op == Operation::Sgd && formula.isScaled())
    return error("sgd has no logits to scale");
  if (const Argument *target = result.find("target"))
    if (isFloat(target->type) != formula.probabilities)
      return error("option and type of 'target' contradict each other");
  if (const Argument *weight = result.find("weight"))
    if (!isFloat(weight->type))
      return error("'weight' is no floating-point tensor");
  if (Error failure = checkShape("mask", result.shape))
    return failure;
  if (formula.probabilities)
    if (Error failure = checkShape("target", result.shape))
      return failure;
  return checkShape("weight", result.shape[result.axis]);
}

Error Reader::read(const llvm::json::Value &json) {
  const llvm::json::Object *object = json.getAsObject();
  if (!object)
    return error("a manifest is a JSON object");
  if (object->getInteger("schema") != 1)
    return error("'schema' is not 1");
  if (Error failure = readString(*object, "name", result.name))
    return failure;
  std::string op;
  if (Error failure = readString(*object, "op", op))
    return failure;
  auto known = llvm::find_if(kOperations,
                             [&](auto &entry) { return entry.first == op; });
  if (known == std::end(kOperations))
    return error("unknown operation '" + op + "'");
  result.op = known->second;
  const llvm::json::Array *arguments = object->getArray("arguments");
  if (!arguments)
    return error("'arguments' is missing or no array");
  for (const llvm::json::Value &argument : *arguments)
    if (Error failure = readArgument(argument))
      return failure;
  if (Error failure = checkArguments())
    return failure;
  if (const llvm::json::Array *devices = object->getArray("devices"))
    for (const llvm::json::Value &device : *devices)
      if (Error failure = readDevice(device))
        return failure;
  if (result.op == Operation::Other)
    return Error::success();
  if (Error failure = readType(*object, result.type, "the manifest"))
    return failure;
  if (Error failure = readShape(*object, result.shape, "the manifest"))
    return failure;
  const llvm::json::Object *options = object->getObject("options");
  if (!options)
    return error("'options' is missing or no object");
  if (Error failure = readOptions(*options))
    return failure;
  return checkOperation();
}

Expected<Manifest> mlir::softmax::verify::readManifest(StringRef path) {
  auto buffer = llvm::MemoryBuffer::getFile(path);
  if (!buffer)
    return llvm::createStringError(path + ": " + buffer.getError().message());
  Expected<llvm::json::Value> json = llvm::json::parse((*buffer)->getBuffer());
  if (!json) {
    std::string text = llvm::toString(json.takeError());
    return llvm::createStringError(path + ": " +
                                   StringRef(text).split('\n').first);
  }
  Manifest manifest;
  manifest.directory = llvm::sys::path::parent_path(path).str();
  if (Error failure = Reader(path, manifest).read(*json))
    return std::move(failure);
  return manifest;
}

Expected<std::vector<std::string>>
mlir::softmax::verify::listManifests(StringRef directory) {
  std::vector<std::string> paths;
  std::error_code code;
  for (llvm::sys::fs::directory_iterator it(directory, code), end;
       it != end && !code; it.increment(code))
    if (StringRef(it->path()).ends_with(".manifest.json"))
      paths.push_back(it->path());
  if (code)
    return llvm::createStringError(directory + ": " + code.message());
  if (paths.empty())
    return llvm::createStringError(directory + ": no *.manifest.json in it");
  llvm::sort(paths);
  return paths;
}
