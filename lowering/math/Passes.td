// The pass that expands elementary functions and conversions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef LOWERING_MATH_PASSES_TD
#define LOWERING_MATH_PASSES_TD

include "mlir/Pass/PassBase.td"

def SoftmaxLowerMathPass : Pass<"softmax-lower-math"> {
  let summary = "expand elementary functions and 16-bit conversions";
  let description = [{
    Replaces `math.exp`, `math.log`, `math.log1p`, `math.tanh`,
    `row.exp_nonpositive` and `row.sech_squared` on scalars and vectors by
    straight-line arithmetic with a stated error bound
    (`lowering/math/README.md`), so that no call of a C library remains. f16 and
    bf16 operands are widened to f32, evaluated there and rounded once.

    Conversions between f16 or bf16 and f32 or f64 (`arith.extf`,
    `arith.truncf`) become integer arithmetic that is exact or rounds once, to
    nearest even. Those with another rounding mode stay.

    Works on every function of the operation it runs on, those of GPU kernels
    included.

    The result has no fast-math flags and must not be given any: the range
    reductions rely on the order of their operations. (`afn` on `math.exp2` lets
    a GPU lose subnormal results; on `math.exp` with `hardware-exp2` it stands
    for `rounded` of `row.exp_nonpositive`.)

    Example: test/lowering/lower-math.mlir
  }];
  let options = [
    Option<"fma", "fma", "bool", /*default=*/"true",
           "The target has a fused multiply-add instruction">,
    Option<"scalef", "scalef", "bool", /*default=*/"false",
           "The target has AVX-512's vscalef; used on vectors of whole "
           "512-bit registers">,
    Option<"nativeHalf", "native-half", "bool", /*default=*/"false",
           "The target converts between f16 and f32 by an instruction">,
    Option<"fast", "fast", "bool", /*default=*/"false",
           "Take the cheaper f32 exponential and hyperbolic functions">,
    Option<"keepSignaling", "keep-signaling", "bool", /*default=*/"false",
           "Widening bf16 may leave a signalling NaN signalling (one shift)">,
    Option<"hardwareExp2", "hardware-exp2", "bool", /*default=*/"false",
           "Take math.exp2 of f32 as an instruction of 2 ULP">
  ];
  let dependentDialects = ["arith::ArithDialect", "math::MathDialect",
                           "vector::VectorDialect", "LLVM::LLVMDialect"];
}

#endif // LOWERING_MATH_PASSES_TD
