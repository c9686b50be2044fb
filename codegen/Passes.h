// The passes of code generation.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef CODEGEN_PASSES_H
#define CODEGEN_PASSES_H

#include "dialect/softmax/Softmax.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Pass/Pass.h"

namespace mlir::softmax {

#define GEN_PASS_DECL
#include "codegen/Passes.h.inc"
#define GEN_PASS_REGISTRATION
#include "codegen/Passes.h.inc"

/// Attributes of the arguments of a kernel's entry.
inline constexpr llvm::StringLiteral kRoleName = "softmax.role";
inline constexpr llvm::StringLiteral kArgumentName = "softmax.name";
inline constexpr llvm::StringLiteral kExtentsName = "softmax.extents";
inline constexpr llvm::StringLiteral kLabelsName = "softmax.labels";

} // namespace mlir::softmax

#endif // CODEGEN_PASSES_H
