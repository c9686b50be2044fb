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
    perLogit = roundTo(compute, factor) == factor ? 1 : 2;
  if (isQuiet || row.logits.empty() || row.sums.isUndefined() ||
      row.sums.tail == 0)
    return;
  CompensatedSum sum;
  for (size_t j = 0; j < row.logits.size(); ++j) {
    long double term = std::exp(row.logits[j] - row.sums.max);
    if (j != row.sums.peak && term != 0)
      sum.add(term * pair(j));
  }
  tail = sum.get() / row.sums.tail;
}

long double Noise::ofTanh(size_t j) const {
  if (formula.softcap == 0)
    return 0;
  return std::min(6 * std::fabs(transform(formula, input.x[j])),
                  3 * static_cast<long double>(formula.softcap));
}

bool Noise::isSameAsPeak(size_t j) const {
  size_t peak = row.sums.peak;
  return input.x[j] == input.x[peak] &&
         (formula.mask != Mask::Additive || input.mask[j] == input.mask[peak]);
}

long double Noise::own(size_t j) const {
  if (isQuiet || std::isinf(row.logits[j]))
    return 0;
  long double error = ofTanh(j);
  if (formula.mask != Mask::Additive)
    return error + perLogit * std::fabs(row.logits[j]);
  if (formula.isScaled())
    error += perLogit * std::fabs(row.logits[j] - input.mask[j]);
  return error + (input.mask[j] == 0 ? 0 : std::fabs(row.logits[j]));
}

long double Noise::pair(size_t j) const {
  if (isQuiet || std::isinf(row.logits[j]) || isSameAsPeak(j))
    return 0;
  if (formula.mask == Mask::Additive)
    return own(j) + own(row.sums.peak);
  return perLogit * (row.sums.max - row.logits[j]) + ofTanh(j) +
         ofTanh(row.sums.peak);
}

bool Noise::isUniform() const {
  for (size_t j = 0; j < row.logits.size(); ++j)
    if (row.logits[j] != row.sums.max || (!isQuiet && !isSameAsPeak(j)))
      return false;
  return true;
}
