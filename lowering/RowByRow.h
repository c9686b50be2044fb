// Traversals that take one row after the other. One of them adds how the
// elements of a row are swept.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef LOWERING_ROWBYROW_H
#define LOWERING_ROWBYROW_H

#include "lowering/RowTraversal.h"

namespace mlir::softmax {

class RowByRow : public RowTraversal {
public:
  using RowTraversal::RowTraversal;

protected:
  /// Emits reductions over the columns [0, end) that can share a sweep; maps
  /// their results in `values`.
  virtual void reduce(ArrayRef<row::ReduceOp> reduces, Value end) = 0;
  /// Emits the maps of the program, which share a sweep over the columns
  /// [0, end). `outputs` are the rows that they write.
  virtual void map(ArrayRef<row::MapOp> maps, ArrayRef<Value> outputs,
                   Value end) = 0;
  /// Fills the columns [from, extent) of an output's row with a scalar.
  virtual void fill(Value output, Value value, Value from) = 0;

  void emitRows(Value from, Value to, Totals &totals) override;

  /// The row (a rank-1 memref) behind a block argument of the program.
  Value rowOf(Value elements) { return rows.lookup(elements); }
  /// Emits a scalar element region at one column: what it yields.
  SmallVector<Value> emitElement(Block *element, ValueRange arguments,
                                 Value column);
  /// True when `column` lies in the row.
  Value inRow(Value column);

private:
  /// Emits a reduction, and those that can share its sweep.
  void emitReduce(row::ReduceOp first, Value end);
  void emitRow(Value rowIndex, Totals &totals);
  SmallVector<Value> emitBody();
  void emitOperation(Operation &op);
  void emitMaps(ArrayRef<row::MapOp> maps, ArrayRef<Value> outputs);
  Value endOfColumns(Value until);
  Value rowView(Value memref, AffineMap map, ArrayRef<Value> indices);

  /// Rows (rank-1 memrefs) of the current row, by block argument and output.
  DenseMap<Value, Value> rows;
  SmallVector<Value> outputRows;
};

} // namespace mlir::softmax

#endif // LOWERING_ROWBYROW_H
