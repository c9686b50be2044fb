// Which reductions of a row program share a sweep over the columns.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef LOWERING_SWEEPS_H
#define LOWERING_SWEEPS_H

#include "dialect/softmax/Softmax.h"

namespace mlir::softmax {

/// The reductions of each sweep, in the order in which sweeps can follow one
/// another: those that end at the same column and wait for no result of the
/// others or of later ones.
SmallVector<SmallVector<row::ReduceOp>> sweepsOf(row::ProgramOp program);

/// True when the program reads or writes elements along the class axis with a
/// reduction or a map.
bool sweepsColumns(row::ProgramOp program);
/// True when it has results along the class axis.
bool writesColumns(row::ProgramOp program);
/// True when all of its results, memrefs by now, are rounded to 16 bits.
bool roundsResults(row::ProgramOp program);

} // namespace mlir::softmax

#endif // LOWERING_SWEEPS_H
