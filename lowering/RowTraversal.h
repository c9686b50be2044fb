// What all CPU traversals share: the loop over rows and the walk over a
// program's body. A traversal adds how the elements of a row are swept.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef LOWERING_ROWTRAVERSAL_H
#define LOWERING_ROWTRAVERSAL_H

#include "dialect/softmax/Softmax.h"
#include "mlir/IR/IRMapping.h"

namespace mlir::softmax {

/// A memref as one of integers when its elements are 16-bit floats. Only some
/// processors have registers of those: LLVM holds a bf16 as f32 and calls the
/// compiler's library to round it back. As integers they are always vectors,
/// and arithmetic on them is a conversion anyway.
Value asIntegers(ImplicitLocOpBuilder &b, Value row);
/// Stores a scalar, a 16-bit float as an integer.
void storeElement(ImplicitLocOpBuilder &b, Value value, Value memref,
                  ValueRange indices);
/// A floating-point constant of the type of `like`, a scalar or a vector.
Value constantLike(ImplicitLocOpBuilder &b, Value like, double value);
/// The compensated sum (sum, error) plus `value`.
SmallVector<Value> addCompensated(ImplicitLocOpBuilder &b, ValueRange carried,
                                  Value value);

/// Turns one row program on memrefs into loops. Derived classes sweep a row.
class RowTraversal {
public:
  RowTraversal(row::ProgramOp program, CPUScheduleAttr schedule,
               RewriterBase &rewriter)
      : program(program), schedule(schedule), b(program.getLoc(), rewriter),
        rewriter(rewriter) {}
  virtual ~RowTraversal() = default;

  /// Replaces the program by loops.
  LogicalResult run();

protected:
  /// A reason why this traversal cannot do the program, or nothing.
  virtual std::optional<std::string> unsupported() { return std::nullopt; }
  /// Called once before the loop over rows, at the program.
  virtual void begin() {}
  /// Called at the end of every task.
  virtual void endTask() {}
  /// Emits reductions over the columns [0, end) that can share a sweep; maps
  /// their results in `values`.
  virtual void reduce(ArrayRef<row::ReduceOp> reduces, Value end) = 0;
  /// Emits the maps of the program, which share a sweep over the columns
  /// [0, end). `outputs` are the rows that they write.
  virtual void map(ArrayRef<row::MapOp> maps, ArrayRef<Value> outputs,
                   Value end) = 0;
  /// Fills the columns [from, extent) of an output's row with a scalar.
  virtual void fill(Value output, Value value, Value from) = 0;

  /// A compensated sum, two f64 values, for every total of the program.
  using Totals = SmallVector<Value>;
  /// Number of rows that are traversed at once; tasks are multiples of it.
  virtual int64_t rowsPerStep() { return 1; }
  /// Emits the rows [from, to).
  virtual void emitRows(Value from, Value to, Totals &totals);

  Value index(int64_t value);
  /// The row (a rank-1 memref) behind a block argument of the program.
  Value rowOf(Value elements) { return rows.lookup(elements); }
  /// Emits a scalar element region at one column: what it yields.
  SmallVector<Value> emitElement(Block *element, ValueRange arguments,
                                 Value column);
  /// True when `column` lies in the row.
  Value inRow(Value column);
  /// The dimensions of the iteration space that enumerate the rows.
  SmallVector<int64_t> rowDimensions();
  /// The extent of a dimension of the iteration space.
  Value extentOf(int64_t dim);
  /// Sets `indices` of `dims`, of which `number` is the number in row-major
  /// order.
  void delinearize(Value number, ArrayRef<int64_t> dims);
  bool isTotal(unsigned output);
  /// Adds a scalar to the first of `totals` that were not added to.
  void addToTotal(Totals &totals, unsigned &next, Value value);
  /// Emits a reduction, and those that can share its sweep.
  void emitReduce(row::ReduceOp first, Value end);

  row::ProgramOp program;
  CPUScheduleAttr schedule;
  ImplicitLocOpBuilder b;
  RewriterBase &rewriter;
  /// Scalars of the body that have been emitted.
  IRMapping values;
  /// Number of elements of a row, and of rows.
  Value extent, rowCount;
  /// Rows (rank-1 memrefs) of the current row, by block argument and output.
  DenseMap<Value, Value> rows;
  SmallVector<Value> outputRows;
  /// Of the current row, by dimension of the iteration space.
  SmallVector<Value> indices;

private:
  Value convertFloat(Value value, Type type);
  void emitRow(Value rowIndex, Totals &totals);
  SmallVector<Value> emitBody();
  void emitOperation(Operation &op);
  void emitMaps(ArrayRef<row::MapOp> maps, ArrayRef<Value> outputs);
  Value endOfColumns(Value until);
  Value rowView(Value memref, AffineMap map, ArrayRef<Value> indices);
};

} // namespace mlir::softmax

#endif // LOWERING_ROWTRAVERSAL_H
