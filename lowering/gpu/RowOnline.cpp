// Reductions of rows in memory: maximum and sums from one read of the row.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "lowering/gpu/RowKernel.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

#include <limits>

using namespace mlir;
using namespace mlir::softmax;

// A thread folds the columns that it owns chunk by chunk. What it has of a
// logsumexp is measured from the largest element so far; when a chunk brings a
// larger one, the sums are multiplied by one exponential. Milakov and
// Gimelshein, Online normalizer calculation for softmax, 2018, do so for every
// element; here elements that equal the maximum are counted apart, so that they
// are exact and the tail of a confident row keeps its accuracy.

namespace {

/// Positions of a logsumexp's values among those that a thread carries. Sums
/// are compensated, two values each.
enum { kMax, kPeaks, kRest, kRestError, kMass, kMassError, kGap, kGapError };

} // namespace

static FloatType typeOf(row::ReduceOp reduce) {
  return cast<FloatType>(reduce.getResult(0).getType());
}

static Value scalarOf(ImplicitLocOpBuilder &b, FloatType type, double value) {
  return arith::ConstantOp::create(b, b.getFloatAttr(type, value));
}

SmallVector<Value> RowKernel::startOnline(row::ReduceOp reduce) {
  FloatType type = typeOf(reduce);
  Value zero = scalarOf(b, type, 0);
  Value lowest = scalarOf(b, type, -std::numeric_limits<double>::infinity());
  switch (reduce.getMonoid()) {
  case row::Monoid::Max:
    return {lowest};
  case row::Monoid::Add:
    return {zero, zero};
  case row::Monoid::LogSumExp:
    break;
  }
  SmallVector<Value> state(reduce.isWeighted() ? 8 : 4, zero);
  state[kMax] = lowest;
  return state;
}

/// The state measured from `max`, which is not below the maximum so far.
SmallVector<Value> RowKernel::raise(row::ReduceOp reduce, ValueRange state,
                                    Value max) {
  FloatType type = typeOf(reduce);
  Value zero = scalarOf(b, type, 0);
  Value before = state[kMax];
  Value isLarger =
      arith::CmpFOp::create(b, arith::CmpFPredicate::OGT, max, before);
  Value distance = arith::SubFOp::create(b, before, max);
  if (reduce.getScale())
    distance =
        arith::MulFOp::create(b, values.lookup(reduce.getScale()), distance);
  Value factor = row::ExpNonPositiveOp::create(b, distance);
  auto ifLarger = [&](Value then, Value otherwise) -> Value {
    return arith::SelectOp::create(b, isLarger, then, otherwise);
  };
  auto scaled = [&](Value value) -> Value {
    return ifLarger(arith::MulFOp::create(b, value, factor), value);
  };
  SmallVector<Value> raised(state);
  raised[kMax] = max;
  raised[kPeaks] = ifLarger(zero, state[kPeaks]);
  // What were maxima are ordinary elements now.
  Value former =
      ifLarger(arith::MulFOp::create(b, state[kPeaks], factor), zero);
  SmallVector<Value> rest = addCompensated(
      b, {scaled(state[kRest]), scaled(state[kRestError])}, former);
  raised[kRest] = rest[0];
  raised[kRestError] = rest[1];
  if (!reduce.isWeighted())
    return raised;
  // Gaps are halves, so that distances do not overflow.
  auto halfOrigin = [&](Value value) -> Value {
    return arith::MulFOp::create(b, monoids.gapOrigin(value),
                                 scalarOf(b, type, 0.5));
  };
  Value moved = arith::SubFOp::create(b, halfOrigin(max), halfOrigin(before));
  Value mass = arith::AddFOp::create(b, state[kMass], state[kMassError]);
  Value grown = ifLarger(arith::MulFOp::create(b, mass, moved), zero);
  SmallVector<Value> gap =
      addCompensated(b, {state[kGap], state[kGapError]}, grown);
  raised[kGap] = gap[0];
  raised[kGapError] = gap[1];
  return raised;
}

