// Who has accessed memory when, and which accesses are ordered.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef TEST_PTX_ACCESSES_H
#define TEST_PTX_ACCESSES_H

#include "Program.h"

#include <unordered_map>

namespace ptx {

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
  uint32_t cluster = 0;                              ///< of the grid
  uint32_t barriers = 0, arrivals = 0, meetings = 0; ///< of the thread, then
  uint32_t line = 0;

  bool exists() const { return rank != kNone; }
  bool isOf(const Access &other) const {
    return cluster == other.cluster && rank == other.rank &&
           thread == other.thread;
  }
  bool isInWarpOf(const Access &other) const {
    return cluster == other.cluster && rank == other.rank &&
           thread / kLanes == other.thread / kLanes;
  }
};

/// What is remembered of a piece of memory.
class Cell {
public:
  bool isWritten() const { return write.exists(); }
  /// Notes an access by a thread with these clocks. Returns how it collides
  /// with an earlier one, or nothing.
  std::string note(bool isWrite, const Access &by, const Clocks &clocks);

private:
  /// The last write, the last read, the last read by another thread of that
  /// reader's warp, and the last one by another warp.
  Access write, read, sameWarp, otherWarp;
};

/// The global memory that a launch stores to. Blocks of different clusters are
/// not ordered at all. Stores of what is there already are not noted: they are
/// how all threads set the same flag. Nor are loads: kernels load whole vectors
/// for a part of them, and drop what others may be storing.
class GlobalMemory {
public:
  explicit GlobalMemory(uint32_t granule) : granule(granule) {}
  std::string noteStore(uint64_t address, uint32_t bytes, const Access &by,
                        const Clocks &clocks);

private:
  static constexpr unsigned kPageShift = 12;
  static constexpr size_t kMaxPages = 1024; ///< later ones are not noted
  std::vector<Cell> *findPage(uint64_t number);

  uint32_t granule; ///< of the smallest store
  std::unordered_map<uint64_t, std::vector<Cell>> pages;
  uint64_t lastNumber = ~uint64_t{0};
  std::vector<Cell> *lastPage = nullptr;
};

} // namespace ptx

#endif // TEST_PTX_ACCESSES_H
