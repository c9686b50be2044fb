// The reference traversal: plain scalar loops, any program, any strides.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef LOWERING_REFERENCE_REFERENCE_H
#define LOWERING_REFERENCE_REFERENCE_H

#include "lowering/RowByRow.h"

namespace mlir::softmax {

/// One column after the other, with compensated sums. Every other traversal is
/// tested against it.
class ReferenceTraversal : public RowByRow {
public:
  using RowByRow::RowByRow;

protected:
  void reduce(ArrayRef<row::ReduceOp> reduces, Value end) override;
  void map(ArrayRef<row::MapOp> maps, ArrayRef<Value> outputs,
           Value end) override;
  void fill(Value output, Value value, Value from) override;

private:
  /// A loop over columns; `step` gets the column and the carried values.
  SmallVector<Value>
  columns(Value from, Value to, ValueRange init,
          function_ref<SmallVector<Value>(Value, ValueRange)> step);
  SmallVector<Value> elementAt(row::ReduceOp reduce, Value column);
  Value maximum(row::ReduceOp reduce, Value end);
  void reduceLogSumExp(row::ReduceOp reduce, Value end);
  Value real(FloatType type, double value);
};

} // namespace mlir::softmax

#endif // LOWERING_REFERENCE_REFERENCE_H
