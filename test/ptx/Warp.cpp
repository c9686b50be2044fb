// A warp: groups of lanes at the same instruction, and where they meet.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "Machine.h"

#include <algorithm>
#include <cstring>

using namespace ptx;

Warp::Warp(Block &block, uint32_t number)
    : block(block), number(number), kernel(*block.launch.kernel),
      memory(kernel.registerBytes + 64), written(kernel.registerCount) {
  auto address = reinterpret_cast<uintptr_t>(memory.data());
  registers = memory.data() + (64 - address % 64) % 64;
  for (const Constant &constant : kernel.constants)
    for (unsigned lane = 0; lane < kLanes; ++lane)
      std::memcpy(registers + constant.offset + lane * constant.size,
                  &constant.value, constant.size);
}

static uint32_t valueOf(Special special, const Block &block, uint32_t thread) {
  const Launch &launch = block.launch;
  const uint32_t *size = launch.block;
  switch (special) {
  case Special::TidX:
    return thread % size[0];
  case Special::TidY:
    return thread / size[0] % size[1];
  case Special::TidZ:
    return thread / size[0] / size[1];
  case Special::NtidX:
    return size[0];
  case Special::NtidY:
    return size[1];
  case Special::NtidZ:
    return size[2];
  case Special::CtaidX:
    return block.index[0];
  case Special::CtaidY:
    return block.index[1];
  case Special::CtaidZ:
    return block.index[2];
  case Special::NctaidX:
    return launch.grid[0];
  case Special::NctaidY:
    return launch.grid[1];
  case Special::NctaidZ:
    return launch.grid[2];
  case Special::LaneId:
    return thread % kLanes;
  case Special::WarpId:
    return thread / kLanes;
  case Special::ClusterCtaidX:
  case Special::ClusterCtarank:
    return block.rank;
  case Special::ClusterNctaidX:
  case Special::ClusterNctarank:
    return launch.cluster;
  case Special::ClusterIdX:
    return block.index[0] / launch.cluster;
  case Special::NclusterIdX:
    return launch.grid[0] / launch.cluster;
  case Special::LanemaskLt:
    return (Mask{1} << thread % kLanes) - 1;
  }
  return 0;
}

void Warp::start() {
  std::fill(written.begin(), written.end(), 0);
  for (uint32_t index : kernel.written)
    written[index] = kAll;
  for (const auto &[special, operand] : kernel.specials)
    for (unsigned lane = 0; lane < kLanes; ++lane)
      at<uint32_t>(operand)[lane] =
          valueOf(special, block, number * kLanes + lane);
  const Launch &launch = block.launch;
  uint32_t threads = launch.block[0] * launch.block[1] * launch.block[2];
  uint32_t live = std::min(threads - number * kLanes, kLanes);
  runnable = live == kLanes ? kAll : (Mask{1} << live) - 1;
  exited = ~runnable;
  meeting = atBarrier = atCluster = 0;
  setPc(kAll, 0);
}

void Warp::fail(int code, unsigned lane, const std::string &what) {
  const uint32_t *index = block.index;
  std::string text =
      "kernel " + kernel.name + ", block (" + std::to_string(index[0]) + ", " +
      std::to_string(index[1]) + ", " + std::to_string(index[2]) +
      "), thread " + std::to_string(number * kLanes + lane);
  if (const Instruction *instruction = current)
    text += ", line " + std::to_string(instruction->line) + " (" +
            instruction->opcode + ")";
  throw Fault(code, text + ": " + what);
}

void Warp::setPc(Mask lanes, uint32_t value) {
  for (Mask rest = lanes; rest; rest &= rest - 1)
    pc[__builtin_ctz(rest)] = value;
}

Mask Warp::lanesAt(uint32_t value, Mask among) const {
  Mask result = 0;
  for (unsigned lane = 0; lane < kLanes; ++lane)
    result |= Mask{pc[lane] == value} << lane;
  return result & among;
}

Clocks::Thread &Warp::clockOf(unsigned lane) {
  return block.clocks.threads[number * kLanes + lane];
}

void Warp::checkRead(const Instruction &instruction, const Operand &operand,
                     Mask lanes) {
  Mask missing = lanes & ~written[operand.index];
  if (missing)
    fail(kLaunchFailed, __builtin_ctz(missing),
         "operand " + std::to_string(&operand - instruction.from.data() + 1) +
             " is a register that was never written");
}

