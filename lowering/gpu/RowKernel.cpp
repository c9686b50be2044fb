// The rows of a GPU kernel: who takes which, where they lie, what they yield.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "lowering/gpu/RowKernel.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "runtime/smx_abi.h"

using namespace mlir;
using namespace mlir::softmax;

int64_t RowKernel::threadsPerRow(row::ProgramOp program,
                                 GPUScheduleAttr schedule) {
  return sweepsColumns(program) ? schedule.getThreads() : 1;
}

int64_t RowKernel::blocksPerRow(row::ProgramOp program,
                                GPUScheduleAttr schedule) {
  return threadsPerRow(program, schedule) == 1 ? 1 : schedule.getCluster();
}

/// Neighbouring threads have neighbouring rows where these lie side by side in
/// memory: where the class axis is not innermost. Every thread folds the values
/// of all that share its row, so these have to be few.
static Neighbours neighboursOf(row::ProgramOp program,
                               GPUScheduleAttr schedule) {
  bool isInnermost = true;
  for (OpOperand &operand : program->getOpOperands()) {
    AffineMap map = program.getMap(operand);
    if (!isa<MemRefType>(operand.get().getType()) || !program.hasAxis(map))
      continue;
    auto last = cast<AffineDimExpr>(map.getResults().back());
    isInnermost &= last.getPosition() == program.getAxis();
  }
  constexpr int64_t kMostThreads = 32, kLargestBlock = 512;
  return !isInnermost && schedule.getThreads() <= kMostThreads &&
                 schedule.getBlock() <= kLargestBlock
             ? Neighbours::Rows
             : Neighbours::Columns;
}

RowKernel::RowKernel(row::ProgramOp program, DeviceKernel &kernel, Value blocks,
                     bool wide, ArrayRef<int64_t> partials,
                     std::optional<Slices> slices,
                     std::optional<SplitLaunch> split)
    : program(program), kernel(kernel), schedule(kernel.schedule), b(kernel.b),
      blocks(kernel.value(blocks)), wide(wide), partials(partials),
      slices(slices), split(split),
      group(kernel, threadsPerRow(program, schedule), schedule.getBlock(),
            neighboursOf(program, schedule), blocksPerRow(program, schedule)),
      sweeps(sweepsOf(program)) {}

/// Row-major without gaps, whatever the extents are.
static bool isDense(Value memref) {
  return cast<MemRefType>(memref.getType()).getLayout().isIdentity();
}

RowKernel::Operand RowKernel::describe(Value memref, AffineMap map) {
  Operand operand;
  operand.map = map;
  operand.memory = kernel.memory(memref);
  operand.element = cast<MemRefType>(memref.getType()).getElementType();
  operand.isDense = isDense(memref);
  operand.strides = kernel.strides(memref);
  for (auto [position, expr] : llvm::enumerate(map.getResults())) {
    if (cast<AffineDimExpr>(expr).getPosition() != program.getAxis())
      continue;
    bool isUnit = operand.isDense && position + 1 == map.getNumResults();
    if (!isUnit)
      operand.columnStride = operand.strides[position];
  }
  return operand;
}

Value RowKernel::linear(const Operand &operand, ArrayRef<Value> at) {
  Value sum = kernel.index(0);
  for (auto [position, expr] : llvm::enumerate(operand.map.getResults())) {
    int64_t dim = cast<AffineDimExpr>(expr).getPosition();
    if (dim == program.getAxis())
      continue;
    Value offset = arith::MulIOp::create(b, at[dim], operand.strides[position]);
    sum = arith::AddIOp::create(b, sum, offset);
  }
  return sum;
}

/// True when the map names all row dimensions in order, the class axis last or
/// not at all: then the number of a row tells where it lies, without a
/// division.
static bool followsRows(row::ProgramOp program, AffineMap map) {
  SmallVector<int64_t> dims;
  for (int64_t dim = 0; dim < program.getSpaceRank(); ++dim)
    if (dim != program.getAxis())
      dims.push_back(dim);
  if (program.hasAxis(map))
    dims.push_back(program.getAxis());
  return map.getNumResults() == dims.size() &&
         llvm::all_of(llvm::enumerate(map.getResults()), [&](auto result) {
           return cast<AffineDimExpr>(result.value()).getPosition() ==
                  dims[result.index()];
         });
}

