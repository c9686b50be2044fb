// Error bounds per operator; the header says where each comes from.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "verify/Bounds.h"

#include <algorithm>
#include <cmath>

using namespace mlir::softmax::verify;

/// 1e-6 in units of the f32 unit roundoff; f64 keeps the same multiple.
static constexpr long double kRelativeUnits = 16.8L;

Bounds::Bounds(ElementType data, bool fast)
    : compute(data == ElementType::F64 ? ElementType::F64 : ElementType::F32),
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

long double Bounds::relativeOfSpread(long double spread) const {
  return std::max(kRelativeUnits, spread + 4) * u;
}

long double Bounds::relativeOfSum(size_t classes) const {
  return (8 + std::sqrt(classes / 16.0L)) * u;
}

long double Bounds::relative(const RowSums &sums) const {
  // Once the tail is no longer small against 1, log1p damps its error.
  return sums.tail < 0.01L ? relativeOfSpread(sums.spread) : kRelativeUnits * u;
}

double Bounds::probability(long double value, long double distance,
                           int64_t classes, ElementType type) const {
  if (distance > cutoff)
    return kPositiveZero;
  if (classes == 1)
    return 0;
  return finish((distance + 4) * ulpOf(compute, value) +
                    (value < 2 * minNormal(compute) ? slack : 0),
                value, type);
}

double Bounds::logProbability(long double value, long double distance,
                              const RowSums &sums, int64_t classes,
                              ElementType type) const {
  if (classes == 1)
    return 0;
  long double logSum = sums.logSum();
  long double ofLog =
      std::min((4 + 2 * logSum) * u, relative(sums) * logSum + slack);
  return finish(2 * u * (distance + std::fabs(value)) + ofLog, value, type);
}

double Bounds::logSumExp(long double value, const RowSums &sums,
                         ElementType type) const {
  if (std::isinf(value))
    return 0;
  long double logSum = sums.logSum();
  long double largest =
      std::max({std::fabs(value), std::fabs(sums.max), logSum});
  return finish(std::max(2 * ulpOf(compute, largest), relative(sums) * logSum),
                value, type);
}

double Bounds::loss(long double value, long double distanceOfTarget,
                    const RowSums &sums, int64_t classes,
                    ElementType type) const {
  if (classes == 1)
    return 0;
  if (sums.tail == classes - 1)
    return finish(ulpOf(compute, value), value, type);
  return finish(relative(sums) * std::fabs(value) + slack, value, type);
}

double Bounds::reducedLoss(long double value, long double sumOfBounds,
                           long double denominator, int64_t rows,
                           ElementType type) const {
  if (std::isnan(value) || std::isinf(value))
    return 0;
  // The rows' bounds already hold what `finish` would add.
  long double tolerance = sumOfBounds / denominator + ulpOf(type, value);
  if (compute == ElementType::F64)
    tolerance += std::sqrt(static_cast<long double>(rows)) * u * value;
  return static_cast<double>(tolerance);
}

double Bounds::lossGradient(long double value, long double distance,
                            long double g, ElementType type) const {
  if (std::isinf(distance)) // E2: the probability is exactly 0
    return 0;
  return finish((distance + 6) * ulpOf(compute, value) +
                    std::max(1.0L, std::fabs(g)) * slack,
                value, type);
}

double Bounds::targetGradient(long double value, long double distance,
                              long double g, const RowSums &sums,
                              int64_t classes, ElementType type) const {
  if (classes == 1)
    return 0;
  // The classes other than the target: the tail, or the maximum with what the
  // tail has beside the target.
  long double spread = sums.spread;
  if (distance > 0) {
    long double own = std::exp(-distance);
    long double ownPart = own == 0 ? 0 : own * distance;
    spread = (sums.tail * sums.spread - ownPart) / (1 + (sums.tail - own));
  }
  return finish(relativeOfSpread(spread) * std::fabs(value) +
                    std::max(1.0L, std::fabs(g)) * slack,
                value, type);
}

