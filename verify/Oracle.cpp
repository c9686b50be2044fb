// The formulas of the operators in long double, with their special cases.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "verify/Oracle.h"

#include "verify/Transform.h"

#include <limits>

using namespace mlir::softmax::verify;
using llvm::ArrayRef;

static constexpr long double kNaN =
    std::numeric_limits<long double>::quiet_NaN();

void CompensatedSum::add(long double term) {
  // Neumaier's variant of Kahan's summation: exact to one rounding even when
  // a term is larger than the sum so far.
  long double next = sum + term;
  if (std::fabs(sum) >= std::fabs(term))
    rest += (sum - next) + term;
  else
    rest += (term - next) + sum;
  sum = next;
}

long double CompensatedSum::get() const {
  // With an infinite term the compensation is inf - inf.
  return std::isfinite(sum) ? sum + rest : sum;
}

RowSums mlir::softmax::verify::sumRow(ArrayRef<long double> x) {
  RowSums sums;
  sums.max = -std::numeric_limits<long double>::infinity(); // E6: of no class
  for (size_t j = 0; j < x.size(); ++j) {
    sums.hasNaN |= std::isnan(x[j]);
    if (x[j] > sums.max) {
      sums.max = x[j];
      sums.peak = j;
    }
  }
  if (sums.isUndefined())
    return sums;
  CompensatedSum tail, weighted;
  for (size_t j = 0; j < x.size(); ++j) {
    long double distance = sums.max - x[j];
    long double term = std::exp(-distance);
    if (j == sums.peak || term == 0) // E2: a distance may be infinite
      continue;
    tail.add(term);
    weighted.add(term * distance);
  }
  sums.tail = tail.get();
  sums.spread = sums.tail > 0 ? weighted.get() / sums.tail : 0;
  return sums;
}

long double mlir::softmax::verify::logSumExp(const RowSums &sums) {
  if (sums.hasNaN)
    return kNaN;
  return std::isinf(sums.max) ? sums.max : sums.max + sums.logSum();
}

/// p_c, or log p_c.
static void evaluateProbabilities(bool logarithm, RowResult &result) {
  const RowSums &sums = result.sums;
  result.elements.assign(result.logits.size(), kNaN);
  if (result.isEmpty)
    std::fill(result.elements.begin(), result.elements.end(),
              logarithm ? -HUGE_VALL : 0);
  if (sums.isUndefined())
    return;
  for (size_t j = 0; j < result.logits.size(); ++j) {
    long double shifted = result.logits[j] - sums.max;
    result.elements[j] = logarithm ? shifted - sums.logSum()
                                   : std::exp(shifted) / (1 + sums.tail);
  }
}

/// y * (dy - sum y dy), or dy - exp(y) * sum dy, times dx2/dx. The first sum
/// leaves excluded classes out, the second one has them in. E1: a row of
/// log p = -inf has been empty.
static void evaluateGradient(bool logarithm, const Formula &formula,
                             const RowInput &input, RowResult &result) {
  CompensatedSum sum, magnitude;
  size_t classes = input.x.size();
  result.isEmpty = formula.maskedRowsAreZero && classes > 0;
  for (size_t j = 0; j < classes; ++j) {
    long double y = input.second[j];
    result.isEmpty &= logarithm ? y < 0 && std::isinf(y) : y == 0;
    if (!logarithm && isExcluded(formula, input, j))
      continue;
    long double term = input.x[j];
    if (!logarithm)
      term *= y;
    sum.add(term);
    magnitude.add(std::fabs(term));
  }
  result.difference = sum.get();
  result.magnitude = magnitude.get();
  result.elements.assign(classes, 0);
  for (size_t j = 0; j < classes && !result.isEmpty; ++j) {
    long double dy = input.x[j], y = input.second[j];
    if (isExcluded(formula, input, j)) {
      result.elements[j] = std::isnan(y) ? kNaN : 0;
      continue;
    }
    long double gradient = logarithm ? dy - std::exp(y) * result.difference
                                     : y * (dy - result.difference);
    result.elements[j] =
        gradient *
        differentiate(formula, input.third.empty() ? 0 : input.third[j]);
  }
}

RowResult mlir::softmax::verify::evaluateRow(Operation op,
                                             const Formula &formula,
                                             const RowInput &input,
                                             bool wantGradient) {
  RowResult result;
  switch (op) {
  case Operation::Softmax:
  case Operation::LogSoftmax:
  case Operation::LogSumExp:
    result.logits = transformRow(formula, input.x, input);
    result.sums = sumRow(result.logits);
    result.isEmpty = formula.maskedRowsAreZero && result.sums.isEmpty();
    if (op == Operation::LogSumExp)
      result.lse = logSumExp(result.sums);
    else
      evaluateProbabilities(op == Operation::LogSoftmax, result);
    break;
  case Operation::SoftmaxGrad:
  case Operation::LogSoftmaxGrad:
    evaluateGradient(op == Operation::LogSoftmaxGrad, formula, input, result);
    break;
  case Operation::CrossEntropy:
    evaluateLoss(true, false, formula, input, result);
    break;
  case Operation::CrossEntropyGrad:
    evaluateLoss(false, true, formula, input, result);
    break;
  case Operation::CrossEntropyWithGrad:
    evaluateLoss(true, wantGradient, formula, input, result);
    break;
  case Operation::Other:
    break;
  case Operation::Sgd:
    for (size_t j = 0; j < input.x.size(); ++j)
      result.elements.push_back(
          input.x[j] - static_cast<long double>(input.rate) * input.second[j]);
    break;
  }
  return result;
}
