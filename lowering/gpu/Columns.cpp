// The columns of a row: which thread owns which, loads, stores, element
// regions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "lowering/gpu/RowKernel.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace mlir::softmax;

// A single column is a scalar: not every target has vectors of one element.
Type RowKernel::vectorOf(Type scalar) {
  int64_t count = schedule.getVector();
  return count == 1 ? scalar : VectorType::get({count}, scalar);
}

Value RowKernel::splat(Value scalar) {
  if (schedule.getVector() == 1)
    return scalar;
  return vector::BroadcastOp::create(b, vectorOf(scalar.getType()), scalar);
}

Value RowKernel::constant(Type scalar, double value) {
  auto attribute = b.getFloatAttr(scalar, value);
  Type type = vectorOf(scalar);
  if (auto vector = dyn_cast<VectorType>(type))
    return arith::ConstantOp::create(b,
                                     DenseElementsAttr::get(vector, attribute));
  return arith::ConstantOp::create(b, attribute);
}

Value RowKernel::inRow(Value column) {
  return arith::CmpIOp::create(b, arith::CmpIPredicate::ult, column, extent);
}

/// Which of the columns from `first` on lie before `end`. The comparison is in
/// 32 bits, after the distance has been cut to what a vector covers.
Value RowKernel::validColumns(Value first, Value end) {
  int64_t count = schedule.getVector();
  if (count == 1)
    return arith::CmpIOp::create(b, arith::CmpIPredicate::slt, first, end);
  Value left = arith::SubIOp::create(b, end, first);
  left = arith::MinSIOp::create(b, left, kernel.index(count));
  left = arith::MaxSIOp::create(b, left, kernel.index(0));
  Type i32 = b.getI32Type();
  left = arith::IndexCastOp::create(b, i32, left);
  SmallVector<int32_t> lanes = llvm::to_vector(llvm::seq<int32_t>(0, count));
  Value numbers = arith::ConstantOp::create(b, b.getI32VectorAttr(lanes));
  return arith::CmpIOp::create(b, arith::CmpIPredicate::slt, numbers,
                               splat(left));
}

RowKernel::Columns RowKernel::columnsAt(int64_t step, Value first, Value end,
                                        bool mayExceed) {
  return {step, first, mayExceed ? validColumns(first, end) : Value()};
}

SmallVector<Value> RowKernel::sweep(Value end, ValueRange init, Step step) {
  if (schedule.getResidence() != Residence::Registers)
    return sweepChunks(end, init,
                       [&](ArrayRef<Columns> chunk, ValueRange carried) {
                         SmallVector<Value> next(carried);
                         for (const Columns &columns : chunk)
                           next = step(columns, next);
                         return next;
                       });
  int64_t vector = schedule.getVector();
  int64_t columns = group.getThreads() * vector;
  Value mine = arith::MulIOp::create(b, group.rank(), kernel.index(vector));
  SmallVector<Value> carried(init);
  for (int64_t i = 0; i < schedule.getSteps(); ++i) {
    Value first = arith::AddIOp::create(b, mine, kernel.index(i * columns));
    bool exceeds = end != extent || (i + 1) * columns > *staticExtent;
    carried = step(columnsAt(i, first, end, exceeds), carried);
  }
  return carried;
}

SmallVector<Value> RowKernel::sweepChunks(Value end, ValueRange init,
                                          ChunkStep step) {
  int64_t vector = schedule.getVector();
  int64_t columns = group.getThreads() * vector;
  int64_t width = columns * schedule.getSteps();
  Value mine = arith::MulIOp::create(b, group.rank(), kernel.index(vector));
  Value begin = sliceBegin ? sliceBegin : kernel.index(0), last = end;
  if (sliceEnd) {
    // Excluded columns may begin before the slice does.
    last = arith::MinUIOp::create(b, last, sliceEnd);
    last = arith::MaxUIOp::create(b, last, begin);
  }
  // A row that is skipped is not read.
  last = arith::SelectOp::create(b, active, last, begin);
  llvm::DenseSet<Value> rowsRead;
  auto loopOver = [&](Value from, Value to, bool exceeds, ValueRange init) {
    auto loop = scf::ForOp::create(b, from, to, kernel.index(width), init);
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(loop.getBody());
    Value origin = arith::AddIOp::create(b, loop.getInductionVar(), mine);
    SmallVector<Columns> chunk;
    for (int64_t i = 0; i < schedule.getSteps(); ++i) {
      Value first = arith::AddIOp::create(b, origin, kernel.index(i * columns));
      chunk.push_back(columnsAt(-1 - i, first, end, exceeds));
    }
    started.clear();
    held.clear();
    chunkAtHand = chunk;
    SmallVector<Value> carried = step(chunk, loop.getRegionIterArgs());
    for (auto &[key, value] : held)
      rowsRead.insert(key.first);
    started.clear();
    held.clear();
    if (!carried.empty())
      scf::YieldOp::create(b, carried);
    return SmallVector<Value>(loop.getResults());
  };
  bool exceeds = end != extent || !staticExtent || *staticExtent % width != 0;
  SmallVector<Value> results(init);
  // Sums ask of every column whether it is one of the row, so whole chunks have
  // a loop of their own. Results are guarded by vectors.
  if (exceeds && !init.empty()) {
    Value left = arith::SubIOp::create(b, last, begin);
    Value odd = arith::RemUIOp::create(b, left, kernel.index(width));
    Value whole = arith::SubIOp::create(b, last, odd);
    results = loopOver(begin, whole, /*exceeds=*/false, results);
    begin = whole;
  }
  results = loopOver(begin, last, exceeds, results);
  for (auto &[row, memory] : sharedRows)
    if (rowsRead.contains(row))
      inShared.insert({row, until});
  return results;
}

