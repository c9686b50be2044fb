// Loads and stores of all spaces, addresses of other blocks, fences.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "Lanes.h"

#include <algorithm>

using namespace ptx;

namespace {

uint64_t addressOf(Warp &warp, const Instruction &instruction,
                   const Operand &operand, unsigned lane) {
  uint64_t base = operand.size == 8 ? warp.at<uint64_t>(operand)[lane]
                                    : warp.at<uint32_t>(operand)[lane];
  return base + static_cast<uint64_t>(instruction.offset);
}

std::string hex(uint64_t value) {
  char text[32];
  std::snprintf(text, sizeof text, "0x%llx",
                static_cast<unsigned long long>(value));
  return text;
}

void checkAlignment(Warp &warp, unsigned lane, uint64_t address,
                    unsigned bytes) {
  if (address % bytes)
    warp.fail(kMisalignedAddress, lane,
              "misaligned access of " + std::to_string(bytes) + " bytes at " +
                  hex(address));
}

/// Sign extension where T is signed and the register wider.
template <class T>
void put(Warp &warp, const Operand &to, unsigned lane, T value) {
  if (to.size == 0)
    return;
  uint8_t *place = warp.at<uint8_t>(to) + lane * to.size;
  if (to.size == sizeof value) {
    std::memcpy(place, &value, sizeof value);
    return;
  }
  auto extended = static_cast<int64_t>(value);
  std::memcpy(place, &extended, to.size);
}

template <class T> T get(Warp &warp, const Operand &from, unsigned lane) {
  T value;
  std::memcpy(&value, warp.at<uint8_t>(from) + lane * from.size, sizeof value);
  return value;
}

Access accessBy(Warp &warp, const Instruction &instruction, unsigned lane) {
  const Block &block = warp.block;
  Access access;
  access.rank = block.rank;
  access.thread = warp.number * kLanes + lane;
  access.cluster = block.cluster.number;
  const Clocks::Thread &thread = block.clocks.threads[access.thread];
  access.barriers = thread.barriers;
  access.arrivals = thread.arrivals;
  access.meetings = block.clocks.warps[warp.number].meetings;
  access.line = instruction.line;
  return access;
}

void noteStore(Warp &warp, const Instruction &instruction, unsigned lane,
               uint64_t address, unsigned bytes) {
  std::string wrong = warp.block.cluster.global.noteStore(
      address, bytes, accessBy(warp, instruction, lane), warp.block.clocks);
  if (!wrong.empty())
    warp.fail(kLaunchFailed, lane, wrong);
}

/// `each` with every active lane and the address that it accesses.
template <class Each>
void forLanes(Warp &warp, const Instruction &instruction, Mask active,
              Each each) {
  for (Mask rest = active; rest; rest &= rest - 1) {
    unsigned lane = __builtin_ctz(rest);
    each(lane, addressOf(warp, instruction, instruction.from[0], lane));
  }
}

template <class T>
void runLoadGlobal(Warp &warp, const Instruction &instruction, Mask active) {
  const unsigned count = instruction.vector;
  forLanes(warp, instruction, active, [&](unsigned lane, uint64_t address) {
    checkAlignment(warp, lane, address, sizeof(T) * count);
    warp.currentLane = lane;
    T values[8];
    // The process's memory; a fault there comes back as one of this lane.
    for (unsigned k = 0; k < count; ++k)
      values[k] = reinterpret_cast<const volatile T *>(address)[k];
    for (unsigned k = 0; k < count; ++k)
      put(warp, instruction.to[k], lane, values[k]);
  });
}

template <class T>
void runStoreGlobal(Warp &warp, const Instruction &instruction, Mask active) {
  const unsigned count = instruction.vector;
  forLanes(warp, instruction, active, [&](unsigned lane, uint64_t address) {
    checkAlignment(warp, lane, address, sizeof(T) * count);
    warp.currentLane = lane;
    auto *place = reinterpret_cast<volatile T *>(address);
    bool isChange = false;
    for (unsigned k = 0; k < count; ++k) {
      T value = get<T>(warp, instruction.from[k + 1], lane);
      isChange |= value != place[k];
      place[k] = value;
    }
    if (isChange)
      noteStore(warp, instruction, lane, address, sizeof(T) * count);
  });
}

/// The block whose memory is meant, and the address in it, after all checks.
Block &findShared(Warp &warp, const Instruction &instruction, unsigned lane,
                  uint64_t &address, unsigned bytes, bool isWrite) {
  Block *block = &warp.block;
  if (instruction.isRemote && address >> kRankShift) {
    uint64_t rank = (address >> kRankShift) - 1;
    if (rank >= block->cluster.blocks.size())
      warp.fail(kIllegalAddress, lane,
                "no block of the cluster at " + hex(address));
    address &= (uint64_t{1} << kRankShift) - 1;
    block = block->cluster.blocks[rank].get();
  }
  if (!block->shared.contains(address, bytes))
    warp.fail(kIllegalAddress, lane,
              "shared memory out of bounds: " + std::to_string(bytes) +
                  " bytes at " + hex(address) + ", of " +
                  std::to_string(block->shared.size()) + " bytes from " +
                  hex(kSharedBase));
  checkAlignment(warp, lane, address, bytes);
  if (block->hasEnded)
    warp.fail(kIllegalAddress, lane,
              "shared memory of block " + std::to_string(block->rank) +
                  " of the cluster, which has ended");
  const Access access = accessBy(warp, instruction, lane);
  if (block != &warp.block &&
      warp.block.clocks.threads[access.thread].waits == 0)
    warp.fail(kLaunchFailed, lane,
              "shared memory of block " + std::to_string(block->rank) +
                  " of the cluster, which may not have begun: no barrier of "
                  "the cluster was passed");
  std::string wrong =
      block->shared.note(address, bytes, isWrite, access, warp.block.clocks);
  if (!wrong.empty())
    warp.fail(kLaunchFailed, lane, wrong);
  if (block != &warp.block &&
      access.arrivals + 1 > block->shared.remoteArrivals) {
    block->shared.remoteArrivals = access.arrivals + 1;
    block->shared.remote = access;
  }
  return *block;
}

template <class T>
void runLoadShared(Warp &warp, const Instruction &instruction, Mask active) {
  const unsigned count = instruction.vector;
  forLanes(warp, instruction, active, [&](unsigned lane, uint64_t address) {
    Block &block = findShared(warp, instruction, lane, address,
                              sizeof(T) * count, /*isWrite=*/false);
    T values[8];
    std::memcpy(values, block.shared.at(address), sizeof(T) * count);
    for (unsigned k = 0; k < count; ++k)
      put(warp, instruction.to[k], lane, values[k]);
  });
}

template <class T>
void runStoreShared(Warp &warp, const Instruction &instruction, Mask active) {
  const unsigned count = instruction.vector;
  forLanes(warp, instruction, active, [&](unsigned lane, uint64_t address) {
    Block &block = findShared(warp, instruction, lane, address,
                              sizeof(T) * count, /*isWrite=*/true);
    for (unsigned k = 0; k < count; ++k) {
      T value = get<T>(warp, instruction.from[k + 1], lane);
      std::memcpy(block.shared.at(address) + k * sizeof(T), &value,
                  sizeof value);
    }
  });
}

template <class T>
void runLoadParameter(Warp &warp, const Instruction &instruction, Mask active) {
  const std::vector<uint8_t> &parameters = warp.block.launch.parameters;
  if (instruction.offset < 0 ||
      instruction.offset + sizeof(T) * instruction.vector > parameters.size())
    warp.fail(kIllegalAddress, __builtin_ctz(active),
              "a parameter beyond the last one");
  for (Mask rest = active; rest; rest &= rest - 1)
    for (unsigned k = 0; k < instruction.vector; ++k) {
      T value;
      std::memcpy(&value, &parameters[instruction.offset + k * sizeof(T)],
                  sizeof value);
      put(warp, instruction.to[k], __builtin_ctz(rest), value);
    }
}

template <class T>
void runMapAddress(Warp &warp, const Instruction &instruction, Mask active) {
  for (Mask rest = active; rest; rest &= rest - 1) {
    unsigned lane = __builtin_ctz(rest);
    T address = warp.at<T>(instruction.from[0])[lane];
    uint32_t rank = warp.at<uint32_t>(instruction.from[1])[lane];
    if (!warp.block.shared.contains(address, 1))
      warp.fail(kIllegalAddress, lane,
                "mapa of " + hex(address) + ", which is not in shared memory");
    if (rank >= warp.block.cluster.blocks.size())
      warp.fail(kIllegalAddress, lane,
                "mapa to block " + std::to_string(rank) + " of a cluster of " +
                    std::to_string(warp.block.cluster.blocks.size()));
    warp.at<T>(instruction.to[0])[lane] =
        address | static_cast<T>(uint64_t{rank + 1} << kRankShift);
  }
}

void runNothing(Warp &, const Instruction &, Mask) {}

template <class T> Run loadOf(const std::string &space) {
  return space == "global"  ? runLoadGlobal<T>
         : space == "param" ? runLoadParameter<T>
                            : runLoadShared<T>;
}
template <class T> Run storeOf(const std::string &space) {
  return space == "global" ? runStoreGlobal<T> : runStoreShared<T>;
}

Run accessOf(Type type, bool isLoad, const std::string &space) {
  switch (type) {
  case Type::B8:
  case Type::U8:
    return isLoad ? loadOf<uint8_t>(space) : storeOf<uint8_t>(space);
  case Type::S8:
    return isLoad ? loadOf<int8_t>(space) : storeOf<int8_t>(space);
  case Type::B16:
  case Type::U16:
    return isLoad ? loadOf<uint16_t>(space) : storeOf<uint16_t>(space);
  case Type::S16:
    return isLoad ? loadOf<int16_t>(space) : storeOf<int16_t>(space);
  case Type::B32:
  case Type::U32:
  case Type::F32:
    return isLoad ? loadOf<uint32_t>(space) : storeOf<uint32_t>(space);
  case Type::S32:
    return isLoad ? loadOf<int32_t>(space) : storeOf<int32_t>(space);
  case Type::B64:
  case Type::U64:
  case Type::S64:
  case Type::F64:
    return isLoad ? loadOf<uint64_t>(space) : storeOf<uint64_t>(space);
  default:
    return nullptr;
  }
}

/// Weak accesses, and what only steers caches.
bool isPermitted(const std::string &modifier) {
  static const char *const names[] = {
      "weak",   "nc",     "ca",          "cg",
      "cs",     "lu",     "cv",          "wb",
      "wt",     "v2",     "v4",          "v8",
      "global", "shared", "shared::cta", "shared::cluster",
      "param"};
  return std::find(std::begin(names), std::end(names), modifier) !=
             std::end(names) ||
         modifier.compare(0, 4, "L1::") == 0 ||
         modifier.compare(0, 4, "L2::") == 0;
}

void decodeAccess(Decoder &d) {
  Instruction &instruction = d.instruction;
  bool isLoad = d.is("ld");
  std::string space = d.parts.size() > 1 ? d.parts[1] : "";
  bool isShared = space.compare(0, 6, "shared") == 0;
  if (space != "global" && !isShared && !(space == "param" && isLoad))
    d.fail("accesses without a space, or of this one, are not known");
  instruction.isRemote = space == "shared::cluster";
  Type type = d.type();
  for (size_t i = 1; i + 1 < d.parts.size(); ++i)
    if (!isPermitted(d.parts[i]))
      d.fail("modifier ." + d.parts[i] + " is not known");
  for (unsigned count : {2, 4, 8})
    if (d.has(("v" + std::to_string(count)).c_str()))
      instruction.vector = count;
  unsigned size = sizeOf(type);
  if (size * instruction.vector > 32 || type == Type::None)
    d.fail("an access of more than 32 bytes");
  d.count(2);
  const Written &address = d.operands[isLoad ? 1 : 0];
  Written &value = d.operands[isLoad ? 0 : 1];
  if (address.kind != Written::Address)
    d.fail("expected an address in brackets");
  instruction.offset = address.offset;
  const Written &base = address.parts[0];
  if (space == "param") {
    instruction.offset += d.places.parameter(base.name);
  } else {
    bool isNarrow = isShared && base.kind == Written::Register;
    // Addresses of shared memory may have 32 bits.
    Operand operand = d.places.source(base, isNarrow ? 4 : 8, isNarrow);
    instruction.from.push_back(operand);
  }
  std::vector<Written> values{value};
  if (value.kind == Written::List)
    values = value.parts;
  if (values.size() != instruction.vector)
    d.fail("as many values as elements");
  for (const Written &each : values)
    if (isLoad)
      instruction.to.push_back(d.places.result(each, size, true));
    else
      instruction.from.push_back(d.places.source(each, size, true));
  if (isShared)
    d.places.accessShared(size);
  else if (!isLoad)
    d.places.storeGlobal(size);
  instruction.run = accessOf(type, isLoad, space);
}

} // namespace

bool ptx::decodeMemory(Decoder &d) {
  Instruction &instruction = d.instruction;
  if (d.is("ld") || d.is("st")) {
    decodeAccess(d);
  } else if (d.is("mapa")) {
    if (d.parts[1] != "shared::cluster")
      d.fail("mapa of generic addresses is not known");
    unsigned size = sizeOf(d.type());
    d.take(size, {size, 4});
    instruction.run =
        size == 8 ? runMapAddress<uint64_t> : runMapAddress<uint32_t>;
  } else if (d.is("membar") || d.is("fence") || d.is("prefetch")) {
    // Every access takes place at once, and nothing waits for a cache.
    instruction.run = runNothing;
  } else {
    return false;
  }
  if (!instruction.run)
    d.fail("not known for this type");
  return true;
}
