// One row program as the body of a GPU kernel.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef LOWERING_GPU_ROWKERNEL_H
#define LOWERING_GPU_ROWKERNEL_H

#include "lowering/Monoids.h"
#include "lowering/RowTraversal.h"
#include "lowering/gpu/Group.h"
#include "mlir/IR/IRMapping.h"

namespace mlir::softmax {

/// Emits a program into a kernel: groups of threads take rows, each thread owns
/// columns of them. All threads of a block do the same steps, also for rows
/// past the last one and rows that are skipped, so that they meet at every
/// barrier; such rows are neither read nor written.
class RowKernel {
public:
  /// `blocks`: how many are launched, an index of the host function. `wide`:
  /// rows start at addresses that whole vectors can be read from. `partials`:
  /// offsets in the workspace for the sums of the blocks, one for each output
  /// that is a total.
  RowKernel(row::ProgramOp program, DeviceKernel &kernel, Value blocks,
            bool wide, ArrayRef<int64_t> partials);

  void emit();

  /// Threads that work on one row of `program`: none share a row of which no
  /// sweep reads the elements.
  static int64_t threadsPerRow(row::ProgramOp program,
                               GPUScheduleAttr schedule);

private:
  /// Neighbouring columns that a thread owns: `vector` of them from `first`.
  struct Columns {
    int64_t step; ///< of a row in registers; of one in memory negative
    Value first;
    /// i1 for each column, true where it is one of the row; null when all are.
    Value valid;
  };
  /// The aligned accesses that move a row which may begin at any address; see
  /// Unaligned.cpp.
  struct Units {
    Value memory; ///< words, from the unit on that holds column 0
    Value offset; ///< columns that column 0 lies behind its unit's begin, i32
    Value end;    ///< extent + offset
    Value last;   ///< number of the unit that holds the last column
    /// i1: elements of the first or the last unit are not the tensor's.
    Value startsOutside, endsOutside;
  };
  struct UnitShape {
    int64_t bits;     ///< of an element
    int64_t columns;  ///< in a unit
    Type word;        ///< an element, or an i32 of several
    int64_t wordBits; ///< 32 or 64
    int64_t words;    ///< in a unit
    int64_t count;    ///< units that the columns of a thread fill
  };
  /// A memref that the program reads or writes, of the row at hand.
  struct Operand {
    AffineMap map;
    Value memory;
    SmallVector<Value> strides; ///< one for each result of the map
    bool isDense;               ///< row-major, without gaps
    Value base;                 ///< index of the row's element at column 0
    Value columnStride;         ///< null for 1
    Type element;               ///< of the program; memory may hold integers
    std::optional<Units> units; ///< where rows may begin at any address
  };
  using Step =
      function_ref<SmallVector<Value>(const Columns &, ValueRange carried)>;
  using ChunkStep =
      function_ref<SmallVector<Value>(ArrayRef<Columns>, ValueRange carried)>;

  //===--- Rows (RowKernel.cpp) -------------------------------------------===//

  Operand describe(Value memref, AffineMap map);
  void locate(Operand &operand, Value row);
  Value linear(const Operand &operand, ArrayRef<Value> at);
  SmallVector<Value> emitRow(Value row, ValueRange totals);
  void emitBody();
  void emitAt(row::AtOp at);
  void storeScalars();
  void reportLabel();
  SmallVector<Value> addToTotals(ValueRange totals);
  void storeTotals(ValueRange totals);

  //===--- Columns (Columns.cpp) ------------------------------------------===//

  Columns columnsAt(int64_t step, Value first, Value end, bool mayExceed);
  Value validColumns(Value first, Value end);
  /// Calls `step` for all columns of [0, end) that this thread owns.
  SmallVector<Value> sweep(Value end, ValueRange init, Step step);
  /// The same for a row in memory, the columns of one iteration at a time.
  SmallVector<Value> sweepChunks(Value end, ValueRange init, ChunkStep step);
  void startLoads(Value row, const Columns &columns);
  Value elements(Value row, const Columns &columns);
  /// All move what memory holds: 16-bit floats may be integers there.
  SmallVector<Value> load(const Operand &operand, const Columns &columns);
  Value loadElements(const Operand &operand, const Columns &columns);
  /// `words`: what `shiftForStore` has made of the vector.
  void store(const Operand &operand, const Columns &columns, Value stored,
             ArrayRef<Value> words);
  /// Between the type of the program and that of memory; both have the same
  /// bits.
  Value toStored(const Operand &operand, Value value);
  Value fromStored(const Operand &operand, Value stored);
  Value inRow(Value column);
  Type vectorOf(Type scalar);
  Value splat(Value scalar);
  Value constant(Type scalar, double value);
  Value maskOut(Value vector, Value neutral, const Columns &columns);
  SmallVector<Value> emitElement(Block *element, ValueRange rows,
                                 const Columns &columns);
  Value foldVector(Value vector, function_ref<Value(Value, Value)> combine);

