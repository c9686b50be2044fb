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

SmallVector<Value> StreamTraversal::steps(Value from, Value to,
                                          ArrayRef<Value> neutral, Step step,
                                          Fold fold) {
  int64_t unroll = schedule.getUnroll();
  size_t count = neutral.size();
  SmallVector<Value> init;
  for (int64_t u = 0; u < unroll; ++u)
    llvm::append_range(init, neutral);
  auto loop = scf::ForOp::create(b, from, to, stepColumns(), init);
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
  // The unrolled copies are folded pairwise.
  SmallVector<Value> folded;
  for (size_t i = 0; i < count; ++i) {
    SmallVector<Value> copies;
    for (int64_t u = 0; u < unroll; ++u)
      copies.push_back(loop.getResult(u * count + i));
    while (copies.size() > 1) {
      SmallVector<Value> half;
      for (size_t u = 0; u + 1 < copies.size(); u += 2)
        half.push_back(fold(copies[u], copies[u + 1]));
      if (copies.size() % 2)
        half.push_back(copies.back());
      copies = half;
    }
    folded.push_back(copies.front());
  }
  return folded;
}

SmallVector<Value> StreamTraversal::rest(Value from, Value to,
                                         ArrayRef<Value> init, Step step) {
  auto tail = scf::ForOp::create(b, from, to, vectors.lanes(), init);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(tail.getBody());
  Columns columns = vectors.partial(tail.getInductionVar(), to);
  scf::YieldOp::create(b, step(columns, tail.getRegionIterArgs()));
  return SmallVector<Value>(tail.getResults());
}

Value StreamTraversal::endOfSteps(Value from, Value to) {
  Value length = b.createOrFold<arith::SubIOp>(to, from);
  Value rest = b.createOrFold<arith::RemUIOp>(length, stepColumns());
  return b.createOrFold<arith::SubIOp>(to, rest);
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
    elements.push_back(
        arith::ConstantOp::create(b, b.getZeroAttr(argument.getType())));
  Type type = elements.front().getType();
  elements.front() =
      largest.getType() == type
          ? largest
          : arith::TruncFOp::create(b, type, largest).getResult();
  Value value =
      emitElement(reduce.getElementBlock(), elements, index(0)).front();
  auto real = cast<FloatType>(largest.getType());
  Value none = scalarConstant(real, -kInfinity);
  return arith::SelectOp::create(b, isEmpty, none, value);
}

SmallVector<Value> StreamTraversal::maxima(ArrayRef<row::ReduceOp> reduces,
                                           Value from, Value to, bool exact,
                                           bool readsAhead) {
  if (reduces.empty())
    return {};
  SmallVector<Value> lowest;
  for (row::ReduceOp reduce : reduces)
    lowest.push_back(
        vectors.constant(reduce.getResult(0).getType(), -kInfinity));
  auto step = [&](const Columns &columns, ValueRange carried) {
    SmallVector<Value> next;
    for (row::ReduceOp reduce : reduces) {
      size_t i = next.size();
      if (readsAhead)
        prefetch(reduce.getRows(), columns);
      Value masked =
          vectors.maskOut(candidatesAt(reduce, columns), lowest[i], columns);
      next.push_back(vectors.max(masked, carried[i]));
    }
    return next;
  };
  auto larger = [&](Value x, Value y) { return monoids.larger(x, y); };
  Value end = exact ? to : endOfSteps(from, to);
  SmallVector<Value> results = steps(from, end, lowest, step, larger);
  if (!exact)
    results = rest(end, to, results, step);
  for (Value &result : results)
    result = vectors.foldLanes(result, larger, /*isMax=*/true);
  return results;
}

