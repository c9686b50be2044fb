// The loop over rows and the walk over a program's body.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "lowering/RowTraversal.h"

#include "lowering/Sweeps.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/TypeUtilities.h"
#include "mlir/Transforms/RegionUtils.h"

using namespace mlir;
using namespace mlir::softmax;

/// Totals are summed per task and then over the tasks. The number of tasks
/// depends on the number of rows only, so that threads cannot change a result.
static constexpr int64_t kMaxTotalTasks = 256;

Value RowTraversal::index(int64_t value) {
  return arith::ConstantIndexOp::create(b, value);
}

Value RowTraversal::inRow(Value column) {
  return arith::CmpIOp::create(b, arith::CmpIPredicate::ult, column, extent);
}

bool RowTraversal::isTotal(unsigned output) {
  return program.getOutputMap(output).getNumResults() == 0;
}

SmallVector<Value>
RowTraversal::emitElement(Block *element, ValueRange arguments, Value column) {
  IRMapping mapping = values;
  mapping.map(element->getArguments(), arguments);
  for (Operation &op : element->without_terminator()) {
    if (auto columnOp = dyn_cast<row::ColumnOp>(op)) {
      mapping.map(columnOp.getResult(), column);
      continue;
    }
    b.clone(op, mapping);
  }
  SmallVector<Value> yielded;
  for (Value value : element->getTerminator()->getOperands())
    yielded.push_back(mapping.lookupOrDefault(value));
  return yielded;
}

Value softmax::constantLike(ImplicitLocOpBuilder &b, Value like, double value) {
  TypedAttr scalar = b.getFloatAttr(getElementTypeOrSelf(like), value);
  if (auto vector = dyn_cast<VectorType>(like.getType()))
    scalar = DenseElementsAttr::get(vector, scalar);
  return arith::ConstantOp::create(b, scalar);
}

/// Adds `value` to the compensated sum (sum, error): Knuth's two-sum keeps what
/// each rounding loses. It is NaN once the sum is not finite, and then dropped.
SmallVector<Value> softmax::addCompensated(ImplicitLocOpBuilder &b,
                                           ValueRange carried, Value value) {
  Value sum = carried[0], error = carried[1];
  Value total = arith::AddFOp::create(b, sum, value);
  Value virtualValue = arith::SubFOp::create(b, total, sum);
  Value virtualSum = arith::SubFOp::create(b, total, virtualValue);
  Value lost =
      arith::AddFOp::create(b, arith::SubFOp::create(b, sum, virtualSum),
                            arith::SubFOp::create(b, value, virtualValue));
  Value isNumber =
      arith::CmpFOp::create(b, arith::CmpFPredicate::ORD, lost, lost);
  Value zero = constantLike(b, lost, 0);
  lost = arith::SelectOp::create(b, isNumber, lost, zero);
  return {total, arith::AddFOp::create(b, error, lost)};
}

SmallVector<int64_t> RowTraversal::rowDimensions() {
  SmallVector<int64_t> dims;
  for (int64_t dim = 0; dim < program.getSpaceRank(); ++dim)
    if (dim != program.getAxis())
      dims.push_back(dim);
  return dims;
}

Value RowTraversal::extentOf(int64_t dim) {
  auto [operand, position] = program.getBound(dim);
  return b.createOrFold<memref::DimOp>(operand, position);
}

void RowTraversal::delinearize(Value number, ArrayRef<int64_t> dims) {
  indices.resize(program.getSpaceRank());
  for (int64_t dim : llvm::reverse(dims)) {
    if (dim == dims.front()) {
      indices[dim] = number;
      break;
    }
    Value size = extentOf(dim);
    indices[dim] = arith::RemUIOp::create(b, number, size);
    number = arith::DivUIOp::create(b, number, size);
  }
}

