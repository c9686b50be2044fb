// Sweeps of the inner traversal over the columns of neighbouring rows.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "lowering/cpu/Inner.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/TypeUtilities.h"

#include <limits>

using namespace mlir;
using namespace mlir::softmax;

static constexpr double kInfinity = std::numeric_limits<double>::infinity();

SmallVector<Value> InnerTraversal::columns(Value from, Value to,
                                           ValueRange init, Step step) {
  auto loop = scf::ForOp::create(b, from, to, index(1), init);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(loop.getBody());
  SmallVector<Value> next =
      step(loop.getInductionVar(), loop.getRegionIterArgs());
  if (!next.empty())
    scf::YieldOp::create(b, next);
  return SmallVector<Value>(loop.getResults());
}

/// The rows of a view at one column, where it has rows.
static Value lineAt(ImplicitLocOpBuilder &b, Value view, Value column,
                    Value count) {
  auto type = cast<MemRefType>(view.getType());
  SmallVector<int64_t> strides;
  int64_t offset;
  (void)type.getStridesAndOffset(strides, offset);
  auto line =
      MemRefType::get({ShapedType::kDynamic}, type.getElementType(),
                      StridedLayoutAttr::get(
                          b.getContext(), ShapedType::kDynamic, strides.back()),
                      type.getMemorySpace());
  OpFoldResult zero = b.getIndexAttr(0), one = b.getIndexAttr(1);
  return memref::SubViewOp::create(
      b, line, view, ArrayRef<OpFoldResult>{column, zero},
      ArrayRef<OpFoldResult>{one, count}, ArrayRef<OpFoldResult>{one, one});
}

Value InnerTraversal::load(Value row, Value column) {
  if (cast<MemRefType>(row.getType()).getRank() == 1)
    return vectors->splat(memref::LoadOp::create(b, row, column));
  return vectors->load(lineAt(b, row, column, rowsOfStep()), lanes);
}

SmallVector<Value> InnerTraversal::elementsAt(Region &element, ValueRange rows,
                                              Value column) {
  SmallVector<Value> loaded;
  for (Value row : rows)
    loaded.push_back(load(rowOf(row), column));
  return vectors->emit(
      &element.front(), loaded, [&] { return vectors->splat(column); }, values);
}

Value InnerTraversal::before(Value column, Value end, Value value,
                             Value otherwise) {
  if (!end)
    return value;
  Value here =
      arith::CmpIOp::create(b, arith::CmpIPredicate::slt,
                            vectors->splat(column), vectors->widen(end));
  return arith::SelectOp::create(b, here, value, otherwise);
}

Value InnerTraversal::candidateAt(row::ReduceOp reduce, Value column) {
  if (!reduce.getMonotone())
    return elementsAt(reduce.getElement(), reduce.getRows(), column)[0];
  Value element = load(rowOf(reduce.getRows().front()), column);
  Type type = vectors->vectorOf(reduce.getResult(0).getType());
  return element.getType() == type
             ? element
             : arith::ExtFOp::create(b, type, element).getResult();
}

Value InnerTraversal::valueOfMaximum(row::ReduceOp reduce, Value largest) {
  SmallVector<Value> elements;
  for (BlockArgument argument : reduce.getElementBlock()->getArguments())
    elements.push_back(arith::ConstantOp::create(
        b, b.getZeroAttr(vectors->vectorOf(argument.getType()))));
  Type type = elements.front().getType();
  elements.front() =
      largest.getType() == type
          ? largest
          : arith::TruncFOp::create(b, type, largest).getResult();
  return vectors->emit(
      reduce.getElementBlock(), elements,
      [&] { return vectors->splat(index(0)); }, values)[0];
}

