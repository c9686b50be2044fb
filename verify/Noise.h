// How far scale, soft-cap and mask put a kernel's logits off.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef VERIFY_NOISE_H
#define VERIFY_NOISE_H

#include "verify/Oracle.h"

namespace mlir::softmax::verify {

/// The errors of x2 in units of u, half an ULP of 1. Without an additive mask
/// kernels evaluate exp(s (e - max e)): s = |scale| and e = +-x, or s = softcap
/// and e = tanh(x (scale / softcap)), tanh within 2 ULP. With one they round
/// s e + mask first. Constants are rounded once to the type computed in. All of
/// it is 0 for plain logits, and between equal logits under equal masks.
class Noise {
public:
  Noise(const Formula &formula, ElementType compute, const RowInput &input,
        const RowResult &row);

  /// Of x2_j by itself: c |x2| for s and the product, |z| for a sum z with a
  /// mask that is not 0, and that of tanh: softcap times the smaller of 6 |e|
  /// (2 ULP, and two roundings of the argument) and 3.
  long double own(size_t j) const;
  /// Of max - x2_j: c times it plus the two errors of tanh; with an additive
  /// mask the two `own` errors.
  long double pair(size_t j) const;
  /// Of the sum of exp(x2 - max) over the classes other than the peak,
  /// relative to it: the weighted mean of `pair`.
  long double ofTail() const { return tail; }
  /// Of log s: the same mean over all classes.
  long double ofLogSum() const {
    return tail * row.sums.tail / (1 + row.sums.tail);
  }
  /// Logits and masks that are all the same.
  bool isUniform() const;

private:
  long double ofTanh(size_t j) const;
  bool isSameAsPeak(size_t j) const;

  const Formula &formula;
  const RowInput &input;
  const RowResult &row;
  long double perLogit = 0; ///< c: roundings of the product and of s
  bool isQuiet;
  long double tail = 0;
};

} // namespace mlir::softmax::verify

#endif // VERIFY_NOISE_H
