// The arithmetic of monoids on blocks of columns.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "lowering/Monoids.h"

#include "lowering/Floats.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/TypeUtilities.h"

#include <limits>

using namespace mlir;
using namespace mlir::softmax;

static constexpr double kInfinity = std::numeric_limits<double>::infinity();

/// Sums of blocks are added in f64. Those of f64 data, for which that is no
/// wider, are pairs of a sum and what its roundings have lost.
static unsigned widthOfSum(row::ReduceOp reduce) {
  return reduce.getResult(0).getType().isF64() ? 2 : 1;
}

unsigned Monoids::summedBy(row::ReduceOp reduce) {
  if (reduce.getMonoid() != row::Monoid::LogSumExp)
    return reduce.getMonoid() == row::Monoid::Add ? 1 : 0;
  return reduce.isWeighted() ? 4 : 2;
}

/// Tail, mass and gap, or what it has of them.
static unsigned sumsOf(row::ReduceOp reduce) {
  return reduce.getMonoid() == row::Monoid::Max   ? 0
         : reduce.getMonoid() == row::Monoid::Add ? 1
         : reduce.isWeighted()                    ? 3
                                                  : 1;
}

unsigned Monoids::foldedBy(row::ReduceOp reduce) {
  return hasMax(reduce) + sumsOf(reduce);
}

unsigned Monoids::carriedBy(row::ReduceOp reduce) {
  return hasMax(reduce) + sumsOf(reduce) * widthOfSum(reduce);
}

Value Monoids::larger(Value x, Value y) {
  Value isLarger = arith::CmpFOp::create(b, arith::CmpFPredicate::OGT, x, y);
  return arith::SelectOp::create(b, isLarger, x, y);
}

static Type withElement(Type type, Type element) {
  if (auto vector = dyn_cast<VectorType>(type))
    return vector.clone(element);
  return element;
}

Value Monoids::toWide(Value value) {
  if (getElementTypeOrSelf(value).isF64())
    return value;
  return arith::ExtFOp::create(b, withElement(value.getType(), b.getF64Type()),
                               value);
}

Value Monoids::narrow(Value value, Type type) {
  if (getElementTypeOrSelf(value) == type)
    return value;
  return arith::TruncFOp::create(b, withElement(value.getType(), type), value);
}

Value Monoids::gapOrigin(Value max) {
  Value isLowest = arith::CmpFOp::create(b, arith::CmpFPredicate::OEQ, max,
                                         constantLike(b, max, -kInfinity));
  return arith::SelectOp::create(b, isLowest, constantLike(b, max, 0), max);
}

Value Monoids::scaled(row::ReduceOp reduce, Value difference) {
  if (!reduce.getScale())
    return difference;
  Value scale = scalars.lookupOrDefault(reduce.getScale());
  if (getElementTypeOrSelf(difference).isF64())
    scale = toWide(scale);
  if (scale.getType() != difference.getType())
    scale = vector::BroadcastOp::create(b, difference.getType(), scale);
  return arith::MulFOp::create(b, scale, difference);
}