SmallVector<SmallVector<Value>>
InnerTraversal::reduceBlock(ArrayRef<row::ReduceOp> reduces, Value from,
                            Value to, Value end) {
  SmallVector<row::ReduceOp> withMax, withSum;
  SmallVector<Value> lowest, zeros;
  for (row::ReduceOp reduce : reduces) {
    Type type = reduce.getResult(0).getType();
    if (Monoids::hasMax(reduce)) {
      withMax.push_back(reduce);
      lowest.push_back(vectors->constant(type, -kInfinity));
    }
    if (unsigned count = Monoids::summedBy(reduce)) {
      withSum.push_back(reduce);
      zeros.append(count, vectors->constant(type, 0));
    }
  }

  llvm::SmallDenseMap<Operation *, Value> maxOf;
  if (!withMax.empty()) {
    SmallVector<Value> maxima =
        columns(from, to, lowest, [&](Value column, ValueRange carried) {
          SmallVector<Value> next;
          for (auto [i, reduce] : llvm::enumerate(withMax)) {
            Value candidate =
                before(column, end, candidateAt(reduce, column), lowest[i]);
            next.push_back(vectors->max(candidate, carried[i]));
          }
          return next;
        });
    for (auto [reduce, max, none] : llvm::zip(withMax, maxima, lowest))
      maxOf[reduce] = reduce.getMonotone()
                          ? before(from, end, valueOfMaximum(reduce, max), none)
                          : max;
  }

  auto addColumn = [&](Value column, ValueRange carried) {
    SmallVector<Value> next;
    for (row::ReduceOp reduce : withSum) {
      SmallVector<Value> element =
          elementsAt(reduce.getElement(), reduce.getRows(), column);
      for (Value summand :
           monoids.summands(reduce, maxOf.lookup(reduce), element)) {
        size_t i = next.size();
        next.push_back(arith::AddFOp::create(
            b, carried[i], before(column, end, summand, zeros[i])));
      }
    }
    return next;
  };
  SmallVector<Value> sums;
  if (!withSum.empty()) {
    // Blocks of f64 are long: what adding their chunks loses is kept.
    bool isCompensated = getElementTypeOrSelf(zeros.front()).isF64();
    SmallVector<Value> init(zeros);
    if (isCompensated)
      init.append(zeros.begin(), zeros.end());
    auto chunks = scf::ForOp::create(b, from, to, index(Monoids::kChunk), init);
    {
      OpBuilder::InsertionGuard guard(b);
      b.setInsertionPointToStart(chunks.getBody());
      Value chunk = chunks.getInductionVar();
      Value last = arith::AddIOp::create(b, chunk, index(Monoids::kChunk));
      SmallVector<Value> added =
          columns(chunk, arith::MinUIOp::create(b, last, to), zeros, addColumn);
      ValueRange carried = chunks.getRegionIterArgs();
      SmallVector<Value> next, lost;
      for (auto [i, own] : llvm::enumerate(added)) {
        if (!isCompensated) {
          next.push_back(arith::AddFOp::create(b, carried[i], own));
          continue;
        }
        auto [sum, error] =
            monoids.addKeeping(carried[i], carried[added.size() + i], own);
        next.push_back(sum);
        lost.push_back(error);
      }
      llvm::append_range(next, lost);
      scf::YieldOp::create(b, next);
    }
    for (size_t i = 0; i < zeros.size(); ++i) {
      Value sum = chunks.getResult(i);
      if (isCompensated)
        sum = monoids.withLost(sum, chunks.getResult(zeros.size() + i));
      sums.push_back(sum);
    }
  }

  SmallVector<SmallVector<Value>> results;
  ArrayRef<Value> unread = sums;
  for (row::ReduceOp reduce : reduces) {
    unsigned count = Monoids::summedBy(reduce);
    results.push_back(monoids.ofBlock(reduce, maxOf.lookup(reduce),
                                      unread.take_front(count)));
    unread = unread.drop_front(count);
  }
  return results;
}

void InnerTraversal::reduce(ArrayRef<row::ReduceOp> reduces, Value end) {
  auto finish = [&](row::ReduceOp reduce, ValueRange folded) {
    for (auto [result, value] :
         llvm::zip(reduce.getResults(), monoids.results(reduce, folded)))
      values.map(result, value);
  };
  int64_t block = schedule.getBlock();
  std::optional<int64_t> known = getConstantIntValue(extent);
  if (known && *known > 0 && *known <= block) {
    for (auto [reduce, folded] :
         llvm::zip(reduces, reduceBlock(reduces, index(0), extent, end)))
      finish(reduce, folded);
    return;
  }

  SmallVector<Value> row;
  for (row::ReduceOp reduce : reduces)
    llvm::append_range(
        row, monoids.neutral(
                 reduce, vectors->constant(reduce.getResult(0).getType(), 0)));
  auto loop = scf::ForOp::create(b, index(0), extent, index(block), row);
  {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(loop.getBody());
    Value from = loop.getInductionVar();
    Value to = arith::AddIOp::create(b, from, index(block));
    to = arith::MinUIOp::create(b, to, extent);
    SmallVector<Value> next;
    for (auto [reduce, folded] :
         llvm::zip(reduces, reduceBlock(reduces, from, to, end)))
      llvm::append_range(next, monoids.carry(reduce, folded));
    scf::YieldOp::create(
        b, monoids.merge(reduces, loop.getRegionIterArgs(), next));
  }
  ValueRange unread = loop.getResults();
  for (row::ReduceOp reduce : reduces) {
    unsigned count = Monoids::carriedBy(reduce);
    finish(reduce, monoids.valuesOf(reduce, unread.take_front(count)));
    unread = unread.drop_front(count);
  }
}

void InnerTraversal::map(ArrayRef<row::MapOp> maps, ArrayRef<Value> outputs,
                         Value end) {
  SmallVector<Value> skip;
  for (auto [i, row] : llvm::enumerate(outputRows))
    if (row)
      skip.push_back(skipValues[i]);
  auto scalar = [&](Value value) {
    return vectors->widen(values.lookupOrDefault(value));
  };
  columns(index(0), extent, {}, [&](Value column, ValueRange) {
    SmallVector<Value> results;
    for (auto [map, skipValue] : llvm::zip(maps, skip)) {
      row::MapOp op = map;
      Value result = elementsAt(op.getElement(), op.getRows(), column)[0];
      if (op.getColumn()) {
        Value here = arith::CmpIOp::create(b, arith::CmpIPredicate::eq,
                                           scalar(op.getColumn()),
                                           vectors->splat(column));
        result =
            arith::SelectOp::create(b, here, scalar(op.getValue()), result);
      }
      if (end)
        result = before(column, end, result, scalar(op.getOtherwise()));
      if (skipped)
        result = arith::SelectOp::create(b, skipped, skipValue, result);
      results.push_back(result);
    }
    // Every element is read before one is written: outputs may be inputs.
    for (auto [result, output] : llvm::zip(results, outputs))
      vectors->store(result, lineAt(b, output, column, rowsOfStep()), lanes);
    return SmallVector<Value>();
  });
}

void InnerTraversal::fill(Value output, Value value, Value from) {
  columns(from, extent, {}, [&](Value column, ValueRange) {
    vectors->store(vectors->widen(value),
                   lineAt(b, output, column, rowsOfStep()), lanes);
    return SmallVector<Value>();
  });
}