void RowKernel::locate(Operand &operand, Value row) {
  if (operand.isDense && followsRows(program, operand.map)) {
    operand.base = program.hasAxis(operand.map)
                       ? arith::MulIOp::create(b, row, extent).getResult()
                       : row;
    return;
  }
  if (indices.empty() && operand.map.getNumResults() > 0) {
    indices.assign(program.getSpaceRank(), kernel.index(0));
    Value rest = row;
    for (int64_t dim = program.getSpaceRank() - 1; dim >= 0; --dim) {
      if (dim == program.getAxis())
        continue;
      indices[dim] = arith::RemUIOp::create(b, rest, extents[dim]);
      rest = arith::DivUIOp::create(b, rest, extents[dim]);
    }
  }
  operand.base = linear(operand, indices);
}

void RowKernel::emit() {
  int64_t rank = program.getSpaceRank(), axis = program.getAxis();
  rowCount = kernel.index(1);
  for (int64_t dim = 0; dim < rank; ++dim) {
    auto [operand, position] = program.getBound(dim);
    Value size;
    if (operand)
      size = kernel.value(
          kernel.host.createOrFold<memref::DimOp>(operand, position));
    extents.push_back(size ? size : kernel.index(0));
    if (dim != axis)
      rowCount = arith::MulIOp::create(b, rowCount, size);
  }
  extent = extents[axis];
  if (auto [operand, position] = program.getBound(axis); operand) {
    auto type = cast<MemRefType>(operand.getType());
    if (!type.isDynamicDim(position))
      staticExtent = type.getDimSize(position);
  }

  Block *body = program.getBodyBlock();
  for (auto [i, input] : llvm::enumerate(program.getInputs())) {
    if (isa<MemRefType>(input.getType()))
      inputs[body->getArgument(i)] = describe(input, program.getInputMap(i));
    else
      values.map(body->getArgument(i), kernel.value(input));
  }
  for (auto [i, output] : llvm::enumerate(program.getOutputs()))
    outputs.push_back(program.getOutputMap(i).getNumResults() == 0
                          ? Operand()
                          : describe(output, program.getOutputMap(i)));

  reserveShared();

  int64_t cluster = blocksPerRow(program, schedule);
  Value together =
      kernel.index(schedule.getBlock() / threadsPerRow(program, schedule));
  Value block = gpu::BlockIdOp::create(b, gpu::Dimension::x);
  Value launched = blocks;
  if (cluster > 1) {
    block = arith::DivUIOp::create(b, block, kernel.index(cluster));
    launched = arith::DivUIOp::create(b, launched, kernel.index(cluster));
  }
  Value from = arith::MulIOp::create(b, block, together);
  Value stride = arith::MulIOp::create(b, launched, together);
  // A compensated sum, two values, for each total.
  Value zero = arith::ConstantOp::create(b, b.getF64FloatAttr(0));
  SmallVector<Value> totals(2 * partials.size(), zero);
  if (split) {
    // As many blocks as units.
    storeTotals(emitRow(from, totals));
    return;
  }
  auto loop = scf::ForOp::create(b, from, rowCount, stride, totals);
  b.setInsertionPointToStart(loop.getBody());
  SmallVector<Value> next =
      emitRow(loop.getInductionVar(), loop.getRegionIterArgs());
  if (!next.empty())
    scf::YieldOp::create(b, next);
  b.setInsertionPointAfter(loop);
  storeTotals(loop.getResults());
}

bool RowKernel::splitsRows() {
  return split && (!split->isLast || writesColumns(program));
}

