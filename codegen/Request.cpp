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

static constexpr OperatorInfo kOperators[] = {
    {"softmax", "softmax", "y = exp(x - max) / sum(exp(x - max))",
     "|error| <= ((max - x_j) + 4) ULP of the true value in f32 (f64 for f64), "
     "one more rounding to a 16-bit result type",
     "axis,out-type,in-place,strided,accuracy,deterministic"},
    {"log-softmax", "log_softmax", "y = (x - max) - log(sum(exp(x - max)))",
     "|error| <= ((max - x_j) + |log sum| + 4) * 2^-24 (2^-53 for f64), one "
     "more rounding to a 16-bit result type",
     "axis,out-type,in-place,strided,accuracy,deterministic"},
    {"logsumexp", "logsumexp", "lse = max + log(sum(exp(x - max)))",
     "|error| <= 2 ULP of max(|max|, |lse|, 1)",
     "axis,strided,accuracy,deterministic"},
    {"softmax-grad", "softmax_grad", "dx = y * (dy - sum(y * dy))",
     "|error| <= 4 ULP of |y| * (|dy| + sum(|y * dy|))",
     "axis,out-type,in-place,strided,accuracy,deterministic"},
    {"log-softmax-grad", "log_softmax_grad", "dx = dy - exp(y) * sum(dy)",
     "|error| <= 4 ULP of |dy| + exp(y) * sum(|dy|)",
     "axis,out-type,in-place,strided,accuracy,deterministic"},
    {"cross-entropy", "cross_entropy",
     "loss = (max - x_target) + log(sum(exp(x - max)))",
     "relative error of the loss <= 1e-6 (1e-14 for f64), also of confident "
     "rows",
     "axis,reduction,ignore-index,target-type,lse,strided,accuracy,"
     "deterministic"},
    {"cross-entropy-grad", "cross_entropy_grad",
     "dlogits = g * (softmax(logits) - onehot(target))",
     "|error| <= |g| * ((max - x_j) + 4) ULP of softmax; relative 1e-6 for the "
     "target's class; with lse: |g| * (|lse| + 4) ULP more",
     "axis,reduction,ignore-index,target-type,lse,out-type,in-place,strided,"
     "accuracy,deterministic"},
    {"cross-entropy-with-grad", "cross_entropy_with_grad",
     "loss = (max - x_target) + log(sum(exp(x - max))); dlogits = g * "
     "(softmax(logits) - onehot(target))",
     "relative error of the loss <= 1e-6 (1e-14 for f64); gradient: |g| * "
     "((max - x_j) + 4) ULP of softmax, relative 1e-6 for the target's class",
     "axis,reduction,ignore-index,target-type,lse,dloss,out-type,in-place,"
     "strided,accuracy,deterministic"},
    {"sgd", "sgd", "parameter = parameter - rate * gradient",
     "one rounding (f32 without FMA instructions: computed in f64 and rounded)",
     "strided,deterministic"},
};

static constexpr OptionInfo kOptions[] = {
    {"axis", "N", "class axis; default last, for losses 1 when the rank is "
                  "above 2", true},
    {"reduction", "none|mean|sum", "how losses are combined; default mean", true},
    {"ignore-index", "N", "label of rows to leave out; default -100", true},
    {"target-type", "i64|i32|u8", "type of the labels; default i64", true},
    {"lse", "", "the logsumexp of each row is a further result, or operand of "
                "the gradient", true},
    {"dloss", "", "the upstream gradient is an operand", true},
    {"out-type", "T", "element type of the result; default as the input", true},
    {"in-place", "", "a result may be the buffer of its input", true},
    {"strided", "", "strides follow each tensor argument", true},
    {"accuracy", "accurate|fast", "default accurate", true},
    {"deterministic", "", "always given: results never depend on threads, "
                          "batch size or alignment", true},
    {"label-smoothing", "E", "", false},
    {"weight", "", "", false},
    {"target", "classes|probabilities", "", false},
    {"z-loss", "F", "", false},
    {"softcap", "F", "", false},
    {"scale", "F", "", false},
    {"mask", "none|causal|boolean|additive", "", false},
    {"masked-rows", "nan|zero", "", false},
    {"empty-mean", "nan|zero", "", false},
};

