// Reductions of a GPU kernel: the maxima of a row, then its sums.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "lowering/gpu/RowKernel.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

#include <limits>

using namespace mlir;
using namespace mlir::softmax;

Value RowKernel::endOfColumns(Value until) {
  if (!until)
    return extent;
  Value end =
      arith::MaxSIOp::create(b, values.lookupOrDefault(until), kernel.index(0));
  return arith::MinSIOp::create(b, end, extent);
}

static FloatType typeOf(row::ReduceOp reduce) {
  return cast<FloatType>(reduce.getResult(0).getType());
}

void RowKernel::emitReduce(row::ReduceOp first) {
  if (values.contains(first.getResult(0)))
    return; // shared the sweep of an earlier one
  auto *found = llvm::find_if(sweeps, [&](ArrayRef<row::ReduceOp> sweep) {
    return llvm::is_contained(sweep, first);
  });
  ArrayRef<row::ReduceOp> reduces = *found;
  unsigned number = found - sweeps.begin();
  if (isLater(number) && number > split->number)
    return;
  for (row::ReduceOp reduce : reduces)
    if (reduce.getScale() && !values.contains(reduce.getScale()))
      values.map(reduce.getScale(), kernel.value(reduce.getScale()));

  until = first.getUntil();
  Value end = endOfColumns(until);
  if (isLater(number)) {
    if (first == reduces.front())
      storeStates(number, reduceColumns(reduces, end));
    return;
  }
  SmallVector<Value> states = split    ? loadStates(number)
                              : slices ? reduceSlices(reduces, end)
                                       : reduceColumns(reduces, end);
  ValueRange left = states;
  for (row::ReduceOp reduce : reduces) {
    ValueRange state = left.take_front(valuesOf(reduce));
    left = left.drop_front(state.size());
    bool hasMax = Monoids::hasMax(reduce);
    SmallVector<Value> folded = monoids.ofBlock(
        reduce, hasMax ? state[0] : Value(), state.drop_front(hasMax));
    values.map(reduce->getResults(), monoids.results(reduce, folded));
  }
}

/// Every chunk may raise the maximum, and with it rounds what was summed
/// before: with rising elements those errors add up. 64 of them stay within the
/// bounds.
bool RowKernel::readsOnce() const {
  if (schedule.getResidence() == Residence::Registers)
    return false;
  constexpr int64_t kChunks = 64, kLongRow = 65536;
  int64_t chunk =
      group.getThreads() * schedule.getVector() * schedule.getSteps();
  // Each slice starts anew.
  return staticExtent.value_or(kLongRow) <=
         kChunks * chunk * schedule.getSlices();
}

/// Maxima are counted apart for the sake of the tail, and of an ULP of f32 in
/// the sum. Where nobody asks for the tail and all results are rounded to 16
/// bits, their exponentials, which are 1, are summed with the others.
bool RowKernel::joinsMaxima(row::ReduceOp reduce) {
  return reduce.getMonoid() == row::Monoid::LogSumExp && !reduce.isWeighted() &&
         reduce.getResult(2).use_empty() && roundsResults(program);
}

