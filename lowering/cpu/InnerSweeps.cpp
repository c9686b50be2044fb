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

/// Columns whose results the steps of a tile take turns at. Few, so that few
/// rows of DRAM are written at a time.
static constexpr int64_t kMapBlock = 8;

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

void InnerTraversal::bindReductions(const Stage &stage) {
  SmallVector<Value> state;
  ArrayRef<Value> buffers = stage.state;
  for (row::ReduceOp reduce : stage.reduces) {
    unsigned count =
        isOneBlock ? Monoids::foldedBy(reduce) : Monoids::carriedBy(reduce);
    SmallVector<Value> folded;
    for (Value buffer : buffers.take_front(count))
      folded.push_back(loadKept(buffer));
    buffers = buffers.drop_front(count);
    if (!isOneBlock)
      folded = monoids.valuesOf(reduce, folded);
    for (auto [result, value] :
         llvm::zip(reduce.getResults(), monoids.results(reduce, folded)))
      values.map(result, value);
  }
}

void InnerTraversal::reduce(Stage &stage, Value from, Value to) {
  Value until = stage.reduces.front().getUntil();
  Value end = until ? values.lookupOrDefault(until) : Value();
  SmallVector<SmallVector<Value>> blocks =
      reduceBlock(stage.reduces, from, to, end);
  if (isOneBlock) {
    for (ArrayRef<Value> folded : blocks)
      for (Value value : folded)
        stage.state.push_back(keep(value));
    return;
  }
  SmallVector<Value> row, block;
  for (Value buffer : stage.state)
    row.push_back(loadKept(buffer));
  for (auto [reduce, folded] : llvm::zip(stage.reduces, blocks))
    llvm::append_range(block, monoids.carry(reduce, folded));
  for (auto [value, buffer] :
       llvm::zip(monoids.merge(stage.reduces, row, block), stage.state))
    vector::StoreOp::create(b, value, buffer, ValueRange{offset});
}

void InnerTraversal::map(Value from, Value to) {
  SmallVector<row::MapOp> maps;
  SmallVector<Value> written, skip;
  for (auto [i, value] : llvm::enumerate(yielded()))
    if (outputRows[i]) {
      maps.push_back(value.getDefiningOp<row::MapOp>());
      written.push_back(outputRows[i]);
      skip.push_back(skipped ? skipValues[i] : Value());
    }
  Value until = maps.front().getUntil();
  Value end = until ? values.lookupOrDefault(until) : Value();
  auto scalar = [&](Value value) {
    return vectors->widen(values.lookupOrDefault(value));
  };
  columns(from, to, {}, [&](Value column, ValueRange) {
    SmallVector<Value> results;
    for (auto [map, skipValue] : llvm::zip(maps, skip)) {
      row::MapOp op = map;
      Value result = elementsAt(op.getElement(), op.getRows(), column)[0];
      if (end)
        result = before(column, end, result, scalar(op.getOtherwise()));
      if (skipped)
        result = arith::SelectOp::create(b, skipped, skipValue, result);
      results.push_back(result);
    }
    // Every element is read before one is written: outputs may be inputs.
    for (auto [result, output] : llvm::zip(results, written))
      vectors->store(result, lineAt(b, output, column, rowsOfStep()), lanes);
    return SmallVector<Value>();
  });
}

/// After the sweep: comparing every column with it would cost more than the
/// rest of a map.
void InnerTraversal::override() {
  for (auto [row, value] : llvm::zip(outputRows, yielded())) {
    auto map = value.getDefiningOp<row::MapOp>();
    if (!row || !map.getColumn())
      continue;
    auto vectorOf = [&](Value value) {
      return vectors->widen(values.lookupOrDefault(value));
    };
    Value column = vectorOf(map.getColumn());
    Value counts = inRow(column);
    if (map.getUntil())
      counts = arith::AndIOp::create(
          b, counts,
          arith::CmpIOp::create(b, arith::CmpIPredicate::slt, column,
                                vectorOf(map.getUntil())));
    if (skipped)
      counts = vectors->exclude(counts, skipped);
    vectors->scatter(vectorOf(map.getValue()), row, offsetsAt(row, column),
                     counts);
  }
}

void InnerTraversal::fill(Value from, Value to) {
  for (size_t i = 0; i < outputRows.size(); ++i)
    if (Value row = outputRows[i])
      columns(from, to, {}, [&](Value column, ValueRange) {
        vectors->store(skipValues[i], lineAt(b, row, column, rowsOfStep()),
                       lanes);
        return SmallVector<Value>();
      });
}

/// The sweep that ends a stage. The steps of a tile take turns at a block of
/// columns, so that whole lines of neighbouring rows are read, not one cache
/// line of each column.
void InnerTraversal::sweep(Stage &stage) {
  bool isLast = &stage == &stages.back();
  if (isLast && llvm::none_of(outputRows, [](Value row) { return !!row; }))
    return;
  Totals none;
  auto overSteps = [&](function_ref<void()> counts,
                       function_ref<void()> skips) {
    forSteps(none, [&](Totals &) {
      recall(stage, /*withScalars=*/true);
      unlessSkipped(
          {}, [&] { return counts(), SmallVector<Value>(); },
          [&] { return skips(), SmallVector<Value>(); });
    });
  };
  auto overColumns = [&](Value from, Value to) {
    if (isLast)
      overSteps([&] { map(from, to); }, [&] { fill(from, to); });
    else
      overSteps([&] { reduce(stage, from, to); }, [] {});
  };
  if (isOneBlock || (isLast && tile.steps == 1)) {
    overColumns(index(0), extent);
  } else {
    Value block = index(isLast ? kMapBlock : schedule.getBlock());
    loop(index(0), extent, block, none, [&](Value from) {
      Value to = arith::AddIOp::create(b, from, block);
      overColumns(from, arith::MinUIOp::create(b, to, extent));
    });
  }
  if (isLast && llvm::any_of(program.getOps<row::MapOp>(), [](row::MapOp map) {
        return static_cast<bool>(map.getColumn());
      }))
    overSteps([&] { override(); }, [] {});
}
