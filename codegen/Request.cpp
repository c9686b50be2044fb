// Requests: parsing and checks, one line per mistake.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "codegen/Request.h"

#include "codegen/Names.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/Support/CheckedArithmetic.h"

using namespace mlir;
using namespace mlir::softmax;
using llvm::createStringError;
using llvm::Error;
using llvm::Expected;

static constexpr size_t kMaxRank = 8;

Expected<Shape> softmax::parseShape(StringRef text) {
  Shape shape;
  shape.text = text.str();
  SmallVector<StringRef> parts;
  text.split(parts, 'x');
  StringRef type = parts.pop_back_val();
  if (!llvm::is_contained({"f32", "f64", "f16", "bf16"}, type))
    return createStringError(
        "shape '" + text + "' has no known element type at its end ('" + type +
        "'); write extents and a type, e.g. 4096x32000xf32; types are f32, "
        "f64, f16, bf16");
  shape.type = type.str();
  int64_t elements = 1;
  for (auto [i, part] : llvm::enumerate(parts)) {
    if (part == "?") {
      shape.extents.push_back(ShapedType::kDynamic);
      continue;
    }
    int64_t extent;
    bool plain = !part.empty() && llvm::all_of(part, llvm::isDigit);
    if (!plain || part.getAsInteger(10, extent))
      return createStringError(
          "extent " + Twine(i) + " of shape '" + text + "' is '" + part +
          "'; expected a number or '?', e.g. ?x32000x" + shape.type);
    std::optional<int64_t> product = llvm::checkedMul(elements, extent);
    if (!product || *product >= (int64_t(1) << 60))
      return createStringError("shape '" + text +
                               "' has 2^60 elements or more; use smaller "
                               "extents");
    elements = *product;
    shape.extents.push_back(extent);
  }
  if (shape.extents.size() > kMaxRank)
    return createStringError("shape '" + text + "' has rank " +
                             Twine(shape.extents.size()) +
                             "; ranks up to 8 are supported, merge axes");
  if (shape.extents.empty()) // a scalar is one row of one class
    shape.extents.push_back(1);
  return shape;
}

Expected<KernelRequest> softmax::createRequest(StringRef op, StringRef shape) {
  StringRef canonical = op == "xent" ? "cross-entropy" : op;
  KernelRequest request;
  for (const OperatorInfo &info : getOperators())
    if (info.name == canonical)
      request.op = &info;
  if (!request.op) {
    SmallVector<StringRef> names;
    for (const OperatorInfo &info : getOperators())
      names.push_back(info.name);
    return createStringError(
        "unknown operator '" + op + "'" + suggest(op, names) +
        (shape.empty() ? "" : "; expected one of " + llvm::join(names, ", ")));
  }
  Expected<Shape> parsed = parseShape(shape);
  if (!parsed)
    return parsed.takeError();
  request.shape = *parsed;
  return request;
}

static Error parseInteger(StringRef key, StringRef value, int64_t &result) {
  if (value.getAsInteger(10, result))
    return createStringError("option --" + key + "='" + value +
                             "' is not an integer; write e.g. --" + key + "=1");
  return Error::success();
}

static Error badChoice(StringRef key, StringRef value, StringRef choices) {
  return createStringError("option --" + key + "='" + value +
                           "' is unknown; expected one of " + choices);
}

Error KernelRequest::set(StringRef key, StringRef value) {
  llvm::ArrayRef<OptionInfo> all = getOperationOptions();
  const OptionInfo *info = llvm::find_if(
      all, [&](const OptionInfo &option) { return option.name == key; });
  if (info == all.end())
    return createStringError("unknown option '--" + key +
                             "'; 'softmax-gen --help' lists the options");
  if (!op->takes(key))
    return createStringError("option --" + key + " does not apply to " +
                             op->name + "; it takes --" +
                             llvm::join(llvm::split(op->options, ','), ", --"));
  if (info->value.empty() && !value.empty())
    return createStringError("option --" + key + " takes no value, got '" +
                             value + "'; write --" + key);
  if (!info->value.empty() && value.empty())
    return createStringError("option --" + key + " needs a value; write --" +
                             key + "=" + info->value);

  if (info->value.contains('|') || key == "out-type")
    return setChoice(key, value);
  if (!info->value.empty())
    return setNumber(key, value);
  bool *flag = llvm::StringSwitch<bool *>(key)
                   .Case("lse", &lse)
                   .Case("dloss", &dloss)
                   .Case("in-place", &inPlace)
                   .Case("strided", &strided)
                   .Case("weight", &weight)
                   .Default(nullptr);
  if (flag) // --deterministic says what is always so
    *flag = true;
  return Error::success();
}