SmallVector<Value> RowKernel::emitRow(Value first, ValueRange totals) {
  Value row = first;
  inRange = arith::ConstantOp::create(b, b.getBoolAttr(true));
  if (threadsPerRow(program, schedule) < schedule.getBlock()) {
    // Groups past the last row look at it once more, but write nothing.
    row = arith::AddIOp::create(b, row, group.number());
    inRange =
        arith::CmpIOp::create(b, arith::CmpIPredicate::ult, row, rowCount);
    Value last = arith::SubIOp::create(b, rowCount, kernel.index(1));
    row = arith::MinUIOp::create(b, row, last);
  }
  reports = arith::AndIOp::create(b, inRange, group.isFirst());
  if (splitsRows()) {
    Value count = kernel.value(slices->count);
    Value number = arith::RemUIOp::create(b, row, count);
    enterSlice(number,
               arith::MulIOp::create(b, number, kernel.value(slices->width)));
    row = arith::DivUIOp::create(b, row, count);
    Value isFirst = arith::CmpIOp::create(b, arith::CmpIPredicate::eq, slice,
                                          kernel.index(0));
    reports = arith::AndIOp::create(b, reports, isFirst);
  }
  rowNumber = row;
  inShared.clear();
  if (!sweeps.empty())
    group.beginRow();
  active = inRange;
  bool asksIndex = llvm::any_of(*program.getBodyBlock(), [](Operation &op) {
    return isa<row::IndexOp>(op);
  });
  if (asksIndex) {
    Operand everywhere;
    SmallVector<AffineExpr> dims;
    for (int64_t dim = 0; dim < program.getSpaceRank(); ++dim)
      dims.push_back(b.getAffineDimExpr(dim));
    everywhere.map = AffineMap::get(dims.size(), 0, dims, b.getContext());
    everywhere.isDense = false;
    everywhere.strides.assign(dims.size(), kernel.index(0));
    locate(everywhere, row);
  }
  for (auto &[argument, operand] : inputs) {
    locate(operand, row);
    if (movesUnits(operand, /*stores=*/false))
      locateUnits(operand);
    if (program.hasAxis(operand.map))
      continue;
    Value element =
        memref::LoadOp::create(b, operand.memory, ValueRange{operand.base});
    values.map(argument, fromStored(operand, element));
  }
  for (Operand &operand : outputs)
    if (operand.memory) {
      locate(operand, row);
      if (movesUnits(operand, /*stores=*/true))
        locateUnits(operand);
    }

  emitBody();
  SmallVector<Value> next(totals);
  if (!split || split->isLast) {
    storeScalars();
    reportLabel();
    next = addToTotals(totals);
  }
  group.endRow();
  return next;
}

void RowKernel::emitBody() {
  Block *body = program.getBodyBlock();
  bool synchronizes = false, looksUp = false;
  for (Operation &op : body->without_terminator()) {
    if (isLaterWork(&op))
      continue;
    if (auto skip = dyn_cast<row::SkipIfOp>(op)) {
      skipped = values.lookupOrDefault(skip.getCondition());
      for (Value value : skip.getValues())
        skippedValues.push_back(values.lookupOrNull(value)
                                    ? values.lookup(value)
                                    : kernel.value(value));
      Value yes = arith::ConstantOp::create(b, b.getBoolAttr(true));
      Value kept = arith::XOrIOp::create(b, skipped, yes);
      active = arith::AndIOp::create(b, inRange, kept);
    } else if (auto reduce = dyn_cast<row::ReduceOp>(op)) {
      emitReduce(reduce);
      synchronizes = true;
    } else if (auto extentOp = dyn_cast<row::ExtentOp>(op)) {
      values.map(extentOp.getResult(), extent);
    } else if (auto indexOp = dyn_cast<row::IndexOp>(op)) {
      values.map(indexOp.getResult(), indices[indexOp.getDim()]);
    } else if (auto at = dyn_cast<row::AtOp>(op)) {
      emitAt(at);
      looksUp = true;
    } else if (!isa<row::MapOp>(op)) {
      for (Value operand : op.getOperands())
        if (!values.contains(operand))
          values.map(operand, kernel.value(operand));
      b.clone(op, values);
    }
  }
  if (split && !split->isLast)
    return;
  SmallVector<row::MapOp> maps;
  SmallVector<unsigned> written;
  for (auto [i, value] : llvm::enumerate(body->getTerminator()->getOperands()))
    if (auto map = value.getDefiningOp<row::MapOp>()) {
      maps.push_back(map);
      written.push_back(i);
    }
  // A result may lie in the place of an operand that others look up.
  if (looksUp && !synchronizes && !maps.empty())
    group.barrier();
  emitMaps(maps, written);
}

bool RowKernel::isLaterWork(Operation *op) {
  if (!split || split->isLast || isa<row::MapOp>(op))
    return false;
  return llvm::any_of(op->getOperands(), [&](Value operand) {
    return operand.getDefiningOp() &&
           operand.getParentBlock() == program.getBodyBlock() &&
           !values.contains(operand);
  });
}

