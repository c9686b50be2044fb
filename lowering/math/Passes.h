// The pass that expands elementary functions and conversions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef LOWERING_MATH_PASSES_H
#define LOWERING_MATH_PASSES_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Pass/Pass.h"

namespace mlir::softmax {

#define GEN_PASS_DECL
#include "lowering/math/Passes.h.inc"
#define GEN_PASS_REGISTRATION
#include "lowering/math/Passes.h.inc"

} // namespace mlir::softmax

#endif // LOWERING_MATH_PASSES_H