/// The state after the columns of one chunk.
SmallVector<Value> RowKernel::addChunk(row::ReduceOp reduce, ValueRange state,
                                       ArrayRef<Columns> chunk) {
  FloatType type = typeOf(reduce);
  auto add = [&](Value x, Value y) -> Value {
    return arith::AddFOp::create(b, x, y);
  };
  auto larger = [&](Value x, Value y) -> Value {
    return arith::MaxNumFOp::create(b, x, y);
  };
  SmallVector<Value> next(state);
  Value max;
  if (reduce.getMonoid() != row::Monoid::Add) {
    Value lowest = constant(type, -std::numeric_limits<double>::infinity());
    Value found = lowest;
    for (const Columns &columns : chunk) {
      Value element =
          emitElement(reduce.getElementBlock(), reduce.getRows(), columns)[0];
      found = larger(found, maskOut(element, lowest, columns));
    }
    max = larger(state[kMax], foldVector(found, larger));
    if (reduce.getMonoid() == row::Monoid::Max)
      return {max};
    next = raise(reduce, state, max);
  }
  SmallVector<Value> sums;
  for (const Columns &columns : chunk) {
    SmallVector<Value> added = summands(reduce, max, columns);
    for (Value &value : added)
      value = maskOut(value, constant(type, 0), columns);
    if (sums.empty())
      sums = added;
    else
      for (auto [sum, value] : llvm::zip(sums, added))
        sum = add(sum, value);
  }
  for (Value &sum : sums)
    sum = foldVector(sum, add);
  if (reduce.getMonoid() == row::Monoid::Add)
    return addCompensated(b, next, sums[0]);
  // In the order of `summands`: the rest, the maxima, the mass, the gap.
  next[kPeaks] = add(next[kPeaks], sums[1]);
  auto compensate = [&](int position, Value value) {
    SmallVector<Value> sum =
        addCompensated(b, {next[position], next[position + 1]}, value);
    next[position] = sum[0];
    next[position + 1] = sum[1];
  };
  compensate(kRest, sums[0]);
  if (reduce.isWeighted()) {
    compensate(kMass, sums[2]);
    compensate(kGap, sums[3]);
  }
  return next;
}

/// Folds the columns [0, end) of the row for all of `reduces` in one sweep.
void RowKernel::reduceOnline(ArrayRef<row::ReduceOp> reduces, Value end) {
  SmallVector<Value> init;
  SmallVector<unsigned> sizes;
  for (row::ReduceOp reduce : reduces) {
    SmallVector<Value> state = startOnline(reduce);
    sizes.push_back(state.size());
    llvm::append_range(init, state);
  }
  SmallVector<Value> carried =
      sweepChunks(end, init, [&](ArrayRef<Columns> chunk, ValueRange states) {
        SmallVector<Value> next;
        for (auto [reduce, size] : llvm::zip(reduces, sizes)) {
          llvm::append_range(
              next, addChunk(reduce, states.slice(next.size(), size), chunk));
        }
        return next;
      });

  // First the maxima of all threads, then the sums measured from them.
  SmallVector<SmallVector<Value>> states;
  SmallVector<Value> mine;
  ValueRange left = carried;
  for (auto [reduce, size] : llvm::zip(reduces, sizes)) {
    states.emplace_back(left.take_front(size));
    left = left.drop_front(size);
    row::ReduceOp op = reduce;
    if (op.getMonoid() != row::Monoid::Add)
      mine.push_back(states.back()[kMax]);
  }
  if (!mine.empty())
    mine = group.combine(mine, [&](ValueRange x, ValueRange y) {
      SmallVector<Value> both;
      for (auto [a, c] : llvm::zip(x, y))
        both.push_back(arith::MaxNumFOp::create(b, a, c));
      return both;
    });
  SmallVector<Value> sums, maxima;
  ValueRange found = mine;
  for (size_t i = 0; i < reduces.size(); ++i) {
    row::ReduceOp reduce = reduces[i];
    auto rounded = [&](int position) {
      sums.push_back(arith::AddFOp::create(b, states[i][position],
                                           states[i][position + 1]));
    };
    if (reduce.getMonoid() == row::Monoid::Add) {
      maxima.push_back(Value());
      rounded(0);
      continue;
    }
    maxima.push_back(found.front());
    found = found.drop_front();
    if (reduce.getMonoid() == row::Monoid::Max)
      continue;
    states[i] = raise(reduce, states[i], maxima.back());
    rounded(kRest);
    sums.push_back(states[i][kPeaks]);
    if (reduce.isWeighted()) {
      rounded(kMass);
      rounded(kGap);
    }
  }
  combineSums(reduces, maxima, std::move(sums));
}