SmallVector<Value>
StreamTraversal::sums(ArrayRef<row::ReduceOp> reduces,
                      const llvm::SmallDenseMap<Operation *, Value> &maxOf,
                      Value from, Value to, bool exact) {
  if (reduces.empty())
    return {};
  SmallVector<Value> zeros;
  for (row::ReduceOp reduce : reduces)
    zeros.append(Monoids::summedBy(reduce),
                 vectors.constant(reduce.getResult(0).getType(), 0));
  // This sweep has the arithmetic under which memory can be read ahead: it asks
  // for what the sweep over the next block's maxima will need.
  auto step = [&](const Columns &columns, ValueRange carried) {
    SmallVector<Value> next;
    for (row::ReduceOp reduce : reduces) {
      prefetch(reduce.getRows(), columns);
      Value max = maxOf.lookup(reduce);
      SmallVector<Value> element =
          elementsAt(reduce.getElement(), reduce.getRows(), columns);
      for (Value summand : monoids.summands(
               reduce, max ? vectors.splat(max) : Value(), element)) {
        size_t i = next.size();
        next.push_back(arith::AddFOp::create(
            b, carried[i], vectors.maskOut(summand, zeros[i], columns)));
      }
    }
    return next;
  };
  auto add = [&](Value x, Value y) -> Value {
    return arith::AddFOp::create(b, x, y);
  };

  Value end = exact ? to : endOfSteps(from, to);
  Value chunk =
      b.createOrFold<arith::MulIOp>(stepColumns(), index(Monoids::kChunk));
  // Rows that are known to be one chunk need no others.
  std::optional<int64_t> columns = getConstantIntValue(to);
  std::optional<int64_t> most = getConstantIntValue(chunk);
  SmallVector<Value> results;
  if (columns && most && *columns <= *most)
    results = steps(from, end, zeros, step, add);
  else
    results = sumOfChunks(from, end, chunk, zeros, step, add);
  if (!exact)
    for (auto [sum, own] : llvm::zip(results, rest(end, to, zeros, step)))
      sum = add(sum, own);
  for (Value &sum : results)
    sum = vectors.foldLanes(sum, add, /*isMax=*/false);
  return results;
}

SmallVector<Value> StreamTraversal::sumOfChunks(Value from, Value to,
                                                Value chunk,
                                                ArrayRef<Value> zeros,
                                                Step step, Fold add) {
  size_t count = zeros.size();
  SmallVector<Value> init(zeros);
  llvm::append_range(init, zeros);
  auto loop = scf::ForOp::create(b, from, to, chunk, init);
  {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(loop.getBody());
    Value first = loop.getInductionVar();
    Value last = arith::AddIOp::create(b, first, chunk);
    last = arith::MinUIOp::create(b, last, to);
    SmallVector<Value> sums, lost;
    for (auto [i, own] :
         llvm::enumerate(steps(first, last, zeros, step, add))) {
      ValueRange carried = loop.getRegionIterArgs();
      auto [sum, error] =
          monoids.addKeeping(carried[i], carried[count + i], own);
      sums.push_back(sum);
      lost.push_back(error);
    }
    llvm::append_range(sums, lost);
    scf::YieldOp::create(b, sums);
  }
  SmallVector<Value> sums;
  for (size_t i = 0; i < count; ++i)
    sums.push_back(
        monoids.withLost(loop.getResult(i), loop.getResult(count + i)));
  return sums;
}

SmallVector<SmallVector<Value>>
StreamTraversal::reduceBlock(ArrayRef<row::ReduceOp> reduces, Value from,
                             Value to, bool exact) {
  SmallVector<row::ReduceOp> withMax, withSum;
  for (row::ReduceOp reduce : reduces) {
    if (Monoids::hasMax(reduce))
      withMax.push_back(reduce);
    if (Monoids::summedBy(reduce))
      withSum.push_back(reduce);
  }
  llvm::SmallDenseMap<Operation *, Value> maxOf;
  for (auto [reduce, max] :
       llvm::zip(withMax, maxima(withMax, from, to, exact, withSum.empty()))) {
    maxOf[reduce] = max;
    if (!reduce.getMonotone())
      continue;
    Value isEmpty =
        arith::CmpIOp::create(b, arith::CmpIPredicate::sge, from, to);
    maxOf[reduce] = valueOfMaximum(reduce, max, isEmpty);
  }
  SmallVector<Value> folded = sums(withSum, maxOf, from, to, exact);

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
    scf::YieldOp::create(
        b, monoids.merge(reduces, loop.getRegionIterArgs(), next));
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
