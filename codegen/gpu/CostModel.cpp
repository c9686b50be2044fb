// What a schedule is expected to cost on a GPU.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "codegen/gpu/CostModel.h"

#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace mlir::softmax;

namespace {

/// Clocks until a value from memory, from another lane, from another warp and
/// from another block of a cluster arrives.
constexpr double kLoadClocks = 800, kLaneClocks = 25, kBlockClocks = 60,
                 kClusterClocks = 400;
/// 32-bit operations that a multiprocessor issues in a clock, for threads.
constexpr double kIssued = 128;
/// Clocks between two instructions of a warp that wait for one another.
constexpr double kDependentClocks = 4;
/// Of the multiprocessors that clusters of 16 find: parts of the device (GPCs)
/// that are no multiple of that leave some idle.
constexpr double kUsedBySixteen = 0.9;
/// Bytes that a multiprocessor takes in and gives out in a clock.
constexpr double kPortBytes = 64;
/// Seconds from one launch to the next, and until the first one runs.
constexpr double kNextLaunch = 1.5e-6, kFirstLaunch = 2.5e-6;
/// Registers of a thread beside its elements: addresses, sums, temporaries of
/// the exponential.
constexpr int64_t kOwnRegisters = 40;

/// Instructions for an element of a sweep with an exponential, and of a sweep
/// that only reads or compares.
struct Instructions {
  double exponential, plain;
};

Instructions instructionsOf(GPUScheduleAttr schedule, unsigned widest) {
  double exponential = schedule.getExp() == Exponential::Product    ? 4
                       : schedule.getExp() == Exponential::Hardware ? 7
                                                                    : 14;
  double plain = 3;
  // f64 runs at half of the rate at best, and its polynomials are longer.
  return widest == 64 ? Instructions{4 * exponential, 2 * plain}
                      : Instructions{exponential, plain};
}

/// The work of all threads of one row, and how it is laid out.
struct Row {
  double bytesOnce, bytes; ///< bytes: with what is read again
  double instructions, clocks;
  int64_t registers, sharedBytes;
  /// Of the kernel for rows at odd addresses, whose accesses overlap: it has to
  /// fit, but is not what the schedule is chosen for.
  int64_t unalignedRegisters;
};

Row describe(const GPUWork &work, GPUScheduleAttr schedule, double columns) {
  int64_t lanes = std::min(schedule.getThreads(), schedule.getLanes());
  int64_t threads = schedule.getThreads() * schedule.getCluster();
  int64_t perStep = threads * schedule.getVector();
  double width = double(perStep) * schedule.getSteps();
  // What threads do for columns past the end is done, too.
  double covered = std::ceil(columns / perStep) * perStep;
  Instructions cost = instructionsOf(schedule, work.widest);
  bool writes = work.writeBytes > 0;
  Row row;
  row.bytesOnce = row.bytes =
      columns * double(work.readBytes + work.writeBytes);
  row.sharedBytes = 0;
  int64_t words = work.widest == 64 ? 2 : 1;
  int64_t inFlight = schedule.getVector() * schedule.getSteps();
  // Loaded elements stay as they are; what was computed of them is f32 or f64.
  int64_t loaded = llvm::divideCeil(inFlight * work.readBytes, 4);
  row.registers = kOwnRegisters + loaded;
  double sweeps = double(work.sweeps);
  switch (schedule.getResidence()) {
  case Residence::Registers:
    covered = width;
    row.registers += inFlight * words * (writes ? 1 : 0);
    row.instructions = covered * (cost.exponential * sweeps + cost.plain * 2);
    break;
  case Residence::Shared:
  case Residence::Memory: {
    // The exponential of the results is computed again.
    double passes = sweeps + (writes ? 1 : 0);
    // Past 64 chunks the maximum has a sweep of its own (RowReduce.cpp).
    if (columns > 64 * width * double(schedule.getSlices()))
      passes += sweeps;
    row.instructions = covered * passes * (cost.exponential + cost.plain * 2);
    row.registers += inFlight * words;
    if (schedule.getResidence() == Residence::Shared) {
      row.sharedBytes = int64_t(std::ceil(columns / width) * width) *
                        work.readBytes / schedule.getCluster();
    } else {
      row.bytes += columns * work.readBytes * (passes - 1);
    }
    break;
  }
  }
  row.unalignedRegisters = row.registers + 4 * schedule.getSteps() *
                                               std::max<int64_t>(1, work.reads);
  double lanesClocks = 2 * llvm::Log2_64_Ceil(lanes) * kLaneClocks;
  double exchange = lanesClocks;
  double shuffles = 2.0 * 3 * llvm::Log2_64_Ceil(lanes);
  if (threads > lanes) {
    exchange += lanesClocks + 2 * kBlockClocks;
    shuffles += 2 * shuffles + 40;
  }
  if (schedule.getCluster() > 1)
    exchange += 2 * kClusterClocks;
  row.instructions += sweeps * shuffles * double(threads);
  // One iteration's loads are in flight together.
  double iterations = schedule.getResidence() == Residence::Registers
                          ? 1
                          : std::ceil(columns / width);
  row.clocks = iterations * kLoadClocks + sweeps * exchange +
               row.instructions / double(schedule.getCluster()) /
                   std::min<double>(kIssued, double(schedule.getThreads()) /
                                                 kDependentClocks);
  return row;
}

} // namespace

