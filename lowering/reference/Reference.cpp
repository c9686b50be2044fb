// The reference traversal: plain scalar loops.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "lowering/reference/Reference.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

#include <limits>

using namespace mlir;
using namespace mlir::softmax;

SmallVector<Value> ReferenceTraversal::columns(
    ValueRange init, function_ref<SmallVector<Value>(Value, ValueRange)> step) {
  auto loop = scf::ForOp::create(b, index(0), extent, index(1), init);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(loop.getBody());
  SmallVector<Value> next =
      step(loop.getInductionVar(), loop.getRegionIterArgs());
  if (!next.empty())
    scf::YieldOp::create(b, next);
  return SmallVector<Value>(loop.getResults());
}

Value ReferenceTraversal::elementAt(row::ReduceOp reduce, Value column) {
  SmallVector<Value> elements;
  for (Value row : reduce.getRows())
    elements.push_back(memref::LoadOp::create(b, rowOf(row), column));
  return emitElement(reduce.getElementBlock(), elements, column);
}

void ReferenceTraversal::reduce(ArrayRef<row::ReduceOp> reduces) {
  for (row::ReduceOp reduce : reduces) {
    auto type = cast<FloatType>(reduce.getResult(0).getType());
    auto constant = [&](double value) -> Value {
      return arith::ConstantOp::create(b, b.getFloatAttr(type, value));
    };
    if (reduce.getMonoid() == row::Monoid::Add) {
      auto sum = columns({constant(0), constant(0)},
                         [&](Value column, ValueRange carried) {
                           return addCompensated(carried,
                                                 elementAt(reduce, column));
                         });
      values.map(reduce.getResult(0),
                 arith::AddFOp::create(b, sum[0], sum[1]).getResult());
      continue;
    }
    // A NaN compares false, so the maximum ignores it.
    Value max = columns(
        constant(-std::numeric_limits<double>::infinity()),
        [&](Value column, ValueRange carried) -> SmallVector<Value> {
          Value element = elementAt(reduce, column);
          Value larger = arith::CmpFOp::create(b, arith::CmpFPredicate::OGT,
                                               element, carried[0]);
          return {arith::SelectOp::create(b, larger, element, carried[0])};
        })[0];
    values.map(reduce.getResult(0), max);
    if (reduce.getMonoid() == row::Monoid::Max)
      continue;
    // Elements equal to the maximum contribute exactly 1 each and are counted,
    // also when they are infinite; the others contribute exp(e - max).
    auto sums = columns(
        {constant(0), constant(0), constant(-1)},
        [&](Value column, ValueRange carried) -> SmallVector<Value> {
          Value element = elementAt(reduce, column);
          Value below = arith::CmpFOp::create(b, arith::CmpFPredicate::UNE,
                                              element, max);
          Value exp = row::ExpNonPositiveOp::create(
              b, arith::SubFOp::create(b, element, max));
          Value peak =
              arith::SelectOp::create(b, below, constant(0), constant(1));
          Value rest = arith::SelectOp::create(b, below, exp, constant(0));
          SmallVector<Value> next =
              addCompensated(carried.take_front(2), rest);
          next.push_back(arith::AddFOp::create(b, carried[2], peak));
          return next;
        });
    Value others = arith::AddFOp::create(b, sums[0], sums[1]);
    Value tail = arith::AddFOp::create(b, sums[2], others);
    Value guard = arith::SubFOp::create(b, max, max);
    Value sum = arith::AddFOp::create(
        b, arith::AddFOp::create(b, tail, constant(1)), guard);
    values.map(reduce.getResult(1), sum);
    values.map(reduce.getResult(2), tail);
  }
}

void ReferenceTraversal::map(ArrayRef<row::MapOp> maps,
                             ArrayRef<Value> outputs) {
  columns({}, [&](Value column, ValueRange) -> SmallVector<Value> {
    SmallVector<Value> results;
    for (row::MapOp map : maps) {
      SmallVector<Value> elements;
      for (Value row : map.getRows())
        elements.push_back(memref::LoadOp::create(b, rowOf(row), column));
      Value result = emitElement(map.getElementBlock(), elements, column);
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
      memref::StoreOp::create(b, result, output, column);
    return {};
  });
}

void ReferenceTraversal::fill(Value output, Value value) {
  columns({}, [&](Value column, ValueRange) -> SmallVector<Value> {
    memref::StoreOp::create(b, value, output, column);
    return {};
  });
}