/// Options of which one of several words is the value.
Error KernelRequest::setChoice(StringRef key, StringRef value) {
  auto oneOf = [&](llvm::ArrayRef<StringRef> choices) {
    return llvm::is_contained(choices, value)
               ? Error::success()
               : badChoice(key, value, llvm::join(choices, ", "));
  };
  if (key == "masked-rows" || key == "empty-mean" || key == "zero-times-inf") {
    Special &target = key == "masked-rows"  ? maskedRows
                      : key == "empty-mean" ? emptyMean
                                            : zeroTimesInf;
    target = value == "zero" ? Special::Zero : Special::NaN;
    return oneOf({"nan", "zero"});
  }
  if (key == "reduction") {
    reduction = symbolizeReduction(value).value_or(Reduction::Mean);
    return oneOf({"none", "mean", "sum"});
  }
  if (key == "target") {
    probabilities = value == "probabilities";
    return oneOf({"classes", "probabilities"});
  }
  if (key == "target-type") {
    targetTypeGiven = true;
    targetType = value.str();
    return oneOf({"i64", "i32", "u8"});
  }
  if (key == "out-type") {
    outType = value.str();
    return oneOf({"f32", "f64", "f16", "bf16"});
  }
  if (key == "mask") {
    mask = value.str();
    return oneOf({"none", "causal", "boolean", "additive"});
  }
  return oneOf({"accurate", "fast"}); // --accuracy is read by the emission
}

/// Options with a number.
Error KernelRequest::setNumber(StringRef key, StringRef value) {
  if (key == "axis" || key == "ignore-index") {
    (key == "axis" ? axisGiven : ignoreIndexGiven) = true;
    return parseInteger(key, value, key == "axis" ? axis : ignoreIndex);
  }
  double number;
  if (value.getAsDouble(number, /*AllowInexact=*/true))
    return createStringError("option --" + key + "='" + value +
                             "' is not a number; write e.g. --" + key + "=0.5");
  // The comparisons are false for NaN.
  bool isRight, isFinite = number - number == 0;
  StringRef expected;
  if (key == "label-smoothing") {
    labelSmoothing = number;
    isRight = number >= 0 && number <= 1;
    expected = "a number from 0 to 1";
  } else if (key == "softcap") {
    softcap = number;
    isRight = isFinite && number > 0;
    expected = "a positive number";
  } else if (key == "scale") {
    scale = number;
    isRight = isFinite && number != 0;
    expected = "a finite number other than 0";
  } else {
    zLoss = number;
    isRight = isFinite;
    expected = "a finite number";
  }
  if (!isRight)
    return createStringError("option --" + key + "='" + value +
                             "' is out of range; expected " + expected);
  return Error::success();
}

Error KernelRequest::check() {
  int64_t rank = shape.extents.size();
  if (!axisGiven)
    axis = op->isLoss() && rank > 2 ? 1 : rank - 1;
  if (axis < -rank || axis >= rank)
    return createStringError(
        "axis " + Twine(axis) + " is out of range for " + shape.text +
        " (rank " + Twine(rank) + "); axes count from 0, use --axis=" +
        Twine(rank - 1) + " or --axis=-1 for the last one");
  if (axis < 0)
    axis += rank;
  if (Error error = checkMask())
    return error;
  if (probabilities && (ignoreIndexGiven || targetTypeGiven))
    return createStringError(
        Twine("option --") +
        (ignoreIndexGiven ? "ignore-index" : "target-type") +
        " is for labels and cannot go with --target=probabilities; leave one "
        "of them out");
  if (!probabilities && zeroTimesInf == Special::Zero)
    return createStringError(
        "option --zero-times-inf=zero is for "
        "--target=probabilities; add that or leave it out");
  if (inPlace && !outType.empty() && outType != shape.type)
    return createStringError("option --in-place needs a result of the input's "
                             "type " +
                             shape.type + ", got --out-type=" + outType +
                             "; leave one of them out");
  return Error::success();
}

Error KernelRequest::checkMask() const {
  if (mask != "causal")
    return Error::success();
  int64_t rank = shape.extents.size();
  if (rank < 2 || axis != rank - 1)
    return createStringError(
        "option --mask=causal needs queries and keys as the last two axes and "
        "the keys as class axis, got axis " +
        Twine(axis) + " of " + shape.text + "; use e.g. softmax 8x128x128x" +
        shape.type);
  return Error::success();
}

std::string KernelRequest::defaultName() const {
  std::string name = op->name.str() + "_" + shape.text;
  // The last 'x' separates the type; the others stay between extents.
  size_t last = name.rfind('x');
  if (last != std::string::npos && last > op->name.size())
    name[last] = '_';
  for (char &c : name)
    c = c == '-' ? '_' : c == '?' ? 'd' : c;
  return name;
}
