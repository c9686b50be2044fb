// The exponential function. README.md has the method and the measured bounds.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "lowering/math/Math.h"
#include "lowering/math/Reduction.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace mlir::softmax;
using namespace mlir::softmax::expr;

namespace {

/// What depends on the element type, and on the accuracy.
struct ExpFormat : ReductionFormat {
  /// e^lowest rounds to zero, e^highest to infinity; both keep n in range.
  double lowest, highest;
  /// Coefficients of e^r from the highest power down to r^2, or down to r when
  /// `linear` is set; what is missing is 1 + r or 1.
  ArrayRef<double> coefficients;
  bool linear;
};

// Minimax on |r| <= ln(2)/2 in units of the result's last place, with the first
// two terms fixed at 1 + r; rounded one by one from the highest power down.
constexpr double accurateF32[] = {0x1.6a884ap-10, 0x1.124368p-7, 0x1.555938p-5,
                                  0x1.555484p-3, 0x1.fffffap-2};

// Only the constant is fixed: at this degree a free linear term halves the
// error, and e^0 is still exactly 1.
constexpr double fastF32[] = {0x1.0e8a04p-7, 0x1.573f32p-5, 0x1.555d8cp-3,
                              0x1.fffdb8p-2, 0x1.ffffeep-1};

constexpr double accurateF64[] = {0x1.af632ad6abee8p-26, 0x1.28b3effc661bbp-22,
                                  0x1.71ddf56d1646dp-19, 0x1.a019922848fe5p-16,
                                  0x1.a01a01aae0924p-13, 0x1.6c16c1875bac0p-10,
                                  0x1.1111111113637p-7,  0x1.555555554f977p-5,
                                  0x1.5555555555533p-3,  0x1.000000000000cp-1};

ExpFormat formatOf(Type element, bool fast) {
  ReductionFormat reduction = reductionFormat(element);
  if (element.isF32())
    return {reduction, -104.0, 89.0,
            fast ? ArrayRef<double>(fastF32) : ArrayRef<double>(accurateF32),
            fast};
  return {reduction, -746.0, 710.0, accurateF64, false};
}

/// scale * e^r, where scale is a power of two.
Float exponential(const Reduced &x, const ExpFormat &f, double scale,
                  MultiplyAdd fma) {
  // Scaling the coefficients is exact and costs nothing.
  if (f.linear || fma.fused) {
    Float p = fma.horner(x.r, f.coefficients, scale);
    if (!f.linear)
      p = fma(p, x.r, scale);
    return fma(p, x.r, scale);
  }
  // 1 + (hi + (r^2 q + lo)): Horner's rule to the end would round the product
  // with r near the result's last place, and so does r itself. Here only the
  // last two sums do.
  Float q = fma.horner(x.r, f.coefficients);
  Float p = (x.hi + ((x.r * x.r) * q + x.lo)) + 1.0;
  return scale == 1.0 ? p : p * scale;
}

/// p * 2^n by an instruction for each 512 bits, which handles overflow and
/// gradual underflow.
Value scaleByInstruction(const Float &p, const Float &n) {
  ImplicitLocOpBuilder &b = *p.b;
  bool single = p.element().isF32();
  Type maskType = b.getIntegerType(single ? 16 : 8);
  Value allLanes = arith::ConstantOp::create(b, b.getIntegerAttr(maskType, -1));
  Value currentRounding = arith::ConstantOp::create(b, b.getI32IntegerAttr(4));
  StringRef name = single ? "llvm.x86.avx512.mask.scalef.ps.512"
                          : "llvm.x86.avx512.mask.scalef.pd.512";
  int64_t lanes = cast<VectorType>(p.type()).getNumElements();
  int64_t perRegister = single ? 16 : 8;
  VectorType type = VectorType::get({perRegister}, p.element());
  Value scaled = p.value;
  for (int64_t lane = 0; lane < lanes; lane += perRegister) {
    auto slice = [&](Value value) -> Value {
      return lanes == perRegister
                 ? value
                 : vector::ExtractStridedSliceOp::create(
                       b, value, {lane}, {perRegister}, {int64_t(1)});
    };
    Value part = slice(p.value);
    part = LLVM::CallIntrinsicOp::create(b, type, b.getStringAttr(name),
                                         ValueRange{part, slice(n.value), part,
                                                    allLanes, currentRounding})
               .getResult(0);
    scaled = lanes == perRegister ? part
                                  : vector::InsertStridedSliceOp::create(
                                        b, part, scaled, {lane}, {int64_t(1)});
  }
  return scaled;
}

bool canScaleByInstruction(Type type, const MathOptions &options) {
  auto vector = dyn_cast<VectorType>(type);
  return options.scalef && vector && vector.getRank() == 1 &&
         !vector.isScalable() &&
         vector.getNumElements() * vector.getElementTypeBitWidth() % 512 == 0;
}

Value buildExp(ImplicitLocOpBuilder &b, Value value, const MathOptions &options,
               bool nonPositive) {
  Float x{{&b, value}};
  ExpFormat f = formatOf(x.element(), options.fast);
  MultiplyAdd fma{options.fma};
  auto reduction = options.fast && x.element().isF32() ? Reduction::OneStep
                                                       : Reduction::TwoStep;

  // An infinity would turn r into infinity - infinity. In this operand order
  // x86 has one instruction that keeps NaN.
  x = (x < f.lowest).select(x.like(f.lowest), x);
  if (!nonPositive)
    x = (x > f.highest).select(x.like(f.highest), x);

  if (canScaleByInstruction(value.getType(), options)) {
    Reduced reduced = reduce(x, f, /*bias=*/0, reduction, fma);
    return scaleByInstruction(exponential(reduced, f, 1.0, fma), reduced.n);
  }

  // 2^n is built in the exponent field and *multiplied*: only so is a subnormal
  // result rounded once, and NaN stays NaN whatever its bits did to n.
  if (nonPositive) {
    // n reaches below the smallest normal exponent, never far above 0: shift
    // the range up and let the polynomial carry the inverse.
    unsigned headRoom = (f.exponentBias + 1) / 2;
    Reduced reduced = reduce(x, f, f.exponentBias + headRoom, reduction, fma);
    Float power =
        (reduced.biased.bits() << f.mantissaBits).asFloat(x.element());
    double scale = std::ldexp(1.0, -static_cast<int>(headRoom));
    return (exponential(reduced, f, scale, fma) * power).value;
  }
  // n overflows the exponent field at both ends: two factors, of half of n
  // each. The first product is normal and hence exact.
  Reduced reduced = reduce(x, f, 2 * f.exponentBias, reduction, fma);
  Int whole = reduced.biased.bits();
  Int half = whole >> 1;
  Float first = (half << f.mantissaBits).asFloat(x.element());
  Float second = ((whole - half) << f.mantissaBits).asFloat(x.element());
  return (exponential(reduced, f, 1.0, fma) * first * second).value;
}

} // namespace