Value RowTraversal::rowView(Value memref, AffineMap map,
                            ArrayRef<Value> indices) {
  auto type = cast<MemRefType>(memref.getType());
  if (type.getRank() == 1)
    return memref;
  // Of a tensor without elements no view can be taken; nothing will be read.
  if (llvm::is_contained(type.getShape(), 0))
    return memref::AllocaOp::create(
        b, MemRefType::get({0}, type.getElementType()));
  SmallVector<OpFoldResult> offsets, sizes, strides;
  for (auto [position, expr] : llvm::enumerate(map.getResults())) {
    int64_t dim = cast<AffineDimExpr>(expr).getPosition();
    offsets.push_back(getAsOpFoldResult(indices[dim]));
    sizes.push_back(dim == program.getAxis() ? getAsOpFoldResult(extent)
                                             : b.getIndexAttr(1));
    strides.push_back(b.getIndexAttr(1));
  }
  // Spelled out, because of several dimensions of extent 1 any could be meant.
  SmallVector<int64_t> memoryStrides;
  int64_t offset;
  (void)type.getStridesAndOffset(memoryStrides, offset);
  int64_t classDim = 0;
  for (auto [position, expr] : llvm::enumerate(map.getResults()))
    if (cast<AffineDimExpr>(expr).getPosition() == program.getAxis())
      classDim = position;
  auto rowType = MemRefType::get(
      getConstantIntValue(extent).value_or(ShapedType::kDynamic),
      type.getElementType(),
      StridedLayoutAttr::get(b.getContext(), ShapedType::kDynamic,
                             memoryStrides[classDim]),
      type.getMemorySpace());
  return memref::SubViewOp::create(b, rowType, memref, offsets, sizes, strides);
}