SmallVector<Value> Monoids::summands(row::ReduceOp reduce, Value max,
                                     ValueRange element, bool isBelow,
                                     ExpForm form) {
  if (reduce.getMonoid() == row::Monoid::Add)
    return {element[0]};
  Value zero = constantLike(b, max, 0);
  auto exp = row::ExpNonPositiveOp::create(
      b, scaled(reduce, arith::SubFOp::create(b, element[0], max)));
  exp.setUnchecked(form == ExpForm::Unchecked);
  exp.setRounded(form == ExpForm::Rounded);
  // Maximal elements are counted, the others summed: no lane then has a large
  // term that would swallow the small ones, and rows of infinities need no
  // special case.
  SmallVector<Value> added = {exp, Value()};
  if (!isBelow) {
    Value below =
        arith::CmpFOp::create(b, arith::CmpFPredicate::UNE, element[0], max);
    added = {arith::SelectOp::create(b, below, exp, zero),
             arith::SelectOp::create(b, below, zero, constantLike(b, max, 1))};
  }
  if (!reduce.isWeighted())
    return added;
  Value weight = element[1];
  Value half = constantLike(b, max, 0.5);
  Value gap =
      arith::SubFOp::create(b, arith::MulFOp::create(b, gapOrigin(max), half),
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

std::pair<Value, Value> Monoids::addKeeping(Value sum, Value lost,
                                            Value value) {
  // Dekker's fast two-sum.
  Value total = arith::AddFOp::create(b, sum, value);
  Value added = arith::SubFOp::create(b, total, sum);
  Value own = arith::SubFOp::create(b, value, added);
  return {total, arith::AddFOp::create(b, lost, own)};
}

Value Monoids::withLost(Value sum, Value lost) {
  Value isNumber =
      arith::CmpFOp::create(b, arith::CmpFPredicate::ORD, lost, lost);
  lost = arith::SelectOp::create(b, isNumber, lost, constantLike(b, lost, 0));
  return arith::AddFOp::create(b, sum, lost);
}

SmallVector<Value> Monoids::ofBlock(row::ReduceOp reduce, Value max,
                                    ValueRange sums) {
  SmallVector<Value> folded;
  if (max)
    folded.push_back(max);
  if (reduce.getMonoid() == row::Monoid::LogSumExp) {
    Value others =
        arith::AddFOp::create(b, sums[1], constantLike(b, sums[1], -1));
    folded.push_back(arith::AddFOp::create(b, sums[0], others));
    sums = sums.drop_front(2);
  }
  llvm::append_range(folded, sums);
  return folded;
}

SmallVector<Value> Monoids::addToSum(ValueRange sum, Value value) {
  if (sum.size() == 2)
    return addCompensated(b, sum, value);
  return {arith::AddFOp::create(b, sum[0], value)};
}

Value Monoids::valueOfSum(ValueRange sum) {
  if (sum.size() == 1)
    return sum[0];
  return arith::AddFOp::create(b, sum[0], sum[1]);
}

SmallVector<Value> Monoids::carry(row::ReduceOp reduce, ValueRange block) {
  SmallVector<Value> carried;
  for (auto [i, value] : llvm::enumerate(block)) {
    if (i == 0 && hasMax(reduce)) {
      carried.push_back(value);
      continue;
    }
    carried.push_back(toWide(value));
    if (widthOfSum(reduce) == 2)
      carried.push_back(constantLike(b, carried.back(), 0));
  }
  return carried;
}

SmallVector<Value> Monoids::neutral(row::ReduceOp reduce, Value like) {
  SmallVector<Value> block;
  if (hasMax(reduce))
    block.push_back(constantLike(b, like, -kInfinity));
  if (reduce.getMonoid() == row::Monoid::LogSumExp)
    block.push_back(constantLike(b, like, -1));
  unsigned sums = reduce.getMonoid() == row::Monoid::Add ? 1
                  : reduce.isWeighted()                  ? 2
                                                         : 0;
  block.append(sums, constantLike(b, like, 0));
  return carry(reduce, block);
}

SmallVector<Value> Monoids::mergeLogSumExp(row::ReduceOp reduce, ValueRange row,
                                           ValueRange block) {
  unsigned width = widthOfSum(reduce);
  auto sumOf = [&](ValueRange carried, unsigned number) {
    return carried.slice(1 + number * width, width);
  };
  // The part with the larger maximum keeps its tail; the whole sum of the
  // other, 1 + tail, is scaled down. Equal maxima, also infinite ones, give the
  // factor 1.
  Value rowMax = row[0], blockMax = block[0];
  Value keep =
      arith::CmpFOp::create(b, arith::CmpFPredicate::OGE, rowMax, blockMax);
  auto select = [&](Value yes, Value no) -> Value {
    return arith::SelectOp::create(b, keep, yes, no);
  };
  Value max = select(rowMax, blockMax);
  Value low = select(blockMax, rowMax);
  Value equal = arith::CmpFOp::create(b, arith::CmpFPredicate::OEQ, low, max);
  // In f64, because of rising elements every block's factor meets the sum.
  Value distance =
      scaled(reduce, arith::SubFOp::create(b, toWide(low), toWide(max)));
  distance =
      arith::SelectOp::create(b, equal, constantLike(b, distance, 0), distance);
  Value factor = row::ExpNonPositiveOp::create(b, distance);
  ValueRange rowTail = sumOf(row, 0), blockTail = sumOf(block, 0);
  SmallVector<Value> high;
  for (auto [own, other] : llvm::zip(rowTail, blockTail))
    high.push_back(select(own, other));
  Value scaled = select(valueOfSum(blockTail), valueOfSum(rowTail));
  scaled = arith::AddFOp::create(b, scaled, constantLike(b, scaled, 1));
  scaled = arith::MulFOp::create(b, scaled, factor);
  SmallVector<Value> merged = {max};
  llvm::append_range(merged, addToSum(high, scaled));
  if (!reduce.isWeighted())
    return merged;

  // Each part's gaps grow by its mass times the way to the common maximum.
  Value origin = toWide(gapOrigin(max));
  Value half = constantLike(b, origin, 0.5);
  // An infinite mass that stays where it is adds nothing.
  Value zero = constantLike(b, origin, 0);
  auto movedBy = [&](Value max, Value mass) -> Value {
    Value way = arith::SubFOp::create(b, origin, toWide(gapOrigin(max)));
    way = arith::MulFOp::create(b, way, half);
    Value stays =
        arith::CmpFOp::create(b, arith::CmpFPredicate::OEQ, way, zero);
    return arith::SelectOp::create(b, stays, zero,
                                   arith::MulFOp::create(b, mass, way));
  };
  Value rowMass = valueOfSum(sumOf(row, 1)),
        blockMass = valueOfSum(sumOf(block, 1));
  llvm::append_range(merged, addToSum(sumOf(row, 1), blockMass));
  SmallVector<Value> gap = addToSum(sumOf(row, 2), movedBy(rowMax, rowMass));
  Value ofBlock = arith::AddFOp::create(b, valueOfSum(sumOf(block, 2)),
                                        movedBy(blockMax, blockMass));
  llvm::append_range(merged, addToSum(gap, ofBlock));
  return merged;
}

SmallVector<Value> Monoids::merge(ArrayRef<row::ReduceOp> reduces,
                                  ValueRange row, ValueRange block) {
  SmallVector<Value> merged;
  for (row::ReduceOp reduce : reduces) {
    size_t i = merged.size();
    unsigned count = carriedBy(reduce);
    ValueRange own = row.slice(i, count), other = block.slice(i, count);
    switch (reduce.getMonoid()) {
    case row::Monoid::Add:
      llvm::append_range(merged, addToSum(own, valueOfSum(other)));
      break;
    case row::Monoid::Max:
      merged.push_back(larger(other[0], own[0]));
      break;
    case row::Monoid::LogSumExp:
      llvm::append_range(merged, mergeLogSumExp(reduce, own, other));
      break;
    }
  }
  return merged;
}

SmallVector<Value> Monoids::valuesOf(row::ReduceOp reduce, ValueRange carried) {
  SmallVector<Value> folded;
  if (hasMax(reduce))
    folded.push_back(carried[0]);
  unsigned width = widthOfSum(reduce);
  for (unsigned at = folded.size(); at < carried.size(); at += width)
    folded.push_back(valueOfSum(carried.slice(at, width)));
  return folded;
}

SmallVector<Value> Monoids::results(row::ReduceOp reduce, ValueRange folded) {
  Type type = reduce.getResult(0).getType();
  if (reduce.getMonoid() != row::Monoid::LogSumExp)
    return {narrow(folded[0], type)};
  Value max = folded[0], tail = folded[1];
  Value guard = arith::SubFOp::create(b, max, max);
  Value sum = arith::AddFOp::create(b, tail, constantLike(b, tail, 1));
  sum = arith::AddFOp::create(b, narrow(sum, type), guard);
  SmallVector<Value> results = {max, sum, narrow(tail, type)};
  for (Value value : folded.drop_front(2))
    results.push_back(narrow(value, type));
  return results;
}
