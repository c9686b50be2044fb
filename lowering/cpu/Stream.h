// The stream traversal: rows of unit stride, swept in blocks.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef LOWERING_CPU_STREAM_H
#define LOWERING_CPU_STREAM_H

#include "lowering/Monoids.h"
#include "lowering/RowByRow.h"
#include "lowering/cpu/VectorRow.h"

namespace mlir::softmax {

/// All reductions of a row come from one read out of memory: a block of columns
/// is small enough to stay in L1, so its maximum and then its sums are taken
/// while it is there, and merged into those of the row. A second sweep writes
/// the results. Sums are kept per lane within a block only, with what the
/// additions of its chunks lose, and across blocks in f64: their error does not
/// grow with the row.
class StreamTraversal : public RowByRow {
public:
  StreamTraversal(row::ProgramOp program, CPUScheduleAttr schedule,
                  RewriterBase &rewriter)
      : RowByRow(program, schedule, rewriter),
        vectors(b, schedule, schedule.getLanes()), monoids(b, values) {}

  /// A reason why rows of the program cannot be swept with vectors.
  static std::optional<std::string> whyNot(row::ProgramOp program);

protected:
  std::optional<std::string> unsupported() override { return whyNot(program); }
  void begin() override;
  void endTask() override;
  void reduce(ArrayRef<row::ReduceOp> reduces, Value end) override;
  void map(ArrayRef<row::MapOp> maps, ArrayRef<Value> outputs,
           Value end) override;
  void fill(Value output, Value value, Value from) override;

private:
  using Step =
      function_ref<SmallVector<Value>(const Columns &, ValueRange carried)>;
  using Fold = function_ref<Value(Value, Value)>;
  using Compute = function_ref<SmallVector<Value>(const Columns &)>;
  /// A scalar that overrides one column of an output.
  struct Override {
    Value column, value;
  };

  //===--- Reductions of a block (StreamReduce.cpp) ---------------------===//

  /// Whole steps of the columns [from, to), with `unroll` vectors of each
  /// accumulator, which are then folded into one.
  SmallVector<Value> steps(Value from, Value to, ArrayRef<Value> neutral,
                           Step step, Fold fold);
  /// The columns [from, to), which are less than a step.
  SmallVector<Value> rest(Value from, Value to, ArrayRef<Value> init,
                          Step step);
  /// Where the last whole step of [from, to) ends.
  Value endOfSteps(Value from, Value to);
  /// The maxima and then the sums of the columns [from, to). `exact`: their
  /// number is a multiple of a step. `readsAhead`: no other sweep does.
  SmallVector<Value> maxima(ArrayRef<row::ReduceOp> reduces, Value from,
                            Value to, bool exact, bool readsAhead);
  SmallVector<Value> sums(ArrayRef<row::ReduceOp> reduces,
                          const llvm::SmallDenseMap<Operation *, Value> &maxOf,
                          Value from, Value to, bool exact);
  /// Whole steps of [from, to), added up in chunks.
  SmallVector<Value> sumOfChunks(Value from, Value to, Value chunk,
                                 ArrayRef<Value> zeros, Step step, Fold add);
  /// What each reduction folds over one block: the maximum where it has one,
  /// then the sums, of a LogSumExp the tail and, if weighted, mass and gap.
  SmallVector<SmallVector<Value>> reduceBlock(ArrayRef<row::ReduceOp> reduces,
                                              Value from, Value to, bool exact);
  /// What the maximum of a LogSumExp is sought among: its values, or when it is
  /// monotone the elements that they are functions of.
  Value candidatesAt(row::ReduceOp reduce, const Columns &columns);
  /// The value of a monotone LogSumExp at the largest element; -inf when there
  /// are no elements.
  Value valueOfMaximum(row::ReduceOp reduce, Value largest, Value isEmpty);
  SmallVector<Value> elementsAt(Region &element, ValueRange rows,
                                const Columns &columns);
  void prefetch(ValueRange rows, const Columns &columns);

  //===--- Maps (StreamMap.cpp) -----------------------------------------===//

  void write(ArrayRef<Value> outputs, ArrayRef<Override> overrides, Value from,
             Value to, Compute compute);
  void writePlain(ArrayRef<Value> outputs, Value from, Value to,
                  Compute compute);
  void writeNontemporal(Value output, Override override, Value from, Value to,
                        Compute compute);

  Value stepColumns();
  Value scalarConstant(FloatType type, double value);

  VectorRow vectors;
  Monoids monoids;
  /// i1: this call's output goes past the caches. Null when it never does.
  Value nontemporal;
  /// The rows have been read once already, so that they are in a cache.
  bool inCache = false;
};

} // namespace mlir::softmax

#endif // LOWERING_CPU_STREAM_H
