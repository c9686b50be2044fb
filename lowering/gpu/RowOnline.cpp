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
// are exact and the tail of a confident row keeps its accuracy. Both is work
// for the few chunks that bring a maximum; the others only add exponentials.

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

/// A state without errors, as a thread carries it.
SmallVector<Value> RowKernel::carriedOf(row::ReduceOp reduce,
                                        ValueRange state) {
  if (reduce.getMonoid() == row::Monoid::Max)
    return SmallVector<Value>(state);
  Value zero = scalarOf(b, typeOf(reduce), 0);
  if (reduce.getMonoid() == row::Monoid::Add)
    return {state[0], zero};
  // In the order of `summands`: the rest, the maxima, the mass, the gap.
  SmallVector<Value> carried = {state[0], state[2], state[1], zero};
  if (reduce.isWeighted())
    carried.append({state[3], zero, state[4], zero});
  return carried;
}

SmallVector<Value> RowKernel::stateOf(row::ReduceOp reduce,
                                      ValueRange carried) {
  if (reduce.getMonoid() == row::Monoid::Max)
    return SmallVector<Value>(carried);
  auto rounded = [&](int position) -> Value {
    return arith::AddFOp::create(b, carried[position], carried[position + 1]);
  };
  if (reduce.getMonoid() == row::Monoid::Add)
    return {rounded(0)};
  SmallVector<Value> state = {carried[kMax], rounded(kRest), carried[kPeaks]};
  if (reduce.isWeighted())
    state.append({rounded(kMass), rounded(kGap)});
  return state;
}

/// The same measured from `max`, which is not below the maximum so far.
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
  if (reduce.getMonoid() == row::Monoid::Add)
    return addCompensated(b, state,
                          sumsOf(reduce, Value(), chunk, /*isBelow=*/false)[0]);
  auto larger = [&](Value x, Value y) -> Value {
    return arith::MaxNumFOp::create(b, x, y);
  };
  Value lowest = constant(type, -std::numeric_limits<double>::infinity());
  Value found;
  for (const Columns &columns : chunk) {
    Value element =
        emitElement(reduce.getElementBlock(), reduce.getRows(), columns)[0];
    element = maskOut(element, lowest, columns);
    found = found ? larger(found, element) : element;
  }
  found = foldVector(found, larger);
  if (reduce.getMonoid() == row::Monoid::Max)
    return {larger(state[kMax], found)};

  // All lanes of a subgroup take the same way: of k chunks the maximum rises in
  // about log k, and in the others no element is the maximum.
  bool together = group.getNeighbours() == Neighbours::Columns &&
                  group.getThreads() >= schedule.getLanes();
  if (!together)
    return addToState(reduce, state, chunk, larger(state[kMax], found));
  Value isBelow = group.all(
      arith::CmpFOp::create(b, arith::CmpFPredicate::OLT, found, state[kMax]));
  SmallVector<Value> sums;
  std::tie(isBelow, sums) = sumsBelow(reduce, state[kMax], chunk, isBelow);
  auto branch = scf::IfOp::create(b, state.getTypes(), isBelow,
                                  /*withElseRegion=*/true);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(&branch.getThenRegion().front());
  scf::YieldOp::create(b, addSums(reduce, state, sums));
  b.setInsertionPointToStart(&branch.getElseRegion().front());
  found = group.inLanes(
      {found}, schedule.getLanes(),
      [&](ValueRange x, ValueRange y) { return group.larger(x, y); })[0];
  scf::YieldOp::create(
      b, addToState(reduce, state, chunk, larger(state[kMax], found)));
  return SmallVector<Value>(branch.getResults());
}

/// The sums of a chunk whose elements are less than `max` where `isBelow`, and
/// whether they hold. Exponentials by the GPU's instruction are not checked one
/// by one: where one could have been lost their sum is small, or NaN.
std::pair<Value, SmallVector<Value>>
RowKernel::sumsBelow(row::ReduceOp reduce, Value max, ArrayRef<Columns> chunk,
                     Value isBelow) {
  bool unchecked = schedule.getExp() != Exponential::Polynomial &&
                   !roundsSums() && typeOf(reduce).isF32();
  SmallVector<Type> types(Monoids::summedBy(reduce) - 1, typeOf(reduce));
  types.push_back(b.getI1Type());
  auto branch = scf::IfOp::create(b, types, isBelow, /*withElseRegion=*/true);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(&branch.getThenRegion().front());
  SmallVector<Value> sums;
  for (Value sum : sumsOf(reduce, max, chunk, /*isBelow=*/true, unchecked))
    if (sum) // no maxima are counted
      sums.push_back(sum);
  Value holds = isBelow;
  if (unchecked) {
    Value least = scalarOf(b, typeOf(reduce), 0x1p-90);
    holds = group.all(arith::CmpFOp::create(b, arith::CmpFPredicate::OGE,
                                            sums.front(), least));
  }
  sums.push_back(holds);
  scf::YieldOp::create(b, sums);
  b.setInsertionPointToStart(&branch.getElseRegion().front());
  SmallVector<Value> none(types.size() - 1, scalarOf(b, typeOf(reduce), 0));
  none.push_back(arith::ConstantOp::create(b, b.getBoolAttr(false)));
  scf::YieldOp::create(b, none);
  SmallVector<Value> results(branch.getResults());
  holds = results.pop_back_val();
  results.insert(results.begin() + 1, Value());
  return {holds, results};
}

