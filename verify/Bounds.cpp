// Error bounds per operator; the header says where each comes from.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "verify/Bounds.h"

#include "verify/Transform.h"

#include <algorithm>
#include <cmath>

using namespace mlir::softmax::verify;

/// 1e-6 in units of the f32 unit roundoff; f64 keeps the same multiple.
static constexpr long double kRelativeUnits = 16.8L;

/// Of a sum of any length: 7 in a chunk of 8 terms, 3 and 5 where up to 8
/// copies and 32 lanes meet, 2 of the compensated sum of the chunks, 1 of a
/// product.
static constexpr size_t kRoundingsOfSum = 18;

Bounds::Bounds(ElementType data, bool fast, const Formula &formula)
    : formula(formula),
      compute(data == ElementType::F64 ? ElementType::F64 : ElementType::F32),
      fast(fast) {
  const FloatFormat &format = getFormat(compute);
  u = std::ldexp(1.0L, -format.precision);
  slack = std::ldexp(71.0L, format.minUlpExponent);
  cutoff = compute == ElementType::F64 ? 745.14L : 103.98L;
}

double Bounds::finish(long double tolerance, long double value,
                      ElementType type) const {
  if (std::isnan(value) || std::isinf(value))
    return 0;
  if (fast)
    tolerance *= 16;
  if (getFormat(type).precision < getFormat(compute).precision)
    tolerance += ulpOf(type, value) / 2;
  return static_cast<double>(tolerance);
}

long double Bounds::grow(long double units) const {
  // Beyond 100 nothing is known of the result, and expm1 would overflow.
  return units == 0 ? 0 : std::expm1(std::min(units * u, 100.0L));
}

long double Bounds::relativeOfSpread(long double spread) const {
  return std::max(kRelativeUnits, spread + 4) * u;
}

long double Bounds::relativeOfSum(size_t classes) const {
  return std::min<long double>(classes, kRoundingsOfSum) * u;
}

long double Bounds::relative(const RowSums &sums) const {
  // Once the tail is no longer small against 1, log1p damps its error.
  return sums.tail < 0.01L ? relativeOfSpread(sums.spread) : kRelativeUnits * u;
}

//===----------------------------------------------------------------------===//
// Softmax, log-softmax, logsumexp and their gradients
//===----------------------------------------------------------------------===//

double Bounds::probability(size_t j, const RowResult &row, const Noise &noise,
                           ElementType type) const {
  if (row.isEmpty)
    return 0;
  long double value = row.elements[j];
  long double distance = row.sums.max - row.logits[j];
  if (distance - noise.ofDistance(j) * u > cutoff)
    return kPositiveZero;
  if (row.logits.size() == 1)
    return 0;
  return finish((distance + 4) * ulpOf(compute, value) +
                    value * grow(noise.ofLog(j)) +
                    (value < 2 * minNormal(compute) ? slack : 0),
                value, type);
}

long double Bounds::logProbability(size_t j, const RowResult &row,
                                   const Noise &noise) const {
  if (row.logits.size() == 1 || row.isEmpty)
    return 0;
  long double logSum = row.sums.logSum();
  long double ofLog =
      std::min((4 + 2 * logSum) * u, relative(row.sums) * logSum + slack);
  long double distance = row.sums.max - row.logits[j];
  return 2 * u * (distance + std::fabs(row.elements[j])) + ofLog +
         noise.ofLog(j) * u;
}

long double Bounds::logSumExp(const RowResult &row, const Noise &noise) const {
  const RowSums &sums = row.sums;
  if (std::isinf(row.lse))
    return 0;
  long double logSum = sums.logSum();
  long double largest =
      std::max({std::fabs(row.lse), std::fabs(sums.max), logSum});
  return std::max(2 * ulpOf(compute, largest),
                  relative(sums) * logSum + slack) +
         noise.ofLse() * u;
}

long double Bounds::chain(long double tolerance, long double magnitude,
                          double x) const {
  if (!formula.isScaled())
    return tolerance;
  long double slope = std::fabs(differentiate(formula, x));
  if (formula.softcap != 0)
    magnitude *=
        8 * std::fabs(static_cast<long double>(formula.scale)) + 3 * slope;
  else
    magnitude *= 3 * slope;
  return tolerance * slope + magnitude * u;
}

