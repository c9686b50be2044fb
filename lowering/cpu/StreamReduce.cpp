// Reductions of the stream traversal.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "lowering/cpu/Stream.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

#include <limits>

using namespace mlir;
using namespace mlir::softmax;

static constexpr double kInfinity = std::numeric_limits<double>::infinity();
static constexpr int64_t kCacheLine = 64;

Value StreamTraversal::scalarConstant(FloatType type, double value) {
  return arith::ConstantOp::create(b, b.getFloatAttr(type, value));
}

Value StreamTraversal::stepColumns() {
  return b.createOrFold<arith::MulIOp>(vectors.lanes(),
                                       index(schedule.getUnroll()));
}

SmallVector<Value> StreamTraversal::elementsAt(Region &element, ValueRange rows,
                                               const Columns &columns) {
  SmallVector<Value> loaded;
  for (Value row : rows)
    loaded.push_back(vectors.load(rowOf(row), columns));
  return vectors.emit(
      &element.front(), loaded, [&] { return vectors.count(columns.first); },
      values);
}

/// Asks for the lines that lie `prefetch` bytes behind the vector's; past the
/// end of the row they are the next row's.
void StreamTraversal::prefetch(ValueRange rows, const Columns &columns) {
  if (schedule.getPrefetch() == 0 || inCache || columns.isPartial())
    return;
  llvm::SmallDenseSet<Value> seen;
  for (Value row : rows) {
    Value memref = rowOf(row);
    if (!seen.insert(memref).second || !hasUnitStride(memref))
      continue;
    int64_t bytes =
        cast<MemRefType>(memref.getType()).getElementTypeBitWidth() / 8;
    // Vectors narrower than a line take turns.
    int64_t perLine = kCacheLine / (schedule.getLanes() * bytes);
    if (perLine > 1 && columns.position % perLine != 0)
      continue;
    Value ahead = index(schedule.getPrefetch() / bytes);
    Value target = arith::AddIOp::create(b, columns.first, ahead);
    memref::PrefetchOp::create(b, memref, ValueRange{target},
                               /*isWrite=*/false, /*localityHint=*/3,
                               /*isDataCache=*/true);
  }
}

SmallVector<Value> StreamTraversal::sweep(Value from, Value to, bool exact,
                                          ArrayRef<Accumulator> accumulators,
                                          Step step) {
  int64_t unroll = schedule.getUnroll();
  size_t count = accumulators.size();
  SmallVector<Value> init;
  for (int64_t u = 0; u < unroll; ++u)
    for (const Accumulator &accumulator : accumulators)
      init.push_back(vectors.constant(accumulator.type,
                                      accumulator.isMax ? -kInfinity : 0));

  Value stride = stepColumns();
  Value length = b.createOrFold<arith::SubIOp>(to, from);
  Value rest = b.createOrFold<arith::RemUIOp>(length, stride);
  Value mainEnd = exact ? to : b.createOrFold<arith::SubIOp>(to, rest);
  auto loop = scf::ForOp::create(b, from, mainEnd, stride, init);
  {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(loop.getBody());
    SmallVector<Value> next;
    Value column = loop.getInductionVar();
    for (int64_t u = 0; u < unroll; ++u) {
      ValueRange carried = loop.getRegionIterArgs().slice(u * count, count);
      llvm::append_range(next, step({column, {}, {}, u}, carried));
      if (u + 1 < unroll)
        column = arith::AddIOp::create(b, column, vectors.lanes());
    }
    scf::YieldOp::create(b, next);
  }
  SmallVector<Value> sums(loop.getResults());
  if (!exact) {
    auto tail = scf::ForOp::create(b, mainEnd, to, vectors.lanes(),
                                   ArrayRef(sums).take_front(count));
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(tail.getBody());
    Columns columns = vectors.partial(tail.getInductionVar(), to);
    scf::YieldOp::create(b, step(columns, tail.getRegionIterArgs()));
    llvm::copy(tail.getResults(), sums.begin());
  }

  // Fold the unrolled copies pairwise, then the lanes.
  SmallVector<Value> results;
  for (auto [i, accumulator] : llvm::enumerate(accumulators)) {
    bool isMax = accumulator.isMax;
    auto combine = [&](Value x, Value y) -> Value {
      if (isMax)
        return monoids.larger(x, y);
      return arith::AddFOp::create(b, x, y);
    };
    SmallVector<Value> copies;
    for (int64_t u = 0; u < unroll; ++u)
      copies.push_back(sums[u * count + i]);
    while (copies.size() > 1) {
      SmallVector<Value> half;
      for (size_t u = 0; u + 1 < copies.size(); u += 2)
        half.push_back(combine(copies[u], copies[u + 1]));
      if (copies.size() % 2)
        half.push_back(copies.back());
      copies = half;
    }
    results.push_back(vectors.foldLanes(copies.front(), combine, isMax));
  }
  return results;
}

Value StreamTraversal::candidatesAt(row::ReduceOp reduce,
                                    const Columns &columns) {
  if (!reduce.getMonotone())
    return elementsAt(reduce.getElement(), reduce.getRows(), columns)[0];
  Value element = vectors.load(rowOf(reduce.getRows().front()), columns);
  Type type = vectors.vectorOf(reduce.getResult(0).getType());
  return element.getType() == type
             ? element
             : arith::ExtFOp::create(b, type, element).getResult();
}

