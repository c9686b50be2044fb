// The cross-entropy family in long double, with its special cases.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "verify/Oracle.h"
#include "verify/Transform.h"

#include <limits>

using namespace mlir::softmax::verify;

static constexpr long double kNaN =
    std::numeric_limits<long double>::quiet_NaN();

long double mlir::softmax::verify::softShare(const Formula &formula,
                                             const RowInput &input, size_t j) {
  long double share = formula.smoothing / input.x.size();
  if (formula.probabilities)
    share +=
        (1 - static_cast<long double>(formula.smoothing)) * input.target[j];
  return input.weight(j) * share;
}

long double mlir::softmax::verify::softMagnitude(const Formula &formula,
                                                 const RowInput &input,
                                                 size_t j) {
  long double share = formula.smoothing / input.x.size();
  if (formula.probabilities)
    share += (1 - static_cast<long double>(formula.smoothing)) *
             std::fabs(input.target[j]);
  return std::fabs(input.weight(j)) * share;
}

long double mlir::softmax::verify::hardShare(const Formula &formula,
                                             const RowInput &input) {
  if (formula.probabilities)
    return 0;
  return (1 - static_cast<long double>(formula.smoothing)) *
         input.weight(input.label);
}

/// -log p_j, exact where p_j is near 1.
static long double surprisal(const RowResult &result, size_t j) {
  const RowSums &sums = result.sums;
  if (result.isEmpty)
    return HUGE_VALL;
  return sums.isUndefined() ? kNaN
                            : (sums.max - result.logits[j]) + sums.logSum();
}

/// (1-e) w_t (-log p_t) + sum_c softShare_c (-log p_c). A product of 0 and
/// infinity is NaN (E15 to E17), unless the formula says otherwise.
static long double evaluateEntropy(const Formula &formula,
                                   const RowInput &input, RowResult &result) {
  long double hard = 0;
  if (!formula.probabilities)
    hard = hardShare(formula, input) * surprisal(result, input.label);
  if (formula.smoothing == 0 && !formula.probabilities)
    return hard;
  CompensatedSum soft, magnitude;
  for (size_t j = 0; j < input.x.size(); ++j) {
    long double share = softShare(formula, input, j);
    if (share == 0 && formula.probabilities && formula.zeroTimesInfIsZero)
      continue;
    long double term = share * surprisal(result, j);
    soft.add(term);
    // Of the parts of the share, which may cancel.
    magnitude.add(
        std::fabs(softMagnitude(formula, input, j) * surprisal(result, j)));
  }
  result.softMagnitude = magnitude.get();
  return hard + soft.get();
}

/// g (1-e) w_t (p - [j == t]) + g (p sum_c softShare_c - softShare_j)
/// + gz 2 z lse p, times dx2/dx. At the target p - 1 is -(sum of the other p),
/// which does not cancel. With a saved lse p is exp(x2 - lse), whatever the row
/// sums up to.
static void evaluateLossGradient(const Formula &formula, const RowInput &input,
                                 RowResult &result) {
  const RowSums &sums = result.sums;
  size_t classes = input.x.size();
  result.elements.assign(classes, kNaN);
  if (input.lse && formula.maskedRowsAreZero)
    result.isEmpty = std::isinf(*input.lse) && *input.lse < 0;
  if (result.isEmpty)
    result.elements.assign(classes, 0);
  if (input.lse ? !std::isfinite(*input.lse) : sums.isUndefined())
    return;

  bool isSoft = formula.probabilities || formula.smoothing != 0;
  long double hard = input.upstream * hardShare(formula, input);
  long double lse = input.lse ? *input.lse : result.lse;
  long double penalty = input.penaltyUpstream * 2 * formula.zLoss * lse;

  for (size_t j = 0; j < classes; ++j) {
    bool isTarget =
        !formula.probabilities && static_cast<int64_t>(j) == input.label;
    long double p, rest; // rest: p - [j == t]
    if (input.lse) {
      long double shifted = result.logits[j] - *input.lse;
      p = std::exp(shifted);
      rest = isTarget ? std::expm1(shifted) : p;
    } else {
      long double numerator = std::exp(result.logits[j] - sums.max);
      p = numerator / (1 + sums.tail);
      rest = p;
      if (isTarget)
        rest = (j == sums.peak ? -sums.tail : -(1 + (sums.tail - numerator))) /
               (1 + sums.tail);
    }
    long double gradient = formula.probabilities ? 0 : hard * rest;
    if (isSoft)
      gradient += input.upstream *
                  (result.softTotal * p - softShare(formula, input, j));
    if (formula.zLoss != 0)
      gradient += penalty * p;
    if (formula.isScaled())
      result.inner.push_back(gradient);
    result.elements[j] = gradient * differentiate(formula, input.x[j]);
  }
}

void mlir::softmax::verify::evaluateLoss(bool hasLoss, bool hasGradient,
                                         const Formula &formula,
                                         const RowInput &input,
                                         RowResult &result) {
  int64_t classes = input.x.size();
  if (!formula.probabilities) {
    // E10, E11: equality first, the range after it.
    result.ignored = input.label == formula.ignoreIndex;
    if (result.ignored) { // E9: the logits are not even read
      if (hasGradient)
        result.elements.assign(classes, 0);
      return;
    }
    result.badLabel = input.label < 0 || input.label >= classes;
  }
  result.logits = transformRow(formula, input.x, input);
  result.sums = sumRow(result.logits);
  result.lse = logSumExp(result.sums);
  result.isEmpty = formula.maskedRowsAreZero && result.sums.isEmpty();
  if (result.badLabel) { // E12, where a kernel does not return a status
    result.loss = result.entropy = kNaN;
    if (hasGradient)
      result.elements.assign(classes, kNaN);
    return;
  }
  CompensatedSum total, magnitude;
  bool isSoft = formula.probabilities || formula.smoothing != 0;
  for (int64_t j = 0; isSoft && j < classes; ++j) {
    long double share = softShare(formula, input, j);
    total.add(share);
    magnitude.add(softMagnitude(formula, input, j));
  }
  result.softTotal = total.get();
  result.softWeight = magnitude.get();
  if (hasLoss) {
    result.entropy = evaluateEntropy(formula, input, result);
    if (formula.zLoss != 0)
      result.penalty = formula.zLoss * result.lse * result.lse;
    result.loss = result.entropy + result.penalty;
  }
  if (hasGradient)
    evaluateLossGradient(formula, input, result);
}

long double
mlir::softmax::verify::reduceLoss(Reduction reduction, const Formula &formula,
                                  long double entropy, long double penalty,
                                  const Denominators &denominators) {
  if (reduction != Reduction::Mean)
    return entropy + penalty;
  auto divide = [&](long double sum, long double denominator) {
    if (denominator == 0)
      return formula.emptyMeanIsZero ? 0 : kNaN;
    return sum / denominator;
  };
  long double mean = divide(entropy, denominators.weight);
  if (formula.zLoss == 0)
    return mean;
  return mean + divide(penalty, denominators.rows);
}

void mlir::softmax::verify::setUpstream(Reduction reduction, long double dloss,
                                        const Denominators &denominators,
                                        RowInput &input) {
  input.upstream = input.penaltyUpstream = dloss;
  if (reduction != Reduction::Mean)
    return;
  auto divide = [&](long double denominator) {
    return denominator == 0 ? 0 : dloss / denominator;
  };
  input.upstream = divide(denominators.weight);
  input.penaltyUpstream = divide(denominators.rows);
}
