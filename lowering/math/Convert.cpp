// Conversions between the 16-bit floats and f32 or f64 in integer arithmetic.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "lowering/math/Arith.h"
#include "lowering/math/Math.h"

using namespace mlir;
using namespace mlir::softmax;
using namespace mlir::softmax::expr;

namespace {

constexpr uint64_t f32Magnitude = 0x7FFFFFFF;
constexpr uint64_t f32Quiet = 0x00400000;

/// The f32 bits of f16 bits `h`.
Int bitsFromF16(const Int &h, Type f32) {
  Int wide = h.zeroExtend(32);
  Int sign = (wide & 0x8000) << 16;
  // The mantissa is in place; the exponent still has the bias 15.
  Int magnitude = (wide & 0x7FFF) << 13;
  Int rebiased = magnitude + (uint64_t(127 - 15) << 23);
  // A subnormal is a multiple of 2^-24: placed in the mantissa of 2^-14, a
  // subtraction leaves it. No operand is a subnormal f32, which would be slow
  // or lost where the caller has set flush-to-zero.
  Int atSmallest = magnitude + (uint64_t(127 - 14) << 23);
  Int fromSubnormal = (atSmallest.asFloat(f32) - 0x1p-14).bits();
  Int finite = (magnitude < 0x00800000).select(fromSubnormal, rebiased);
  // Exponent 31 means infinity or NaN: rebias once more, to 255.
  Int result = (magnitude > 0x0F7FFFFF)
                   .select(rebiased + (uint64_t(255 - 31 - 112) << 23), finite);
  Int quiet =
      (magnitude > 0x0F800000).select(result.like(f32Quiet), result.like(0));
  return result | quiet | sign;
}

/// The f16 bits, in the low half, of the f32 `x`.
Int bitsToF16(const Float &x) {
  Int u = x.bits();
  Int sign = (u >> 16) & 0x8000;
  Int magnitude = u & f32Magnitude;
  // Half an f16 unit less one, plus the lowest bit kept, rounds to nearest
  // even; a carry moves on to the exponent and, beyond 65504, to infinity.
  Int lowestKept = (magnitude >> 13) & 1;
  Int rounded = magnitude - (uint64_t(127 - 15) << 23) + 0xFFF + lowestKept;
  // Below 2^-14 the result is a multiple of 2^-24, the last place of 0.5: the
  // sum rounds, and the bits above those of 0.5 are the answer.
  Int subnormal = (magnitude.asFloat(x.element()) + 0.5).bits() - 0x3F000000;
  Int finite = (magnitude < 0x38800000).select(subnormal, rounded >> 13);
  Int bounded = (magnitude > 0x477FFFFF).select(u.like(0x7C00), finite);
  Int payload = ((magnitude >> 13) & 0x3FF) | 0x7E00;
  return x.isNaN().select(payload, bounded) | sign;
}

/// The f32 with bf16 bits `h` for its upper half.
Float fromBF16(const Int &h, Type f32, bool keepSignaling) {
  Int wide = h.zeroExtend(32) << 16;
  Float x = wide.asFloat(f32);
  if (keepSignaling)
    return x;
  return x.isNaN().select(wide | f32Quiet, wide).asFloat(f32);
}

/// The bf16 bits, in the low half, of the f32 `x`.
Int bitsToBF16(const Float &x) {
  Int u = x.bits();
  Int upper = u >> 16;
  Int rounded = (u + 0x7FFF + (upper & 1)) >> 16;
  // Rounding could carry a NaN into infinity or zero, and a NaN whose payload
  // is in the low half only would become infinity.
  return x.isNaN().select(upper | 0x40, rounded);
}

/// An f32 that rounds to every 16-bit float as the f64 `x` does. Of the two
/// f32 around an inexact `x` it is the one with the odd last bit, so that it
/// lies on the same side of each narrower tie as `x` (round to odd).
Float roundToOdd(const Float &x, Type f32) {
  Float nearest = x.truncate(f32);
  Float back = nearest.extend(x.element());
  Int bits = nearest.bits();
  Int zero = bits.like(0), one = bits.like(1);
  Bool grew = x.magnitude() < back.magnitude();
  Int towardsZero = bits - grew.select(one, zero);
  Bool inexact = back.compare(arith::CmpFPredicate::ONE, x);
  return (towardsZero | inexact.select(one, zero)).asFloat(f32);
}

} // namespace

Value mlir::softmax::buildExtend(ImplicitLocOpBuilder &b, Value narrow,
                                 Type wide, const MathOptions &options) {
  Float x{{&b, narrow}};
  Type f32 = b.getF32Type();
  Float result = x;
  if (x.element().isBF16())
    result = fromBF16(x.bits(), f32, options.keepSignaling);
  else if (options.nativeHalf)
    result = x.extend(f32);
  else
    result = bitsFromF16(x.bits(), f32).asFloat(f32);
  Type element = getElementTypeOrSelf(wide);
  return (element == f32 ? result : result.extend(element)).value;
}

Value mlir::softmax::buildTruncate(ImplicitLocOpBuilder &b, Value wide,
                                   Type narrow, const MathOptions &options) {
  Float x{{&b, wide}};
  Type f32 = b.getF32Type();
  Type element = getElementTypeOrSelf(narrow);
  if (x.element().isF64())
    x = roundToOdd(x, f32);
  if (element.isBF16())
    return bitsToBF16(x).truncate(16).asFloat(element).value;
  if (options.nativeHalf)
    return x.truncate(element).value;
  return bitsToF16(x).truncate(16).asFloat(element).value;
}
