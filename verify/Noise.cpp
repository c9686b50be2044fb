// Errors of transformed logits; the header says where each comes from.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "verify/Noise.h"

#include "verify/Transform.h"

#include <algorithm>

using namespace mlir::softmax::verify;

Noise::Noise(const Formula &formula, ElementType compute, const RowInput &input,
             const RowResult &row)
    : formula(formula), input(input), row(row),
      isQuiet(!formula.isScaled() && formula.mask != Mask::Additive) {
  long double factor = formula.softcap != 0 ? formula.softcap : formula.scale;
  if (formula.isScaled() && std::fabs(factor) != 1)
    perUnit = roundTo(compute, factor) == factor ? 1 : 2;
  if (isQuiet || row.logits.empty() || row.sums.isUndefined())
    return;
  CompensatedSum distances, weight, different, same;
  for (size_t j = 0; j < row.logits.size(); ++j) {
    long double distance = row.sums.max - row.logits[j];
    long double p = std::exp(-distance) / (1 + row.sums.tail);
    if (p == 0)
      continue;
    if (formula.mask != Mask::Additive)
      distances.add(p * perUnit * distance);
    if (isSameAsPeak(j)) {
      same.add(p * ofElement(j));
      continue;
    }
    weight.add(p);
    different.add(p * ofElement(j));
  }
  ofDistances = distances.get();
  others = weight.get();
  ofOthers = different.get();
  ofPeak = same.get();
}

bool Noise::isSameAsPeak(size_t j) const {
  size_t peak = row.sums.peak;
  return input.x[j] == input.x[peak] &&
         (formula.mask != Mask::Additive || input.mask[j] == input.mask[peak]);
}

long double Noise::ofElement(size_t j) const {
  if (isQuiet || std::isinf(row.logits[j]))
    return 0;
  bool isAdditive = formula.mask == Mask::Additive;
  if (!isAdditive && formula.softcap == 0)
    return 0;
  long double x2 = std::fabs(transform(formula, input.x[j])), error = 0;
  if (formula.softcap != 0)
    error += std::min(6 * x2, 3 * static_cast<long double>(formula.softcap));
  if (isAdditive)
    error += perUnit * x2 + (input.mask[j] == 0 ? 0 : std::fabs(row.logits[j]));
  return error;
}

long double Noise::ofLogit(size_t j) const {
  if (isQuiet || std::isinf(row.logits[j]))
    return 0;
  long double error = ofElement(j);
  if (formula.mask != Mask::Additive)
    error += perUnit * std::fabs(row.logits[j]);
  return error;
}

long double Noise::ofDistance(size_t j) const {
  if (isQuiet || std::isinf(row.logits[j]) || isSameAsPeak(j))
    return 0;
  long double error = ofElement(j) + ofElement(row.sums.peak);
  if (formula.mask != Mask::Additive)
    error += perUnit * (row.sums.max - row.logits[j]);
  return error;
}

long double Noise::ofLog(size_t j) const {
  if (isQuiet || std::isinf(row.logits[j]))
    return 0;
  long double own = ofElement(j);
  if (isSameAsPeak(j))
    return ofDistances + others * own + ofOthers;
  long double distance = row.sums.max - row.logits[j];
  long double p = std::exp(-distance) / (1 + row.sums.tail);
  long double error = ofDistances + (1 - 2 * p) * own + ofOthers + ofPeak;
  if (formula.mask != Mask::Additive)
    error += perUnit * distance;
  return error;
}

long double Noise::ofLse() const {
  if (isQuiet)
    return 0;
  long double error = ofDistances + ofOthers + ofPeak;
  if (formula.mask != Mask::Additive)
    error += perUnit * std::fabs(row.sums.max);
  return error;
}

bool Noise::isUniform() const {
  for (size_t j = 0; j < row.logits.size(); ++j)
    if (row.logits[j] != row.sums.max || (!isQuiet && !isSameAsPeak(j)))
      return false;
  return true;
}
