// Reductions of the stream traversal: blocks, monoids and their merging.
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

Value StreamTraversal::elementsAt(Region &element, ValueRange rows,
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

/// Number of scalars that a reduction carries from block to block.
static unsigned carriedBy(row::ReduceOp reduce) {
  return reduce.getMonoid() == row::Monoid::LogSumExp ? 2 : 1;
}

SmallVector<Value>
StreamTraversal::reduceBlock(ArrayRef<row::ReduceOp> reduces, Value from,
                             Value to, bool exact) {
  // First sweep: the maxima. Their rows come out of memory here.
  SmallVector<Accumulator> maxima;
  SmallVector<row::ReduceOp> withMax;
  for (row::ReduceOp reduce : reduces)
    if (reduce.getMonoid() != row::Monoid::Add) {
      maxima.push_back({cast<FloatType>(reduce.getResult(0).getType()), true});
      withMax.push_back(reduce);
    }
  SmallVector<Value> max;
  if (!withMax.empty()) {
    max = sweep(from, to, exact, maxima,
                [&](const Columns &columns, ValueRange carried) {
                  SmallVector<Value> next;
                  for (auto [i, reduce] : llvm::enumerate(withMax)) {
                    prefetch(reduce.getRows(), columns);
                    Value element = elementsAt(reduce.getElement(),
                                               reduce.getRows(), columns);
                    Value masked = vectors.maskOut(
                        element,
                        vectors.constant(maxima[i].type, -kInfinity), columns);
                    next.push_back(vectors.max(masked, carried[i]));
                  }
                  return next;
                });
  }

  // Second sweep: the sums.
  SmallVector<Accumulator> sums;
  SmallVector<row::ReduceOp> withSum;
  for (row::ReduceOp reduce : reduces) {
    if (reduce.getMonoid() == row::Monoid::Max)
      continue;
    auto type = cast<FloatType>(reduce.getResult(0).getType());
    withSum.push_back(reduce);
    sums.push_back({type, false});
    if (reduce.getMonoid() == row::Monoid::LogSumExp)
      sums.push_back({type, false});
  }
  SmallVector<Value> shifts;
  for (Value m : max)
    shifts.push_back(vectors.splat(m));
  SmallVector<Value> folded;
  if (!withSum.empty()) {
    folded = sweep(
        from, to, exact, sums,
        [&](const Columns &columns, ValueRange carried) {
          SmallVector<Value> next;
          for (row::ReduceOp reduce : withSum) {
            auto type = cast<FloatType>(reduce.getResult(0).getType());
            Value zero = vectors.constant(type, 0);
            if (withMax.empty())
              prefetch(reduce.getRows(), columns);
            Value element =
                elementsAt(reduce.getElement(), reduce.getRows(), columns);
            auto accumulate = [&](Value value) {
              Value masked = vectors.maskOut(value, zero, columns);
              next.push_back(
                  arith::AddFOp::create(b, carried[next.size()], masked));
            };
            if (reduce.getMonoid() == row::Monoid::Add) {
              accumulate(element);
              continue;
            }
            Value shift = shifts[llvm::find(withMax, reduce) - withMax.begin()];
            Value exp = row::ExpNonPositiveOp::create(
                b, arith::SubFOp::create(b, element, shift));
            // Maximal elements are counted, the others summed: no lane then
            // has a large term that would swallow the small ones, and rows of
            // infinities need no special case.
            Value below = arith::CmpFOp::create(b, arith::CmpFPredicate::UNE,
                                                element, shift);
            accumulate(arith::SelectOp::create(b, below, exp, zero));
            accumulate(arith::SelectOp::create(b, below, zero,
                                               vectors.constant(type, 1)));
          }
          return next;
        });
  }

  SmallVector<Value> results;
  size_t nextMax = 0, nextSum = 0;
  for (row::ReduceOp reduce : reduces) {
    if (reduce.getMonoid() != row::Monoid::Add)
      results.push_back(max[nextMax++]);
    if (reduce.getMonoid() == row::Monoid::Max)
      continue;
    Value sum = folded[nextSum++];
    if (reduce.getMonoid() == row::Monoid::LogSumExp) {
      auto type = cast<FloatType>(sum.getType());
      Value others = arith::AddFOp::create(b, folded[nextSum++],
                                           scalarConstant(type, -1));
      sum = arith::AddFOp::create(b, others, sum);
    }
    results.push_back(sum);
  }
  return results;
}

/// Merges a block's reductions into the row's. Sums are f64 here.
SmallVector<Value> StreamTraversal::merge(ArrayRef<row::ReduceOp> reduces,
                                          ValueRange row, ValueRange block) {
  SmallVector<Value> merged;
  for (row::ReduceOp reduce : reduces) {
    size_t i = merged.size();
    if (reduce.getMonoid() == row::Monoid::Add) {
      merged.push_back(arith::AddFOp::create(b, row[i], toWide(block[i])));
      continue;
    }
    if (reduce.getMonoid() == row::Monoid::Max) {
      merged.push_back(larger(block[i], row[i]));
      continue;
    }
    // (max, tail): the part with the larger maximum keeps its tail; the whole
    // sum of the other, 1 + tail, is scaled down. Equal maxima, also infinite
    // ones, give the factor 1.
    Value rowMax = row[i], blockMax = block[i];
    Value rowSum = row[i + 1], blockSum = toWide(block[i + 1]);
    auto type = cast<FloatType>(rowMax.getType());
    Value keep = arith::CmpFOp::create(b, arith::CmpFPredicate::OGE, rowMax,
                                       blockMax);
    Value max = arith::SelectOp::create(b, keep, rowMax, blockMax);
    Value low = arith::SelectOp::create(b, keep, blockMax, rowMax);
    Value equal = arith::CmpFOp::create(b, arith::CmpFPredicate::OEQ, low, max);
    Value distance = arith::SelectOp::create(
        b, equal, scalarConstant(type, 0), arith::SubFOp::create(b, low, max));
    Value factor = toWide(row::ExpNonPositiveOp::create(b, distance));
    Value high = arith::SelectOp::create(b, keep, rowSum, blockSum);
    Value scaled = arith::SelectOp::create(b, keep, blockSum, rowSum);
    scaled = arith::AddFOp::create(b, scaled,
                                   scalarConstant(b.getF64Type(), 1));
    scaled = arith::MulFOp::create(b, scaled, factor);
    merged.push_back(max);
    merged.push_back(arith::AddFOp::create(b, high, scaled));
  }
  return merged;
}

void StreamTraversal::reduce(ArrayRef<row::ReduceOp> reduces) {
  // The first block takes what the others leave, so that they are full and a
  // short row needs no merge.
  Value block = index(schedule.getBlock());
  Value zero = index(0);
  Value last = b.createOrFold<arith::SubIOp>(extent, index(1));
  Value head = b.createOrFold<arith::AddIOp>(
      b.createOrFold<arith::RemUIOp>(last, block), index(1));
  head = b.createOrFold<arith::MinUIOp>(head, extent);
  SmallVector<Value> row = reduceBlock(reduces, zero, head, /*exact=*/false);

  std::optional<int64_t> columns = getConstantIntValue(extent);
  bool merges = !columns || *columns > schedule.getBlock();
  if (merges) {
    size_t next = 0;
    for (row::ReduceOp reduce : reduces) {
      next += carriedBy(reduce);
      if (reduce.getMonoid() != row::Monoid::Max)
        row[next - 1] = toWide(row[next - 1]);
    }
    auto loop = scf::ForOp::create(b, head, extent, block, row);
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(loop.getBody());
    Value from = loop.getInductionVar();
    Value to = arith::AddIOp::create(b, from, block);
    SmallVector<Value> blockResults =
        reduceBlock(reduces, from, to, /*exact=*/true);
    scf::YieldOp::create(
        b, merge(reduces, loop.getRegionIterArgs(), blockResults));
    row.assign(loop.result_begin(), loop.result_end());
  }

  size_t next = 0;
  for (row::ReduceOp reduce : reduces) {
    auto type = cast<FloatType>(reduce.getResult(0).getType());
    auto narrow = [&](Value value) -> Value {
      return value.getType() == type
                 ? value
                 : arith::TruncFOp::create(b, type, value).getResult();
    };
    Value first = row[next++];
    values.map(reduce.getResult(0), narrow(first));
    if (reduce.getMonoid() != row::Monoid::LogSumExp)
      continue;
    Value sum = row[next++];
    Value guard = arith::SubFOp::create(b, first, first);
    values.map(reduce.getResult(2), narrow(sum));
    auto wide = cast<FloatType>(sum.getType());
    sum = arith::AddFOp::create(b, sum, scalarConstant(wide, 1));
    values.map(reduce.getResult(1),
               arith::AddFOp::create(b, narrow(sum), guard).getResult());
  }
  inCache = true;
}
