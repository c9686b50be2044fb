// Warps, blocks and clusters that execute decoded PTX.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef TEST_PTX_MACHINE_H
#define TEST_PTX_MACHINE_H

#include "Shared.h"

namespace ptx {

struct Launch {
  const Kernel *kernel = nullptr;
  uint32_t grid[3] = {1, 1, 1}, block[3] = {1, 1, 1};
  uint32_t cluster = 1; ///< along x
  uint32_t dynamicBytes = 0;
  std::vector<uint8_t> parameters;
  /// Of the order of blocks, and of the warps of each; 0: as they are numbered.
  uint64_t seed = 0;
};

/// By how many units in the last place ex2.approx errs; PTX allows 2.
extern int approximationUlps;

/// Runs all blocks. Throws a Fault.
void execute(const Launch &launch);

class Block;

/// 32 threads. They go on together while they are at the same instruction; of
/// several groups the one that is furthest behind goes first.
class Warp {
public:
  Warp(Block &block, uint32_t number);

  template <class T> T *at(const Operand &operand) {
    return reinterpret_cast<T *>(registers + operand.offset);
  }
  Mask read(const Operand &predicate) {
    Mask mask = *at<Mask>(predicate);
    return predicate.negated ? ~mask : mask;
  }
  Mask lanesWritten(const Operand &operand) const {
    return written[operand.index];
  }
  void write(const Operand &predicate, Mask value, Mask lanes) {
    if (predicate.size == 0)
      return;
    Mask &mask = *at<Mask>(predicate);
    mask = (mask & ~lanes) | (value & lanes);
  }

  /// Makes the warp's threads those of its block, at the first instruction.
  void start();
  /// Goes on until no lane can; whether any did.
  bool run();
  [[noreturn]] void fail(int code, unsigned lane, const std::string &what);

  Block &block;
  const uint32_t number; ///< in its block
  /// What memory faults of the process are put down to.
  const Instruction *volatile current = nullptr;
  volatile unsigned currentLane = 0;

private:
  friend class Block;
  friend class Cluster;
  void checkRead(const Instruction &, const Operand &, Mask);
  void checkReads(const Instruction &, Mask);
  void markWritten(const Instruction &, Mask);
  void runGroup(uint32_t pc, Mask active);
  void setPc(Mask lanes, uint32_t pc);
  Mask lanesAt(uint32_t pc, Mask among) const;
  Mask meet(const Instruction &, uint32_t pc, Mask lanes);
  void shuffle(const Instruction &, Mask lanes);
  void vote(const Instruction &, Mask lanes);
  void arrive(Mask lanes);
  void wait(Mask lanes, uint32_t pc);
  std::string describeWaiting() const;
  Clocks::Thread &clockOf(unsigned lane);

  const Kernel &kernel;
  std::vector<uint8_t> memory;
  uint8_t *registers;        ///< the register file, aligned
  std::vector<Mask> written; ///< by which lanes each register was
  uint32_t pc[kLanes];
  Mask runnable = 0, exited = 0;
  /// Lanes that wait for others of the warp, at a barrier, for the cluster.
  Mask meeting = 0, atBarrier = 0, atCluster = 0;
};

class Cluster;

class Block {
public:
  Block(Cluster &cluster, uint32_t rank);

  /// Makes it the block at these coordinates.
  void start(uint32_t x, uint32_t y, uint32_t z, uint64_t seed);
  /// Runs every warp until none can go on; whether any did.
  bool run();
  /// Lets threads go on whose barrier is complete; whether there were any.
  bool releaseBarriers();
  bool isLive() const;

  Cluster &cluster;
  const Launch &launch;
  const uint32_t rank; ///< in its cluster
  uint32_t index[3] = {0, 0, 0};
  SharedMemory shared;
  Clocks clocks;
  std::vector<std::unique_ptr<Warp>> warps;
  std::vector<uint32_t> order; ///< in which the warps take turns
  bool hasEnded = false;
};

class Cluster {
public:
  explicit Cluster(const Launch &launch);
  /// Runs the blocks of the cluster with this number.
  void run(uint32_t number, uint64_t seed);

  const Launch &launch;
  std::vector<std::unique_ptr<Block>> blocks;
  std::vector<uint32_t> order; ///< in which the blocks take turns
  uint32_t number = 0;         ///< in the grid
  GlobalMemory global;

private:
  bool release();
  [[noreturn]] void failDeadlock();
};

/// The warp that runs, for whoever handles faults of the process's memory.
extern Warp *volatile runningWarp;

/// A permutation of 0 .. count - 1; the identity where the seed is 0.
std::vector<uint32_t> shuffled(uint32_t count, uint64_t seed);

} // namespace ptx

#endif // TEST_PTX_MACHINE_H