LogicalResult RowTraversal::run() {
  for (Value operand : program->getOperands())
    if (isa<TensorType>(operand.getType()))
      return program.emitOpError("expected memrefs, bufferize first");
  if (std::optional<std::string> reason = unsupported())
    return program.emitOpError("cannot be traversed as '")
           << stringifyTraversal(schedule.getTraversal()) << "': " << *reason;

  b.setInsertionPoint(program);
  extent = program.traversesRows() ? extentOf(program.getAxis()) : index(0);
  rowCount = index(1);
  for (int64_t dim : rowDimensions())
    rowCount = b.createOrFold<arith::MulIOp>(rowCount, extentOf(dim));
  begin();

  SmallVector<unsigned> totalOutputs;
  for (unsigned i = 0, e = program.getOutputs().size(); i < e; ++i)
    if (isTotal(i))
      totalOutputs.push_back(i);
  bool parallel =
      schedule.getThreads() != Threads::None && program.traversesRows();

  // Tasks of equally many rows, the last one possibly smaller.
  Value taskRows = index(schedule.getRowsPerTask());
  if (!totalOutputs.empty()) {
    Value least =
        b.createOrFold<arith::CeilDivUIOp>(rowCount, index(kMaxTotalTasks));
    taskRows = b.createOrFold<arith::MaxUIOp>(least, taskRows);
    Value step = index(rowsPerStep());
    taskRows = b.createOrFold<arith::MulIOp>(
        b.createOrFold<arith::CeilDivUIOp>(taskRows, step), step);
  } else if (!parallel) {
    taskRows = b.createOrFold<arith::MaxUIOp>(rowCount, index(1));
  }
  Value tasks = b.createOrFold<arith::CeilDivUIOp>(rowCount, taskRows);
  Value zeroTotal = arith::ConstantOp::create(b, b.getF64FloatAttr(0));
  /// One task; the result is a plain value for every total.
  auto emitTask = [&](Value task) {
    Totals totals(2 * totalOutputs.size(), zeroTotal);
    Value from = b.createOrFold<arith::MulIOp>(task, taskRows);
    Value to = b.createOrFold<arith::MinUIOp>(
        rowCount, b.createOrFold<arith::AddIOp>(from, taskRows));
    emitRows(from, to, totals);
    endTask();
    SmallVector<Value> plain;
    for (size_t i = 0; i < totals.size(); i += 2)
      plain.push_back(arith::AddFOp::create(b, totals[i], totals[i + 1]));
    return plain;
  };

  // With up to 256 tasks their sum needs the compensation, too.
  auto addTotals = [&](ValueRange carried, ValueRange totals) {
    SmallVector<Value> next;
    for (auto [i, total] : llvm::enumerate(totals))
      llvm::append_range(next,
                         addCompensated(b, carried.slice(2 * i, 2), total));
    return next;
  };
  SmallVector<Value> zero(2 * totalOutputs.size(), zeroTotal);
  SmallVector<Value> sums = zero;
  if (!parallel) {
    auto loop = scf::ForOp::create(b, index(0), tasks, index(1), zero);
    {
      OpBuilder::InsertionGuard guard(b);
      b.setInsertionPointToStart(loop.getBody());
      SmallVector<Value> next =
          addTotals(loop.getRegionIterArgs(), emitTask(loop.getInductionVar()));
      if (!next.empty())
        scf::YieldOp::create(b, next);
    }
    sums.assign(loop.result_begin(), loop.result_end());
  } else {
    SmallVector<Value> partials;
    for (size_t i = 0; i < totalOutputs.size(); ++i)
      partials.push_back(memref::AllocaOp::create(
          b, MemRefType::get({kMaxTotalTasks}, b.getF64Type())));
    auto loop =
        scf::ParallelOp::create(b, ValueRange{index(0)}, ValueRange{tasks},
                                ValueRange{index(1)}, ValueRange());
    loop->setAttr("row.tasks", b.getUnitAttr());
    {
      OpBuilder::InsertionGuard guard(b);
      b.setInsertionPointToStart(loop.getBody());
      SmallVector<Value> totals = emitTask(loop.getInductionVars().front());
      for (auto [total, partial] : llvm::zip(totals, partials))
        memref::StoreOp::create(b, total, partial,
                                loop.getInductionVars().front());
    }
    if (!partials.empty()) {
      auto gather = scf::ForOp::create(b, index(0), tasks, index(1), zero);
      OpBuilder::InsertionGuard guard(b);
      b.setInsertionPointToStart(gather.getBody());
      SmallVector<Value> totals;
      for (Value partial : partials)
        totals.push_back(
            memref::LoadOp::create(b, partial, gather.getInductionVar()));
      scf::YieldOp::create(b, addTotals(gather.getRegionIterArgs(), totals));
      sums.assign(gather.result_begin(), gather.result_end());
    }
  }
  for (auto [i, output] : llvm::enumerate(totalOutputs)) {
    Value destination = program.getOutputs()[output];
    Type type = cast<MemRefType>(destination.getType()).getElementType();
    Value rounded = arith::AddFOp::create(b, sums[2 * i], sums[2 * i + 1]);
    if (!type.isF64())
      rounded = arith::TruncFOp::create(b, type, rounded);
    memref::StoreOp::create(b, rounded, destination, ValueRange());
  }
  rewriter.eraseOp(program);
  return success();
}

void RowTraversal::emitRows(Value from, Value to, Totals &totals) {
  auto loop = scf::ForOp::create(b, from, to, index(1), totals);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(loop.getBody());
  Totals next(loop.getRegionIterArgs());
  emitRow(loop.getInductionVar(), next);
  if (!next.empty())
    scf::YieldOp::create(b, next);
  totals.assign(loop.result_begin(), loop.result_end());
}

