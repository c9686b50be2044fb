// Rows that stay in shared memory between sweeps.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "lowering/gpu/RowKernel.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

using namespace mlir;
using namespace mlir::softmax;

// The first sweep that reads a row leaves what it has loaded in shared memory,
// and later ones find it there. A thread stores and reads its own columns only,
// whole vectors one after the other: no barrier, and no bank serves two threads
// at once.

/// Sweeps of the program over the elements of `row`.
static unsigned sweepsOver(ArrayRef<SmallVector<row::ReduceOp>> sweeps,
                           row::ProgramOp program, Value row, bool readsOnce) {
  unsigned count = 0;
  for (ArrayRef<row::ReduceOp> sweep : sweeps) {
    bool reads = llvm::any_of(sweep, [&](row::ReduceOp reduce) {
      return llvm::is_contained(reduce.getRows(), row);
    });
    count += reads ? (readsOnce ? 1 : 2) : 0;
  }
  for (auto map : program.getBodyBlock()->getOps<row::MapOp>())
    if (llvm::is_contained(map.getRows(), row))
      return count + 1; // one sweep for all maps
  return count;
}

void RowKernel::reserveShared() {
  if (schedule.getResidence() != Residence::Shared)
    return;
  int64_t width = group.getThreads() * schedule.getVector();
  int64_t steps = llvm::divideCeil(*staticExtent, width * schedule.getSteps()) *
                  schedule.getSteps();
  for (auto &[row, operand] : inputs) {
    if (!program.hasAxis(operand.map) ||
        sweepsOver(sweeps, program, row, readsOnce()) < 2)
      continue;
    Type stored = cast<MemRefType>(operand.memory.getType()).getElementType();
    sharedRows[row] =
        kernel.largeSharedMemory(vectorOf(stored), steps * schedule.getBlock());
  }
}

/// Which of the block's vectors these columns are.
Value RowKernel::placeInShared(const Columns &columns) {
  Value thread = gpu::ThreadIdOp::create(b, gpu::Dimension::x);
  Value step = arith::DivUIOp::create(
      b, columns.first,
      kernel.index(group.getThreads() * schedule.getVector()));
  return arith::AddIOp::create(
      b, arith::MulIOp::create(b, step, kernel.index(schedule.getBlock())),
      thread);
}

bool RowKernel::isKept(Value row) const {
  return inShared.contains({row, until});
}

Value RowKernel::loadKept(Value row, const Columns &columns) {
  return memref::LoadOp::create(b, sharedRows.lookup(row),
                                placeInShared(columns));
}

void RowKernel::keep(Value row, const Columns &columns, Value vector) {
  if (Value memory = sharedRows.lookup(row))
    memref::StoreOp::create(b, vector, memory, placeInShared(columns));
}
