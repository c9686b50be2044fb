// Reductions of a GPU kernel: the maxima of a row, then its sums.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "lowering/gpu/RowKernel.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Transforms/RegionUtils.h"

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
  Block *body = program.getBodyBlock();
  auto isKnown = [&](Value value) {
    return value.getParentBlock() != body || values.contains(value);
  };
  SmallVector<row::ReduceOp> group;
  for (Operation *op = first; op; op = op->getNextNode()) {
    auto reduce = dyn_cast<row::ReduceOp>(op);
    if (!reduce || values.contains(reduce.getResult(0)) ||
        reduce.getUntil() != first.getUntil())
      continue;
    bool ready = !reduce.getScale() || isKnown(reduce.getScale());
    visitUsedValuesDefinedAbove(reduce.getElement(), [&](OpOperand *operand) {
      ready &= isKnown(operand->get());
    });
    if (ready)
      group.push_back(reduce);
  }
  for (row::ReduceOp reduce : group)
    if (reduce.getScale() && !values.contains(reduce.getScale()))
      values.map(reduce.getScale(), kernel.value(reduce.getScale()));

  Value end = endOfColumns(first.getUntil());
  if (readsOnce())
    reduceOnline(group, end);
  else
    reduceInTwoSweeps(group, end);
}

/// Every chunk may raise the maximum, and with it rounds what was summed
/// before: with rising elements those errors add up. 64 of them stay within the
/// bounds.
bool RowKernel::readsOnce() const {
  if (schedule.getResidence() == Residence::Registers)
    return false;
  constexpr int64_t kChunks = 64, kLongRow = 65536;
  int64_t chunk =
      schedule.getThreads() * schedule.getVector() * schedule.getSteps();
  return staticExtent.value_or(kLongRow) <= kChunks * chunk;
}

void RowKernel::reduceInTwoSweeps(ArrayRef<row::ReduceOp> reduces, Value end) {
  // From memory a thread may add up any number of columns, and many also when it
  // holds them.
  bool compensates = schedule.getResidence() == Residence::Memory ||
                     schedule.getSteps() > 16;
  unsigned width = compensates ? 2 : 1;
  SmallVector<Value> max = maxima(reduces, end), init;
  for (row::ReduceOp reduce : reduces)
    init.append(width * Monoids::summedBy(reduce), constant(typeOf(reduce), 0));
  if (init.empty())
    return combineSums(reduces, max, {});
  SmallVector<Value> sums =
      sweep(end, init, [&](const Columns &columns, ValueRange carried) {
        SmallVector<Value> next;
        for (auto [reduce, maximum] : llvm::zip(reduces, max))
          for (Value value : summands(reduce, maximum, columns)) {
            Value zero = constant(typeOf(reduce), 0);
            value = maskOut(value, zero, columns);
            ValueRange sum = carried.slice(next.size(), width);
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
  combineSums(reduces, max, std::move(sums));
}

void RowKernel::combineSums(ArrayRef<row::ReduceOp> reduces,
                            ArrayRef<Value> maxima, SmallVector<Value> sums) {
  if (!sums.empty())
    sums = group.combine(sums, [&](ValueRange x, ValueRange y) {
      SmallVector<Value> added;
      for (auto [a, c] : llvm::zip(x, y))
        added.push_back(arith::AddFOp::create(b, a, c));
      return added;
    });
  ValueRange left = sums;
  for (auto [reduce, maximum] : llvm::zip(reduces, maxima)) {
    unsigned count = Monoids::summedBy(reduce);
    SmallVector<Value> folded =
        monoids.ofBlock(reduce, maximum, left.take_front(count));
    values.map(reduce->getResults(), monoids.results(reduce, folded));
    left = left.drop_front(count);
  }
}

/// The maximum of every reduction that has one, null for the others. NaN is
/// ignored.
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
  found = group.combine(found, [&](ValueRange x, ValueRange y) {
    SmallVector<Value> both;
    for (auto [a, c] : llvm::zip(x, y))
      both.push_back(larger(a, c));
    return both;
  });
  auto next = found.begin();
  for (size_t i = 0; i < reduces.size(); ++i)
    if (row::ReduceOp reduce = reduces[i];
        reduce.getMonoid() != row::Monoid::Add)
      result[i] = *next++;
  return result;
}

/// What the columns add to the sums of a reduction.
SmallVector<Value> RowKernel::summands(row::ReduceOp reduce, Value max,
                                       const Columns &columns) {
  if (reduce.getMonoid() == row::Monoid::Max)
    return {};
  SmallVector<Value> element =
      emitElement(reduce.getElementBlock(), reduce.getRows(), columns);
  return monoids.summands(reduce, max ? splat(max) : Value(), element);
}