void RowTraversal::emitRow(Value rowIndex, Totals &totals) {
  delinearize(rowIndex, rowDimensions());
  indices[program.getAxis()] = index(0);
  auto at = [&](AffineMap map) {
    SmallVector<Value> picked;
    for (AffineExpr expr : map.getResults())
      picked.push_back(indices[cast<AffineDimExpr>(expr).getPosition()]);
    return picked;
  };
  Block *body = program.getBodyBlock();
  for (auto [i, input] : llvm::enumerate(program.getInputs())) {
    AffineMap map = program.getInputMap(i);
    Value argument = body->getArgument(i);
    if (program.hasAxis(map))
      rows[argument] = rowView(input, map, indices);
    else if (isa<MemRefType>(input.getType()))
      values.map(argument,
                 memref::LoadOp::create(b, input, at(map)).getResult());
    else
      values.map(argument, input);
  }
  outputRows.clear();
  for (auto [i, output] : llvm::enumerate(program.getOutputs())) {
    AffineMap map = program.getOutputMap(i);
    outputRows.push_back(program.hasAxis(map) ? rowView(output, map, indices)
                                              : Value());
  }

  SmallVector<Value> scalars = emitBody();
  unsigned total = 0;
  for (auto [i, output] : llvm::enumerate(program.getOutputs())) {
    if (outputRows[i])
      continue;
    if (!isTotal(i)) {
      storeElement(b, scalars[i], output, at(program.getOutputMap(i)));
      continue;
    }
    addToTotal(totals, total, scalars[i]);
  }
}

void RowTraversal::addToTotal(Totals &totals, unsigned &next, Value value) {
  if (!value.getType().isF64())
    value = arith::ExtFOp::create(b, b.getF64Type(), value);
  for (Value part : addCompensated(b, ValueRange(totals).slice(next, 2), value))
    totals[next++] = part;
}

Value softmax::asIntegers(ImplicitLocOpBuilder &b, Value row) {
  auto type = cast<MemRefType>(row.getType());
  if (!isa<FloatType>(type.getElementType()) ||
      type.getElementTypeBitWidth() != 16)
    return row;
  auto integers = MemRefType::get(type.getShape(), b.getI16Type(),
                                  type.getLayout(), type.getMemorySpace());
  // Both types have the same descriptor.
  return UnrealizedConversionCastOp::create(b, integers, row).getResult(0);
}

void softmax::storeElement(ImplicitLocOpBuilder &b, Value value, Value memref,
                           ValueRange indices) {
  Value memory = asIntegers(b, memref);
  Type stored = cast<MemRefType>(memory.getType()).getElementType();
  if (stored != value.getType())
    value = arith::BitcastOp::create(b, stored, value);
  memref::StoreOp::create(b, value, memory, indices);
}

void RowTraversal::emitReduce(row::ReduceOp first, Value end) {
  if (values.contains(first.getResult(0)))
    return; // shared the sweep of an earlier one
  for (ArrayRef<row::ReduceOp> sweep : sweepsOf(program))
    if (sweep.front() == first)
      reduce(sweep, end);
}

/// Where the columns of a reduction or a map end.
Value RowTraversal::endOfColumns(Value until) {
  if (!until)
    return extent;
  Value end = values.lookupOrDefault(until);
  end = arith::MaxSIOp::create(b, end, index(0));
  return arith::MinSIOp::create(b, end, extent);
}

void RowTraversal::emitMaps(ArrayRef<row::MapOp> maps,
                            ArrayRef<Value> outputs) {
  if (maps.empty())
    return;
  row::MapOp first = maps.front();
  Value end = endOfColumns(first.getUntil());
  map(maps, outputs, end);
  if (!first.getUntil())
    return;
  for (size_t i = 0; i < maps.size(); ++i) {
    row::MapOp map = maps[i];
    fill(outputs[i], values.lookupOrDefault(map.getOtherwise()), end);
  }
}

