// Reductions of the stream traversal: sweeps over one block.
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

/// The larger of two scalars that are not NaN.
Value StreamTraversal::larger(Value x, Value y) {
  Value isLarger =
      arith::CmpFOp::create(b, arith::CmpFPredicate::OGT, x, y);
  return arith::SelectOp::create(b, isLarger, x, y);
}

Value StreamTraversal::toWide(Value value) {
  return value.getType().isF64()
             ? value
             : arith::ExtFOp::create(b, b.getF64Type(), value).getResult();
}

Value StreamTraversal::stepColumns() {
  return b.createOrFold<arith::MulIOp>(vectors.lanes(),
                                       index(schedule.getUnroll()));
}

Value StreamTraversal::narrow(Value value, FloatType type) {
  return value.getType() == type
             ? value
             : arith::TruncFOp::create(b, type, value).getResult();
}

Value StreamTraversal::gapOrigin(Value max) {
  auto type = cast<FloatType>(max.getType());
  Value isLowest = arith::CmpFOp::create(b, arith::CmpFPredicate::OEQ, max,
                                         scalarConstant(type, -kInfinity));
  return arith::SelectOp::create(b, isLowest, scalarConstant(type, 0), max);
}

SmallVector<Value> StreamTraversal::elementsAt(Region &element, ValueRange rows,
                                               const Columns &columns) {
  SmallVector<Value> loaded;
  for (Value row : rows)
    loaded.push_back(vectors.load(rowOf(row), columns));
  return vectors.emit(&element.front(), loaded, columns, values);
}

/// Asks for the lines that lie `prefetch` bytes behind the vector's; past the
/// end of the row they are the next row's.
void StreamTraversal::prefetch(ValueRange rows, const Columns &columns) {
  if (schedule.getPrefetch() == 0 || inCache || columns.isPartial())
    return;
  llvm::SmallDenseSet<Value> seen;
  for (Value row : rows) {
    Value memref = rowOf(row);
    if (!seen.insert(memref).second)
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
        return larger(x, y);
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

/// Number of sums that a reduction keeps per lane.
static unsigned summedBy(row::ReduceOp reduce) {
  if (reduce.getMonoid() != row::Monoid::LogSumExp)
    return reduce.getMonoid() == row::Monoid::Add ? 1 : 0;
  return reduce.isWeighted() ? 4 : 2;
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

SmallVector<Value> StreamTraversal::summands(row::ReduceOp reduce, Value max,
                                             const Columns &columns) {
  auto type = cast<FloatType>(reduce.getResult(0).getType());
  SmallVector<Value> element =
      elementsAt(reduce.getElement(), reduce.getRows(), columns);
  if (reduce.getMonoid() == row::Monoid::Add)
    return element;
  Value zero = vectors.constant(type, 0);
  Value shift = vectors.splat(max);
  Value distance = arith::SubFOp::create(b, element[0], shift);
  if (Value scale = reduce.getScale())
    distance = arith::MulFOp::create(
        b, vectors.splat(values.lookupOrDefault(scale)), distance);
  Value exp = row::ExpNonPositiveOp::create(b, distance);
  // Maximal elements are counted, the others summed: no lane then has a large
  // term that would swallow the small ones, and rows of infinities need no
  // special case.
  Value below = arith::CmpFOp::create(b, arith::CmpFPredicate::UNE, element[0],
                                      shift);
  SmallVector<Value> added = {
      arith::SelectOp::create(b, below, exp, zero),
      arith::SelectOp::create(b, below, zero, vectors.constant(type, 1))};
  if (!reduce.isWeighted())
    return added;
  Value weight = element[1];
  Value half = vectors.constant(type, 0.5);
  Value origin = vectors.splat(gapOrigin(max));
  Value gap = arith::SubFOp::create(
      b, arith::MulFOp::create(b, origin, half),
      arith::MulFOp::create(b, element[0], half));
  gap = arith::MulFOp::create(b, weight, gap);
  if (reduce.getZeroTimesInf()) {
    Value isZero =
        arith::CmpFOp::create(b, arith::CmpFPredicate::OEQ, weight, zero);
    gap = arith::SelectOp::create(b, isZero, zero, gap);
  }
  added.append({weight, gap});
  return added;
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
    if (reduce.getMonoid() != row::Monoid::Add) {
      maxima.push_back({type, true});
      withMax.push_back(reduce);
    }
    if (unsigned count = summedBy(reduce)) {
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
                       for (Value summand :
                            summands(reduce, maxOf.lookup(reduce), columns)) {
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
    SmallVector<Value> &own = results.emplace_back();
    if (reduce.getMonoid() != row::Monoid::Add)
      own.push_back(maxOf.lookup(reduce));
    ArrayRef<Value> added = unread.take_front(summedBy(reduce));
    unread = unread.drop_front(added.size());
    if (reduce.getMonoid() == row::Monoid::LogSumExp) {
      auto type = cast<FloatType>(added[0].getType());
      Value others =
          arith::AddFOp::create(b, added[1], scalarConstant(type, -1));
      own.push_back(arith::AddFOp::create(b, added[0], others));
      added = added.drop_front(2);
    }
    own.append(added.begin(), added.end());
  }
  return results;
}
