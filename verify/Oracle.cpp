// The formulas of the operators in long double, with their special cases.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "verify/Oracle.h"

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

RowSums mlir::softmax::verify::sumRow(ArrayRef<double> x) {
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

/// max + log(sum) with E1, E3, E4 and E6.
static long double logSumExp(const RowSums &sums) {
  if (sums.hasNaN)
    return kNaN;
  return std::isinf(sums.max) ? sums.max : sums.max + sums.logSum();
}

/// p_c, or log p_c.
static void evaluateProbabilities(bool logarithm, const RowInput &input,
                                  RowResult &result) {
  const RowSums &sums = result.sums;
  result.elements.assign(input.x.size(), kNaN);
  if (sums.isUndefined())
    return;
  for (size_t j = 0; j < input.x.size(); ++j) {
    long double shifted = input.x[j] - sums.max;
    result.elements[j] = logarithm ? shifted - sums.logSum()
                                   : std::exp(shifted) / (1 + sums.tail);
  }
}

/// y * (dy - sum y dy), or dy - exp(y) * sum dy.
static void evaluateGradient(bool logarithm, const RowInput &input,
                             RowResult &result) {
  CompensatedSum sum, magnitude;
  size_t classes = input.x.size();
  for (size_t j = 0; j < classes; ++j) {
    long double term = input.x[j];
    if (!logarithm)
      term *= input.second[j];
    sum.add(term);
    magnitude.add(std::fabs(term));
  }
  result.difference = sum.get();
  result.magnitude = magnitude.get();
  result.elements.resize(classes);
  for (size_t j = 0; j < classes; ++j) {
    long double dy = input.x[j], y = input.second[j];
    result.elements[j] = logarithm ? dy - std::exp(y) * result.difference
                                   : y * (dy - result.difference);
  }
}

/// g * (p_c - [c == t]); at the target -(sum of the other p), which does not
/// cancel. With a saved lse p is exp(x - lse), whatever the row sums up to.
static void evaluateLossGradient(const RowInput &input, RowResult &result) {
  const RowSums &sums = result.sums;
  size_t classes = input.x.size();
  result.elements.assign(classes, kNaN);
  if (input.lse ? !std::isfinite(*input.lse) : sums.isUndefined())
    return;
  long double g = input.upstream;
  for (size_t j = 0; j < classes; ++j) {
    bool isTarget = static_cast<int64_t>(j) == input.label;
    if (input.lse) {
      long double shifted = static_cast<long double>(input.x[j]) - *input.lse;
      result.elements[j] =
          g * (isTarget ? std::expm1(shifted) : std::exp(shifted));
      continue;
    }
    long double numerator = std::exp(input.x[j] - sums.max);
    if (isTarget)
      numerator = j == sums.peak ? -sums.tail : -(1 + (sums.tail - numerator));
    result.elements[j] = g * (numerator / (1 + sums.tail));
  }
}

static void evaluateLoss(bool hasLoss, bool hasGradient, int64_t ignoreIndex,
                         const RowInput &input, RowResult &result) {
  int64_t classes = input.x.size();
  // E10, E11: equality first, the range after it.
  result.ignored = input.label == ignoreIndex;
  if (result.ignored) { // E9: the logits are not even read
    if (hasGradient)
      result.elements.assign(classes, 0);
    return;
  }
  result.badLabel = input.label < 0 || input.label >= classes;
  result.sums = sumRow(input.x);
  const RowSums &sums = result.sums;
  result.lse = logSumExp(sums);
  if (result.badLabel) { // E12, where a kernel does not return a status
    result.loss = kNaN;
    if (hasGradient)
      result.elements.assign(classes, kNaN);
    return;
  }
  if (hasLoss)
    result.loss = sums.isUndefined()
                      ? kNaN
                      : (sums.max - input.x[input.label]) + sums.logSum();
  if (hasGradient)
    evaluateLossGradient(input, result);
}

RowResult mlir::softmax::verify::evaluateRow(Operation op, int64_t ignoreIndex,
                                             const RowInput &input,
                                             bool wantGradient) {
  RowResult result;
  switch (op) {
  case Operation::Softmax:
  case Operation::LogSoftmax:
    result.sums = sumRow(input.x);
    evaluateProbabilities(op == Operation::LogSoftmax, input, result);
    break;
  case Operation::LogSumExp:
    result.sums = sumRow(input.x);
    result.lse = logSumExp(result.sums);
    break;
  case Operation::SoftmaxGrad:
  case Operation::LogSoftmaxGrad:
    evaluateGradient(op == Operation::LogSoftmaxGrad, input, result);
    break;
  case Operation::CrossEntropy:
    evaluateLoss(true, false, ignoreIndex, input, result);
    break;
  case Operation::CrossEntropyGrad:
    evaluateLoss(false, true, ignoreIndex, input, result);
    break;
  case Operation::CrossEntropyWithGrad:
    evaluateLoss(true, wantGradient, ignoreIndex, input, result);
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

long double mlir::softmax::verify::reduceLoss(Reduction reduction,
                                              long double sum,
                                              int64_t counted) {
  if (reduction != Reduction::Mean)
    return sum;
  return counted == 0 ? kNaN : sum / counted;
}

long double mlir::softmax::verify::upstreamOfRow(Reduction reduction,
                                                 long double dloss,
                                                 int64_t counted) {
  // Without counted rows every gradient is 0, whatever is multiplied.
  return reduction == Reduction::Mean && counted > 0 ? dloss / counted : dloss;
}
