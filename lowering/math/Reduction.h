// The range reduction that the exponential shares with the hyperbolic
// functions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef LOWERING_MATH_REDUCTION_H
#define LOWERING_MATH_REDUCTION_H

#include "lowering/math/Arith.h"

#include <cmath>

namespace mlir::softmax::expr {

/// How many constants a reduction by multiples of ln 2 subtracts.
enum class Reduction { TwoStep, OneStep };

/// What depends on the element type.
struct ReductionFormat {
  unsigned mantissaBits;
  unsigned exponentBias;
  double log2e;
  /// ln 2 = ln2Hi + ln2Lo. n * ln2Hi is exact for every n that occurs.
  double ln2Hi, ln2Lo;
  /// ln 2 rounded once, for the one-step reduction.
  double ln2;

  /// The float whose low bits are `bias`, and to which adding an integer adds
  /// to these bits.
  double magic(unsigned bias) const {
    return std::ldexp(1.5, mantissaBits) + bias;
  }
};

/// That of f32 or f64.
ReductionFormat reductionFormat(Type element);

/// x = n ln 2 + r.
struct Reduced {
  /// Adding 1.5 * 2^mantissaBits rounds to an integer, which then sits in the
  /// low bits of the sum. `biased` is n + bias in that form.
  Float biased;
  Float n;
  /// r, and its parts before they were rounded to one number.
  Float r, hi, lo;
};

Reduced reduce(const Float &x, const ReductionFormat &f, unsigned bias,
               Reduction reduction, MultiplyAdd fma);

} // namespace mlir::softmax::expr

#endif // LOWERING_MATH_REDUCTION_H
