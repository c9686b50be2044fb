// What programs gain from what is known of their operands' layouts.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef LOWERING_CPU_LAYOUT_H
#define LOWERING_CPU_LAYOUT_H

#include "dialect/softmax/Softmax.h"
#include "mlir/IR/PatternMatch.h"

namespace mlir::softmax {

/// The dimension of a program's iteration space that the vectors of a traversal
/// run along, if it has one.
std::optional<int64_t> getVectorDimension(row::ProgramOp program,
                                          Traversal traversal);

/// True when every operand that has dimension `dim` of the iteration space is
/// known to have unit stride there.
bool hasUnitStrides(row::ProgramOp program, int64_t dim);

/// Programs to be lowered in place of `programs`, which compute the same. The
/// dimensions behind the class axis of dense operands become one. A program
/// whose strides along the vectors are known at run time only becomes two: one
/// for unit strides, one for all others.
SmallVector<row::ProgramOp> specialize(ArrayRef<row::ProgramOp> programs,
                                       Traversal traversal,
                                       RewriterBase &rewriter);

} // namespace mlir::softmax

#endif // LOWERING_CPU_LAYOUT_H
