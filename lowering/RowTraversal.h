// What all CPU traversals share: tasks of rows and their totals.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef LOWERING_ROWTRAVERSAL_H
#define LOWERING_ROWTRAVERSAL_H

#include "dialect/softmax/Softmax.h"
#include "mlir/IR/IRMapping.h"

namespace mlir::softmax {

/// Turns one row program on memrefs into loops. Derived classes emit rows.
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

  /// A compensated sum, two f64 values, for every total of the program.
  using Totals = SmallVector<Value>;
  /// Number of rows that are traversed at once; tasks are multiples of it.
  virtual int64_t rowsPerStep() { return 1; }
  /// Emits the rows [from, to).
  virtual void emitRows(Value from, Value to, Totals &totals) = 0;

  Value index(int64_t value);
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

  row::ProgramOp program;
  CPUScheduleAttr schedule;
  ImplicitLocOpBuilder b;
  RewriterBase &rewriter;
  /// Scalars of the body that have been emitted.
  IRMapping values;
  /// Number of elements of a row, and of rows.
  Value extent, rowCount;
  /// Of the current row, by dimension of the iteration space.
  SmallVector<Value> indices;
};

} // namespace mlir::softmax

#endif // LOWERING_ROWTRAVERSAL_H
