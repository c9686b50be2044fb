// The threads that work on a row together, and how they combine their values.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef LOWERING_GPU_GROUP_H
#define LOWERING_GPU_GROUP_H

#include "lowering/gpu/DeviceKernel.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

namespace mlir::softmax {

/// What neighbouring threads have: neighbouring columns of a row, or one row
/// each of neighbouring rows.
enum class Neighbours { Columns, Rows };

/// `threads` threads of a block of `block` threads, both powers of two. All
/// threads of the block have to take part in `combine`, because it holds
/// barriers when values travel through shared memory.
class Group {
public:
  using Combine = function_ref<SmallVector<Value>(ValueRange x, ValueRange y)>;

  Group(DeviceKernel &kernel, int64_t threads, int64_t block,
        Neighbours neighbours = Neighbours::Columns);

  int64_t getThreads() const { return threads; }
  Neighbours getNeighbours() const { return neighbours; }
  /// Number of this thread in its group, and of its group in the block.
  Value rank() const { return myRank; }
  Value number() const { return myNumber; }
  /// True in the first thread of the group.
  Value isFirst();

  /// Folds the values of all threads; every thread gets the same bits. The tree
  /// depends on the number of threads only. `combine` has to be commutative.
  SmallVector<Value> combine(ValueRange values, Combine combine);
  Value sum(Value value);
  /// The value of the thread `distance` (an i32) before, one of the same
  /// subgroup and group for a distance of 1 where `hasPrevious`. All threads of
  /// the subgroup have to ask.
  Value previous(Value value, Value distance);
  Value hasPrevious();
  /// True where this thread is `previous` to another one.
  Value hasNext();
  /// Waits for all threads of the block, when groups share memory at all.
  void barrier();
  /// True when values travel through shared memory.
  bool usesSharedMemory() const {
    return threads > (neighbours == Neighbours::Rows ? 1 : lanes);
  }

private:
  Value shuffle(Value value, Value distance, gpu::ShuffleMode mode);
  /// Rank among the threads of the group that have a subgroup in common.
  Value lane();
  SmallVector<Value> combineLanes(SmallVector<Value> values, int64_t width,
                                  Combine combine);
  SmallVector<Value> combineRows(ValueRange values, Combine combine);

  DeviceKernel &kernel;
  ImplicitLocOpBuilder &b;
  int64_t threads, block, lanes;
  Neighbours neighbours;
  Value myRank, myNumber;
  SmallVector<memref::GlobalOp> exchange; ///< a value of each thread
};

} // namespace mlir::softmax

#endif // LOWERING_GPU_GROUP_H
