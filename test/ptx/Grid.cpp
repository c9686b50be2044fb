// Blocks, clusters and grids.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "Machine.h"

#include <algorithm>
#include <csetjmp>
#include <csignal>
#include <numeric>
#include <random>

using namespace ptx;

std::vector<uint32_t> ptx::shuffled(uint32_t count, uint64_t seed) {
  std::vector<uint32_t> result(count);
  std::iota(result.begin(), result.end(), 0);
  if (seed)
    std::shuffle(result.begin(), result.end(), std::mt19937_64(seed));
  return result;
}

//===----------------------------------------------------------------------===//
// Blocks
//===----------------------------------------------------------------------===//

static uint32_t countThreads(const Launch &launch) {
  return launch.block[0] * launch.block[1] * launch.block[2];
}

Block::Block(Cluster &cluster, uint32_t rank)
    : cluster(cluster), launch(cluster.launch), rank(rank) {
  uint32_t count = (countThreads(launch) + kLanes - 1) / kLanes;
  for (uint32_t i = 0; i < count; ++i)
    warps.push_back(std::make_unique<Warp>(*this, i));
}

void Block::start(uint32_t x, uint32_t y, uint32_t z, uint64_t seed) {
  index[0] = x;
  index[1] = y;
  index[2] = z;
  hasEnded = false;
  shared.start(launch.kernel->sharedBytes + launch.dynamicBytes,
               launch.kernel->sharedGranule);
  clocks.start(countThreads(launch));
  order = shuffled(warps.size(), seed);
  for (auto &warp : warps)
    warp->start();
}

bool Block::isLive() const {
  return std::any_of(warps.begin(), warps.end(),
                     [](auto &warp) { return warp->exited != kAll; });
}

bool Block::run() {
  if (hasEnded)
    return false;
  bool any = false;
  for (uint32_t i : order)
    any |= warps[i]->run();
  hasEnded = !isLive();
  if (!hasEnded || shared.remoteArrivals == 0)
    return any;
  // Whoever accessed this memory has to have arrived at a barrier of the
  // cluster that this block has waited at.
  uint32_t waits = 0;
  for (const Clocks::Thread &thread : clocks.threads)
    waits = std::max(waits, thread.waits);
  if (waits < shared.remoteArrivals)
    warps[0]->fail(kLaunchFailed, 0,
                   "the block ends while block " +
                       std::to_string(shared.remote.rank) +
                       " of its cluster may still access its shared memory, "
                       "as it does at line " +
                       std::to_string(shared.remote.line));
  return any;
}

/// Threads that have ended are not waited for.
bool Block::releaseBarriers() {
  bool any = false;
  for (auto &warp : warps) {
    any |= warp->atBarrier != 0;
    if (warp->atBarrier != ~warp->exited)
      return false;
  }
  if (!any)
    return false;
  for (auto &warp : warps) {
    Mask lanes = warp->atBarrier;
    if (lanes == 0)
      continue;
    uint32_t at = warp->pc[__builtin_ctz(lanes)];
    if (warp->lanesAt(at, lanes) != lanes) {
      warp->current = nullptr;
      warp->fail(kLaunchFailed, __builtin_ctz(lanes),
                 "lanes of a warp are at different barriers" +
                     warp->describeWaiting());
    }
    warp->setPc(lanes, at + 1);
    warp->atBarrier = 0;
    warp->runnable = lanes;
    for (Mask rest = lanes; rest; rest &= rest - 1)
      ++warp->clockOf(__builtin_ctz(rest)).barriers;
  }
  return true;
}

//===----------------------------------------------------------------------===//
// Clusters
//===----------------------------------------------------------------------===//

Cluster::Cluster(const Launch &launch)
    : launch(launch), global(launch.kernel->globalGranule) {
  for (uint32_t i = 0; i < launch.cluster; ++i)
    blocks.push_back(std::make_unique<Block>(*this, i));
}

