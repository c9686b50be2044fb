// Rows in slices: folded one after the other, or each by a block of its own.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "lowering/gpu/RowKernel.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace mlir::softmax;

// A slice is folded to a state by a block, and the states of a row are folded
// as those of a block's threads are: thread i has the state of slice i. Whether
// the slices came from one block or from many makes no difference to the bits,
// and threads instead of a loop make it cheap for all blocks of a row to fold
// all of its states.

static Type elementOf(ArrayRef<row::ReduceOp> sweep) {
  for (row::ReduceOp reduce : sweep)
    if (Type type = reduce->getResult(0).getType(); type.isF64())
      return type;
  return Float32Type::get(sweep.front()->getContext());
}

static Value convert(ImplicitLocOpBuilder &b, Value value, Type type) {
  if (value.getType() == type)
    return value;
  if (type.isF64())
    return arith::ExtFOp::create(b, type, value);
  return arith::TruncFOp::create(b, type, value);
}

int64_t RowKernel::stateBytes(ArrayRef<row::ReduceOp> sweep) {
  int64_t values = 0;
  for (row::ReduceOp reduce : sweep)
    values += valuesOf(reduce);
  return values * elementOf(sweep).getIntOrFloatBitWidth() / 8;
}

bool RowKernel::canSplit(row::ProgramOp program) {
  Block *body = program.getBodyBlock();
  std::function<bool(Value)> isFolded = [&](Value value) {
    Operation *op = value.getDefiningOp();
    if (!op || op->getBlock() != body)
      return false;
    return isa<row::ReduceOp>(op) || llvm::any_of(op->getOperands(), isFolded);
  };
  return llvm::none_of(body->getOps<row::AtOp>(),
                       [&](row::AtOp at) { return isFolded(at.getColumn()); });
}

unsigned RowKernel::launchesWhenSplit(row::ProgramOp program) {
  unsigned sweeps = sweepsOf(program).size();
  Block *body = program.getBodyBlock();
  bool looksUp = !body->getOps<row::AtOp>().empty();
  return std::max<unsigned>(sweeps, looksUp && writesColumns(program)) + 1;
}

void RowKernel::enterSlice(Value number, Value begin) {
  slice = number;
  sliceBegin = begin;
  sliceEnd = arith::AddIOp::create(b, begin, kernel.value(slices->width));
}

SmallVector<Value> RowKernel::reduceSlices(ArrayRef<row::ReduceOp> reduces,
                                           Value end) {
  SmallVector<Value> init = {kernel.index(0)};
  llvm::append_range(init, neutralStates(reduces));
  auto loop = scf::ForOp::create(b, kernel.index(0), extent,
                                 kernel.value(slices->width), init);
  {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(loop.getBody());
    Value number = loop.getRegionIterArg(0);
    enterSlice(number, loop.getInductionVar());
    SmallVector<Value> states = reduceColumns(reduces, end);
    SmallVector<Value> kept = {
        arith::AddIOp::create(b, number, kernel.index(1))};
    Value isMine = arith::CmpIOp::create(b, arith::CmpIPredicate::eq, number,
                                         group.rank());
    for (auto [state, before] :
         llvm::zip(states, loop.getRegionIterArgs().drop_front()))
      kept.push_back(arith::SelectOp::create(b, isMine, state, before));
    // The next slice is exchanged through the same memory.
    group.barrier();
    scf::YieldOp::create(b, kept);
    slice = sliceBegin = sliceEnd = Value();
  }
  return combineStates(reduces, loop.getResults().drop_front());
}

Value RowKernel::stateMemory(unsigned sweep, Type element) {
  int64_t offset = split->states;
  for (unsigned i = 0; i < sweep; ++i)
    offset += stateBytes(sweeps[i]) * schedule.getBlocks();
  return kernel.workspaceMemory(offset, element);
}

SmallVector<Value> RowKernel::loadStates(unsigned sweep) {
  ArrayRef<row::ReduceOp> reduces = sweeps[sweep];
  Type element = elementOf(reduces);
  Value memory = stateMemory(sweep, element);
  Value count = kernel.value(slices->count);
  SmallVector<Value> neutral = neutralStates(reduces);
  Value has =
      arith::CmpIOp::create(b, arith::CmpIPredicate::ult, group.rank(), count);
  auto branch = scf::IfOp::create(b, ValueRange(neutral).getTypes(), has,
                                  /*withElseRegion=*/true);
  {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(&branch.getThenRegion().front());
    Value at = arith::AddIOp::create(
        b, arith::MulIOp::create(b, rowNumber, count), group.rank());
    at = arith::MulIOp::create(b, at, kernel.index(neutral.size()));
    SmallVector<Value> loaded;
    for (auto [i, value] : llvm::enumerate(neutral)) {
      Value where = arith::AddIOp::create(b, at, kernel.index(i));
      loaded.push_back(convert(b, memref::LoadOp::create(b, memory, where),
                               value.getType()));
    }
    scf::YieldOp::create(b, loaded);
    b.setInsertionPointToStart(&branch.getElseRegion().front());
    scf::YieldOp::create(b, neutral);
  }
  return combineStates(reduces, branch.getResults());
}

void RowKernel::storeStates(unsigned sweep, ValueRange states) {
  Type element = elementOf(sweeps[sweep]);
  Value memory = stateMemory(sweep, element);
  Value writes = arith::AndIOp::create(b, inRange, group.isFirst());
  auto branch = scf::IfOp::create(b, writes);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(&branch.getThenRegion().front());
  Value at = arith::MulIOp::create(b, rowNumber, kernel.value(slices->count));
  at = arith::AddIOp::create(b, at, slice);
  at = arith::MulIOp::create(b, at, kernel.index(states.size()));
  for (auto [i, state] : llvm::enumerate(states)) {
    Value where = arith::AddIOp::create(b, at, kernel.index(i));
    memref::StoreOp::create(b, convert(b, state, element), memory, where);
  }
}

Value RowKernel::keepLookup(unsigned number, Type stored,
                            function_ref<Value()> read) {
  if (!split || (split->number == 0 && split->isLast))
    return read();
  Value memory = kernel.workspaceMemory(
      split->lookups + 8 * schedule.getBlocks() * number, stored);
  if (split->number > 0)
    return memref::LoadOp::create(b, memory, rowNumber);
  Value element = read();
  auto branch = scf::IfOp::create(b, reports);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(&branch.getThenRegion().front());
  memref::StoreOp::create(b, element, memory, rowNumber);
  return element;
}