void RowKernel::emitAt(row::AtOp at) {
  const Operand &operand = inputs.find(at.getRow())->second;
  Value column = values.lookupOrDefault(at.getColumn());
  Type stored = cast<MemRefType>(operand.memory.getType()).getElementType();
  unsigned number = 0;
  for (Operation *op = at->getPrevNode(); op; op = op->getPrevNode())
    number += isa<row::AtOp>(op);
  Value element = keepLookup(number, stored, [&]() -> Value {
    Value reads = arith::AndIOp::create(b, active, inRow(column));
    auto guarded =
        scf::IfOp::create(b, TypeRange{stored}, reads, /*withElseRegion=*/true);
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(&guarded.getThenRegion().front());
    Value offset = column;
    if (operand.columnStride)
      offset = arith::MulIOp::create(b, column, operand.columnStride);
    Value element = memref::LoadOp::create(
        b, operand.memory,
        ValueRange{arith::AddIOp::create(b, operand.base, offset)});
    scf::YieldOp::create(b, element);
    b.setInsertionPointToStart(&guarded.getElseRegion().front());
    Value zero = arith::ConstantOp::create(b, b.getZeroAttr(stored));
    scf::YieldOp::create(b, zero);
    return guarded.getResult(0);
  });
  values.map(at.getResult(), fromStored(operand, element));
}

/// Stores what the row yields as scalars, in one thread of its group.
void RowKernel::storeScalars() {
  Operation *yield = program.getBodyBlock()->getTerminator();
  scf::IfOp stores;
  for (auto [i, value] : llvm::enumerate(yield->getOperands())) {
    const Operand &output = outputs[i];
    if (!output.memory || program.hasAxis(output.map))
      continue;
    Value scalar =
        values.contains(value) ? values.lookup(value) : kernel.value(value);
    scalar = toStored(output, scalar);
    if (skipped)
      scalar = arith::SelectOp::create(
          b, skipped, toStored(output, skippedValues[i]), scalar);
    stores = scf::IfOp::create(b, reports);
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(&stores.getThenRegion().front());
    memref::StoreOp::create(b, scalar, output.memory, ValueRange{output.base});
  }
}

/// A label that is neither ignored nor a class sets the error word.
void RowKernel::reportLabel() {
  if (!skipped)
    return;
  for (auto compare : program.getBodyBlock()->getOps<arith::CmpIOp>()) {
    if (compare.getPredicate() != arith::CmpIPredicate::ult ||
        !compare.getRhs().getDefiningOp<row::ExtentOp>())
      continue;
    Value yes = arith::ConstantOp::create(b, b.getBoolAttr(true));
    Value wrong =
        arith::XOrIOp::create(b, values.lookup(compare.getResult()), yes);
    wrong = arith::AndIOp::create(b, arith::AndIOp::create(b, active, reports),
                                  wrong);
    Value word = kernel.workspaceMemory(0, b.getI32Type());
    auto report = scf::IfOp::create(b, wrong);
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(&report.getThenRegion().front());
    Value code =
        arith::ConstantOp::create(b, b.getI32IntegerAttr(SMX_E_TARGET));
    memref::StoreOp::create(b, code, word, ValueRange{kernel.index(0)});
    return;
  }
}

SmallVector<Value> RowKernel::addToTotals(ValueRange totals) {
  Operation *yield = program.getBodyBlock()->getTerminator();
  SmallVector<Value> next;
  for (auto [i, value] : llvm::enumerate(yield->getOperands())) {
    if (outputs[i].memory)
      continue;
    Value scalar =
        values.contains(value) ? values.lookup(value) : kernel.value(value);
    auto widened = [&](Value value) -> Value {
      if (value.getType().isF64())
        return value;
      return arith::ExtFOp::create(b, b.getF64Type(), value);
    };
    scalar = widened(scalar);
    if (skipped)
      scalar = arith::SelectOp::create(b, skipped, widened(skippedValues[i]),
                                       scalar);
    Value zero = arith::ConstantOp::create(b, b.getF64FloatAttr(0));
    scalar = arith::SelectOp::create(b, reports, scalar, zero);
    llvm::append_range(next,
                       addCompensated(b, totals.slice(next.size(), 2), scalar));
  }
  return next;
}

/// The sum of each total over the rows of the block.
void RowKernel::storeTotals(ValueRange totals) {
  if (partials.empty())
    return;
  Value block = gpu::BlockIdOp::create(b, gpu::Dimension::x);
  Group everyone(kernel, schedule.getBlock(), schedule.getBlock());
  for (auto [i, offset] : llvm::enumerate(partials)) {
    Value mine = arith::AddFOp::create(b, totals[2 * i], totals[2 * i + 1]);
    Value sum = everyone.sum(mine);
    Value memory = kernel.workspaceMemory(offset, b.getF64Type());
    auto stores = scf::IfOp::create(b, everyone.isFirst());
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(&stores.getThenRegion().front());
    memref::StoreOp::create(b, sum, memory, ValueRange{block});
  }
}
