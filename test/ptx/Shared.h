// The shared memory of a block.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef TEST_PTX_SHARED_H
#define TEST_PTX_SHARED_H

#include "Accesses.h"

namespace ptx {

/// Shared memory begins at this address of every block.
constexpr uint64_t kSharedBase = 1024;
/// Addresses of shared::cluster name the block: its rank and 1 in the bits from
/// here on.
constexpr unsigned kRankShift = 24;

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
  std::vector<uint8_t> memory;
  std::vector<Cell> cells;
  uint32_t granule = 1;
};

} // namespace ptx

#endif // TEST_PTX_SHARED_H