SmallVector<Value> RowKernel::reduceInTwoSweeps(ArrayRef<row::ReduceOp> reduces,
                                                Value end) {
  // From memory a thread may add up any number of columns, and many also when
  // it holds them.
  bool compensates = schedule.getResidence() != Residence::Registers ||
                     schedule.getSteps() > 16;
  unsigned width = compensates ? 2 : 1;
  // Measured from the maximum of the row, what a sum and a result have in
  // common is computed once. Without results, a thread's own maximum does, and
  // saves an exchange.
  bool ownMaxima = group.usesSharedMemory() && !writesColumns(program);
  SmallVector<Value> max = maxima(reduces, end), init;
  if (!ownMaxima)
    max = combineMaxima(max);
  for (row::ReduceOp reduce : reduces)
    init.append(width * Monoids::summedBy(reduce), constant(typeOf(reduce), 0));
  SmallVector<Value> sums;
  if (!init.empty())
    sums = sweep(end, init, [&](const Columns &columns, ValueRange carried) {
      SmallVector<Value> next;
      for (auto [reduce, maximum] : llvm::zip(reduces, max))
        for (Value value :
             summands(reduce, maximum, columns, joinsMaxima(reduce))) {
          ValueRange sum = carried.slice(next.size(), width);
          if (!value) { // no maxima are counted
            llvm::append_range(next, sum);
            continue;
          }
          value = maskOut(value, constant(typeOf(reduce), 0), columns);
          if (compensates)
            llvm::append_range(next, addCompensated(b, sum, value));
          else
            next.push_back(arith::AddFOp::create(b, sum[0], value));
        }
      return next;
    });
  if (compensates) {
    for (size_t i = 0; i < sums.size() / 2; ++i)
      sums[i] = arith::AddFOp::create(b, sums[2 * i], sums[2 * i + 1]);
    sums.truncate(sums.size() / 2);
  }
  for (Value &sum : sums)
    sum = foldVector(sum, [&](Value x, Value y) -> Value {
      return arith::AddFOp::create(b, x, y);
    });
  if (!ownMaxima) {
    // What nobody has counted is 0 everywhere.
    SmallVector<Value> counted;
    SmallVector<unsigned> positions;
    unsigned next = 0;
    for (row::ReduceOp reduce : reduces)
      for (unsigned i = 0; i < Monoids::summedBy(reduce); ++i, ++next)
        if (i != 1 || !joinsMaxima(reduce)) {
          counted.push_back(sums[next]);
          positions.push_back(next);
        }
    counted = group.sums(counted);
    for (auto [position, value] : llvm::zip(positions, counted))
      sums[position] = value;
  }
  SmallVector<Value> states;
  ValueRange left = sums;
  for (auto [reduce, maximum] : llvm::zip(reduces, max)) {
    if (maximum)
      states.push_back(maximum);
    unsigned count = Monoids::summedBy(reduce);
    llvm::append_range(states, left.take_front(count));
    left = left.drop_front(count);
  }
  return ownMaxima ? combineStates(reduces, states) : states;
}

/// NaN is ignored.
SmallVector<Value> RowKernel::maxima(ArrayRef<row::ReduceOp> reduces,
                                     Value end) {
  SmallVector<row::ReduceOp> sought;
  SmallVector<Value> init;
  for (row::ReduceOp reduce : reduces)
    if (reduce.getMonoid() != row::Monoid::Add) {
      sought.push_back(reduce);
      init.push_back(
          constant(typeOf(reduce), -std::numeric_limits<double>::infinity()));
    }
  SmallVector<Value> result(reduces.size());
  if (sought.empty())
    return result;
  auto larger = [&](Value x, Value y) -> Value {
    return arith::MaxNumFOp::create(b, x, y);
  };
  SmallVector<Value> found =
      sweep(end, init, [&](const Columns &columns, ValueRange carried) {
        SmallVector<Value> next;
        for (auto [i, reduce] : llvm::enumerate(sought)) {
          Value element = emitElement(reduce.getElementBlock(),
                                      reduce.getRows(), columns)[0];
          element = maskOut(element, init[i], columns);
          next.push_back(larger(carried[i], element));
        }
        return next;
      });
  for (Value &value : found)
    value = foldVector(value, larger);
  auto next = found.begin();
  for (size_t i = 0; i < reduces.size(); ++i)
    if (row::ReduceOp reduce = reduces[i];
        reduce.getMonoid() != row::Monoid::Add)
      result[i] = *next++;
  return result;
}

SmallVector<Value> RowKernel::combineMaxima(ArrayRef<Value> maxima) {
  SmallVector<Value> found, result(maxima);
  llvm::copy_if(maxima, std::back_inserter(found),
                [](Value value) { return bool(value); });
  found = group.maxima(found);
  auto next = found.begin();
  for (Value &value : result)
    if (value)
      value = *next++;
  return result;
}

/// What the columns add to the sums of a reduction.
SmallVector<Value> RowKernel::summands(row::ReduceOp reduce, Value max,
                                       const Columns &columns, bool isBelow,
                                       bool unchecked) {
  if (reduce.getMonoid() == row::Monoid::Max)
    return {};
  SmallVector<Value> element =
      emitElement(reduce.getElementBlock(), reduce.getRows(), columns);
  ExpForm form = roundsSums() ? ExpForm::Rounded
                 : unchecked  ? ExpForm::Unchecked
                              : ExpForm::Checked;
  return monoids.summands(reduce, max ? splat(max) : Value(), element, isBelow,
                          form);
}