ReductionFormat expr::reductionFormat(Type element) {
  // 16 bits of ln 2 leave room for the 8 bits of n, and 42 for 11.
  if (element.isF32())
    return {23, 127, 0x1.715476p+0, 0x1.62e4p-1, 0x1.7f7d1cp-20, 0x1.62e43p-1};
  assert(element.isF64() && "expected f32 or f64");
  return {52,
          1023,
          0x1.71547652b82fep+0,
          0x1.62e42fefa38p-1,
          0x1.ef35793c7673p-45,
          0x1.62e42fefa39efp-1};
}

Reduced expr::reduce(const Float &x, const ReductionFormat &f, unsigned bias,
                     Reduction reduction, MultiplyAdd fma) {
  double magic = f.magic(bias);
  Float biased = fma(x, f.log2e, magic);
  Float n = biased - magic;
  // Without FMA one step would lose what the product n * ln2 rounds away.
  if (reduction == Reduction::OneStep && fma.fused) {
    Float r = fma(n, -f.ln2, x);
    return {biased, n, r, r, r};
  }
  Float hi = fma(n, -f.ln2Hi, x);
  if (fma.fused) {
    Float r = fma(n, -f.ln2Lo, hi);
    return {biased, n, r, r, r};
  }
  Float lo = n * -f.ln2Lo;
  return {biased, n, hi + lo, hi, lo};
}

Value mlir::softmax::buildExp(ImplicitLocOpBuilder &b, Value x,
                              const MathOptions &options) {
  return ::buildExp(b, x, options, /*nonPositive=*/false);
}

/// 2^x by the target's instruction. With `afn` subnormal results may be 0,
/// which saves GPUs three instructions around theirs.
static Float exp2(const Float &x, bool keepsSubnormals) {
  auto flags =
      keepsSubnormals ? arith::FastMathFlags::none : arith::FastMathFlags::afn;
  return {{x.b, math::Exp2Op::create(*x.b, x.value, flags)}};
}

/// 2^(x log2 e) with what the rounding of the product loses, and the rest of
/// log2 e, as a factor 1 + lost: the product alone would err in proportion to
/// |x|.
static Value buildByExp2(ImplicitLocOpBuilder &b, Value value, bool unchecked) {
  Float x{{&b, value}};
  // Beyond, the result is 0; an infinity would make inf - inf of what is lost.
  // This maximum keeps NaN.
  if (!unchecked)
    x = {{&b, arith::MaximumFOp::create(b, value, x.like(-104.0).value)}};
  auto fma = [&](const Float &p, const Float &q, const Float &r) {
    return Float{{&b, math::FmaOp::create(b, p.value, q.value, r.value)}};
  };
  Float product = x * x.like(0x1.715476p+0);
  Float lost = fma(product, x.like(0x1.05c61p-29),
                   fma(product, x.like(-0x1.62e43p-1), x));
  Float power = exp2(product, /*keepsSubnormals=*/!unchecked);
  return fma(power, lost, power).value;
}

static bool isHardware(Value x, const MathOptions &options) {
  return options.hardwareExp2 && getElementTypeOrSelf(x).isF32();
}

Value mlir::softmax::buildExpNonPositive(ImplicitLocOpBuilder &b, Value x,
                                         const MathOptions &options) {
  return isHardware(x, options)
             ? buildByExp2(b, x, /*unchecked=*/false)
             : ::buildExp(b, x, options, /*nonPositive=*/true);
}

Value mlir::softmax::buildExpUnchecked(ImplicitLocOpBuilder &b, Value x,
                                       const MathOptions &options) {
  return isHardware(x, options) ? buildByExp2(b, x, /*unchecked=*/true)
                                : buildExpNonPositive(b, x, options);
}

/// The square of 2^(x log2 e / 2), which cannot be subnormal itself where its
/// square is not 0.
Value mlir::softmax::buildExpRounded(ImplicitLocOpBuilder &b, Value x,
                                     const MathOptions &options) {
  if (!isHardware(x, options))
    return buildExpNonPositive(b, x, options);
  Float argument{{&b, x}};
  Float root = exp2(argument * argument.like(0x1.715476p-1),
                    /*keepsSubnormals=*/false);
  return (root * root).value;
}
