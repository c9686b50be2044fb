// The inner traversal: vectors over neighbouring rows.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef LOWERING_CPU_INNER_H
#define LOWERING_CPU_INNER_H

#include "lowering/RowTraversal.h"
#include "lowering/Monoids.h"
#include "lowering/cpu/VectorRow.h"

namespace mlir::softmax {

/// For class axes that have other dimensions behind them: the lanes of a vector
/// are rows that differ in the innermost of these, so that the elements of a
/// column lie side by side. A step takes lanes * unroll rows and walks their
/// columns in blocks, each of which is read from a cache the second time. Row
/// scalars are vectors, and a row takes no part in another's arithmetic: its
/// bits do not depend on its lane. Sums are kept in chunks of a few columns,
/// then per block, then in f64, so that their error does not grow with the row.
class InnerTraversal : public RowTraversal {
public:
  InnerTraversal(row::ProgramOp program, CPUScheduleAttr schedule,
                 RewriterBase &rewriter)
      : RowTraversal(program, schedule, rewriter), monoids(b, values) {}

  /// The dimension of the iteration space that lanes differ in, if there is
  /// one.
  static std::optional<int64_t> laneDimension(row::ProgramOp program);

protected:
  std::optional<std::string> unsupported() override;
  int64_t rowsPerStep() override;
  void emitRows(Value from, Value to, Totals &totals) override;
  void reduce(ArrayRef<row::ReduceOp> reduces, Value end) override;
  void map(ArrayRef<row::MapOp> maps, ArrayRef<Value> outputs,
           Value end) override;
  void fill(Value output, Value value, Value from) override;

private:
  using Step = function_ref<SmallVector<Value>(Value column, ValueRange)>;

  //===--- Rows and the program's body (Inner.cpp) ----------------------===//

  void emitStep(Value run, Value first, Value end, int64_t width, bool partial,
                Totals &totals);
  /// The elements of an operand that the rows of a step have: columns x rows,
  /// or one of the two where the operand lacks the other.
  Value view(Value memref, AffineMap map);
  void bindInputs();
  SmallVector<Value> emitBody();
  void emitScalar(Operation &op);
  void emitAt(row::AtOp at);
  void addToTotals(ArrayRef<Value> scalars, Totals &totals);
  /// Number of rows of the current step, as an index.
  Value rowsOfStep();

  //===--- Sweeps over the columns (InnerSweeps.cpp) --------------------===//

  SmallVector<Value> columns(Value from, Value to, ValueRange init, Step step);
  Value load(Value row, Value column);
  SmallVector<Value> elementsAt(Region &element, ValueRange rows, Value column);
  /// What the maximum of a LogSumExp is sought among: its values, or when it is
  /// monotone the elements that they are functions of.
  Value candidateAt(row::ReduceOp reduce, Value column);
  Value valueOfMaximum(row::ReduceOp reduce, Value largest);
  SmallVector<SmallVector<Value>> reduceBlock(ArrayRef<row::ReduceOp> reduces,
                                              Value from, Value to, Value end);
  /// `value` in the lanes whose row has the column before its end.
  Value before(Value column, Value end, Value value, Value otherwise);

  Monoids monoids;
  /// Vectors of the current step, and the lanes of it that are rows.
  std::optional<VectorRow> vectors;
  Columns lanes;
  int64_t laneDim = 0;
  /// i1 per lane: the row is skipped. Null when the program skips none.
  Value skipped;
  /// What a skipped row is given, by output.
  SmallVector<Value> skipValues;
};

} // namespace mlir::softmax

#endif // LOWERING_CPU_INNER_H
