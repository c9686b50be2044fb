// One row program as the body of a GPU kernel.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef LOWERING_GPU_ROWKERNEL_H
#define LOWERING_GPU_ROWKERNEL_H

#include "lowering/Monoids.h"
#include "lowering/Floats.h"
#include "lowering/Sweeps.h"
#include "lowering/gpu/Group.h"
#include "mlir/IR/IRMapping.h"

namespace mlir::softmax {

/// How rows are cut into slices, one after the other in `width` columns each.
/// Both numbers are indices of the host function.
struct Slices {
  Value width; ///< a multiple of the columns of one iteration
  Value count; ///< of the slices that hold columns; at most the schedule's
};

/// What a launch does when every slice of every row is a block's of its own:
/// launch `number` folds its slice for the reductions of sweep `number` and
/// leaves the result in the workspace, the last one writes the results of its
/// slice. Each of them begins with what the launches before it have left.
struct SplitLaunch {
  unsigned number;
  bool isLast;
  int64_t states;  ///< offset in the workspace, for those of all sweeps
  int64_t lookups; ///< the same for the elements that `row.at` has read
};

/// Emits a program into a kernel: groups of threads take rows, each thread owns
/// columns of them. All threads of a block do the same steps, also for rows
/// past the last one and rows that are skipped, so that they meet at every
/// barrier; such rows are neither read nor written.
class RowKernel {
public:
  /// `blocks`: how many are launched, an index of the host function. `wide`:
  /// rows start at addresses that whole vectors can be read from. `partials`:
  /// offsets in the workspace for the sums of the blocks, one for each output
  /// that is a total. `slices` when the schedule has any.
  RowKernel(row::ProgramOp program, DeviceKernel &kernel, Value blocks,
            bool wide, ArrayRef<int64_t> partials,
            std::optional<Slices> slices = std::nullopt,
            std::optional<SplitLaunch> split = std::nullopt);

  void emit();

  /// Threads of a block that work on one row of `program`: none share a row of
  /// which no sweep reads the elements.
  static int64_t threadsPerRow(row::ProgramOp program,
                               GPUScheduleAttr schedule);
  /// Blocks that work on one row.
  static int64_t blocksPerRow(row::ProgramOp program, GPUScheduleAttr schedule);
  /// Bytes of the workspace that the state of a slice takes, of one sweep.
  static int64_t stateBytes(ArrayRef<row::ReduceOp> sweep);
  /// True when no column that is looked up depends on a reduction.
  static bool canSplit(row::ProgramOp program);
  static unsigned launchesWhenSplit(row::ProgramOp program);

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
  /// True when a block has a slice of a row only.
  bool splitsRows();
  /// True when `op` uses something that a later launch computes.
  bool isLaterWork(Operation *op);
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
  /// True when a sweep has left the row in shared memory.
  bool isKept(Value row) const;
  Value loadKept(Value row, const Columns &columns);
  /// Leaves what was loaded there, of rows that more than one sweep reads.
  void keep(Value row, const Columns &columns, Value vector);
  /// Takes shared memory for such rows.
  void reserveShared();
  Value placeInShared(const Columns &columns);
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

  // What threads and slices have of a reduction is a state: its maximum, where
  // it has one, and the sums of `Monoids::summands` measured from it.

  void emitReduce(row::ReduceOp first);
  /// Maximum and sums come from one sweep over a row in memory.
  bool readsOnce() const;
  /// Both fold the columns [0, end) of the row or of the slice at hand: the
  /// states of all reductions, the same in all threads.
  SmallVector<Value> reduceInTwoSweeps(ArrayRef<row::ReduceOp> reduces,
                                       Value end);
  SmallVector<Value> reduceOnline(ArrayRef<row::ReduceOp> reduces, Value end);
  SmallVector<Value> reduceColumns(ArrayRef<row::ReduceOp> reduces, Value end) {
    return readsOnce() ? reduceOnline(reduces, end)
                       : reduceInTwoSweeps(reduces, end);
  }
  /// Folds the states of all threads, in one exchange.
  SmallVector<Value> combineStates(ArrayRef<row::ReduceOp> reduces,
                                   ValueRange states);
  static unsigned valuesOf(row::ReduceOp reduce) {
    return Monoids::hasMax(reduce) + Monoids::summedBy(reduce);
  }
  SmallVector<Value> neutralStates(ArrayRef<row::ReduceOp> reduces);

