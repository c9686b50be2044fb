// The hyperbolic tangent and its derivative. README.md has the method and the
// measured bounds.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "lowering/math/Math.h"
#include "lowering/math/Reduction.h"

using namespace mlir;
using namespace mlir::softmax;
using namespace mlir::softmax::expr;

namespace {

/// What depends on the element type, and on the accuracy.
struct TanhFormat : ReductionFormat {
  /// 4 e^lowest rounds to zero.
  double lowest;
  /// Coefficients of (e^r - 1 - r) / r^2, highest power first.
  ArrayRef<double> coefficients;
  Reduction reduction;
};

// Minimax on |r| <= ln(2)/2 relative to e^r - 1, because near r = 0 the result
// is nothing but this difference; rounded one by one from the highest power
// down.
constexpr double coefficientsF32[] = {
    0x1.6bec08p-10, 0x1.122768p-7, 0x1.555674p-5, 0x1.5554b0p-3, 0x1.fffffep-2};

constexpr double coefficientsF64[] = {
    0x1.1ee88a4c4cec4p-29, 0x1.af5e68cb5a327p-26, 0x1.27e53624eae6dp-22,
    0x1.71ddf88527a51p-19, 0x1.a01a017bcc850p-16, 0x1.a01a01afd1949p-13,
    0x1.6c16c16c1f05cp-10, 0x1.111111110f6dfp-7,  0x1.555555555553fp-5,
    0x1.5555555555559p-3,  0x1.0000000000000p-1};

TanhFormat formatOf(Type element, bool fast) {
  ReductionFormat reduction = reductionFormat(element);
  if (element.isF32())
    return {reduction, -106.0, coefficientsF32,
            fast ? Reduction::OneStep : Reduction::TwoStep};
  return {reduction, -748.0, coefficientsF64, Reduction::TwoStep};
}

/// Below 2^-vanishing e changes neither 1 + e nor 1 - e.
constexpr unsigned vanishing = 60;

/// e = exp(-2|x|) in two factors. Both functions of the same x begin with it,
/// operation by operation, so that CSE leaves one.
struct Decay {
  Reduced reduced;
  /// e^r - 1 to the relative accuracy of a float, whatever r.
  Float q;
  /// The same as a sum that was not rounded where q was: q itself with FMA.
  SmallVector<Float, 2> parts;
  /// 2^(n-1), but not below 2^(-vanishing-1): neither a negative exponent field
  /// nor the cost of subnormal numbers where x is large or infinite.
  Float power;
  /// e/2.
  Float half;
};

Decay decay(const Float &x, const TanhFormat &f, MultiplyAdd fma) {
  Float y = x.magnitude() * -2.0;
  // An infinity would turn r into infinity - infinity.
  y = (y < f.lowest).select(y.like(f.lowest), y);

  unsigned bias = f.exponentBias - 1;
  Reduced reduced = reduce(y, f, bias, f.reduction, fma);
  Float p = fma.horner(reduced.r, f.coefficients);
  Float square = reduced.r * reduced.r;
  SmallVector<Float, 2> parts;
  if (fma.fused)
    parts = {fma(square, p, reduced.r)};
  else
    parts = {reduced.hi, square * p + reduced.lo};
  Float q = fma.fused ? parts[0] : parts[0] + parts[1];

  Float floor = y.like(f.magic(bias - vanishing));
  Float biased = (reduced.biased < floor).select(floor, reduced.biased);
  Float power = (biased.bits() << f.mantissaBits).asFloat(x.element());
  Float half = fma(power, q, power);
  return {reduced, q, parts, power, half};
}

} // namespace

Value mlir::softmax::buildTanh(ImplicitLocOpBuilder &b, Value value,
                               const MathOptions &options) {
  Float x{{&b, value}};
  MultiplyAdd fma{options.fma};
  bool fast = options.fast && x.element().isF32();
  Decay e = decay(x, formatOf(x.element(), fast), fma);

  // tanh|x| = (1 - e) / (1 + e), both halved.
  Float mean = e.half + 0.5;
  if (fast) {
    // The product is exact, the numerator rounded once.
    Float t = fma(-e.power, e.q, x.like(0.5) - e.power) / mean;
    return t.withSignOf(x).value;
  }
  // Dividing by the rounded `mean` what complements it to 1, which is exact,
  // gives the tangent t of an argument nearby. `lost`, the distance of `mean`
  // from the number that was rounded to it, has hardly an error, and the
  // derivative of t with respect to it is 1 / mean^2, where 1 / mean = 1 + t.
  // Hence small x come out of `lost` alone.
  Float rest = mean.like(1.0) - mean;
  Float t = rest / mean;
  Float lost = (mean - 0.5) - e.power;
  for (const Float &part : e.parts)
    lost = fma(-e.power, part, lost);
  Float slope = t + 1.0;
  // The remainder of the division is one operation with FMA, without too many.
  Float error =
      fma.fused ? fma(lost, slope, fma(-t, mean, rest)) : lost * slope;
  t = fma(error, slope, t);
  return t.withSignOf(x).value;
}

Value mlir::softmax::buildSechSquared(ImplicitLocOpBuilder &b, Value value,
                                      const MathOptions &options) {
  Float x{{&b, value}};
  MultiplyAdd fma{options.fma};
  TanhFormat f = formatOf(x.element(), options.fast);
  Decay e = decay(x, f, fma);

  // 4e / (1 + e)^2 = (e/2) / (1/8 + (e/2 + (e/2)^2) / 2), which rounds less
  // than a square of 1 + e. In the numerator e counts down to the smallest
  // subnormal: the exponent field gets head room, in which its negative values
  // come out right again, and the division rounds once on the way back.
  unsigned headRoom = (f.exponentBias + 1) / 4;
  Int field = e.reduced.biased.bits() << f.mantissaBits;
  Float power =
      (field + (uint64_t(headRoom) << f.mantissaBits)).asFloat(x.element());
  Float numerator = fma(power, e.q, power);
  double scale = std::ldexp(0.5, headRoom);
  Float denominator = fma(fma(e.half, scale, scale), e.half, scale / 4);
  return (numerator / denominator).value;
}