/// Emits an operation of the body other than `row.skip_if` and `row.map`.
void RowTraversal::emitOperation(Operation &op) {
  if (auto reduce = dyn_cast<row::ReduceOp>(op))
    return emitReduce(reduce, endOfColumns(reduce.getUntil()));
  if (auto extentOp = dyn_cast<row::ExtentOp>(op))
    return values.map(extentOp.getResult(), extent);
  if (auto indexOp = dyn_cast<row::IndexOp>(op))
    return values.map(indexOp.getResult(), indices[indexOp.getDim()]);
  auto at = dyn_cast<row::AtOp>(op);
  if (!at) {
    b.clone(op, values);
    return;
  }
  Value column = values.lookupOrDefault(at.getColumn());
  Value row = asIntegers(b, rowOf(at.getRow()));
  Type loaded = cast<MemRefType>(row.getType()).getElementType();
  auto guarded = scf::IfOp::create(
      b, inRow(column),
      [&](OpBuilder &nested, Location loc) {
        Value element = memref::LoadOp::create(nested, loc, row, column);
        scf::YieldOp::create(nested, loc, element);
      },
      [&](OpBuilder &nested, Location loc) {
        Value zero =
            arith::ConstantOp::create(nested, loc, nested.getZeroAttr(loaded));
        scf::YieldOp::create(nested, loc, zero);
      });
  Value element = guarded.getResult(0);
  if (loaded != at.getType())
    element = arith::BitcastOp::create(b, at.getType(), element);
  values.map(at.getResult(), element);
}

/// The same number as another float, rounded where that is narrower.
Value RowTraversal::convertFloat(Value value, Type type) {
  // f16 and bf16 are as wide as each other.
  if (value.getType() != type && !type.isF32() && !type.isF64())
    value = convertFloat(value, b.getF32Type());
  unsigned from = value.getType().getIntOrFloatBitWidth(),
           to = type.getIntOrFloatBitWidth();
  if (from < to)
    return arith::ExtFOp::create(b, type, value);
  if (from > to)
    return arith::TruncFOp::create(b, type, value);
  return value;
}

/// Emits the body for the current row: one value per output, null for rows.
SmallVector<Value> RowTraversal::emitBody() {
  Block *body = program.getBodyBlock();
  auto yield = cast<row::YieldOp>(body->getTerminator());
  SmallVector<Type> scalarTypes;
  for (auto [row, value] : llvm::zip(outputRows, yield.getValues()))
    if (!row)
      scalarTypes.push_back(value.getType());

  // A skipped row becomes the other branch of a conditional around the rest.
  scf::IfOp skip;
  SmallVector<Value> mapOutputs;
  for (Operation &op : body->without_terminator()) {
    if (auto skipIf = dyn_cast<row::SkipIfOp>(op)) {
      skip = scf::IfOp::create(b, scalarTypes,
                               values.lookupOrDefault(skipIf.getCondition()),
                               /*withElseRegion=*/true);
      b.setInsertionPointToStart(&skip.getThenRegion().front());
      SmallVector<Value> scalars;
      for (auto [row, value] : llvm::zip(outputRows, skipIf.getValues())) {
        Value emitted = values.lookupOrDefault(value);
        if (row)
          fill(row, emitted, index(0));
        else // of a total the row may yield another type than it skips with
          scalars.push_back(convertFloat(emitted, scalarTypes[scalars.size()]));
      }
      if (!scalars.empty())
        scf::YieldOp::create(b, scalars);
      b.setInsertionPointToStart(&skip.getElseRegion().front());
    } else if (!isa<row::MapOp>(op)) {
      emitOperation(op);
    }
  }

  SmallVector<row::MapOp> written;
  for (auto [row, value] : llvm::zip(outputRows, yield.getValues()))
    if (row) {
      written.push_back(value.getDefiningOp<row::MapOp>());
      mapOutputs.push_back(row);
    }
  emitMaps(written, mapOutputs);

  SmallVector<Value> scalars, results;
  for (auto [row, value] : llvm::zip(outputRows, yield.getValues()))
    if (!row)
      scalars.push_back(values.lookupOrDefault(value));
  if (skip) {
    if (!scalars.empty())
      scf::YieldOp::create(b, scalars);
    b.setInsertionPointAfter(skip);
    scalars.assign(skip.result_begin(), skip.result_end());
  }
  auto next = scalars.begin();
  for (Value row : outputRows)
    results.push_back(row ? Value() : *next++);
  return results;
}