void Warp::checkReads(const Instruction &instruction, Mask lanes) {
  if (instruction.isMove)
    return;
  for (const Operand &operand : instruction.from)
    if (lanes & ~written[operand.index])
      checkRead(instruction, operand, lanes);
}

void Warp::markWritten(const Instruction &instruction, Mask lanes) {
  if (instruction.isMove && instruction.from.size() == 1 &&
      instruction.to.size() == 1) {
    Mask &mask = written[instruction.to[0].index];
    mask = (mask & ~lanes) | (written[instruction.from[0].index] & lanes);
    return;
  }
  for (const Operand &operand : instruction.to)
    if (operand.size)
      written[operand.index] |= lanes;
}

bool Warp::run() {
  if (!runnable)
    return false;
  runningWarp = this;
  while (runnable) {
    uint32_t first = ~0u;
    for (Mask rest = runnable; rest; rest &= rest - 1)
      first = std::min(first, pc[__builtin_ctz(rest)]);
    runGroup(first, lanesAt(first, runnable));
  }
  return true;
}

/// Runs lanes that are all at `at`, until they part, wait, end, or come to
/// where others may join them.
void Warp::runGroup(uint32_t at, Mask active) {
  const Instruction *code = kernel.code.data();
  while (active) {
    const Instruction &instruction = code[at];
    current = &instruction;
    Mask on = active;
    if (instruction.isGuarded) {
      if (Mask missing = active & ~written[instruction.guard.index])
        fail(kLaunchFailed, __builtin_ctz(missing),
             "its guard was never written");
      on &= read(instruction.guard);
    }
    if (instruction.kind == Kind::Branch) {
      if (on == active) {
        at = instruction.target;
      } else if (on == 0) {
        ++at;
      } else {
        setPc(on, instruction.target);
        setPc(active & ~on, at + 1);
        return;
      }
      if (active != runnable) {
        setPc(active, at);
        return;
      }
      continue;
    }
    if (on) {
      checkReads(instruction, on);
      switch (instruction.kind) {
      case Kind::Plain:
        instruction.run(*this, instruction, on);
        markWritten(instruction, on);
        break;
      case Kind::Exit:
        runnable &= ~on;
        exited |= on;
        active &= ~on;
        break;
      case Kind::Barrier:
        setPc(on, at);
        atBarrier |= on;
        runnable &= ~on;
        active &= ~on;
        break;
      case Kind::ClusterArrive:
        arrive(on);
        break;
      case Kind::ClusterWait:
        wait(on, at);
        active &= ~on;
        break;
      default: {
        Mask met = meet(instruction, at, on);
        if (met == active)
          break;
        setPc(active & ~on, at + 1);
        setPc(met, at + 1);
        return;
      }
      }
    }
    ++at;
    if (active != runnable && kernel.isLabel[at]) {
      setPc(active, at);
      return;
    }
  }
}

/// Lanes come to an instruction for which all members of a mask have to meet.
/// Returns the lanes that have, for which it is done then.
Mask Warp::meet(const Instruction &instruction, uint32_t at, Mask lanes) {
  const uint32_t *masks = this->at<uint32_t>(instruction.from.back());
  Mask members = masks[__builtin_ctz(lanes)];
  for (Mask rest = lanes; rest; rest &= rest - 1) {
    unsigned lane = __builtin_ctz(rest);
    if (!(masks[lane] >> lane & 1))
      fail(kLaunchFailed, lane, "a mask of members without the thread");
    // Groups with masks of their own meet one after the other.
    if (masks[lane] != members)
      fail(kLaunchFailed, lane, "threads with different masks of members");
  }
  if (Mask gone = members & exited)
    fail(kLaunchFailed, __builtin_ctz(lanes),
         "the mask of members names lane " +
             std::to_string(__builtin_ctz(gone)) + ", which has ended");
  if (members != lanes) {
    setPc(lanes, at);
    meeting |= lanes;
    runnable &= ~lanes;
    if ((lanesAt(at, meeting) & members) != members)
      return 0;
    meeting &= ~members;
    runnable |= members;
  }
  block.clocks.meet(number, members);
  if (instruction.kind == Kind::Shuffle)
    shuffle(instruction, members);
  else if (instruction.kind == Kind::Vote)
    vote(instruction, members);
  return members;
}

