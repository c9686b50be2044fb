// Error bounds of the cross-entropy family.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "verify/Bounds.h"

#include <algorithm>

using namespace mlir::softmax::verify;

//===----------------------------------------------------------------------===//
// Losses
//===----------------------------------------------------------------------===//

long double Bounds::surprisal(long double value, size_t label,
                              const RowResult &row, const Noise &noise) const {
  if (row.logits.size() == 1)
    return 0;
  if (noise.isUniform())
    return ulpOf(compute, value);
  return relative(row.sums) * std::fabs(value) + slack + noise.ofLog(label) * u;
}

long double Bounds::entropy(const RowInput &input, const RowResult &row,
                            const Noise &noise) const {
  const RowSums &sums = row.sums;
  if (std::isinf(row.entropy) || std::isnan(row.entropy))
    return 0;
  bool isWeighted = !input.weights.empty();
  if (!formula.probabilities && !isWeighted && noise.isUniform()) // E28
    return row.logits.size() == 1 ? 0 : ulpOf(compute, row.entropy);

  long double tolerance = 0;
  if (!formula.probabilities) {
    long double share = std::fabs(hardShare(formula, input));
    long double value = (sums.max - row.logits[input.label]) + sums.logSum();
    tolerance = share * surprisal(value, input.label, row, noise);
    if (isWeighted || formula.smoothing != 0)
      tolerance += 3 * u * share * value;
  }
  if (!formula.probabilities && formula.smoothing == 0)
    return tolerance;
  size_t classes = row.logits.size();
  tolerance += ((16.8L + 3) * u + relativeOfSum(classes)) * row.softMagnitude +
               row.softWeight * relative(sums) * sums.logSum() + slack;
  CompensatedSum ofNoise;
  for (size_t j = 0; j < classes; ++j)
    ofNoise.add(std::fabs(softShare(formula, input, j)) * noise.ofLog(j));
  return tolerance + ofNoise.get() * u;
}

long double Bounds::penalty(const RowResult &row, const Noise &noise) const {
  if (std::isinf(row.lse))
    return 0;
  long double z = std::fabs(static_cast<long double>(formula.zLoss));
  long double error = logSumExp(row, noise);
  return z * error * (2 * std::fabs(row.lse) + error) +
         3 * u * std::fabs(row.penalty) + slack;
}

bool Bounds::mayOverflow(const RowInput &input, const RowResult &row) const {
  if (formula.probabilities || formula.softcap != 0)
    return false;
  long double distance = row.sums.max - row.logits[input.label];
  return std::isfinite(distance) &&
         std::isinf(roundTo(compute, distance / std::fabs(formula.scale)));
}

double Bounds::reducedLoss(long double value, long double sumOfBounds,
                           long double magnitude, int64_t rows, bool isWeighted,
                           ElementType type) const {
  if (std::isnan(value) || std::isinf(value))
    return 0;
  // The rows' bounds already hold what `finish` would add.
  long double tolerance = sumOfBounds + ulpOf(type, value);
  if (isWeighted || formula.zLoss != 0)
    tolerance += 2 * u * magnitude;
  if (compute == ElementType::F64)
    tolerance += (isWeighted ? 2 : 1) *
                 std::sqrt(static_cast<long double>(rows)) * u * magnitude;
  return static_cast<double>(tolerance);
}

//===----------------------------------------------------------------------===//
// Gradients
//===----------------------------------------------------------------------===//

