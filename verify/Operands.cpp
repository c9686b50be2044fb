// Random masks, weights, soft targets and upstream gradients.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "verify/Inputs.h"
#include "verify/Transform.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/Sequence.h"

#include <algorithm>
#include <cmath>
#include <limits>

using namespace mlir::softmax::verify;

static constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

void RowMaker::makeWeights() {
  const Argument *weight = manifest.find("weight");
  if (!weight)
    return;
  for (int64_t j = 0; j < classes; ++j) {
    double value = uniform(0.25, 2);
    bool isZero = test.weights == Weights::AllZero ||
                  (test.weights == Weights::SomeZero && uniform(0, 1) < 0.2);
    weights.push_back(isZero ? 0 : quantize(weight->type, value));
  }
}

/// None, all, or a third of the classes are excluded.
void RowMaker::makeMask(Row &row) {
  const Argument *mask = manifest.find("mask");
  if (!mask)
    return;
  double dice = uniform(0, 1);
  double share = dice < 0.15 ? 0 : dice < 0.25 ? 1 : 0.3;
  // Beside such logits every other number is lost.
  bool isLost = row.data == Data::Huge || row.data == Data::ConstantLarge;
  for (int64_t j = 0; j < classes; ++j) {
    bool excluded = uniform(0, 1) < share;
    if (formula.mask == Mask::Boolean)
      // Any number but 0 keeps an element.
      row.mask.push_back(excluded ? 0 : 1 + static_cast<int>(uniform(0, 255)));
    else if (excluded)
      row.mask.push_back(-HUGE_VAL);
    else
      row.mask.push_back(isLost ? 0 : quantize(mask->type, 2 * normal()));
  }
}

/// Soft targets: near a distribution but not quite, one-hot, with zeros, with a
/// negative entry. Never all 0.
void RowMaker::makeTarget(Row &row, size_t peak) {
  if (classes == 0)
    return;
  ElementType type = manifest.find("target")->type;
  int kind = static_cast<int>(uniform(0, 4));
  if (row.data == Data::Huge) // parts of both signs overflow before their sum
    kind = std::min(kind, 2);
  double sum = 0, total = uniform(0.5, 1.5);
  for (int64_t j = 0; j < classes; ++j) {
    row.target.push_back(kind == 1 ? 0 : std::exp(normal()));
    if (kind == 2 && uniform(0, 1) < 0.5)
      row.target.back() = 0;
    sum += row.target.back();
  }
  for (double &element : row.target)
    element *= sum > 0 ? total / sum : 0;
  size_t hot = uniform(0, 1) < 0.6 ? peak : index();
  if (kind == 1 || sum == 0)
    row.target[hot] = 1;
  if (kind == 3)
    row.target[hot] = -0.125;
  for (double &element : row.target)
    element = quantize(type, element);
}

/// dy, never 1. Of softmax an excluded class has no part, even if it is NaN.
void RowMaker::makeUpstream(Row &row) {
  ElementType type = manifest.find("dy")->type;
  RowInput input = makeInput(row, weights);
  bool hidesNaN = manifest.op == Operation::SoftmaxGrad && uniform(0, 1) < 0.25;
  for (int64_t j = 0; j < classes; ++j) {
    row.x.push_back(quantize(type, normal()));
    if (hidesNaN && isExcluded(formula, input, j) && uniform(0, 1) < 0.1)
      row.x.back() = kNaN;
  }
}

void RowMaker::makeOrdinary(std::vector<double> &x) {
  for (double &element : x)
    element = quantize(manifest.type, normal());
}

void RowMaker::avoidAmbiguity(Row &row) {
  bool isIgnored = !formula.probabilities && row.label == formula.ignoreIndex;
  if (classes == 0 || isIgnored)
    return;
  RowInput input = makeInput(row, weights);
  std::vector<long double> x2 = transformRow(formula, row.x, input);
  RowSums sums = sumRow(x2);
  auto hasShare = [&](size_t j) { return softShare(formula, input, j) != 0; };
  auto classNumbers = llvm::seq<size_t>(0, classes);

  // A row of -inf has the loss +inf, if nothing multiplies it by 0.
  if (formula.maskedRowsAreZero && sums.isEmpty()) {
    bool isPositive = llvm::all_of(weights, [](double w) { return w > 0; }) &&
                      llvm::all_of(row.target, [](double q) { return q > 0; });
    if (!isPositive || formula.zLoss < 0 || formula.smoothing == 1)
      makeOrdinary(row.x);
    return;
  }
  // Without any share the loss is 0, but NaN rows yield NaN.
  if (formula.probabilities && formula.zeroTimesInfIsZero &&
      sums.isUndefined() && llvm::none_of(classNumbers, hasShare)) {
    makeOrdinary(row.x);
    return;
  }
  if (formula.probabilities || row.label < 0 || row.label >= classes ||
      sums.isUndefined() || hardShare(formula, input) != 0)
    return;
  // 0 times a distance that overflows in the type computed in (E27). With
  // e = 1 the target has no part (E24), even if its log p is -inf (E13).
  long double distance = sums.max - x2[row.label];
  if (std::isfinite(distance) ? row.data == Data::Huge : formula.smoothing == 1)
    row.x[row.label] = 0;
}
