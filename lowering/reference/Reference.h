// The reference traversal: plain scalar loops, any program, any strides.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef LOWERING_REFERENCE_REFERENCE_H
#define LOWERING_REFERENCE_REFERENCE_H

#include "lowering/RowTraversal.h"

namespace mlir::softmax {

/// One column after the other, with compensated sums. Every other traversal is tested against it.
class ReferenceTraversal : public RowTraversal {
public:
  using RowTraversal::RowTraversal;

protected:
  void reduce(ArrayRef<row::ReduceOp> reduces) override;
  void map(ArrayRef<row::MapOp> maps, ArrayRef<Value> outputs) override;
  void fill(Value output, Value value) override;

private:
  /// A loop over the columns; `step` gets the column and the carried values.
  SmallVector<Value>
  columns(ValueRange init,
          function_ref<SmallVector<Value>(Value, ValueRange)> step);
  Value elementAt(row::ReduceOp reduce, Value column);
};

} // namespace mlir::softmax

#endif // LOWERING_REFERENCE_REFERENCE_H