std::optional<GPUCost> softmax::estimateCost(const GPUTarget &machine,
                                             const GPUWork &work,
                                             GPUScheduleAttr schedule) {
  double columns =
      double(ShapedType::isDynamic(work.columns) ? kLongRow : work.columns);
  double rows =
      double(ShapedType::isDynamic(work.rows) ? kManyRows : work.rows);
  Row row = describe(work, schedule, columns);

  // How many blocks a multiprocessor holds.
  int64_t block = schedule.getBlock();
  int64_t together = block / schedule.getThreads();
  if (block > machine.maxThreads || row.sharedBytes > machine.blockSharedBytes)
    return std::nullopt;
  // Compilers need some more than is estimated.
  if (row.unalignedRegisters > 224 ||
      row.unalignedRegisters * block > machine.registers)
    return std::nullopt;
  int64_t resident =
      std::min<int64_t>({machine.residentThreads / block,
                         machine.registers / (row.registers * block), 32});
  if (row.sharedBytes > 0)
    resident =
        std::min(resident, machine.sharedBytes / (row.sharedBytes + 2048));
  if (resident == 0)
    return std::nullopt;

  // Blocks for all rows, in one launch for each sweep when slices go to blocks
  // of their own.
  double launches = 1, blocks = std::ceil(rows / double(together)) *
                                double(schedule.getCluster());
  bool splits = schedule.getSlices() > 1 &&
                rows * double(schedule.getSlices()) <= schedule.getBlocks();
  if (splits) {
    blocks *= double(schedule.getSlices());
    launches = double(work.sweeps) + 1;
    row.clocks /= double(schedule.getSlices());
  }
  double multiprocessors = double(machine.multiprocessors) *
                           (schedule.getCluster() > 8 ? kUsedBySixteen : 1);
  double busy = std::min(blocks, multiprocessors);
  double clock = machine.gigahertz * 1e9;

  // A second read comes from the cache when what is being worked on fits.
  double atHand =
      std::min(blocks / double(schedule.getCluster()) * double(together),
               double(resident) * multiprocessors * together /
                   double(schedule.getCluster())) *
      columns * double(work.readBytes);
  double again = row.bytes - row.bytesOnce;
  double bytes =
      row.bytesOnce + again * (atHand < machine.cacheBytes ? 0.35 : 1);
  double memory = std::max(rows * bytes / machine.bytesPerSecond,
                           rows * row.bytes / (busy * kPortBytes * clock));
  double instructions = rows * row.instructions / (busy * kIssued * clock);
  // Rows in flight on the device; the last ones leave some of it idle.
  double held = std::min(blocks, double(resident) * multiprocessors);
  double waves = std::ceil(blocks / held);
  double latency = waves * row.clocks / clock;

  GPUCost cost;
  cost.memorySeconds = rows * row.bytesOnce / machine.bytesPerSecond;
  cost.seconds = std::max({memory, instructions, latency});
  cost.boundBy = cost.seconds == memory         ? "memory"
                 : cost.seconds == instructions ? "instructions"
                                                : "latency";
  cost.seconds += kFirstLaunch + (launches - 1) * kNextLaunch;
  cost.registers = row.registers;
  cost.blocksPerMultiprocessor = resident;
  return cost;
}
