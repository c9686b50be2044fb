// One row after the other, and the walk over a program's body for it.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "lowering/RowByRow.h"

#include "lowering/Floats.h"
#include "lowering/Sweeps.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace mlir::softmax;

Value RowByRow::inRow(Value column) {
  return arith::CmpIOp::create(b, arith::CmpIPredicate::ult, column, extent);
}

SmallVector<Value> RowByRow::emitElement(Block *element, ValueRange arguments,
                                         Value column) {
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

Value RowByRow::rowView(Value memref, AffineMap map, ArrayRef<Value> indices) {
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

void RowByRow::emitRows(Value from, Value to, Totals &totals) {
  auto loop = scf::ForOp::create(b, from, to, index(1), totals);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(loop.getBody());
  Totals next(loop.getRegionIterArgs());
  emitRow(loop.getInductionVar(), next);
  if (!next.empty())
    scf::YieldOp::create(b, next);
  totals.assign(loop.result_begin(), loop.result_end());
}

void RowByRow::emitRow(Value rowIndex, Totals &totals) {
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

void RowByRow::emitReduce(row::ReduceOp first, Value end) {
  if (values.contains(first.getResult(0)))
    return; // shared the sweep of an earlier one
  for (ArrayRef<row::ReduceOp> sweep : sweepsOf(program))
    if (sweep.front() == first)
      reduce(sweep, end);
}

/// Where the columns of a reduction or a map end.
Value RowByRow::endOfColumns(Value until) {
  if (!until)
    return extent;
  Value end = values.lookupOrDefault(until);
  end = arith::MaxSIOp::create(b, end, index(0));
  return arith::MinSIOp::create(b, end, extent);
}

void RowByRow::emitMaps(ArrayRef<row::MapOp> maps, ArrayRef<Value> outputs) {
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
void RowByRow::emitOperation(Operation &op) {
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

/// Emits the body for the current row: one value per output, null for rows.
SmallVector<Value> RowByRow::emitBody() {
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
          scalars.push_back(
              convertFloat(b, emitted, scalarTypes[scalars.size()]));
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