void Warp::shuffle(const Instruction &instruction, Mask lanes) {
  const uint32_t *value = at<uint32_t>(instruction.from[0]);
  const uint32_t *second = at<uint32_t>(instruction.from[1]);
  const uint32_t *third = at<uint32_t>(instruction.from[2]);
  uint32_t values[kLanes];
  Mask defined = 0, inRange = 0;
  for (Mask rest = lanes; rest; rest &= rest - 1) {
    unsigned lane = __builtin_ctz(rest);
    unsigned distance = second[lane] & 31;
    unsigned clamp = third[lane] & 31, segment = third[lane] >> 8 & 31;
    int last = (lane & segment) | (clamp & ~segment);
    int from = lane;
    bool isIn = false;
    switch (static_cast<ShuffleMode>(instruction.mode)) {
    case ShuffleMode::Up:
      from = static_cast<int>(lane) - static_cast<int>(distance);
      isIn = from >= last;
      break;
    case ShuffleMode::Down:
      from = lane + distance;
      isIn = from <= last;
      break;
    case ShuffleMode::Butterfly:
      from = lane ^ distance;
      isIn = from <= last;
      break;
    case ShuffleMode::Index:
      from = (lane & segment) | (distance & ~segment);
      isIn = from <= last;
      break;
    }
    if (!isIn)
      from = lane;
    values[lane] = value[from];
    inRange |= Mask{isIn} << lane;
    // What a lane outside of the mask holds is not known.
    defined |= (lanes >> from & 1) << lane;
  }
  const Operand &to = instruction.to[0];
  if (to.size) {
    for (Mask rest = lanes; rest; rest &= rest - 1) {
      unsigned lane = __builtin_ctz(rest);
      at<uint32_t>(to)[lane] = values[lane];
    }
    written[to.index] = (written[to.index] & ~lanes) | defined;
  }
  if (instruction.to.size() == 2) {
    write(instruction.to[1], inRange, lanes);
    written[instruction.to[1].index] |= lanes;
  }
}

void Warp::vote(const Instruction &instruction, Mask lanes) {
  Mask ballot = read(instruction.from[0]) & lanes;
  const Operand &to = instruction.to[0];
  bool all = ballot == lanes, any = ballot != 0;
  switch (static_cast<VoteMode>(instruction.mode)) {
  case VoteMode::Ballot:
    for (Mask rest = lanes; rest && to.size; rest &= rest - 1)
      at<uint32_t>(to)[__builtin_ctz(rest)] = ballot;
    break;
  case VoteMode::All:
    write(to, all ? kAll : 0, lanes);
    break;
  case VoteMode::Any:
    write(to, any ? kAll : 0, lanes);
    break;
  case VoteMode::Uniform:
    write(to, all || !any ? kAll : 0, lanes);
    break;
  }
  markWritten(instruction, lanes);
}

void Warp::arrive(Mask lanes) {
  for (Mask rest = lanes; rest; rest &= rest - 1) {
    unsigned lane = __builtin_ctz(rest);
    Clocks::Thread &clock = clockOf(lane);
    if (clock.arrivals != clock.waits)
      fail(kLaunchFailed, lane, "arrives twice without waiting");
    ++clock.arrivals;
  }
}

void Warp::wait(Mask lanes, uint32_t at) {
  for (Mask rest = lanes; rest; rest &= rest - 1) {
    unsigned lane = __builtin_ctz(rest);
    if (clockOf(lane).arrivals == clockOf(lane).waits)
      fail(kLaunchFailed, lane, "waits without having arrived");
  }
  setPc(lanes, at);
  atCluster |= lanes;
  runnable &= ~lanes;
}

std::string Warp::describeWaiting() const {
  std::string text;
  for (Mask rest = meeting | atBarrier | atCluster; rest;) {
    uint32_t at = pc[__builtin_ctz(rest)];
    Mask group = lanesAt(at, rest);
    rest &= ~group;
    char lanes[16];
    std::snprintf(lanes, sizeof lanes, "%08x", group);
    text += "; block " + std::to_string(block.index[0]) + " warp " +
            std::to_string(number) + " lanes " + lanes + " at line " +
            std::to_string(kernel.code[at].line) + " (" +
            kernel.code[at].opcode + ")";
  }
  return text;
}
