// What the machine and its driver refuse, and in which words.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "Fixture.h"

using namespace ptx;
using testing::HasSubstr;

namespace {

enum {
  kInvalidValue = 1,
  kNoBinary = gpu_no_binary,
  kInvalidPtx = gpu_invalid_ptx,
  kIllegalAddress = 700,
  kMisaligned = 716,
  kLaunchFailed = 719,
  kClusterSize = gpu_invalid_cluster_size
};

class PtxChecks : public Fixture {
protected:
  /// The body ends with this code, and a message that holds `text`.
  void expectFault(const std::string &body, int code, const char *text) {
    EXPECT_EQ(run(body), code) << ptxFault();
    EXPECT_THAT(ptxFault(), HasSubstr(text));
  }
};

/// Every thread's own word of `memory`, in %d3, and its neighbour's in %d4.
const char *const kOwnWord =
    "mov.b64 %d2, memory; and.b32 %r1, %r0, 15; mul.wide.u32 %d3, %r1, 4;"
    "add.s64 %d3, %d2, %d3; xor.b32 %r2, %r1, 1; mul.wide.u32 %d4, %r2, 4;"
    "add.s64 %d4, %d2, %d4;";
std::string withOwnWord(const char *body) {
  return std::string(kOwnWord) + body;
}

//===----------------------------------------------------------------------===//
// Memory
//===----------------------------------------------------------------------===//

TEST_F(PtxChecks, Misaligned) {
  resultCount = 4;
  // Each element is aligned, but not the vector.
  expectFault("ld.global.v4.b32 {%r1, %r2, %r3, %r4}, [%d0+4];", kMisaligned,
              "misaligned access of 16 bytes");
  ptxReset();
  expectFault("mov.b64 %d2, memory; st.shared.b64 [%d2+4], 0;", kMisaligned,
              "misaligned access of 8 bytes");
}

TEST_F(PtxChecks, GlobalMemoryThatIsNotThere) {
  threads = 3;
  expectFault("mov.b64 %d1, 4096; setp.eq.s32 %p1, %r0, 2;"
              "@%p1 st.global.b32 [%d1], 1;",
              kIllegalAddress, "thread 2, line ");
  EXPECT_THAT(ptxFault(), HasSubstr("no access to global memory at 0x1000"));
}

TEST_F(PtxChecks, SharedMemoryOutOfBounds) {
  expectFault("mov.b64 %d2, memory; st.shared.b32 [%d2+64], 0;",
              kIllegalAddress, "shared memory out of bounds");
  ptxReset();
  expectFault("mov.b64 %d2, 0; st.shared.b32 [%d2], 0;", kIllegalAddress,
              "shared memory out of bounds");
  ptxReset();
  dynamicBytes = 16; // as much as is asked for, no more
  expectFault("mov.b64 %d2, dynamic; st.shared.b32 [%d2+16], 0;",
              kIllegalAddress, "shared memory out of bounds");
  ptxReset();
  EXPECT_EQ(run("mov.b64 %d2, dynamic; st.shared.b32 [%d2+12], 0;"), 0);
}

TEST_F(PtxChecks, NeverWritten) {
  expectFault("add.s32 %r1, %r0, %r2;", kLaunchFailed,
              "operand 2 is a register that was never written");
  ptxReset();
  expectFault("@%p1 mov.b32 %r1, 0;", kLaunchFailed,
              "its guard was never written");
  ptxReset();
  expectFault("mov.b64 %d2, memory; ld.shared.b32 %r1, [%d2];", kLaunchFailed,
              "shared memory is read that was never written");
  ptxReset();
  // A move is none, the use of what was moved is one.
  EXPECT_EQ(run("mov.b32 %r1, %r2;"), 0);
  expectFault("mov.b32 %r1, %r2; add.s32 %r3, %r1, 1;", kLaunchFailed,
              "operand 1 is a register that was never written");
  ptxReset();
  // Written by some of the threads only.
  threads = 2;
  expectFault("setp.eq.s32 %p1, %r0, 0; @%p1 mov.b32 %r1, 1;"
              "add.s32 %r2, %r1, 1;",
              kLaunchFailed, "thread 1, ");
}

//===----------------------------------------------------------------------===//
// Races
//===----------------------------------------------------------------------===//

TEST_F(PtxChecks, RacesBetweenWarps) {
  threads = 64;
  // Threads 0 and 32 have the same word.
  expectFault(withOwnWord("setp.eq.s32 %p1, %r1, 0;"
                          "@%p1 st.shared.b32 [%d3], 1;"),
              kLaunchFailed, "data race with a write");
  ptxReset();
  expectFault("mov.b64 %d2, memory; setp.eq.s32 %p1, %r0, 0;"
              "@%p1 st.shared.b32 [%d2], 1; ld.shared.b32 %r1, [%d2];",
              kLaunchFailed, "read after a write by thread 0");
  ptxReset();
  // The reader is another warp, which another reader follows.
  expectFault("mov.b64 %d2, memory; setp.eq.s32 %p1, %r0, 0;"
              "@%p1 st.shared.b32 [%d2], 1; bar.sync 0;"
              "ld.shared.b32 %r1, [%d2]; setp.eq.s32 %p1, %r0, 63;"
              "@%p1 st.shared.b32 [%d2], 2;",
              kLaunchFailed, "write after a read");
  ptxReset();
  EXPECT_EQ(run("mov.b64 %d2, memory; setp.eq.s32 %p1, %r0, 0;"
                "@%p1 st.shared.b32 [%d2], 1; bar.sync 0;"
                "ld.shared.b32 %r1, [%d2]; bar.sync 0;"
                "setp.eq.s32 %p1, %r0, 63; @%p1 st.shared.b32 [%d2], 2;"),
            0)
      << ptxFault();
}

TEST_F(PtxChecks, RacesWithinAWarp) {
  threads = 16;
  expectFault(
      withOwnWord("st.shared.b32 [%d3], %r0; ld.shared.b32 %r5, [%d4];"),
      kLaunchFailed, "data race: read after a write");
  ptxReset();
  threads = 32;
  // Lanes 0 and 16 have the same word.
  expectFault(withOwnWord("st.shared.b32 [%d3], %r0;"), kLaunchFailed,
              "data race with a write");
  ptxReset();
  const char *const first = "setp.lt.u32 %p1, %r0, 16;"
                            "@%p1 st.shared.b32 [%d3], %r0;";
  EXPECT_EQ(run(withOwnWord(first) + "bar.warp.sync -1;"
                                     "ld.shared.b32 %r5, [%d4];"),
            0)
      << ptxFault();
  // A shuffle orders the lanes of its mask, and no others.
  EXPECT_EQ(run(withOwnWord(first) + "shfl.sync.bfly.b32 %r6, %r0, 1, 31, -1;"
                                     "ld.shared.b32 %r5, [%d4];"),
            0)
      << ptxFault();
  expectFault(withOwnWord(first) +
                  "setp.eq.s32 %p2, %r1, 1; and.b32 %r7, %r0, 1;"
                  "setp.eq.s32 %p3, %r7, 0; @%p3 bra even;"
                  "shfl.sync.bfly.b32 %r6, %r0, 2, 31, 0xaaaaaaaa; bra join;"
                  "even: shfl.sync.bfly.b32 %r6, %r0, 2, 31, 0x55555555;"
                  "join: ld.shared.b32 %r5, [%d4];",
              kLaunchFailed, "data race");
}

TEST_F(PtxChecks, RacesInClusters) {
  threads = 32;
  blocks = cluster = 2;
  const std::string send = "mov.u32 %r1, %cluster_ctarank; mov.b64 %d2, memory;"
                           "setp.eq.s32 %p1, %r0, 0; xor.b32 %r2, %r1, 1;"
                           "mapa.shared::cluster.u64 %d4, %d2, %r2;";
  const std::string store = "@%p1 st.shared::cluster.b32 [%d4], %r1;";
  const std::string barrier = "barrier.cluster.arrive; barrier.cluster.wait;";
  EXPECT_EQ(run(send + barrier + store + barrier + "ld.shared.b32 %r5, [%d2];"),
            0)
      << ptxFault();
  // Of a barrier of the block the other one knows nothing.
  expectFault(send + barrier + store + "bar.sync 0; ld.shared.b32 %r5, [%d2];" +
                  barrier,
              kLaunchFailed, "data race");
  ptxReset();
  // Written between arriving and waiting: not ordered by that barrier.
  expectFault(send + barrier + "barrier.cluster.arrive;" + store +
                  "barrier.cluster.wait; ld.shared.b32 %r5, [%d2];" + barrier,
              kLaunchFailed, "data race: read after a write");
  ptxReset();
  expectFault(send + barrier + store + barrier + "ld.shared.b32 %r5, [%d2];" +
                  store + barrier,
              kLaunchFailed, "data race");
}

TEST_F(PtxChecks, RacesInGlobalMemory) {
  threads = 64;
  resultCount = 1;
  const std::string first = "setp.eq.s32 %p1, %r0, 0; setp.eq.s32 %p2, %r0, 40;"
                            "@%p1 st.global.b64 [%d0], 5;";
  expectFault(first + "@%p2 st.global.b64 [%d0], 6;", kLaunchFailed,
              "data race with a write by thread 0");
  ptxReset();
  EXPECT_EQ(run(first + "bar.sync 0; @%p2 st.global.b64 [%d0], 6;"), 0)
      << ptxFault();
  // All may set the same flag.
  EXPECT_EQ(run("st.global.b64 [%d0], 5;"), 0) << ptxFault();
  // Two halves of a word are two places.
  EXPECT_EQ(run("setp.lt.u32 %p1, %r0, 2; mul.wide.u32 %d1, %r0, 4;"
                "add.s64 %d1, %d0, %d1; @%p1 st.global.b32 [%d1], %r0;"),
            0)
      << ptxFault();
  // No barrier orders blocks.
  blocks = 2;
  expectFault("mov.u32 %r1, %ctaid.x; add.s32 %r1, %r1, 1; bar.sync 0;"
              "st.global.b32 [%d0], %r1;",
              kLaunchFailed, "of cluster 0 at line");
}

TEST_F(PtxChecks, BlocksThatHaveEnded) {
  threads = 32;
  blocks = cluster = 2;
  const std::string send = "mov.u32 %r1, %cluster_ctarank; mov.b64 %d2, memory;"
                           "xor.b32 %r2, %r1, 1; setp.eq.s32 %p1, %r0, 0;"
                           "mapa.shared::cluster.u64 %d4, %d2, %r2;";
  expectFault(send + "@%p1 st.shared::cluster.b32 [%d4], 1;", kLaunchFailed,
              "which may not have begun");
  ptxReset();
  const std::string begin = send + "barrier.cluster.arrive;"
                                   "barrier.cluster.wait;";
  // Block 0 ends at once, or may end before the other one writes.
  expectFault(begin + "setp.eq.s32 %p2, %r1, 0; @%p2 ret;"
                      "@%p1 st.shared::cluster.b32 [%d4], 1;",
              kIllegalAddress, "which has ended");
  ptxReset();
  expectFault(begin + "setp.eq.and.s32 %p1, %r1, 0, %p1;"
                      "@%p1 st.shared::cluster.b32 [%d4], 1;",
              kLaunchFailed, "may still access its shared memory");
  ptxReset();
  expectFault("mov.b64 %d2, memory; mapa.shared::cluster.u64 %d4, %d2, 2;",
              kIllegalAddress, "mapa to block 2 of a cluster of 2");
  ptxReset();
  expectFault("mov.b64 %d4, 0x30000400;"
              "st.shared::cluster.b32 [%d4], 1;",
              kIllegalAddress, "no block of the cluster");
}

//===----------------------------------------------------------------------===//
// Threads together
//===----------------------------------------------------------------------===//

TEST_F(PtxChecks, Shuffles) {
  threads = 32;
  expectFault("setp.eq.s32 %p1, %r0, 3; @%p1 ret;"
              "shfl.sync.bfly.b32 %r1, %r0, 1, 31, -1;",
              kLaunchFailed, "names lane 3, which has ended");
  ptxReset();
  threads = 20; // lanes that never were
  expectFault("shfl.sync.bfly.b32 %r1, %r0, 1, 31, -1;", kLaunchFailed,
              "names lane 20, which has ended");
  ptxReset();
  threads = 32;
  expectFault("shfl.sync.bfly.b32 %r1, %r0, 1, 31, 0x0000ffff;", kLaunchFailed,
              "a mask of members without the thread");
  ptxReset();
  expectFault("setp.lt.u32 %p1, %r0, 16; @%p1 bra low;"
              "shfl.sync.bfly.b32 %r1, %r0, 1, 31, -1; bra join;"
              "low: shfl.sync.bfly.b32 %r1, %r0, 1, 31, -1; join:",
              kLaunchFailed, "deadlock");
  ptxReset();
  // What lies in a lane outside of the mask is not known.
  expectFault("setp.ge.u32 %p1, %r0, 16; @%p1 bra join;"
              "shfl.sync.bfly.b32 %r1, %r0, 16, 31, 0x0000ffff;"
              "add.s32 %r2, %r1, 1; join:",
              kLaunchFailed, "never written");
}

TEST_F(PtxChecks, Barriers) {
  threads = 64;
  expectFault("setp.lt.u32 %p1, %r0, 3; @%p1 bra other; bar.sync 0; bra join;"
              "other: bar.sync 0; join:",
              kLaunchFailed, "lanes of a warp are at different barriers");
  ptxReset();
  expectFault("setp.lt.u32 %p1, %r0, 32; @%p1 bra other; bar.sync 0; bra join;"
              "other: barrier.cluster.arrive; barrier.cluster.wait; join:",
              kLaunchFailed, "deadlock");
  EXPECT_THAT(ptxFault(), HasSubstr("(bar.sync)"));
  EXPECT_THAT(ptxFault(), HasSubstr("(barrier.cluster.wait)"));
  ptxReset();
  expectFault("barrier.cluster.wait;", kLaunchFailed,
              "waits without having arrived");
  ptxReset();
  expectFault("barrier.cluster.arrive; barrier.cluster.arrive;", kLaunchFailed,
              "arrives twice");
}

//===----------------------------------------------------------------------===//
// The driver
//===----------------------------------------------------------------------===//

TEST_F(PtxChecks, FaultsStay) {
  EXPECT_EQ(run("mov.b64 %d2, 0; st.global.b32 [%d2], 1;"), kIllegalAddress);
  EXPECT_EQ(run(""), kIllegalAddress);
  ptxReset();
  EXPECT_EQ(run(""), 0);
}

TEST_F(PtxChecks, TextsThatAreNotKnown) {
  expectFault("sin.approx.f32 %r1, %r1;", kInvalidPtx,
              "line 15: sin.approx.f32: not known");
  expectFault("add.wild.f32 %r1, %r1, %r1;", kInvalidPtx,
              "modifier .wild is not known");
  expectFault("add.s32 %r1, %r1, %d1;", kInvalidPtx,
              "%d1 has not the size of the instruction");
  expectFault("add.s32 %r1, %r99, 1;", kInvalidPtx, "no register %r99");
  expectFault("bra nowhere;", kInvalidPtx, "no label nowhere");
  expectFault("ld.b32 %r1, [%d0];", kInvalidPtx, "accesses without a space");
  expectFault("bar.sync 1;", kInvalidPtx, "barriers other than 0");
  EXPECT_EQ(load("nonsense"), kInvalidPtx);
}

TEST_F(PtxChecks, ImagesForOtherDevices) {
  EXPECT_EQ(load("\177ELF"), kNoBinary);
  setenv("PTX_CAPABILITY", "80", 1);
  EXPECT_EQ(load(kernel("")), kNoBinary);
  setenv("PTX_CAPABILITY", "100", 1);
  EXPECT_EQ(load(kernel("")), 0);
}

class PtxLaunches : public PtxChecks {
protected:
  void SetUp() override {
    PtxChecks::SetUp();
    ASSERT_EQ(load(kernel(""), &function), 0);
  }
  void *function = nullptr;
};

TEST_F(PtxLaunches, Threads) {
  threads = 256;
  EXPECT_EQ(launch(function), 0);
  threads = 257; // .maxntid is 256
  EXPECT_EQ(launch(function), kInvalidValue);
  threads = 0;
  EXPECT_EQ(launch(function), kInvalidValue);
  threads = 1;
  EXPECT_EQ(launch(function), 0); // such errors do not stay
}

TEST_F(PtxLaunches, DynamicSharedMemory) {
  int used = 0;
  ASSERT_EQ(cuKernelGetAttribute(&used, cuda_static_shared_bytes, function, 0),
            0);
  EXPECT_EQ(used, 64);
  dynamicBytes = (48 << 10) - 64;
  EXPECT_EQ(launch(function), 0);
  dynamicBytes += 16;
  EXPECT_EQ(launch(function), kInvalidValue);
  ASSERT_EQ(cuKernelSetAttribute(cuda_dynamic_shared_bytes, dynamicBytes,
                                 function, 0),
            0);
  EXPECT_EQ(launch(function), 0);
  EXPECT_EQ(
      cuKernelSetAttribute(cuda_dynamic_shared_bytes, 227 << 10, function, 0),
      kInvalidValue);
}

TEST_F(PtxLaunches, Clusters) {
  blocks = 16;
  cluster = 8;
  EXPECT_EQ(launch(function), 0) << ptxFault();
  cluster = 16;
  EXPECT_EQ(launch(function), kClusterSize);
  ASSERT_EQ(cuKernelSetAttribute(cuda_nonportable_cluster, 1, function, 0), 0);
  EXPECT_EQ(launch(function), 0) << ptxFault();
  cluster = 32;
  blocks = 32;
  EXPECT_EQ(launch(function), kClusterSize);
  cluster = 8;
  blocks = 12;
  EXPECT_EQ(launch(function), kInvalidValue);
  blocks = 8;
  setenv("PTX_CAPABILITY", "80", 1);
  EXPECT_EQ(launch(function), gpu_not_supported);
}

} // namespace
