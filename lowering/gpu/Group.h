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

/// `threads` threads of a block of `block` threads, both powers of two, or all
/// threads of `cluster` blocks. All threads of the block, or of the cluster,
/// have to take part in `combine`, because it holds barriers when values travel
/// through shared memory.
class Group {
public:
  using Values = SmallVector<Value>;
  using Combine = function_ref<Values(ValueRange x, ValueRange y)>;
  /// Folds the values of `width` neighbouring lanes, with `inLanes`.
  using Fold = function_ref<Values(Values values, int64_t width)>;

  Group(DeviceKernel &kernel, int64_t threads, int64_t block,
        Neighbours neighbours = Neighbours::Columns, int64_t cluster = 1);

  /// In all blocks of a cluster together.
  int64_t getThreads() const { return threads * cluster; }
  Neighbours getNeighbours() const { return neighbours; }
  /// Number of this thread in its group, and of its group in the block.
  Value rank() const { return myRank; }
  Value number() const { return myNumber; }
  /// True in the first thread of the group.
  Value isFirst();

  /// Folds the values of all threads; every thread gets the same bits. The tree
  /// depends on the number of threads only. `combine` has to be commutative.
  Values combine(ValueRange values, Combine combine);
  Values sums(ValueRange values);
  /// NaN is ignored.
  Values maxima(ValueRange values);
  Value sum(Value value) { return sums(value)[0]; }
  /// Value by value.
  Values add(ValueRange x, ValueRange y);
  Values larger(ValueRange x, ValueRange y);
  /// The same with one exchange through shared memory for what several
  /// butterflies fold: `fold` folds lanes, `combine` two threads' values.
  Values exchange(ValueRange values, Fold fold, Combine combine);
  /// True in all lanes of this subgroup. All threads of it have to ask.
  Value all(Value condition);
  /// A butterfly over `width` lanes.
  Values inLanes(Values values, int64_t width, Combine combine);
  /// The value of the thread `distance` (an i32) before, one of the same
  /// subgroup and group for a distance of 1 where `hasPrevious`. All threads of
  /// the subgroup have to ask.
  Value previous(Value value, Value distance);
  Value hasPrevious();
  /// True where this thread is `previous` to another one.
  Value hasNext();

  /// Every row begins with it: tells the other blocks of a cluster that this
  /// one has read what they sent for the row before.
  void beginRow();
  /// The next row's values must not reach shared memory before all threads have
  /// read this row's.
  void endRow();
  /// Waits for all threads that share memory with this one's group.
  void barrier();
  /// True when values travel through shared memory.
  bool usesSharedMemory() const {
    return getThreads() > (neighbours == Neighbours::Rows ? 1 : lanes);
  }

private:
  Value shuffle(Value value, Value distance, gpu::ShuffleMode mode);
  /// Rank among the threads of the group that have a subgroup in common.
  Value lane();
  /// Leaves the values of this subgroup where all threads of the group find
  /// them in slot `at`.
  void send(ValueRange values, ArrayRef<Value> buffers, Value at);
  void sendToCluster(ValueRange values, ArrayRef<Value> buffers, Value at);
  void clusterBarrier();
  Values combineRows(ValueRange values, Combine combine);

  DeviceKernel &kernel;
  ImplicitLocOpBuilder &b;
  int64_t threads, block, cluster, lanes;
  Neighbours neighbours;
  Value myRank, myNumber;
  SmallVector<memref::GlobalOp> ofThreads; ///< a value of each thread
  /// The other blocks of the cluster may still be reading the last row's
  /// values.
  bool awaitsPeers = false;
};

} // namespace mlir::softmax

#endif // LOWERING_GPU_GROUP_H
