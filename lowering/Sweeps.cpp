// Which reductions of a row program share a sweep over the columns.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "lowering/Sweeps.h"

#include "mlir/Transforms/RegionUtils.h"

using namespace mlir;
using namespace mlir::softmax;

SmallVector<SmallVector<row::ReduceOp>>
softmax::sweepsOf(row::ProgramOp program) {
  Block *body = program.getBodyBlock();
  SmallVector<SmallVector<row::ReduceOp>> sweeps;
  llvm::DenseSet<Operation *> placed;
  for (auto first : body->getOps<row::ReduceOp>()) {
    if (placed.contains(first))
      continue;
    auto isKnown = [&](Value value) {
      Operation *op = value.getDefiningOp();
      return value.getParentBlock() != body || !op || placed.contains(op) ||
             (!isa<row::ReduceOp>(op) && op->isBeforeInBlock(first));
    };
    SmallVector<row::ReduceOp> sweep;
    for (Operation *op = first; op; op = op->getNextNode()) {
      auto reduce = dyn_cast<row::ReduceOp>(op);
      if (!reduce || placed.contains(op) ||
          reduce.getUntil() != first.getUntil())
        continue;
      bool ready = !reduce.getScale() || isKnown(reduce.getScale());
      visitUsedValuesDefinedAbove(reduce.getElement(), [&](OpOperand *operand) {
        ready &= isKnown(operand->get());
      });
      if (ready)
        sweep.push_back(reduce);
    }
    placed.insert(sweep.begin(), sweep.end());
    sweeps.push_back(std::move(sweep));
  }
  return sweeps;
}

bool softmax::sweepsColumns(row::ProgramOp program) {
  return llvm::any_of(*program.getBodyBlock(), [](Operation &op) {
    return isa<row::ReduceOp, row::MapOp>(op);
  });
}

bool softmax::writesColumns(row::ProgramOp program) {
  return !program.getBodyBlock()->getOps<row::MapOp>().empty();
}

bool softmax::roundsResults(row::ProgramOp program) {
  return llvm::all_of(program.getOutputs(), [](Value output) {
    auto type = dyn_cast<MemRefType>(output.getType());
    return type && type.getElementTypeBitWidth() <= 16;
  });
}
