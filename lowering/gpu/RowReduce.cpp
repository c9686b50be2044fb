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
  if (schedule.getResidence() == Residence::Memory)
    reduceOnline(group, end);
  else
    reduceInRegisters(group, end);
}

/// How many sums a reduction takes: `summands` makes so many.
static unsigned countSums(row::ReduceOp reduce) {
  switch (reduce.getMonoid()) {
  case row::Monoid::Max:
    return 0;
  case row::Monoid::Add:
    return 1;
  case row::Monoid::LogSumExp:
    return reduce.isWeighted() ? 4 : 2;
  }
  llvm_unreachable("unknown monoid");
}

void RowKernel::reduceInRegisters(ArrayRef<row::ReduceOp> reduces, Value end) {
  SmallVector<Value> max = maxima(reduces, end), init;
  for (row::ReduceOp reduce : reduces)
    init.append(countSums(reduce), constant(typeOf(reduce), 0));
  if (init.empty())
    return combineSums(reduces, max, {});
  SmallVector<Value> sums =
      sweep(end, init, [&](const Columns &columns, ValueRange carried) {
        SmallVector<Value> next;
        for (auto [reduce, maximum] : llvm::zip(reduces, max))
          for (Value value : summands(reduce, maximum, columns)) {
            Value zero = constant(typeOf(reduce), 0);
            next.push_back(arith::AddFOp::create(
                b, carried[next.size()], maskOut(value, zero, columns)));
          }
        return next;
      });
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
    unsigned count = countSums(reduce);
    finish(reduce, maximum, left.take_front(count));
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

/// What the columns add to the sums of a reduction: of a logsumexp the
/// exponentials below the maximum and the number of elements that equal it,
/// which are exact also when they are infinite; if weighted, the mass and the
/// gap.
SmallVector<Value> RowKernel::summands(row::ReduceOp reduce, Value max,
                                       const Columns &columns) {
  if (reduce.getMonoid() == row::Monoid::Max)
    return {};
  SmallVector<Value> element =
      emitElement(reduce.getElementBlock(), reduce.getRows(), columns);
  if (reduce.getMonoid() == row::Monoid::Add)
    return element;
  FloatType type = typeOf(reduce);
  Value zero = constant(type, 0), one = constant(type, 1);
  Value peak = splat(max);
  Value below =
      arith::CmpFOp::create(b, arith::CmpFPredicate::UNE, element[0], peak);
  Value distance = arith::SubFOp::create(b, element[0], peak);
  if (reduce.getScale())
    distance = arith::MulFOp::create(b, splat(values.lookup(reduce.getScale())),
                                     distance);
  Value exp = row::ExpNonPositiveOp::create(b, distance);
  SmallVector<Value> sums = {arith::SelectOp::create(b, below, exp, zero),
                             arith::SelectOp::create(b, below, zero, one)};
  if (!reduce.isWeighted())
    return sums;
  // A row without finite maximum is measured from 0.
  Value lowest = constant(type, -std::numeric_limits<double>::infinity());
  Value isLowest =
      arith::CmpFOp::create(b, arith::CmpFPredicate::OEQ, peak, lowest);
  Value half = constant(type, 0.5);
  Value origin = arith::MulFOp::create(
      b, arith::SelectOp::create(b, isLowest, zero, peak), half);
  Value gap = arith::SubFOp::create(b, origin,
                                    arith::MulFOp::create(b, element[0], half));
  gap = arith::MulFOp::create(b, element[1], gap);
  if (reduce.getZeroTimesInf()) {
    Value isZero =
        arith::CmpFOp::create(b, arith::CmpFPredicate::OEQ, element[1], zero);
    gap = arith::SelectOp::create(b, isZero, zero, gap);
  }
  sums.append({element[1], gap});
  return sums;
}

void RowKernel::finish(row::ReduceOp reduce, Value max, ValueRange sums) {
  if (reduce.getMonoid() == row::Monoid::Add)
    return values.map(reduce.getResult(0), sums[0]);
  values.map(reduce.getResult(0), max);
  if (reduce.getMonoid() == row::Monoid::Max)
    return;
  FloatType type = typeOf(reduce);
  Value one = arith::ConstantOp::create(b, b.getFloatAttr(type, 1));
  Value others = arith::SubFOp::create(b, sums[1], one);
  Value tail = arith::AddFOp::create(b, others, sums[0]);
  Value guard = arith::SubFOp::create(b, max, max);
  Value sum =
      arith::AddFOp::create(b, arith::AddFOp::create(b, tail, one), guard);
  values.map(reduce.getResult(1), sum);
  values.map(reduce.getResult(2), tail);
  if (!reduce.isWeighted())
    return;
  values.map(reduce.getResult(3), sums[2]);
  values.map(reduce.getResult(4), sums[3]);
}
