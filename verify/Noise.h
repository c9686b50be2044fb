// How far scale, soft-cap and mask put a kernel's logits off.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef VERIFY_NOISE_H
#define VERIFY_NOISE_H

#include "verify/Oracle.h"

namespace mlir::softmax::verify {

/// The errors of x2 in units of u, half an ULP of 1. Without an additive mask
/// kernels evaluate exp(s (e - max e)): s = |scale| and e = +-x, or s = softcap
/// and e = tanh(x (scale / softcap)), tanh within 2 ULP. With one they round
/// s e + mask first. Constants are rounded once to the type computed in. Two
/// parts come of that:
///
/// - c d_j of the distance d_j = max - x2_j: c is 1 for the product, and 2
///   where s itself was rounded. (With an additive mask it is in o_j.)
/// - o_j of the logit itself: softcap times the smaller of 6 |e| (2 ULP, and
///   two roundings of the argument) and 3; with an additive mask c |x2| before
///   the mask, and |z| for a sum z with a mask that is not 0.
///
/// Equal logits under equal masks have equal errors, which leave p as it is. So
/// all of it is 0 for plain logits and for constant rows.
class Noise {
public:
  Noise(const Formula &formula, ElementType compute, const RowInput &input,
        const RowResult &row);

  /// Of x2_j by itself: c |x2_j| + o_j.
  long double ofLogit(size_t j) const;
  /// Of max - x2_j: c d_j, and both o.
  long double ofDistance(size_t j) const;
  /// Of log p_j: c d_j and the mean of all c d_k, and the mean of o_j + o_k
  /// over the other classes k, weighted with p. The latter is small where p_j
  /// is near 1.
  long double ofLog(size_t j) const;
  /// Of lse: c |max|, and the weighted means of c d_k and o_k.
  long double ofLse() const;
  /// Logits and masks that are all the same.
  bool isUniform() const;

private:
  /// o_j.
  long double ofElement(size_t j) const;
  bool isSameAsPeak(size_t j) const;

  const Formula &formula;
  const RowInput &input;
  const RowResult &row;
  long double perUnit = 0; ///< c
  bool isQuiet;
  /// Weighted with p: mean of c d; of the classes that are not as the peak, the
  /// sum of p and that of p o; sum of p o of those that are.
  long double ofDistances = 0, others = 0, ofOthers = 0, ofPeak = 0;
};

} // namespace mlir::softmax::verify

#endif // VERIFY_NOISE_H
