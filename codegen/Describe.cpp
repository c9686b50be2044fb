// A request in words: what the header and the manifest say of it.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "codegen/Kernel.h"
#include "codegen/Request.h"

#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace mlir::softmax;

static std::string textOf(double number) {
  llvm::SmallString<24> text;
  llvm::APFloat(number).toString(text, /*FormatPrecision=*/9);
  return text.str().str();
}

/// The formula, and what the options change about its parts.
static std::string summarize(const KernelRequest &request) {
  std::string text = request.op->formula.str() + " along axis " +
                     std::to_string(request.axis) + " of " +
                     request.shape.text;
  SmallVector<std::string> where;
  if (request.scale != 1 || request.softcap) {
    std::string x = request.scale == 1 ? "x" : textOf(request.scale) + " * x";
    if (request.softcap) {
      std::string cap = textOf(*request.softcap);
      x = cap + " * tanh(" + x + " / " + cap + ")";
    }
    where.push_back("x stands for " + x);
  }
  if (request.mask == "causal")
    where.push_back("element (i, j) of the last two axes (R, K) is excluded "
                    "when j > i + K - R");
  else if (request.mask == "boolean")
    where.push_back("an element is excluded where mask is 0");
  else if (request.mask == "additive")
    where.push_back("mask is added to x");
  if (request.maskedRows == Special::Zero)
    where.push_back("a row of -inf has probabilities 0");
  if (request.op->isLoss()) {
    if (request.probabilities)
      where.push_back("the loss of a row is the sum over the classes of target "
                      "times -log p");
    if (request.labelSmoothing != 0)
      where.push_back("the target keeps " + textOf(1 - request.labelSmoothing) +
                      ", each of the C classes gets " +
                      textOf(request.labelSmoothing) + " / C");
    if (request.weight)
      where.push_back("each -log p is multiplied by the weight of its class");
    if (request.zLoss != 0)
      where.push_back("a row's loss has " + textOf(request.zLoss) +
                      " * lse^2 added");
    where.push_back(("reduction " + stringifyReduction(request.reduction)).str());
    if (!request.probabilities)
      where.push_back("label " + std::to_string(request.ignoreIndex) +
                      " is ignored");
  }
  return where.empty() ? text : text + "; " + llvm::join(where, "; ");
}

/// The bound of the operator, with what the options add to it.
static std::string boundOf(const KernelRequest &request) {
  std::string text = request.op->bound.str();
  if (request.scale != 1)
    text += "; with scale distances (max - x_j) count twice";
  if (request.softcap)
    text += "; the soft-cap adds " + textOf(8 * *request.softcap) +
            " * 2^-24 relative (2^-53 for f64)";
  if (request.mask == "additive")
    text += "; the added mask adds 2 (|x| + |x + mask|) * 2^-24 relative "
            "(2^-53 for f64)";
  if (request.labelSmoothing != 0 || request.probabilities)
    text += "; the loss is relative to the sum of |target * log p|, and a "
            "gradient has 4 ULP of its two terms more";
  return text;
}

void softmax::describeRequest(const KernelRequest &request, KernelInfo &info) {
  const OperatorInfo &op = *request.op;
  info.op = op.name.str();
  info.type = request.shape.type;
  info.summary = summarize(request);
  info.bound = boundOf(request);
  // What the extents are called follows from the parameters.
  info.shape.resize(request.shape.extents.size());

  auto &json = info.options;
  if (op.takes("axis"))
    json["axis"] = request.axis;
  if (op.isLoss()) {
    json["reduction"] = stringifyReduction(request.reduction);
    json["target"] = request.probabilities ? "probabilities" : "classes";
    if (!request.probabilities) {
      json["ignore_index"] = request.ignoreIndex;
      json["target_type"] = request.targetType;
    }
    json["lse"] = request.lse;
    json["weight"] = request.weight;
    json["label_smoothing"] = request.labelSmoothing;
    json["z_loss"] = request.zLoss;
    json["empty_mean"] = stringifySpecial(request.emptyMean);
    json["zero_times_inf"] = stringifySpecial(request.zeroTimesInf);
  }
  if (op.takes("dloss"))
    json["dloss"] = request.dloss;
  if (op.takes("scale"))
    json["scale"] = request.scale;
  if (request.softcap)
    json["softcap"] = *request.softcap;
  if (op.takes("mask"))
    json["mask"] = request.mask;
  if (op.takes("masked-rows"))
    json["masked_rows"] = stringifySpecial(request.maskedRows);
  if (op.takes("in-place"))
    json["in_place"] = request.inPlace;
  if (op.takes("out-type"))
    json["out_type"] =
        request.outType.empty() ? request.shape.type : request.outType;
  json["strided"] = request.strided;
}