/// x of a gradient that has it as an operand.
static double thirdOf(const RowInput &input, size_t j) {
  return input.third.empty() ? 0 : input.third[j];
}

long double Bounds::softmaxGradient(size_t j, const RowInput &input,
                                    const RowResult &row) const {
  long double y = std::fabs(input.second[j]);
  long double difference = std::fabs(input.x[j] - row.difference);
  long double ofSum = relativeOfSum(row.elements.size()) * row.magnitude;
  return chain(y * (4 * u * difference + ofSum) + slack, y * difference,
               thirdOf(input, j));
}

long double Bounds::logSoftmaxGradient(size_t j, const RowInput &input,
                                       const RowResult &row) const {
  long double p = std::exp(static_cast<long double>(input.second[j]));
  long double magnitude = std::fabs(input.x[j]) + p * std::fabs(row.difference);
  return chain(4 * u * magnitude +
                   relativeOfSum(row.elements.size()) * p * row.magnitude +
                   slack,
               magnitude, thirdOf(input, j));
}

long double Bounds::update(size_t j, const RowInput &input,
                           const RowResult &row) const {
  long double product = static_cast<long double>(input.rate) * input.second[j];
  // One rounding, or one of f64 before it. The last term is the oracle's own.
  return 0.5001L * ulpOf(compute, row.elements[j]) +
         std::ldexp(std::fabs(product), -62);
}

//===----------------------------------------------------------------------===//
// Rows
//===----------------------------------------------------------------------===//

/// The tolerance of element `j`.
static double boundElement(Operation op, const Bounds &bounds,
                           const RowInput &input, const RowResult &row,
                           const Noise &noise, size_t j, ElementType type) {
  long double value = row.elements[j];
  if (std::isnan(value))
    return 0;
  switch (op) {
  case Operation::Softmax:
    return bounds.probability(j, row, noise, type);
  case Operation::LogSoftmax:
    return bounds.finish(bounds.logProbability(j, row, noise), value, type);
  case Operation::SoftmaxGrad:
  case Operation::LogSoftmaxGrad:
    if (row.isEmpty)
      return 0;
    if (isExcluded(bounds.formula, input, j))
      return kPositiveZero;
    return bounds.finish(op == Operation::SoftmaxGrad
                             ? bounds.softmaxGradient(j, input, row)
                             : bounds.logSoftmaxGradient(j, input, row),
                         value, type);
  case Operation::Sgd:
    return bounds.finish(bounds.update(j, input, row), value, type);
  default:
    break;
  }
  if (row.ignored)
    return kPositiveZero;
  if (row.isEmpty)
    return 0;
  return bounds.finish(bounds.lossGradient(j, input, row, noise), value, type);
}

RowBounds mlir::softmax::verify::boundRow(Operation op, const Bounds &bounds,
                                          const RowInput &input,
                                          const RowResult &row,
                                          const ResultTypes &types) {
  RowBounds result;
  Noise noise(bounds.formula, bounds.compute, input, row);
  result.elements.reserve(row.elements.size());
  for (size_t j = 0; j < row.elements.size(); ++j)
    result.elements.push_back(
        boundElement(op, bounds, input, row, noise, j, types.elements));
  if (row.ignored) { // E9: loss +0
    result.loss = result.lse = kPositiveZero;
    return result;
  }
  bool hasLoss =
      op == Operation::CrossEntropy || op == Operation::CrossEntropyWithGrad;
  if ((hasLoss || op == Operation::LogSumExp) && !std::isnan(row.lse))
    result.lse =
        bounds.finish(bounds.logSumExp(row, noise), row.lse, types.lse);
  if (!hasLoss || row.sums.isUndefined() || row.badLabel)
    return result;
  long double entropy = bounds.entropy(input, row, noise);
  result.entropy = bounds.finish(entropy, row.entropy, types.loss);
  result.loss = result.entropy;
  result.lossMayOverflow = bounds.mayOverflow(input, row);
  if (bounds.formula.zLoss == 0)
    return result;
  long double penalty = bounds.penalty(row, noise);
  result.penalty = bounds.finish(penalty, row.penalty, types.loss);
  result.loss = bounds.finish(entropy + penalty + bounds.ulp(row.loss),
                              row.loss, types.loss);
  return result;
}