llvm::ArrayRef<OperatorInfo> softmax::getOperators() { return kOperators; }
llvm::ArrayRef<OptionInfo> softmax::getOperationOptions() { return kOptions; }

bool OperatorInfo::takes(StringRef option) const {
  SmallVector<StringRef> names;
  options.split(names, ',');
  return llvm::is_contained(names, option);
}

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
      return createStringError("extent " + Twine(i) + " of shape '" + text +
                               "' is '" + part +
                               "'; expected a number or '?', e.g. ?x32000x" +
                               shape.type);
    std::optional<int64_t> product = llvm::checkedMul(elements, extent);
    if (!product || *product > (int64_t(1) << 60))
      return createStringError("shape '" + text +
                               "' has more than 2^60 elements; use smaller "
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
  for (const OperatorInfo &info : kOperators)
    if (info.name == canonical)
      request.op = &info;
  if (!request.op) {
    SmallVector<StringRef> names;
    for (const OperatorInfo &info : kOperators)
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
                             "' is not an integer; write e.g. --" + key +
                             "=1");
  return Error::success();
}

static Error badChoice(StringRef key, StringRef value, StringRef choices) {
  return createStringError("option --" + key + "='" + value +
                           "' is unknown; expected one of " + choices);
}

Error KernelRequest::set(StringRef key, StringRef value) {
  const OptionInfo *info = llvm::find_if(
      kOptions, [&](const OptionInfo &option) { return option.name == key; });
  if (info == std::end(kOptions))
    return createStringError("unknown option '--" + key +
                             "'; 'softmax-gen --help' lists the options");
  if (!info->available)
    return createStringError("option --" + key +
                             " is not available in this version; 'softmax-gen "
                             "list' shows what is");
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

  if (key == "axis") {
    axisGiven = true;
    return parseInteger(key, value, axis);
  }
  if (key == "ignore-index")
    return parseInteger(key, value, ignoreIndex);
  if (key == "reduction") {
    std::optional<Reduction> parsed = symbolizeReduction(value);
    if (!parsed)
      return badChoice(key, value, "none, mean, sum");
    reduction = *parsed;
  } else if (key == "target-type") {
    if (!llvm::is_contained({"i64", "i32", "u8"}, value))
      return badChoice(key, value, "i64, i32, u8");
    targetType = value.str();
  } else if (key == "out-type") {
    if (!llvm::is_contained({"f32", "f64", "f16", "bf16"}, value))
      return badChoice(key, value, "f32, f64, f16, bf16");
    outType = value.str();
  } else if (key == "accuracy") {
    if (!symbolizeAccuracy(value))
      return badChoice(key, value, "accurate, fast");
  } else if (key == "lse") {
    lse = true;
  } else if (key == "dloss") {
    dloss = true;
  } else if (key == "in-place") {
    inPlace = true;
  } else if (key == "strided") {
    strided = true;
  }
  return Error::success();
}

Error KernelRequest::check() {
  int64_t rank = shape.extents.size();
  if (!axisGiven)
    axis = op->isLoss() && rank > 2 ? 1 : rank - 1;
  if (axis < -rank || axis >= rank)
    return createStringError(
        "axis " + Twine(axis) + " is out of range for " + shape.text +
        " (rank " + Twine(rank) +
        "); axes count from 0, use --axis=" + Twine(rank - 1) +
        " or --axis=-1 for the last one");
  if (axis < 0)
    axis += rank;
  if (inPlace && !outType.empty() && outType != shape.type)
    return createStringError("option --in-place needs a result of the input's "
                             "type " +
                             shape.type + ", got --out-type=" + outType +
                             "; leave one of them out");
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