  // Online, a thread's sums carry what their roundings have lost.
  SmallVector<Value> startOnline(row::ReduceOp reduce);
  SmallVector<Value> raise(row::ReduceOp reduce, ValueRange carried, Value max);
  SmallVector<Value> addChunk(row::ReduceOp reduce, ValueRange carried,
                              ArrayRef<Columns> chunk);
  SmallVector<Value> addToState(row::ReduceOp reduce, ValueRange carried,
                                ArrayRef<Columns> chunk, Value max);
  SmallVector<Value> addSums(row::ReduceOp reduce, ValueRange carried,
                             ArrayRef<Value> sums);
  std::pair<Value, SmallVector<Value>> sumsBelow(row::ReduceOp reduce,
                                                 Value max,
                                                 ArrayRef<Columns> chunk,
                                                 Value isBelow);
  SmallVector<Value> sumsOf(row::ReduceOp reduce, Value max,
                            ArrayRef<Columns> chunk, bool isBelow,
                            bool unchecked = false);
  SmallVector<Value> carriedOf(row::ReduceOp reduce, ValueRange state);
  SmallVector<Value> stateOf(row::ReduceOp reduce, ValueRange carried);
  /// The maximum of every reduction that has one, null for the others, of this
  /// thread's columns.
  SmallVector<Value> maxima(ArrayRef<row::ReduceOp> reduces, Value end);
  SmallVector<Value> combineMaxima(ArrayRef<Value> maxima);
  bool joinsMaxima(row::ReduceOp reduce);
  /// Nothing but results of 16 bits is made of the sums.
  bool roundsSums() const {
    return schedule.getExp() == Exponential::Product && roundsResults(program);
  }
  /// `isBelow`: no element is the maximum, and there is no second sum.
  SmallVector<Value> summands(row::ReduceOp reduce, Value max,
                              const Columns &columns, bool isBelow = false,
                              bool unchecked = false);

  //===--- Slices (Slices.cpp) --------------------------------------------===//

  /// Lets sweeps see the columns of one slice only.
  void enterSlice(Value number, Value begin);
  /// Folds the slices of a row one after the other.
  SmallVector<Value> reduceSlices(ArrayRef<row::ReduceOp> reduces, Value end);
  /// True for a sweep that this launch does not know the results of.
  bool isLater(unsigned sweep) const { return split && sweep >= split->number; }
  /// The results of a sweep of an earlier launch.
  SmallVector<Value> loadStates(unsigned sweep);
  void storeStates(unsigned sweep, ValueRange states);
  /// The element of the numbered `row.at`, kept from launch to launch: a result
  /// may lie in the place of the operand that it was read from.
  Value keepLookup(unsigned number, Type stored, function_ref<Value()> read);
  Value stateMemory(unsigned sweep, Type element);

  //===--- Maps (RowMap.cpp) ----------------------------------------------===//

  void emitMaps(ArrayRef<row::MapOp> maps, ArrayRef<unsigned> outputs);
  void roundExponentials(row::MapOp map, const Operand &output);
  void overrideColumn(row::MapOp map, const Operand &output);
  Value endOfColumns(Value until);

  row::ProgramOp program;
  DeviceKernel &kernel;
  GPUScheduleAttr schedule;
  ImplicitLocOpBuilder &b;
  Value blocks;
  bool wide;
  SmallVector<int64_t> partials;
  std::optional<Slices> slices;
  std::optional<SplitLaunch> split;
  Group group;
  SmallVector<SmallVector<row::ReduceOp>> sweeps;

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
  Value reports;              ///< this thread writes what the row has one of
  Value rowNumber;
  Value slice, sliceBegin, sliceEnd; ///< null for all of the row
  SmallVector<Value> skippedValues;
  /// What `load` has returned and the elements made of it, by row and step: of
  /// the row in registers, or of the chunk at hand of a row in memory.
  llvm::DenseMap<std::pair<Value, int64_t>, SmallVector<Value>> started;
  llvm::DenseMap<std::pair<Value, int64_t>, Value> held;
  SmallVector<Columns> chunkAtHand;
  /// Shared memory for vectors of elements, by row, and the rows and ends of
  /// columns that are there by now. Each thread finds its own columns only.
  llvm::DenseMap<Value, Value> sharedRows;
  llvm::DenseSet<std::pair<Value, Value>> inShared;
  Value until; ///< where the sweep at hand ends, as the program says it
};

} // namespace mlir::softmax

#endif // LOWERING_GPU_ROWKERNEL_H