Value StreamTraversal::valueOfMaximum(row::ReduceOp reduce, Value largest,
                                      Value isEmpty) {
  SmallVector<Value> elements;
  for (BlockArgument argument : reduce.getElementBlock()->getArguments())
    elements.push_back(arith::ConstantOp::create(
        b, b.getZeroAttr(argument.getType())));
  Type type = elements.front().getType();
  elements.front() = largest.getType() == type
                         ? largest
                         : arith::TruncFOp::create(b, type, largest).getResult();
  Value value =
      emitElement(reduce.getElementBlock(), elements, index(0)).front();
  auto real = cast<FloatType>(largest.getType());
  Value none = scalarConstant(real, -kInfinity);
  return arith::SelectOp::create(b, isEmpty, none, value);
}

SmallVector<SmallVector<Value>>
StreamTraversal::reduceBlock(ArrayRef<row::ReduceOp> reduces, Value from,
                             Value to, bool exact) {
  // The sweep over the sums has the arithmetic under which memory can be read
  // ahead: it asks for what the sweep over the next block's maxima will need.
  SmallVector<Accumulator> maxima, sums;
  SmallVector<row::ReduceOp> withMax, withSum;
  for (row::ReduceOp reduce : reduces) {
    auto type = cast<FloatType>(reduce.getResult(0).getType());
    if (Monoids::hasMax(reduce)) {
      maxima.push_back({type, true});
      withMax.push_back(reduce);
    }
    if (unsigned count = Monoids::summedBy(reduce)) {
      sums.append(count, {type, false});
      withSum.push_back(reduce);
    }
  }

  // First sweep: the maxima.
  SmallVector<Value> max;
  if (!withMax.empty())
    max = sweep(from, to, exact, maxima,
                [&](const Columns &columns, ValueRange carried) {
                  SmallVector<Value> next;
                  for (auto [i, reduce] : llvm::enumerate(withMax)) {
                    if (withSum.empty())
                      prefetch(reduce.getRows(), columns);
                    Value element = candidatesAt(reduce, columns);
                    Value masked = vectors.maskOut(
                        element,
                        vectors.constant(maxima[i].type, -kInfinity), columns);
                    next.push_back(vectors.max(masked, carried[i]));
                  }
                  return next;
                });
  llvm::SmallDenseMap<Operation *, Value> maxOf;
  for (auto [reduce, value] : llvm::zip(withMax, max)) {
    maxOf[reduce] = value;
    if (!reduce.getMonotone())
      continue;
    Value isEmpty =
        arith::CmpIOp::create(b, arith::CmpIPredicate::sge, from, to);
    maxOf[reduce] = valueOfMaximum(reduce, value, isEmpty);
  }

  // Second sweep: the sums.
  SmallVector<Value> folded;
  if (!withSum.empty())
    folded = sweep(from, to, exact, sums,
                   [&](const Columns &columns, ValueRange carried) {
                     SmallVector<Value> next;
                     for (row::ReduceOp reduce : withSum) {
                       prefetch(reduce.getRows(), columns);
                       auto type = cast<FloatType>(
                           reduce.getResult(0).getType());
                       Value zero = vectors.constant(type, 0);
                       Value max = maxOf.lookup(reduce);
                       SmallVector<Value> element = elementsAt(
                           reduce.getElement(), reduce.getRows(), columns);
                       for (Value summand : monoids.summands(
                                reduce, max ? vectors.splat(max) : Value(),
                                element)) {
                         Value masked =
                             vectors.maskOut(summand, zero, columns);
                         next.push_back(arith::AddFOp::create(
                             b, carried[next.size()], masked));
                       }
                     }
                     return next;
                   });

  SmallVector<SmallVector<Value>> results;
  ArrayRef<Value> unread = folded;
  for (row::ReduceOp reduce : reduces) {
    unsigned count = Monoids::summedBy(reduce);
    results.push_back(monoids.ofBlock(reduce, maxOf.lookup(reduce),
                                      unread.take_front(count)));
    unread = unread.drop_front(count);
  }
  return results;
}

void StreamTraversal::reduce(ArrayRef<row::ReduceOp> reduces, Value end) {
  // The first block takes what the others leave, so that they are full and a
  // short row needs no merge.
  Value block = index(schedule.getBlock());
  Value last = b.createOrFold<arith::SubIOp>(end, index(1));
  Value head = b.createOrFold<arith::AddIOp>(
      b.createOrFold<arith::RemUIOp>(last, block), index(1));
  head = b.createOrFold<arith::MinUIOp>(head, end);
  using Folded = SmallVector<SmallVector<Value>>;
  Folded folded = reduceBlock(reduces, index(0), head, /*exact=*/false);
  auto carryAll = [&](const Folded &block) {
    SmallVector<Value> all;
    for (auto [reduce, own] : llvm::zip(reduces, block))
      llvm::append_range(all, monoids.carry(reduce, own));
    return all;
  };

  std::optional<int64_t> columns = getConstantIntValue(extent);
  bool merges = !columns || *columns > schedule.getBlock();
  SmallVector<Value> row;
  if (merges) {
    auto loop = scf::ForOp::create(b, head, end, block, carryAll(folded));
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(loop.getBody());
    Value from = loop.getInductionVar();
    Value to = arith::AddIOp::create(b, from, block);
    SmallVector<Value> next =
        carryAll(reduceBlock(reduces, from, to, /*exact=*/true));
    scf::YieldOp::create(b, monoids.merge(reduces, loop.getRegionIterArgs(), next));
    row.assign(loop.result_begin(), loop.result_end());
  }

  ValueRange unread = row;
  for (size_t i = 0; i < reduces.size(); ++i) {
    row::ReduceOp reduce = reduces[i];
    SmallVector<Value> own = folded[i];
    if (merges) {
      unsigned count = Monoids::carriedBy(reduce);
      own = monoids.valuesOf(reduce, unread.take_front(count));
      unread = unread.drop_front(count);
    }
    for (auto [result, value] :
         llvm::zip(reduce.getResults(), monoids.results(reduce, own)))
      values.map(result, value);
  }
  inCache = true;
}
