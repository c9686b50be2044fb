// The order of accesses by threads of a grid, and races.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "Accesses.h"

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

/// Whether `now`, whose clocks are given, knows of what `before` did.
static bool isOrdered(const Access &before, const Access &now,
                      const Clocks &clocks) {
  if (before.isOf(now))
    return true;
  if (before.cluster != now.cluster)
    return false;
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

static std::string describe(const char *what, const Access &other,
                            const Access &now) {
  std::string text = std::string(what) + " by thread " +
                     std::to_string(other.thread) + " of block " +
                     std::to_string(other.rank);
  if (other.cluster == now.cluster)
    text += " of the cluster";
  else
    text += " of cluster " + std::to_string(other.cluster);
  return text + " at line " + std::to_string(other.line) +
         " with no barrier in between";
}

std::string Cell::note(bool isWrite, const Access &by, const Clocks &clocks) {
  if (write.exists() && !isOrdered(write, by, clocks))
    return describe(isWrite ? "data race with a write"
                            : "data race: read after a write",
                    write, by);
  if (isWrite) {
    for (const Access *earlier : {&read, &sameWarp, &otherWarp})
      if (earlier->exists() && !isOrdered(*earlier, by, clocks))
        return describe("data race: write after a read", *earlier, by);
    write = by;
    read.rank = sameWarp.rank = otherWarp.rank = Access::kNone;
    return "";
  }
  if (read.exists() && !read.isOf(by)) {
    if (read.isInWarpOf(by)) {
      sameWarp = read;
    } else {
      otherWarp = read;
      sameWarp.rank = Access::kNone;
    }
  }
  read = by;
  return "";
}

std::vector<Cell> *GlobalMemory::findPage(uint64_t number) {
  if (number == lastNumber)
    return lastPage;
  auto it = pages.find(number);
  if (it == pages.end()) {
    if (pages.size() == kMaxPages)
      return nullptr;
    it = pages.emplace(number, (size_t{1} << kPageShift) / granule).first;
  }
  lastNumber = number;
  lastPage = &it->second;
  return lastPage;
}

std::string GlobalMemory::noteStore(uint64_t address, uint32_t bytes,
                                    const Access &by, const Clocks &clocks) {
  // Aligned accesses do not cross pages.
  std::vector<Cell> *page = findPage(address >> kPageShift);
  if (!page)
    return "";
  uint64_t offset = address & ((uint64_t{1} << kPageShift) - 1);
  for (size_t i = offset / granule; i <= (offset + bytes - 1) / granule; ++i) {
    std::string wrong = (*page)[i].note(/*isWrite=*/true, by, clocks);
    if (!wrong.empty())
      return wrong;
  }
  return "";
}