/// What the columns of a chunk add to the sums of this thread.
SmallVector<Value> RowKernel::sumsOf(row::ReduceOp reduce, Value max,
                                     ArrayRef<Columns> chunk, bool isBelow,
                                     bool unchecked) {
  SmallVector<Value> sums;
  for (const Columns &columns : chunk) {
    SmallVector<Value> added =
        summands(reduce, max, columns, isBelow, unchecked);
    for (Value &value : added)
      if (value)
        value = maskOut(value, constant(typeOf(reduce), 0), columns);
    if (sums.empty())
      sums = added;
    else
      for (auto [sum, value] : llvm::zip(sums, added))
        if (sum)
          sum = arith::AddFOp::create(b, sum, value);
  }
  for (Value &sum : sums)
    if (sum)
      sum = foldVector(sum, [&](Value x, Value y) -> Value {
        return arith::AddFOp::create(b, x, y);
      });
  return sums;
}

/// A logsumexp's state with a chunk whose elements are at most `max`.
SmallVector<Value> RowKernel::addToState(row::ReduceOp reduce, ValueRange state,
                                         ArrayRef<Columns> chunk, Value max) {
  return addSums(reduce, raise(reduce, state, max),
                 sumsOf(reduce, max, chunk, /*isBelow=*/false));
}

/// The same with the sums of a chunk, in the order of `summands`: the rest, the
/// maxima (null for none), the mass, the gap.
SmallVector<Value> RowKernel::addSums(row::ReduceOp reduce, ValueRange state,
                                      ArrayRef<Value> sums) {
  SmallVector<Value> next(state);
  if (sums[1])
    next[kPeaks] = arith::AddFOp::create(b, next[kPeaks], sums[1]);
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

SmallVector<Value> RowKernel::neutralStates(ArrayRef<row::ReduceOp> reduces) {
  SmallVector<Value> states;
  for (row::ReduceOp reduce : reduces)
    llvm::append_range(states, stateOf(reduce, startOnline(reduce)));
  return states;
}

SmallVector<Value> RowKernel::reduceOnline(ArrayRef<row::ReduceOp> reduces,
                                           Value end) {
  SmallVector<Value> init;
  SmallVector<unsigned> sizes;
  for (row::ReduceOp reduce : reduces) {
    SmallVector<Value> start = startOnline(reduce);
    sizes.push_back(start.size());
    llvm::append_range(init, start);
  }
  SmallVector<Value> carried =
      sweepChunks(end, init, [&](ArrayRef<Columns> chunk, ValueRange before) {
        SmallVector<Value> next;
        for (auto [reduce, size] : llvm::zip(reduces, sizes))
          llvm::append_range(
              next, addChunk(reduce, before.slice(next.size(), size), chunk));
        return next;
      });
  SmallVector<Value> states;
  ValueRange left = carried;
  for (auto [reduce, size] : llvm::zip(reduces, sizes)) {
    llvm::append_range(states, stateOf(reduce, left.take_front(size)));
    left = left.drop_front(size);
  }
  return combineStates(reduces, states);
}

/// First the maxima of some threads, then the sums measured from them, and both
/// again with what comes through shared memory.
SmallVector<Value> RowKernel::combineStates(ArrayRef<row::ReduceOp> reduces,
                                            ValueRange given) {
  using Values = SmallVector<Value>;
  // A state begins with its maximum, where it has one.
  auto part = [&](ValueRange states, bool wantsMaxima) {
    Values found;
    for (row::ReduceOp reduce : reduces) {
      ValueRange state = states.take_front(valuesOf(reduce));
      states = states.drop_front(state.size());
      bool hasMax = Monoids::hasMax(reduce);
      llvm::append_range(found, wantsMaxima ? state.take_front(hasMax)
                                            : state.drop_front(hasMax));
    }
    return found;
  };
  auto join = [&](ValueRange maxima, ValueRange sums) {
    Values states;
    for (row::ReduceOp reduce : reduces) {
      bool hasMax = Monoids::hasMax(reduce);
      unsigned count = Monoids::summedBy(reduce);
      llvm::append_range(states, maxima.take_front(hasMax));
      llvm::append_range(states, sums.take_front(count));
      maxima = maxima.drop_front(hasMax);
      sums = sums.drop_front(count);
    }
    return states;
  };
  auto maximaOf = [&](ValueRange states) { return part(states, true); };
  // The sums, measured from other maxima.
  auto sumsFrom = [&](ValueRange maxima, ValueRange states) {
    Values raised;
    for (row::ReduceOp reduce : reduces) {
      ValueRange state = states.slice(raised.size(), valuesOf(reduce));
      if (reduce.getMonoid() == row::Monoid::LogSumExp)
        llvm::append_range(
            raised, stateOf(reduce, raise(reduce, carriedOf(reduce, state),
                                          maxima.front())));
      else
        llvm::append_range(raised, state);
      maxima = maxima.drop_front(Monoids::hasMax(reduce));
    }
    return part(raised, false);
  };
  auto larger = [&](ValueRange x, ValueRange y) { return group.larger(x, y); };
  auto add = [&](ValueRange x, ValueRange y) { return group.add(x, y); };

  if (group.getNeighbours() == Neighbours::Rows) {
    // Every thread folds all of them, which takes one exponential each when
    // they are measured from the same maximum already.
    Values max = group.maxima(maximaOf(given));
    return join(max, group.sums(sumsFrom(max, given)));
  }
  return group.exchange(
      given,
      [&](Values states, int64_t width) {
        Values max = group.inLanes(maximaOf(states), width, larger);
        return join(max, group.inLanes(sumsFrom(max, states), width, add));
      },
      [&](ValueRange x, ValueRange y) {
        Values max = group.larger(maximaOf(x), maximaOf(y));
        return join(max, group.add(sumsFrom(max, x), sumsFrom(max, y)));
      });
}
