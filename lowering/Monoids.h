// The arithmetic of monoids on blocks of columns.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef LOWERING_MONOIDS_H
#define LOWERING_MONOIDS_H

#include "dialect/softmax/Softmax.h"
#include "mlir/IR/IRMapping.h"

namespace mlir::softmax {

/// The forms of `row.exp_nonpositive`.
enum class ExpForm { Checked, Unchecked, Rounded };

/// A row is folded block by block. Of each block come the maximum, where the
/// monoid has one, and sums; a row carries the maximum and the sums in f64.
/// Values are scalars of one row or vectors with one row per lane.
class Monoids {
public:
  Monoids(ImplicitLocOpBuilder &b, const IRMapping &scalars)
      : b(b), scalars(scalars) {}

  /// Terms of a lane that are added up before they meet the sum of their block,
  /// which keeps what its additions lose. Where terms are equal every addition
  /// loses the same: a sum of n is up to n / 4 ULP off.
  static constexpr int64_t kChunk = 8;

  static bool hasMax(row::ReduceOp reduce) {
    return reduce.getMonoid() != row::Monoid::Add;
  }
  /// Number of sums that a block keeps.
  static unsigned summedBy(row::ReduceOp reduce);
  /// Number of values of a block once it is folded.
  static unsigned foldedBy(row::ReduceOp reduce);
  /// Number of values that a row carries from block to block.
  static unsigned carriedBy(row::ReduceOp reduce);

  /// What one column adds to the sums of a block: `element` is what the
  /// region yields, `max` the maximum of the block, of a LogSumExp. `isBelow`:
  /// the element is known to be less than that; the count of maxima, the second
  /// value, is null then.
  SmallVector<Value> summands(row::ReduceOp reduce, Value max,
                              ValueRange element, bool isBelow = false,
                              ExpForm form = ExpForm::Checked);
  /// The sum and what it has lost, with `value` added. Exact unless `value` is
  /// the larger; then less than an ULP of it is lost.
  std::pair<Value, Value> addKeeping(Value sum, Value lost, Value value);
  /// A sum with what it has lost, which is NaN once the sum is not finite.
  Value withLost(Value sum, Value lost);
  /// What a block has folded: the maximum where there is one, then the sums,
  /// of a LogSumExp the tail and, if weighted, mass and gap.
  SmallVector<Value> ofBlock(row::ReduceOp reduce, Value max, ValueRange sums);
  /// The same in the form in which a row carries it.
  SmallVector<Value> carry(row::ReduceOp reduce, ValueRange block);
  /// What a row carries before its first block. `like` is of the type that
  /// blocks are folded in.
  SmallVector<Value> neutral(row::ReduceOp reduce, Value like);
  SmallVector<Value> merge(ArrayRef<row::ReduceOp> reduces, ValueRange row,
                           ValueRange block);
  /// What `carry` was given, of the merged blocks.
  SmallVector<Value> valuesOf(row::ReduceOp reduce, ValueRange carried);
  /// The results of the reduction, of what `ofBlock` or `valuesOf` give.
  SmallVector<Value> results(row::ReduceOp reduce, ValueRange folded);

  /// The point that gaps are measured from: a maximum of -inf counts as 0.
  Value gapOrigin(Value max);
  /// The larger of two that are not NaN.
  Value larger(Value a, Value b);

private:
  SmallVector<Value> mergeLogSumExp(row::ReduceOp reduce, ValueRange row,
                                    ValueRange block);
  SmallVector<Value> addToSum(ValueRange sum, Value value);
  Value valueOfSum(ValueRange sum);
  Value toWide(Value value);
  Value narrow(Value value, Type type);
  /// `difference` times the scale of the reduction.
  Value scaled(row::ReduceOp reduce, Value difference);

  ImplicitLocOpBuilder &b;
  const IRMapping &scalars;
};

} // namespace mlir::softmax

#endif // LOWERING_MONOIDS_H
