// Shared memory, with bounds and a record of accesses.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "Shared.h"

using namespace ptx;

void SharedMemory::start(uint32_t bytes, uint32_t width) {
  granule = width;
  // The pattern is a NaN; no kernel gets to see it.
  memory.assign(bytes, 0xff);
  cells.assign((bytes + granule - 1) / granule, {});
  remoteArrivals = 0;
}

std::string SharedMemory::note(uint64_t address, uint32_t bytes, bool isWrite,
                               const Access &by, const Clocks &clocks) {
  size_t first = (address - kSharedBase) / granule;
  size_t last = (address - kSharedBase + bytes - 1) / granule;
  for (size_t i = first; i <= last; ++i) {
    if (!isWrite && !cells[i].isWritten())
      return "shared memory is read that was never written";
    std::string wrong = cells[i].note(isWrite, by, clocks);
    if (!wrong.empty())
      return wrong;
  }
  return "";
}