/// Columns past the end of the row are read from inside of it instead: whoever
/// asks masks them out, and no branch keeps loads from overlapping.
SmallVector<Value> RowKernel::load(const Operand &operand,
                                   const Columns &columns) {
  if (operand.units)
    return loadUnits(operand, columns);
  int64_t count = schedule.getVector();
  if (count == 1 || !wide || operand.columnStride)
    return {loadElements(operand, columns)};
  Value column = columns.first;
  if (columns.valid) {
    Value last = arith::SubIOp::create(b, extent, kernel.index(count));
    column = arith::MinUIOp::create(b, column, last);
  }
  Type stored = cast<MemRefType>(operand.memory.getType()).getElementType();
  Value at = arith::AddIOp::create(b, operand.base, column);
  return {vector::LoadOp::create(b, cast<VectorType>(vectorOf(stored)),
                                 operand.memory, ValueRange{at})};
}

Value RowKernel::loadElements(const Operand &operand, const Columns &columns) {
  auto memory = cast<MemRefType>(operand.memory.getType());
  Type stored = memory.getElementType(), type = vectorOf(stored);
  int64_t count = schedule.getVector();
  SmallVector<Value> scalars;
  for (int64_t i = 0; i < count; ++i) {
    Value column = arith::AddIOp::create(b, columns.first, kernel.index(i));
    if (columns.valid) {
      Value last = arith::SubIOp::create(b, extent, kernel.index(1));
      column = arith::MinUIOp::create(b, column, last);
    }
    if (operand.columnStride)
      column = arith::MulIOp::create(b, column, operand.columnStride);
    Value at = arith::AddIOp::create(b, operand.base, column);
    scalars.push_back(
        memref::LoadOp::create(b, operand.memory, ValueRange{at}));
  }
  if (count == 1)
    return scalars.front();
  return vector::FromElementsOp::create(b, cast<VectorType>(type), scalars);
}

static Value castElements(ImplicitLocOpBuilder &b, Value value, Type element) {
  Type type = element;
  if (auto vector = dyn_cast<VectorType>(value.getType()))
    type = vector.clone(element);
  if (type == value.getType())
    return value;
  return arith::BitcastOp::create(b, type, value);
}

Value RowKernel::toStored(const Operand &operand, Value value) {
  return castElements(
      b, value, cast<MemRefType>(operand.memory.getType()).getElementType());
}

Value RowKernel::fromStored(const Operand &operand, Value stored) {
  return castElements(b, stored, operand.element);
}

void RowKernel::store(const Operand &operand, const Columns &columns,
                      Value vector, ArrayRef<Value> words) {
  if (operand.units)
    return storeShifted(operand, columns, vector, words);
  int64_t count = schedule.getVector();
  auto guarded = [&](Value condition, function_ref<void()> emit) {
    if (!condition)
      return emit();
    auto branch = scf::IfOp::create(b, condition);
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(&branch.getThenRegion().front());
    emit();
  };
  if (count > 1 && wide && !operand.columnStride) {
    // The extent is a multiple of the vector: all columns are valid or none.
    guarded(columns.valid ? inRow(columns.first) : Value(), [&] {
      Value at = arith::AddIOp::create(b, operand.base, columns.first);
      vector::StoreOp::create(b, vector, operand.memory, ValueRange{at});
    });
    return;
  }
  for (int64_t i = 0; i < count; ++i) {
    Value column = arith::AddIOp::create(b, columns.first, kernel.index(i));
    guarded(columns.valid ? inRow(column) : Value(), [&] {
      Value element = vector;
      if (count > 1)
        element = vector::ExtractOp::create(b, vector, ArrayRef<int64_t>{i});
      if (operand.columnStride)
        column = arith::MulIOp::create(b, column, operand.columnStride);
      Value at = arith::AddIOp::create(b, operand.base, column);
      memref::StoreOp::create(b, element, operand.memory, ValueRange{at});
    });
  }
}

