// Merging of blocks: monoids as the row carries them.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "lowering/cpu/Stream.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace mlir::softmax;

/// Sums of blocks are added in f64. Those of f64 data, for which that is no
/// wider, are pairs of a sum and what its roundings have lost.
static unsigned widthOfSum(row::ReduceOp reduce) {
  return reduce.getResult(0).getType().isF64() ? 2 : 1;
}

/// Number of scalars that a reduction carries from block to block: maximum,
/// tail, mass and gap, or what it has of them.
static unsigned carriedBy(row::ReduceOp reduce) {
  unsigned sums = reduce.getMonoid() == row::Monoid::Max   ? 0
                  : reduce.getMonoid() == row::Monoid::Add ? 1
                  : reduce.isWeighted()                    ? 3
                                                           : 1;
  bool hasMax = reduce.getMonoid() != row::Monoid::Add;
  return hasMax + sums * widthOfSum(reduce);
}

SmallVector<Value> StreamTraversal::addToSum(ValueRange sum, Value value) {
  if (sum.size() == 2)
    return addCompensated(sum, value);
  return {arith::AddFOp::create(b, sum[0], value)};
}

Value StreamTraversal::valueOfSum(ValueRange sum) {
  if (sum.size() == 1)
    return sum[0];
  return arith::AddFOp::create(b, sum[0], sum[1]);
}

/// What a block has folded, in the form in which the row carries it.
SmallVector<Value> StreamTraversal::carry(row::ReduceOp reduce,
                                          ValueRange block) {
  SmallVector<Value> carried;
  for (auto [i, value] : llvm::enumerate(block)) {
    if (i == 0 && reduce.getMonoid() != row::Monoid::Add) {
      carried.push_back(value);
      continue;
    }
    carried.push_back(toWide(value));
    if (widthOfSum(reduce) == 2)
      carried.push_back(scalarConstant(b.getF64Type(), 0));
  }
  return carried;
}

SmallVector<Value> StreamTraversal::mergeLogSumExp(row::ReduceOp reduce,
                                                   ValueRange row,
                                                   ValueRange block) {
  unsigned width = widthOfSum(reduce);
  auto sumOf = [&](ValueRange carried, unsigned number) {
    return carried.slice(1 + number * width, width);
  };
  // The part with the larger maximum keeps its tail; the whole sum of the
  // other, 1 + tail, is scaled down. Equal maxima, also infinite ones, give the
  // factor 1.
  Value rowMax = row[0], blockMax = block[0];
  auto type = cast<FloatType>(rowMax.getType());
  Value keep = arith::CmpFOp::create(b, arith::CmpFPredicate::OGE, rowMax,
                                     blockMax);
  auto select = [&](Value yes, Value no) -> Value {
    return arith::SelectOp::create(b, keep, yes, no);
  };
  Value max = select(rowMax, blockMax);
  Value low = select(blockMax, rowMax);
  Value equal = arith::CmpFOp::create(b, arith::CmpFPredicate::OEQ, low, max);
  Value distance = arith::SubFOp::create(b, low, max);
  if (Value scale = reduce.getScale())
    distance = arith::MulFOp::create(b, values.lookupOrDefault(scale), distance);
  distance = arith::SelectOp::create(b, equal, scalarConstant(type, 0), distance);
  Value factor = toWide(row::ExpNonPositiveOp::create(b, distance));
  ValueRange rowTail = sumOf(row, 0), blockTail = sumOf(block, 0);
  SmallVector<Value> high;
  for (auto [own, other] : llvm::zip(rowTail, blockTail))
    high.push_back(select(own, other));
  Value scaled = select(valueOfSum(blockTail), valueOfSum(rowTail));
  scaled =
      arith::AddFOp::create(b, scaled, scalarConstant(b.getF64Type(), 1));
  scaled = arith::MulFOp::create(b, scaled, factor);
  SmallVector<Value> merged = {max};
  llvm::append_range(merged, addToSum(high, scaled));
  if (!reduce.isWeighted())
    return merged;

  // Each part's gaps grow by its mass times the way to the common maximum.
  Value origin = toWide(gapOrigin(max));
  Value half = scalarConstant(b.getF64Type(), 0.5);
  auto movedBy = [&](Value max, Value mass) -> Value {
    Value way = arith::SubFOp::create(b, origin, toWide(gapOrigin(max)));
    way = arith::MulFOp::create(b, way, half);
    return arith::MulFOp::create(b, mass, way);
  };
  Value rowMass = valueOfSum(sumOf(row, 1)),
        blockMass = valueOfSum(sumOf(block, 1));
  llvm::append_range(merged, addToSum(sumOf(row, 1), blockMass));
  SmallVector<Value> gap =
      addToSum(sumOf(row, 2), movedBy(rowMax, rowMass));
  Value ofBlock = arith::AddFOp::create(b, valueOfSum(sumOf(block, 2)),
                                        movedBy(blockMax, blockMass));
  llvm::append_range(merged, addToSum(gap, ofBlock));
  return merged;
}

SmallVector<Value> StreamTraversal::merge(ArrayRef<row::ReduceOp> reduces,
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

/// Maps the results of a reduction.
void StreamTraversal::finish(row::ReduceOp reduce, Value max,
                             ArrayRef<Value> sums) {
  auto type = cast<FloatType>(reduce.getResult(0).getType());
  if (reduce.getMonoid() != row::Monoid::LogSumExp) {
    values.map(reduce.getResult(0), max ? max : narrow(sums[0], type));
    return;
  }
  values.map(reduce.getResult(0), max);
  values.map(reduce.getResult(2), narrow(sums[0], type));
  Value guard = arith::SubFOp::create(b, max, max);
  auto wide = cast<FloatType>(sums[0].getType());
  Value sum = arith::AddFOp::create(b, sums[0], scalarConstant(wide, 1));
  values.map(reduce.getResult(1),
             arith::AddFOp::create(b, narrow(sum, type), guard).getResult());
  for (auto [i, value] : llvm::enumerate(sums.drop_front()))
    values.map(reduce.getResult(3 + i), narrow(value, type));
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
      llvm::append_range(all, carry(reduce, own));
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
    scf::YieldOp::create(b, merge(reduces, loop.getRegionIterArgs(), next));
    row.assign(loop.result_begin(), loop.result_end());
  }

  ValueRange unread = row;
  for (size_t i = 0; i < reduces.size(); ++i) {
    row::ReduceOp reduce = reduces[i];
    bool hasMax = reduce.getMonoid() != row::Monoid::Add;
    ArrayRef<Value> own = folded[i];
    SmallVector<Value> merged;
    if (merges) {
      ValueRange carried = unread.take_front(carriedBy(reduce));
      unread = unread.drop_front(carriedBy(reduce));
      if (hasMax)
        merged.push_back(carried[0]);
      unsigned width = widthOfSum(reduce);
      for (unsigned at = hasMax; at < carried.size(); at += width)
        merged.push_back(valueOfSum(carried.slice(at, width)));
      own = merged;
    }
    finish(reduce, hasMax ? own[0] : Value(), own.drop_front(hasMax));
  }
  inCache = true;
}
