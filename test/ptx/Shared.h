// The shared memory of a block, and who has accessed it when.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef TEST_PTX_SHARED_H
#define TEST_PTX_SHARED_H

#include "Program.h"

namespace ptx {

/// Shared memory begins at this address of every block.
constexpr uint64_t kSharedBase = 1024;
/// Addresses of shared::cluster name the block: its rank and 1 in the bits from
/// here on.
constexpr unsigned kRankShift = 24;

/// The logical time of each thread of a block: how many barriers it has left
/// behind. What happened before a thread arrived at a barrier is known to all
/// threads that have left that barrier.
class Clocks {
public:
  void start(uint32_t threads);

  /// All of `lanes` of a warp have met.
  void meet(uint32_t warp, Mask lanes);

  struct Thread {
    uint32_t barriers = 0;            ///< of the block, left behind
    uint32_t arrivals = 0, waits = 0; ///< of the cluster
  };
  std::vector<Thread> threads;

  struct WarpTime {
    uint32_t meetings = 0;
    uint32_t all = 0; ///< the last meeting of all lanes
    /// The last meeting of each two, where they were not all.
    uint32_t pair[kLanes][kLanes] = {};
  };
  std::vector<WarpTime> warps;
};

/// An access that a later one may collide with.
struct Access {
  static constexpr uint16_t kNone = 0xffff;
  uint16_t rank = kNone; ///< of the block that made it
  uint16_t thread = 0;
  uint32_t barriers = 0, arrivals = 0, meetings = 0; ///< of the thread, then
  uint32_t line = 0;

  bool exists() const { return rank != kNone; }
  bool isOf(const Access &other) const {
    return rank == other.rank && thread == other.thread;
  }
  bool isInWarpOf(const Access &other) const {
    return rank == other.rank && thread / kLanes == other.thread / kLanes;
  }
};

class SharedMemory {
public:
  void start(uint32_t bytes, uint32_t granule);

  /// Notes an access by `by`, whose clocks are `clocks` where it is a thread of
  /// this block's cluster. Returns what is wrong with it, or nothing.
  std::string note(uint64_t address, uint32_t bytes, bool isWrite,
                   const Access &by, const Clocks &clocks);
  bool contains(uint64_t address, uint32_t bytes) const {
    return address >= kSharedBase && address - kSharedBase <= memory.size() &&
           bytes <= memory.size() - (address - kSharedBase);
  }
  uint8_t *at(uint64_t address) { return &memory[address - kSharedBase]; }
  uint64_t size() const { return memory.size(); }

  /// The latest arrival before which another block accessed this memory, plus
  /// 1, and that access.
  uint32_t remoteArrivals = 0;
  Access remote;

private:
  /// The last write, the last read, the last read by another thread of that
  /// reader's warp, and the last one by another warp.
  struct Cell {
    Access write, read, sameWarp, otherWarp;
  };
  std::vector<uint8_t> memory;
  std::vector<Cell> cells;
  uint32_t granule = 1;
};

} // namespace ptx

#endif // TEST_PTX_SHARED_H