/// Loads come before all work on them, of all rows of an operation and of all
/// columns at hand, so that they overlap.
void RowKernel::startLoads(Value row, const Columns &columns) {
  const Operand &operand = inputs.find(row)->second;
  if (started.contains({row, columns.step}) || isKept(row))
    return;
  if (columns.step < 0) {
    for (const Columns &some : chunkAtHand)
      started[{row, some.step}] = load(operand, some);
    return;
  }
  int64_t steps = schedule.getSteps();
  SmallVector<Type> one, all;
  if (operand.units)
    one = loadedTypes(operand);
  else
    one.push_back(
        vectorOf(cast<MemRefType>(operand.memory.getType()).getElementType()));
  for (int64_t i = 0; i < steps; ++i)
    llvm::append_range(all, one);
  auto reads = scf::IfOp::create(b, all, active, /*withElseRegion=*/true);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(&reads.getThenRegion().front());
  SmallVector<Value> loaded, zeros;
  int64_t width = group.getThreads() * schedule.getVector();
  Value mine = arith::MulIOp::create(b, group.rank(),
                                     kernel.index(schedule.getVector()));
  for (int64_t i = 0; i < steps; ++i) {
    Value first = arith::AddIOp::create(b, mine, kernel.index(i * width));
    bool exceeds = (i + 1) * width > *staticExtent;
    // Only whether some column exceeds the row matters here.
    llvm::append_range(loaded,
                       load(operand, {i, first, exceeds ? first : Value()}));
  }
  scf::YieldOp::create(b, loaded);
  b.setInsertionPointToStart(&reads.getElseRegion().front());
  for (Type type : all)
    zeros.push_back(arith::ConstantOp::create(b, b.getZeroAttr(type)));
  scf::YieldOp::create(b, zeros);
  ValueRange results = reads.getResults();
  for (int64_t i = 0; i < steps; ++i)
    started[{row, i}] = results.slice(i * one.size(), one.size());
}

Value RowKernel::elements(Value row, const Columns &columns) {
  const Operand &operand = inputs.find(row)->second;
  Value &vector = held[{row, columns.step}];
  if (!vector && isKept(row)) {
    vector = loadKept(row, columns);
  } else if (!vector) {
    startLoads(row, columns);
    ArrayRef<Value> loaded = started[{row, columns.step}];
    vector = operand.units ? shiftLoaded(operand, loaded) : loaded.front();
    keep(row, columns, vector);
  }
  return fromStored(operand, vector);
}

Value RowKernel::maskOut(Value vector, Value neutral, const Columns &columns) {
  if (!columns.valid)
    return vector;
  return arith::SelectOp::create(b, columns.valid, vector, neutral);
}

SmallVector<Value> RowKernel::emitElement(Block *element, ValueRange rows,
                                          const Columns &columns) {
  IRMapping mapping;
  for (Value row : rows)
    startLoads(row, columns);
  for (auto [argument, row] : llvm::zip(element->getArguments(), rows))
    mapping.map(argument, elements(row, columns));
  auto operandOf = [&](Value value) -> Value {
    if (Value mapped = mapping.lookupOrNull(value))
      return mapped;
    Value scalar =
        values.contains(value) ? values.lookup(value) : kernel.value(value);
    Value wide = splat(scalar);
    mapping.map(value, wide);
    return wide;
  };
  for (Operation &op : element->without_terminator()) {
    if (isa<row::ColumnOp>(op)) {
      Value column = splat(columns.first);
      if (schedule.getVector() > 1)
        column = arith::AddIOp::create(
            b, column, vector::StepOp::create(b, vectorOf(b.getIndexType())));
      mapping.map(op.getResult(0), column);
      continue;
    }
    if (op.hasTrait<OpTrait::ConstantLike>()) {
      mapping.map(op.getResult(0), splat(b.clone(op)->getResult(0)));
      continue;
    }
    // Elementwise operations have the same form on vectors.
    SmallVector<Value> operands;
    for (Value operand : op.getOperands())
      operands.push_back(operandOf(operand));
    SmallVector<Type> results;
    for (Type type : op.getResultTypes())
      results.push_back(vectorOf(type));
    OperationState state(op.getLoc(), op.getName(), operands, results,
                         op.getAttrs());
    mapping.map(op.getResults(), b.create(state)->getResults());
  }
  SmallVector<Value> yielded;
  for (Value value : element->getTerminator()->getOperands())
    yielded.push_back(operandOf(value));
  return yielded;
}

/// Folds the columns of a vector in a tree.
Value RowKernel::foldVector(Value vector,
                            function_ref<Value(Value, Value)> combine) {
  int64_t count = schedule.getVector();
  if (count == 1)
    return vector;
  SmallVector<Value> level;
  for (int64_t i = 0; i < count; ++i)
    level.push_back(vector::ExtractOp::create(b, vector, ArrayRef<int64_t>{i}));
  for (; level.size() > 1; level.resize(level.size() / 2))
    for (size_t i = 0; i < level.size() / 2; ++i)
      level[i] = combine(level[i], level[i + level.size() / 2]);
  return level.front();
}
