// The inner traversal: vectors over neighbouring rows.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef LOWERING_CPU_INNER_H
#define LOWERING_CPU_INNER_H

#include "lowering/Monoids.h"
#include "lowering/RowTraversal.h"
#include "lowering/cpu/VectorRow.h"

namespace mlir::softmax {

/// For class axes that have other dimensions behind them: the lanes of a vector
/// are rows that differ in the innermost of these, so that the elements of a
/// column lie side by side. A step is lanes * unroll rows; the steps of a tile
/// take turns at each block of columns, which is read from a cache the second
/// time. Row scalars are vectors, and a row takes no part in another's
/// arithmetic: its bits do not depend on its lane. Sums are kept in chunks of a
/// few columns, then per block, then in f64, so that their error does not grow
/// with the row.
///
/// A program is emitted in stages: scalars of each step, then a sweep over the
/// columns. What a step has computed is kept in buffers of the tile; where a
/// tile is one step, LLVM makes registers of them.
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
  void begin() override;
  int64_t rowsPerStep() override;
  void emitRows(Value from, Value to, Totals &totals) override;

private:
  struct Stage {
    SmallVector<Operation *> scalars;
    /// Those of the sweep; the last stage has none and sweeps the results.
    SmallVector<row::ReduceOp> reduces;
    /// Buffers of what its reductions have folded.
    SmallVector<Value> state;
  };
  struct Tile {
    Value run, first, end;
    int64_t width = 0, steps = 0;
    bool isPartial = false;
  };
  using Step = function_ref<SmallVector<Value>(Value column, ValueRange)>;
  using Body = function_ref<SmallVector<Value>()>;

  //===--- Tiles and stages (Inner.cpp) ---------------------------------===//

  void loop(Value from, Value to, Value step, Totals &totals,
            function_ref<void(Value)> body);
  /// A number of rows, times vscale where vectors are scalable.
  Value scaled(int64_t rows);
  void emitTile(const Tile &next, Totals &totals);
  /// Enters every step of the tile.
  void forSteps(Totals &totals, function_ref<void(Totals &)> body);
  void enter(Value first);
  void recall(const Stage &last, bool withScalars);
  void bindSkip(row::SkipIfOp skipIf);
  SmallVector<Value> unlessSkipped(TypeRange types, Body counts, Body skips);
  /// Stores a vector of the step in a new buffer of the tile.
  Value keep(Value vector);
  Value loadKept(Value buffer, Type type = {});
  SmallVector<Value> emitScalars(Stage &stage);
  SmallVector<Value> emitScalarsFrom(Stage &stage, size_t next);
  void keepScalars(Stage &stage);
  OperandRange yielded() {
    return program.getBodyBlock()->getTerminator()->getOperands();
  }
  /// Outputs that are no rows, which the last stage computes.
  SmallVector<Type> outputTypes(const Stage &stage);
  SmallVector<Value> outputsOf(const Stage &stage, bool isSkipped);
  void emitOutputs(ArrayRef<Value> scalars, Totals &totals);

  //===--- Rows of a step (InnerRows.cpp) -------------------------------===//

  /// The elements of an operand that the rows of a step have: columns x rows,
  /// or one of the two where the operand lacks the other.
  Value view(Value memref, AffineMap map);
  void bindInputs();
  Value rowOf(Value elements) { return rows.lookup(elements); }
  void emitScalar(Operation &op);
  void emitAt(row::AtOp at);
  /// The lanes whose row has a column of that number.
  Value inRow(Value column);
  /// Offsets in a view of the elements at a column for each lane.
  Value offsetsAt(Value row, Value column);
  void addToTotals(ArrayRef<Value> added, Totals &totals);
  /// Number of rows of the current step, as an index.
  Value rowsOfStep();

  //===--- Sweeps over the columns (InnerSweeps.cpp) --------------------===//

  void sweep(Stage &stage);
  void reduce(Stage &stage, Value from, Value to);
  /// The results of a stage's reductions, from its state.
  void bindReductions(const Stage &stage);
  void map(Value from, Value to);
  /// Gives the one column of a row that a map names its value.
  void override();
  /// Gives rows that are skipped their value.
  void fill(Value from, Value to);
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
  int64_t laneDim = 0;
  SmallVector<Stage, 0> stages;
  /// All columns are one block.
  bool isOneBlock = false;
  Tile tile;
  /// Buffers of the tile, by value of the program.
  DenseMap<Value, Value> kept;
  /// Scalars that are not kept but computed again.
  DenseSet<Operation *> uniform;

  //===--- The current step ---------------------------------------------===//

  /// Vectors of the step, and the lanes of it that are rows.
  std::optional<VectorRow> vectors;
  Columns lanes;
  /// The step's place in buffers.
  Value offset;
  /// Views of its rows, by block argument and by output.
  DenseMap<Value, Value> rows;
  SmallVector<Value> outputRows;
  /// i1 per lane: the row is skipped. Null when the program skips none.
  Value skipped;
  /// What a skipped row is given, by output.
  SmallVector<Value> skipValues;
};

} // namespace mlir::softmax

#endif // LOWERING_CPU_INNER_H
