// The reference traversal: plain scalar loops.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "lowering/reference/Reference.h"

#include "lowering/Floats.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

#include <limits>

using namespace mlir;
using namespace mlir::softmax;

SmallVector<Value> ReferenceTraversal::columns(
    Value from, Value to, ValueRange init,
    function_ref<SmallVector<Value>(Value, ValueRange)> step) {
  auto loop = scf::ForOp::create(b, from, to, index(1), init);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(loop.getBody());
  SmallVector<Value> next =
      step(loop.getInductionVar(), loop.getRegionIterArgs());
  if (!next.empty())
    scf::YieldOp::create(b, next);
  return SmallVector<Value>(loop.getResults());
}

SmallVector<Value> ReferenceTraversal::elementAt(row::ReduceOp reduce,
                                                 Value column) {
  SmallVector<Value> elements;
  for (Value row : reduce.getRows())
    elements.push_back(memref::LoadOp::create(b, rowOf(row), column));
  return emitElement(reduce.getElementBlock(), elements, column);
}

void ReferenceTraversal::reduce(ArrayRef<row::ReduceOp> reduces, Value end) {
  for (row::ReduceOp reduce : reduces) {
    if (reduce.getMonoid() == row::Monoid::LogSumExp) {
      reduceLogSumExp(reduce, end);
      continue;
    }
    auto type = cast<FloatType>(reduce.getResult(0).getType());
    if (reduce.getMonoid() == row::Monoid::Max) {
      values.map(reduce.getResult(0), maximum(reduce, end));
      continue;
    }
    auto sum = columns(index(0), end, {real(type, 0), real(type, 0)},
                       [&](Value column, ValueRange carried) {
                         return addCompensated(
                             b, carried, elementAt(reduce, column)[0]);
                       });
    values.map(reduce.getResult(0),
               arith::AddFOp::create(b, sum[0], sum[1]).getResult());
  }
}

Value ReferenceTraversal::real(FloatType type, double value) {
  return arith::ConstantOp::create(b, b.getFloatAttr(type, value));
}

/// A NaN compares false, so the maximum ignores it.
Value ReferenceTraversal::maximum(row::ReduceOp reduce, Value end) {
  auto type = cast<FloatType>(reduce.getResult(0).getType());
  return columns(
      index(0), end, real(type, -std::numeric_limits<double>::infinity()),
      [&](Value column, ValueRange carried) -> SmallVector<Value> {
        Value element = elementAt(reduce, column)[0];
        Value larger = arith::CmpFOp::create(b, arith::CmpFPredicate::OGT,
                                             element, carried[0]);
        return {arith::SelectOp::create(b, larger, element, carried[0])};
      })[0];
}

void ReferenceTraversal::reduceLogSumExp(row::ReduceOp reduce, Value end) {
  auto type = cast<FloatType>(reduce.getResult(0).getType());
  Value zero = real(type, 0), one = real(type, 1);
  Value max = maximum(reduce, end);
  Value scale = reduce.getScale() ? values.lookupOrDefault(reduce.getScale())
                                  : Value();
  // Of the gaps; a row without finite maximum is measured from 0.
  Value lowest = real(type, -std::numeric_limits<double>::infinity());
  Value isLowest =
      arith::CmpFOp::create(b, arith::CmpFPredicate::OEQ, max, lowest);
  Value half = real(type, 0.5);
  Value halfMax = arith::MulFOp::create(
      b, arith::SelectOp::create(b, isLowest, zero, max), half);

  SmallVector<Value> init = {zero, zero, real(type, -1)};
  if (reduce.isWeighted())
    init.append(4, zero);
  // Elements equal to the maximum contribute exactly 1 each and are counted,
  // also when they are infinite; the others contribute exp(e - max).
  auto sums = columns(
      index(0), end, init,
      [&](Value column, ValueRange carried) -> SmallVector<Value> {
        SmallVector<Value> element = elementAt(reduce, column);
        Value below = arith::CmpFOp::create(b, arith::CmpFPredicate::UNE,
                                            element[0], max);
        Value distance = arith::SubFOp::create(b, element[0], max);
        if (scale)
          distance = arith::MulFOp::create(b, scale, distance);
        Value exp = row::ExpNonPositiveOp::create(b, distance);
        Value peak = arith::SelectOp::create(b, below, zero, one);
        Value rest = arith::SelectOp::create(b, below, exp, zero);
        SmallVector<Value> next = addCompensated(b, carried.take_front(2), rest);
        next.push_back(arith::AddFOp::create(b, carried[2], peak));
        if (!reduce.isWeighted())
          return next;
        Value weight = element[1];
        Value gap = arith::SubFOp::create(
            b, halfMax, arith::MulFOp::create(b, element[0], half));
        gap = arith::MulFOp::create(b, weight, gap);
        if (reduce.getZeroTimesInf()) {
          Value isZero = arith::CmpFOp::create(b, arith::CmpFPredicate::OEQ,
                                               weight, zero);
          gap = arith::SelectOp::create(b, isZero, zero, gap);
        }
        llvm::append_range(next, addCompensated(b, carried.slice(3, 2), weight));
        llvm::append_range(next, addCompensated(b, carried.slice(5, 2), gap));
        return next;
      });
  Value others = arith::AddFOp::create(b, sums[0], sums[1]);
  Value tail = arith::AddFOp::create(b, sums[2], others);
  Value guard = arith::SubFOp::create(b, max, max);
  Value sum = arith::AddFOp::create(
      b, arith::AddFOp::create(b, tail, one), guard);
  values.map(reduce.getResult(0), max);
  values.map(reduce.getResult(1), sum);
  values.map(reduce.getResult(2), tail);
  if (!reduce.isWeighted())
    return;
  values.map(reduce.getResult(3),
             arith::AddFOp::create(b, sums[3], sums[4]).getResult());
  values.map(reduce.getResult(4),
             arith::AddFOp::create(b, sums[5], sums[6]).getResult());
}

void ReferenceTraversal::map(ArrayRef<row::MapOp> maps,
                             ArrayRef<Value> outputs, Value end) {
  columns(index(0), end, {}, [&](Value column, ValueRange) -> SmallVector<Value> {
    SmallVector<Value> results;
    for (row::MapOp map : maps) {
      SmallVector<Value> elements;
      for (Value row : map.getRows())
        elements.push_back(memref::LoadOp::create(b, rowOf(row), column));
      Value result = emitElement(map.getElementBlock(), elements, column)[0];
      if (map.getColumn()) {
        Value here = arith::CmpIOp::create(
            b, arith::CmpIPredicate::eq, column,
            values.lookupOrDefault(map.getColumn()));
        result = arith::SelectOp::create(
            b, here, values.lookupOrDefault(map.getValue()), result);
      }
      results.push_back(result);
    }
    // Every element is read before one is written: outputs may be inputs.
    for (auto [result, output] : llvm::zip(results, outputs))
      storeElement(b, result, output, column);
    return {};
  });
}

void ReferenceTraversal::fill(Value output, Value value, Value from) {
  columns(from, extent, {}, [&](Value column, ValueRange) -> SmallVector<Value> {
    storeElement(b, value, output, column);
    return {};
  });
}
