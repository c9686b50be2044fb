// Builders of the elementary functions and conversions that kernels need.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef LOWERING_MATH_MATH_H
#define LOWERING_MATH_MATH_H

#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace mlir::softmax {

/// What the machine offers and how accurate the result has to be.
struct MathOptions {
  /// `math.fma` is one instruction. Without it every multiply-add rounds twice
  /// and the sequences differ, because `math.fma` would call the C library.
  bool fma = true;
  /// AVX-512's `vscalef` is at hand. Used on vectors of whole 512-bit registers
  /// only, all other types take the portable form.
  bool scalef = false;
  /// Conversions between f16 and f32 are instructions (F16C, AArch64, ...).
  bool nativeHalf = false;
  /// The cheaper f32 exponential and hyperbolic functions. f64 and the
  /// logarithms have one form.
  bool fast = false;
  /// Widening bf16 may leave a signalling NaN signalling, which makes it one
  /// shift. Right wherever arithmetic follows, because that quiets the NaN.
  bool keepSignaling = false;
  /// Conversions between bf16 and f32 are instructions, subnormals included.
  bool nativeBFloat = false;
  /// `math.exp2` on f32 is an instruction that errs by at most 2 ULP and keeps
  /// subnormal results. Used for exponentials of arguments <= 0; needs `fma`.
  bool hardwareExp2 = false;
};

// All builders take a scalar or a vector of any shape, fixed or scalable, emit
// straight-line code without fast-math flags, and assume rounding to nearest.
// README.md has the sequences and the measured bounds.

/// e^x for every f32 or f64 `x`.
Value buildExp(ImplicitLocOpBuilder &b, Value x, const MathOptions &options);

/// e^x for f32 or f64 `x <= 0` or NaN; any value for other `x`.
Value buildExpNonPositive(ImplicitLocOpBuilder &b, Value x,
                          const MathOptions &options);

/// What `row.exp_nonpositive` with `unchecked` and with `rounded` allows on f32
/// where `hardwareExp2` is set. The latter takes every x.
Value buildExpUnchecked(ImplicitLocOpBuilder &b, Value x,
                        const MathOptions &options);
Value buildExpRounded(ImplicitLocOpBuilder &b, Value x,
                      const MathOptions &options);

/// The natural logarithm of every f32 or f64 `x`.
Value buildLog(ImplicitLocOpBuilder &b, Value x, const MathOptions &options);

/// log(1 + x) for every f32 or f64 `x`.
Value buildLog1p(ImplicitLocOpBuilder &b, Value x, const MathOptions &options);

/// The hyperbolic tangent of every f32 or f64 `x`.
Value buildTanh(ImplicitLocOpBuilder &b, Value x, const MathOptions &options);

/// 1 - tanh(x)^2 for every f32 or f64 `x`.
Value buildSechSquared(ImplicitLocOpBuilder &b, Value x,
                       const MathOptions &options);

/// Converts `narrow`, of element type f16 or bf16, to `wide`, of element type
/// f32 or f64. Exact.
Value buildExtend(ImplicitLocOpBuilder &b, Value narrow, Type wide,
                  const MathOptions &options);

/// Converts `wide`, of element type f32 or f64, to `narrow`, of element type
/// f16 or bf16, with a single rounding to nearest even.
Value buildTruncate(ImplicitLocOpBuilder &b, Value wide, Type narrow,
                    const MathOptions &options);

} // namespace mlir::softmax

#endif // LOWERING_MATH_MATH_H
