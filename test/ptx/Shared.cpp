// Shared memory with a record of accesses: bounds, values, races.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "Shared.h"

#include <algorithm>

using namespace ptx;

void Clocks::start(uint32_t count) {
  threads.assign(count, {});
  warps.assign((count + kLanes - 1) / kLanes, {});
}

void Clocks::meet(uint32_t warp, Mask lanes) {
  WarpTime &time = warps[warp];
  ++time.meetings;
  if (lanes == kAll) {
    time.all = time.meetings;
    return;
  }
  for (unsigned i = 0; i < kLanes; ++i)
    for (unsigned j = 0; j < kLanes; ++j)
      if ((lanes >> i & 1) && (lanes >> j & 1))
        time.pair[i][j] = time.meetings;
}

void SharedMemory::start(uint32_t bytes, uint32_t width) {
  granule = width;
  // The pattern is a NaN; no kernel gets to see it.
  memory.assign(bytes, 0xff);
  cells.assign((bytes + granule - 1) / granule, {});
  remoteArrivals = 0;
}

/// Whether `now`, whose clocks are given, knows of what `before` did.
static bool isOrdered(const Access &before, const Access &now,
                      const Clocks &clocks) {
  if (before.isOf(now))
    return true;
  const Clocks::Thread &thread = clocks.threads[now.thread];
  if (thread.waits > before.arrivals)
    return true;
  if (before.rank != now.rank)
    return false;
  if (thread.barriers > before.barriers)
    return true;
  if (!before.isInWarpOf(now))
    return false;
  const Clocks::WarpTime &time = clocks.warps[now.thread / kLanes];
  return std::max(time.all,
                  time.pair[before.thread % kLanes][now.thread % kLanes]) >
         before.meetings;
}

static std::string describe(const char *what, const Access &other) {
  return std::string(what) + " by thread " + std::to_string(other.thread) +
         " of block " + std::to_string(other.rank) +
         " of the cluster at line " + std::to_string(other.line) +
         " with no barrier in between";
}

std::string SharedMemory::note(uint64_t address, uint32_t bytes, bool isWrite,
                               const Access &by, const Clocks &clocks) {
  size_t first = (address - kSharedBase) / granule;
  size_t last = (address - kSharedBase + bytes - 1) / granule;
  for (size_t i = first; i <= last; ++i) {
    Cell &cell = cells[i];
    if (cell.write.exists()) {
      if (!isOrdered(cell.write, by, clocks))
        return describe(isWrite ? "data race with a write"
                                : "data race: read after a write",
                        cell.write);
    } else if (!isWrite) {
      return "shared memory is read that was never written";
    }
    if (isWrite) {
      for (const Access *read : {&cell.read, &cell.sameWarp, &cell.otherWarp})
        if (read->exists() && !isOrdered(*read, by, clocks))
          return describe("data race: write after a read", *read);
      cell.write = by;
      cell.read.rank = cell.sameWarp.rank = cell.otherWarp.rank = Access::kNone;
    } else {
      if (cell.read.exists() && !cell.read.isOf(by)) {
        if (cell.read.isInWarpOf(by)) {
          cell.sameWarp = cell.read;
        } else {
          cell.otherWarp = cell.read;
          cell.sameWarp.rank = Access::kNone;
        }
      }
      cell.read = by;
    }
  }
  return "";
}
