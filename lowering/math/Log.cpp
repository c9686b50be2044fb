// Logarithms. README.md has the method and the measured bounds.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "lowering/math/Arith.h"
#include "lowering/math/Math.h"

#include <cmath>
#include <limits>

using namespace mlir;
using namespace mlir::softmax;
using namespace mlir::softmax::expr;

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double nan = std::numeric_limits<double>::quiet_NaN();

constexpr uint64_t bitsOfOne = 0x3FF0000000000000;
constexpr uint64_t bitsOfSqrtHalf = 0x3FE6A09E667F3BCD;
constexpr uint64_t mantissa = 0x000FFFFFFFFFFFFF;
/// 2^52, whose low mantissa bits count units.
constexpr uint64_t bitsOfTwo52 = 0x4330000000000000;

// log(1 + f) = 2s + s z R(z) with s = f / (2 + f) and z = s^2: minimax on
// z <= (3 - 2 sqrt 2)^2 relative to 2s, highest power first, seven terms.
constexpr double atanhTail[] = {0x1.2f51c76fc9989p-3, 0x1.39995104622b7p-3,
                                0x1.746699650bf52p-3, 0x1.c71c50367f0b9p-3,
                                0x1.2492494442a48p-2, 0x1.999999997d42dp-2,
                                0x1.5555555555598p-1};

// log(1 + f) = f + f^2 Q(f): minimax relative to log(1 + f) on
// 1/sqrt 2 <= 1 + f <= sqrt 2, accurate to 2^-33, enough for an f32 result.
constexpr double logTail[] = {
    -0x1.eb0a2019d3553p-5, 0x1.b764dc64fcf5cp-4,  -0x1.bd43edc9e5e69p-4,
    0x1.c36c0eab2e86bp-4,  -0x1.fc6b90a2b9393p-4, 0x1.249234373b65bp-3,
    -0x1.55688a599e0fbp-3, 0x1.999a1b21e5ba3p-3,  -0x1.ffffacde26d05p-3,
    0x1.5555546d20cb9p-2,  -0x1.000000186f812p-1};

constexpr double ln2 = 0x1.62e42fefa39efp-1;
/// ln 2 = ln2Hi + ln2Lo; k * ln2Hi is exact for every exponent k.
constexpr double ln2Hi = 0x1.62e42feep-1;
constexpr double ln2Lo = 0x1.a39ef35793c76p-33;

/// x = 2^k (1 + f) with 1/sqrt 2 <= 1 + f < sqrt 2, for positive normal f64 x.
struct Split {
  Float k, f;
};

/// What the exponent field of 1 becomes in `split`.
constexpr double exponentOfOne = 0x1p52 + 1023;

/// `zero` is the exponent that counts as k = 0, in the form `exponentOfOne`.
Split split(const Float &x, const Float &zero) {
  // Moving 1/sqrt 2 to 1 makes the exponent field k and the mantissa the
  // distance from 1/sqrt 2. An integer below 2^52 converts to f64 by placing
  // its bits in the mantissa of 2^52.
  Int moved = x.bits() + (bitsOfOne - bitsOfSqrtHalf);
  Float k = ((moved >> 52) | bitsOfTwo52).asFloat(x.element()) - zero;
  Float f = ((moved & mantissa) + bitsOfSqrtHalf).asFloat(x.element()) - 1.0;
  return {k, f};
}

/// k ln 2 + log(1 + f) + c in f64, for |c| below the last place of k ln 2.
Float logF64(const Split &s, const Float *c, MultiplyAdd fma) {
  const Float &f = s.f;
  Float q = f / (f + 2.0);
  Float z = q * q;
  Float half = f * f * 0.5;
  Float tail = fma.horner(z, atanhTail) * z;
  // f is exact, and everything else is small against it or against k ln2Hi.
  // s (f^2/2 + z R) is what remains of log(1 + f) - f + f^2/2.
  Float low = c ? fma(s.k, s.k.like(ln2Lo), *c) : s.k * ln2Lo;
  Float rest = fma(q, half + tail, low);
  return fma(s.k, ln2Hi, f - (half - rest));
}

/// k ln 2 + log(1 + f) in f64, to the accuracy of f32.
Float logF32(const Split &s, MultiplyAdd fma) {
  Float p = fma.horner(s.f, logTail);
  p = fma(p, s.f, 1.0);
  return fma(p, s.f, s.k * ln2);
}

/// What the logarithm with its pole at `pole` has for arguments that are not
/// above the pole or not finite; `result` everywhere else.
Float withSpecialCases(const Float &result, const Float &x, double pole) {
  Float outside = (x == pole).select(x.like(-infinity), x.like(nan));
  // The sum keeps infinity and quiets NaN.
  Float finite = (x < x.like(infinity)).select(result, x + x);
  return (x <= pole).select(outside, finite);
}

} // namespace

Value mlir::softmax::buildLog(ImplicitLocOpBuilder &b, Value value,
                              const MathOptions &options) {
  Float x{{&b, value}};
  MultiplyAdd fma{options.fma};
  if (x.element().isF32()) {
    // In f64 every f32 is normal and a single rounding is left at the end.
    Float wide = x.extend(b.getF64Type());
    Float log = logF32(split(wide, wide.like(exponentOfOne)), fma);
    return withSpecialCases(log, wide, 0.0).truncate(x.element()).value;
  }
  assert(x.element().isF64() && "expected f32 or f64");
  Bool subnormal = x < 0x1p-1022;
  Float normal = subnormal.select(x * 0x1p54, x);
  Float zero =
      subnormal.select(x.like(exponentOfOne + 54), x.like(exponentOfOne));
  Float log = logF64(split(normal, zero), /*c=*/nullptr, fma);
  return withSpecialCases(log, x, 0.0).value;
}

Value mlir::softmax::buildLog1p(ImplicitLocOpBuilder &b, Value value,
                                const MathOptions &options) {
  Float x{{&b, value}};
  Type element = x.element();
  assert((element.isF32() || element.isF64()) && "expected f32 or f64");
  MultiplyAdd fma{options.fma};
  if (element.isF32())
    x = x.extend(b.getF64Type());

  Float u = x + 1.0;
  Split s = split(u, u.like(exponentOfOne));
  // Without a factor 2^k the sum 1 + x need not be formed at all, which is
  // what keeps tiny x exact.
  Bool unscaled = s.k == 0.0;
  s.f = unscaled.select(x, s.f);

  Float log = x;
  if (element.isF32()) {
    log = logF32(s, fma);
  } else {
    // What rounding 1 + x lost, exactly (Knuth's two-sum), is worth
    // log(1 + x) - log(u) = c / u up to c^2.
    Float virtualX = u - x;
    Float lost = (x - (u - virtualX)) + (virtualX.like(1.0) - virtualX);
    Float c = unscaled.select(x.like(0.0), lost / u);
    log = logF64(s, &c, fma);
  }
  log = withSpecialCases(log, x, -1.0);
  // k ln 2 = +0 turned -0 into +0.
  log = (x == 0.0).select(x, log);
  return (element.isF32() ? log.truncate(element) : log).value;
}