long double Bounds::plainGradient(size_t j, const RowInput &input,
                                  const RowResult &row,
                                  const Noise &noise) const {
  const RowSums &sums = row.sums;
  long double value = formula.isScaled() ? row.inner[j] : row.elements[j];
  long double g = std::fabs(input.upstream * hardShare(formula, input));
  bool isTarget = static_cast<int64_t>(j) == input.label;
  long double common = std::max(1.0L, g) * slack;
  if (!input.weights.empty())
    common += (3 + ofUpstream) * u * std::fabs(value);

  if (input.lse) {
    long double shifted = row.logits[j] - *input.lse;
    if (std::isinf(shifted))
      return isTarget ? 2 * u * g : 0;
    long double tolerance =
        g * std::exp(shifted) *
            ((std::fabs(shifted) + 6) * 2 * u + grow(noise.ofLogit(j))) +
        common;
    // g, p - 1 and their product are rounded once each.
    return isTarget ? tolerance + 4 * u * g : tolerance;
  }

  long double distance = sums.max - row.logits[j];
  long double ofNoise = grow(noise.ofLog(j));
  if (!isTarget) {
    if (std::isinf(distance)) // E2: the probability is exactly 0
      return 0;
    return (distance + 6) * ulpOf(compute, value) + std::fabs(value) * ofNoise +
           common;
  }
  if (row.logits.size() == 1)
    return 0;
  // The classes other than the target: the tail, or the maximum with what the
  // tail has beside the target.
  long double spread = sums.spread;
  if (distance > 0) {
    long double own = std::exp(-distance);
    long double ownPart = own == 0 ? 0 : own * distance;
    long double others = 1 + (sums.tail - own);
    spread = (sums.tail * sums.spread - ownPart) / others;
  }
  // 1 - p_t is as far off as p_t.
  long double p = std::exp(-distance) / (1 + sums.tail);
  return relativeOfSpread(spread) * std::fabs(value) + g * p * ofNoise + common;
}

long double Bounds::mixedGradient(size_t j, const RowInput &input,
                                  const RowResult &row, const Noise &noise,
                                  long double &magnitude) const {
  const RowSums &sums = row.sums;
  bool isTarget =
      !formula.probabilities && static_cast<int64_t>(j) == input.label;
  long double g = std::fabs(input.upstream);
  long double hard = g * std::fabs(hardShare(formula, input));
  long double soft = g * row.softWeight;
  // z-loss: its factor, and the error of the lse in it.
  long double factor = std::fabs(2 * formula.zLoss * input.penaltyUpstream);
  long double lse = input.lse ? *input.lse : row.lse;
  long double ofLse = input.lse ? 0 : logSumExp(row, noise);

  long double shifted, p, ofNoise;
  if (input.lse) {
    shifted = 2 * std::fabs(row.logits[j] - lse);
    p = std::exp(row.logits[j] - lse);
    ofNoise = grow(noise.ofLogit(j));
  } else {
    shifted = sums.max - row.logits[j];
    p = std::exp(-shifted) / (1 + sums.tail);
    ofNoise = grow(noise.ofLog(j));
  }
  long double a = hard + soft + factor * std::fabs(lse);
  long double b = isTarget ? hard : 0;
  if (formula.probabilities || formula.smoothing != 0)
    b += g * softMagnitude(formula, input, j);
  magnitude = a * p + b;

  long double tolerance =
      6 * u * b + ofUpstream * u * magnitude + std::max(1.0L, a) * slack;
  if (isTarget && !input.lse) // p - 1 as the sum of the other p
    tolerance += relativeOfSpread(sums.spread) * hard * (1 - p);
  if (p == 0) // E2, or far below
    return tolerance;
  return tolerance + (shifted + 10) * ulpOf(compute, a * p) + a * p * ofNoise +
         relativeOfSum(row.logits.size()) * soft * p + factor * ofLse * p;
}

long double Bounds::lossGradient(size_t j, const RowInput &input,
                                 const RowResult &row,
                                 const Noise &noise) const {
  if (formula.isPlain()) {
    long double inner = formula.isScaled() ? row.inner[j] : row.elements[j];
    return chain(plainGradient(j, input, row, noise), std::fabs(inner),
                 input.x[j]);
  }
  long double magnitude;
  long double tolerance = mixedGradient(j, input, row, noise, magnitude);
  return chain(tolerance, magnitude, input.x[j]);
}