double Bounds::savedLseGradient(long double value, long double shifted,
                                long double g, bool isTarget,
                                ElementType type) const {
  if (std::isinf(shifted))
    return isTarget ? finish(2 * u * std::fabs(g), value, type) : 0;
  long double p = std::exp(shifted);
  long double tolerance = (std::fabs(shifted) + 6) * 2 * u * p * std::fabs(g) +
                          std::max(1.0L, std::fabs(g)) * slack;
  // g, p - 1 and their product are rounded once each.
  if (isTarget)
    tolerance += 4 * u * std::fabs(g);
  return finish(tolerance, value, type);
}

double Bounds::softmaxGradient(long double value, double dy, double y,
                               const RowResult &row, ElementType type) const {
  long double difference = std::fabs(dy - row.difference);
  long double ofSum = relativeOfSum(row.elements.size()) * row.magnitude;
  return finish(std::fabs(y) * (4 * u * difference + ofSum) + slack, value,
                type);
}

double Bounds::logSoftmaxGradient(long double value, double dy, double y,
                                  const RowResult &row,
                                  ElementType type) const {
  long double p = std::exp(static_cast<long double>(y));
  return finish(4 * u * (std::fabs(dy) + p * std::fabs(row.difference)) +
                    relativeOfSum(row.elements.size()) * p * row.magnitude +
                    slack,
                value, type);
}

double Bounds::update(long double value, long double product,
                      ElementType type) const {
  return finish(ulpOf(compute, value) + u * std::fabs(product), value, type);
}

/// The tolerance of element `j`.
static double boundElement(Operation op, const Bounds &bounds,
                           const RowInput &input, const RowResult &row,
                           size_t j, ElementType type) {
  int64_t classes = input.x.size();
  long double value = row.elements[j];
  if (std::isnan(value))
    return 0;
  long double x = input.x[j], distance = row.sums.max - x;
  switch (op) {
  case Operation::Softmax:
    return bounds.probability(value, distance, classes, type);
  case Operation::LogSoftmax:
    return bounds.logProbability(value, distance, row.sums, classes, type);
  case Operation::SoftmaxGrad:
    return bounds.softmaxGradient(value, input.x[j], input.second[j], row,
                                  type);
  case Operation::LogSoftmaxGrad:
    return bounds.logSoftmaxGradient(value, input.x[j], input.second[j], row,
                                     type);
  case Operation::Sgd:
    return bounds.update(
        value, static_cast<long double>(input.rate) * input.second[j], type);
  default:
    break;
  }
  if (row.ignored)
    return kPositiveZero;
  bool isTarget = static_cast<int64_t>(j) == input.label;
  if (input.lse)
    return bounds.savedLseGradient(value, x - *input.lse, input.upstream,
                                   isTarget, type);
  return isTarget ? bounds.targetGradient(value, distance, input.upstream,
                                          row.sums, classes, type)
                  : bounds.lossGradient(value, distance, input.upstream, type);
}

RowBounds mlir::softmax::verify::boundRow(Operation op, const Bounds &bounds,
                                          const RowInput &input,
                                          const RowResult &row,
                                          const ResultTypes &types) {
  RowBounds result;
  result.elements.reserve(row.elements.size());
  for (size_t j = 0; j < row.elements.size(); ++j)
    result.elements.push_back(
        boundElement(op, bounds, input, row, j, types.elements));
  if (row.ignored) { // E9: loss +0
    result.loss = result.lse = kPositiveZero;
    return result;
  }
  if (!std::isnan(row.lse))
    result.lse = bounds.logSumExp(row.lse, row.sums, types.lse);
  if (!std::isnan(row.loss) && input.label >= 0 &&
      input.label < static_cast<int64_t>(input.x.size()))
    result.loss =
        bounds.loss(row.loss, row.sums.max - input.x[input.label], row.sums,
                    static_cast<int64_t>(input.x.size()), types.loss);
  return result;
}