  //===--- Rows at any address (Unaligned.cpp) ----------------------------===//

  UnitShape unitShape(const Operand &operand) const;
  bool movesUnits(const Operand &operand, bool stores);
  void locateUnits(Operand &operand);
  SmallVector<Value> shiftDown(const UnitShape &shape, SmallVector<Value> words,
                               Value distance, int64_t most, int64_t count);
  SmallVector<Value> wordsOf(const UnitShape &shape, Value vector);
  Value ofWords(ArrayRef<Value> words);
  bool mayHoldEnd(const Operand &operand, const Columns &columns);
  SmallVector<Type> loadedTypes(const Operand &operand);
  SmallVector<Value> loadUnits(const Operand &operand, const Columns &columns);
  Value shiftLoaded(const Operand &operand, ArrayRef<Value> loaded);
  SmallVector<Value> shiftForStore(const Operand &operand, Value vector);
  void storeShifted(const Operand &operand, const Columns &columns,
                    Value vector, ArrayRef<Value> words);
  Value storerOf(const Operand &operand, Value column, Value owner);

  //===--- Reductions (RowReduce.cpp, RowOnline.cpp) ----------------------===//

  void emitReduce(row::ReduceOp first);
  /// Maximum and sums come from one sweep over a row in memory.
  bool readsOnce() const;
  void reduceInTwoSweeps(ArrayRef<row::ReduceOp> reduces, Value end);
  void reduceOnline(ArrayRef<row::ReduceOp> reduces, Value end);
  SmallVector<Value> startOnline(row::ReduceOp reduce);
  SmallVector<Value> raise(row::ReduceOp reduce, ValueRange state, Value max);
  SmallVector<Value> addChunk(row::ReduceOp reduce, ValueRange state,
                              ArrayRef<Columns> chunk);
  /// Adds up the sums of all threads and maps the results of the reductions.
  void combineSums(ArrayRef<row::ReduceOp> reduces, ArrayRef<Value> maxima,
                   SmallVector<Value> sums);
  SmallVector<Value> maxima(ArrayRef<row::ReduceOp> reduces, Value end);
  SmallVector<Value> summands(row::ReduceOp reduce, Value max,
                              const Columns &columns);

  //===--- Maps (RowMap.cpp) ----------------------------------------------===//

  void emitMaps(ArrayRef<row::MapOp> maps, ArrayRef<unsigned> outputs);
  void overrideColumn(row::MapOp map, const Operand &output);
  Value endOfColumns(Value until);

  row::ProgramOp program;
  DeviceKernel &kernel;
  GPUScheduleAttr schedule;
  ImplicitLocOpBuilder &b;
  Value blocks;
  bool wide;
  SmallVector<int64_t> partials;
  Group group;

  SmallVector<Value> extents; ///< of the iteration space
  Value extent, rowCount;
  std::optional<int64_t> staticExtent;

  // Of the row at hand.
  IRMapping values;
  Monoids monoids{b, values};
  llvm::MapVector<Value, Operand> inputs; ///< by block argument
  SmallVector<Operand> outputs;
  SmallVector<Value> indices; ///< by dimension; empty where nobody asks
  Value inRange;              ///< the row is one of the tensor's
  Value skipped;              ///< null when the program skips no rows
  Value active;               ///< neither past the end nor skipped
  SmallVector<Value> skippedValues;
  /// What `load` has returned and the elements made of it, by row and step: of
  /// the row in registers, or of the chunk at hand of a row in memory.
  llvm::DenseMap<std::pair<Value, int64_t>, SmallVector<Value>> started;
  llvm::DenseMap<std::pair<Value, int64_t>, Value> held;
  SmallVector<Columns> chunkAtHand;
};

} // namespace mlir::softmax

#endif // LOWERING_GPU_ROWKERNEL_H