/// Lets those go on for whose barrier all threads have arrived.
bool Cluster::release() {
  uint32_t arrivals = ~0u;
  for (auto &block : blocks)
    for (auto &warp : block->warps)
      for (Mask rest = ~warp->exited; rest; rest &= rest - 1)
        arrivals =
            std::min(arrivals, warp->clockOf(__builtin_ctz(rest)).arrivals);
  bool any = false;
  for (auto &block : blocks)
    for (auto &warp : block->warps)
      for (Mask rest = warp->atCluster; rest; rest &= rest - 1) {
        unsigned lane = __builtin_ctz(rest);
        Clocks::Thread &clock = warp->clockOf(lane);
        if (clock.waits >= arrivals)
          continue;
        ++clock.waits;
        ++warp->pc[lane];
        warp->atCluster &= ~(Mask{1} << lane);
        warp->runnable |= Mask{1} << lane;
        any = true;
      }
  return any;
}

void Cluster::failDeadlock() {
  std::string text;
  for (auto &block : blocks)
    for (auto &warp : block->warps)
      if (text.size() < 1000)
        text += warp->describeWaiting();
  throw Fault(kLaunchFailed,
              "kernel " + launch.kernel->name + ": deadlock" + text);
}

void Cluster::run(uint32_t which, uint64_t seed) {
  number = which;
  const uint32_t across = launch.grid[0] / launch.cluster;
  const uint32_t first = number % across * launch.cluster;
  const uint32_t y = number / across % launch.grid[1];
  const uint32_t z = number / across / launch.grid[1];
  for (auto &block : blocks)
    block->start(first + block->rank, y, z, seed ? seed + block->rank : 0);
  order = shuffled(blocks.size(), seed);
  auto isLive = [](auto &block) { return !block->hasEnded; };
  while (std::any_of(blocks.begin(), blocks.end(), isLive)) {
    bool any = false;
    for (uint32_t i : order) {
      any |= blocks[i]->run();
      any |= blocks[i]->releaseBarriers();
    }
    if (blocks.size() > 1 || !any)
      any |= release();
    if (!any)
      failDeadlock();
  }
}

//===----------------------------------------------------------------------===//
// Grids
//===----------------------------------------------------------------------===//

namespace {

/// Faults of the process's memory come back to the launch that they are due to.
struct Guard {
  Guard() {
    struct sigaction action = {};
    action.sa_sigaction = handle;
    action.sa_flags = SA_SIGINFO | SA_NODEFER;
    sigaction(SIGSEGV, &action, &previous[0]);
    sigaction(SIGBUS, &action, &previous[1]);
    current = this;
  }
  ~Guard() {
    current = nullptr;
    sigaction(SIGSEGV, &previous[0], nullptr);
    sigaction(SIGBUS, &previous[1], nullptr);
  }
  static void handle(int signal, siginfo_t *info, void *) {
    if (current) {
      current->address = info->si_addr;
      siglongjmp(current->jump, 1);
    }
    std::signal(signal, SIG_DFL);
    std::raise(signal);
  }

  sigjmp_buf jump;
  const void *volatile address = nullptr;
  struct sigaction previous[2];
  static thread_local Guard *volatile current;
};
thread_local Guard *volatile Guard::current = nullptr;

} // namespace

Warp *volatile ptx::runningWarp = nullptr;

/// Without objects that a jump would leave behind.
static void runAll(Cluster &cluster, const Launch &launch,
                   const std::vector<uint32_t> &order) {
  for (uint32_t i : order)
    cluster.run(i, launch.seed ? launch.seed + i : 0);
}

void ptx::execute(const Launch &launch) {
  Cluster cluster(launch);
  const std::vector<uint32_t> order = shuffled(
      launch.grid[0] / launch.cluster * launch.grid[1] * launch.grid[2],
      launch.seed);
  Guard guard;
  if (sigsetjmp(guard.jump, 1) == 0) {
    runAll(cluster, launch, order);
    return;
  }
  char text[64];
  std::snprintf(text, sizeof text, "no access to global memory at %p",
                guard.address);
  runningWarp->fail(kIllegalAddress, runningWarp->currentLane, text);
}
