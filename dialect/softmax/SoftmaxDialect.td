// The softmax dialect: what is meant.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef DIALECT_SOFTMAX_SOFTMAXDIALECT_TD
#define DIALECT_SOFTMAX_SOFTMAXDIALECT_TD

include "mlir/IR/OpBase.td"

def Softmax_Dialect : Dialect {
  let name = "softmax";
  let cppNamespace = "::mlir::softmax";
  let summary = "softmax and cross-entropy operators, and their schedules";
  let description = [{
    Operators on tensors and memrefs of any rank with a class axis: softmax and
    its relatives, cross-entropy losses, their gradients, and the parameter
    update. The operators are in destination-passing style: `outs` gives the
    shape of a result and, after bufferization, the buffer it is written to.

    Operators hold meaning only. How a kernel is computed is a *schedule*, an
    attribute on the kernel function (`softmax.schedule`), which the passes
    `softmax-select-cpu-schedule` and its relatives write and lowering reads.

    Element types are f32, f64, f16 and bf16. f16 and bf16 are computed in f32
    and rounded once. The formulas, here for a row x with C classes:

        max = max_c x_c,  sum = sum_c exp(x_c - max),  lse = max + log(sum)

    A NaN anywhere in a row makes the row's results NaN; so does +inf, and a row
    of -inf only (logsumexp gives +inf and -inf there). A single -inf has
    probability +0.
  }];
  let useDefaultAttributePrinterParser = 1;
  let hasOperationAttrVerify = 1;
  let dependentDialects = ["row::RowDialect", "arith::ArithDialect",
                           "math::MathDialect", "tensor::TensorDialect",
                           "memref::MemRefDialect"];
  let extraClassDeclaration = [{
    /// Name of the attribute of a kernel function that holds its schedule.
    static constexpr StringLiteral kScheduleName = "softmax.schedule";
    /// Name of the attribute of a kernel function that names its target.
    static constexpr StringLiteral kTargetName = "softmax.target";
    /// Name of the attribute of a GPU kernel function that says how many bytes of
    /// workspace it needs.
    static constexpr StringLiteral kWorkspaceName = "softmax.workspace";
  }];
}

#endif // DIALECT_SOFTMAX_SOFTMAXDIALECT_TD
