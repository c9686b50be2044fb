// What the machine makes of single instructions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "Fixture.h"

using namespace ptx;
using testing::ElementsAre;
using testing::HasSubstr;

namespace {

/// Instructions that leave their result in %r1 or %d1, and that result.
struct Example {
  const char *body;
  uint64_t expected;
};

class PtxInstructions : public Fixture,
                        public testing::WithParamInterface<Example> {};

TEST_P(PtxInstructions, GiveTheResult) {
  std::string body = GetParam().body;
  if (body.find("%d1,") == std::string::npos &&
      body.find("%d1}") == std::string::npos)
    body += " cvt.u64.u32 %d1, %r1;";
  ASSERT_EQ(evaluate(body), 0) << ptxFault();
  EXPECT_EQ(results[0], GetParam().expected)
      << std::hex << results[0] << " of " << GetParam().body;
}

const Example kIntegers[] = {
    {"add.s32 %r1, 2147483647, 1;", 0x80000000},
    {"sub.s64 %d1, 1, 3;", ~uint64_t{1}},
    {"mul.lo.s32 %r1, 65537, 65537;", 131073},
    {"mul.hi.u32 %r1, -1, -1;", 0xfffffffe},
    {"mul.hi.s32 %r1, -1, -1;", 0},
    {"mul.hi.u64 %d1, -1, 3;", 2},
    {"mul.wide.u32 %d1, -1, 2;", 0x1fffffffe},
    {"mul.wide.s32 %d1, -1, 2;", ~uint64_t{1}},
    {"mad.wide.u32 %d1, -1, 2, 3;", 0x200000001},
    {"mad.lo.s64 %d1, 5, 7, -36;", ~uint64_t{0}},
    {"div.s32 %r1, -7, 2;", 0xfffffffd},
    {"div.u32 %r1, -7, 2;", 0x7ffffffc},
    {"rem.s32 %r1, -7, 2;", 0xffffffff},
    {"min.s32 %r1, -1, 1;", 0xffffffff},
    {"min.u32 %r1, -1, 1;", 1},
    {"max.s64 %d1, -1, 1;", 1},
    {"max.u64 %d1, -1, 1;", ~uint64_t{0}},
    {"neg.s64 %d1, 1;", ~uint64_t{0}},
    {"abs.s32 %r1, -5;", 5},
    {"and.b32 %r1, 12, 10;", 8},
    {"xor.b64 %d1, 12, 10;", 6},
    {"not.b32 %r1, 0;", 0xffffffff},
    // Shifts are clamped to the width.
    {"shl.b32 %r1, 1, 31;", 0x80000000},
    {"shl.b32 %r1, 1, 32;", 0},
    {"shr.u32 %r1, -1, 33;", 0},
    {"shr.s32 %r1, -8, 1;", 0xfffffffc},
    {"shr.s32 %r1, -8, 99;", 0xffffffff},
    {"shr.u64 %d1, -1, 63;", 1},
    // a is the lower word; left shifts keep the upper one.
    {"shf.l.wrap.b32 %r1, 0x11223344, 0x55667788, 8;", 0x66778811},
    {"shf.l.wrap.b32 %r1, 0x11223344, 0x55667788, 40;", 0x66778811},
    {"shf.r.wrap.b32 %r1, 0x11223344, 0x55667788, 8;", 0x88112233},
    {"shf.r.clamp.b32 %r1, 0x11223344, 0x55667788, 40;", 0x55667788},
    {"shf.l.clamp.b32 %r1, 0x11223344, 0x55667788, 32;", 0x11223344},
    {"prmt.b32 %r1, 0x33221100, 0x77665544, 0x5410;", 0x55441100},
    {"prmt.b32 %r1, 0x33221180, 0x77665544, 0x0098;", 0x808000ff},
    {"prmt.b32.f4e %r1, 0x33221100, 0x77665544, 7;", 0x66554433},
    {"bfe.u32 %r1, 0x12345678, 8, 12;", 0x456},
    {"bfe.s32 %r1, 0x00000800, 8, 4;", 0xfffffff8},
    {"bfe.u32 %r1, 0x12345678, 28, 12;", 1},
    {"bfe.u32 %r1, 0x12345678, 8, 0;", 0},
    {"bfe.u64 %d1, 0x123456789abcdef0, 60, 4;", 1},
    {"bfi.b32 %r1, 0xff, 0x12345678, 8, 4;", 0x12345f78},
    {"popc.b32 %r1, 0xf0f0;", 8},
    {"clz.b32 %r1, 1;", 31},
    {"brev.b32 %r1, 1;", 0x80000000},
    // Conversions.
    {"mov.b32 %r2, -1; cvt.s64.s32 %d1, %r2;", ~uint64_t{0}},
    {"mov.b32 %r2, -1; cvt.u64.u32 %d1, %r2;", 0xffffffff},
    {"mov.b32 %r2, 0x180; cvt.s32.s8 %r1, %r2;", 0xffffff80},
    {"mov.b32 {%h1, %h2}, 0x11223344; mov.b32 %r1, {%h2, %h1};", 0x33441122},
    {"mov.b64 {%r2, _}, 0x1122334455667788; mov.b32 %r1, %r2;", 0x55667788},
    {"mov.b64 %d1, {1, 2};", 0x200000001},
    // Comparisons and predicates.
    {"setp.lt.s32 %p1, -1, 1; selp.b32 %r1, 7, 8, %p1;", 7},
    {"setp.lt.u32 %p1, -1, 1; selp.b32 %r1, 7, 8, %p1;", 8},
    {"setp.lo.u32 %p1|%p2, 1, 2; selp.b32 %r1, 7, 8, %p2;", 8},
    {"mov.pred %p2, -1; setp.eq.and.s32 %p1, 1, 2, !%p2; selp.b32 %r1, 7, 8, "
     "%p1;",
     8},
    {"mov.pred %p2, -1; setp.eq.or.s32 %p1, 1, 2, %p2; selp.b32 %r1, 7, 8, "
     "%p1;",
     7},
    {"mov.pred %p1, 0; not.pred %p2, %p1; selp.b64 %d1, 7, 8, %p2;", 7},
    {"mov.b32 %r1, 1; mov.pred %p1, 0; @%p1 mov.b32 %r1, 2;", 1},
    {"mov.b32 %r1, 1; mov.pred %p1, 0; @!%p1 mov.b32 %r1, 2;", 2},
};

const uint64_t kNaN = 0x7fffffff; // of single precision

const Example kFloats[] = {
    {"add.rn.f32 %r1, 0f3F800000, 0f33800000;", 0x3f800000}, // a tie: 1 + 2^-24
    {"add.rp.f32 %r1, 0f3F800000, 0f33800000;", 0x3f800001},
    {"add.rz.f32 %r1, 0fBF800000, 0fB3C00000;", 0xbf800000},
    {"add.rm.f32 %r1, 0fBF800000, 0fB3800000;", 0xbf800001},
    {"sub.rn.f32 %r1, 0f7F800000, 0f7F800000;", kNaN},
    {"add.rn.f32 %r1, 0fFFC12345, 0f3F800000;", kNaN},
    {"add.sat.f32 %r1, 0f3F800000, 0f3F800000;", 0x3f800000},
    {"add.sat.f32 %r1, 0f7FC00000, 0f3F800000;", 0},
    {"mul.rn.f32 %r1, 0f00800000, 0f3F000000;", 0x00400000}, // subnormal
    {"mul.rn.ftz.f32 %r1, 0f00800000, 0f3F000000;", 0},
    {"mul.rn.ftz.f32 %r1, 0f80400000, 0f40000000;", 0x80000000},
    // (1 + 2^-12)^2 - (1 + 2^-11) is 2^-24: with one rounding only.
    {"fma.rn.f32 %r1, 0f3F800800, 0f3F800800, 0fBF801000;", 0x33800000},
    {"mul.rn.f32 %r2, 0f3F800800, 0f3F800800; add.rn.f32 %r1, %r2, 0fBF801000;",
     0},
    {"fma.rn.f64 %d1, 0d3FF0000000000000, 0d4000000000000000, "
     "0d3FF0000000000000;",
     0x4008000000000000},
    {"div.rn.f32 %r1, 0f3F800000, 0f40400000;", 0x3eaaaaab},
    {"rcp.rn.f32 %r1, 0f40400000;", 0x3eaaaaab},
    {"rcp.rz.f32 %r1, 0f40400000;", 0x3eaaaaaa},
    {"sqrt.rn.f32 %r1, 0f40000000;", 0x3fb504f3},
    {"max.f32 %r1, 0f80000000, 0f00000000;", 0},
    {"max.f32 %r1, 0f00000000, 0f80000000;", 0},
    {"min.f32 %r1, 0f00000000, 0f80000000;", 0x80000000},
    {"max.f32 %r1, 0f7FC00000, 0fC0000000;", 0xc0000000},
    {"max.NaN.f32 %r1, 0f7FC00000, 0fC0000000;", kNaN},
    {"max.NaN.f32 %r1, 0fBF800000, 0fC0000000;", 0xbf800000},
    {"max.f32 %r1, 0f7FC00000, 0fFFC00000;", kNaN},
    {"neg.f32 %r1, 0f00000000;", 0x80000000},
    {"abs.f32 %r1, 0fBF800000;", 0x3f800000},
    // The sign of the first operand.
    {"copysign.f32 %r1, 0fBF800000, 0f40000000;", 0xc0000000},
    {"ex2.approx.f32 %r1, 0fC1200000;", 0x3a800000},
    {"ex2.approx.f32 %r1, 0fC3080000;", 0x00002000}, // 2^-136
    {"ex2.approx.ftz.f32 %r1, 0fC3080000;", 0},
    {"ex2.approx.f32 %r1, 0fFF800000;", 0},
    {"lg2.approx.f32 %r1, 0f41000000;", 0x40400000},
    // Pairs: the lower half comes from the lower halves.
    {"add.rn.f32x2 %d1, 0x400000003F800000, 0x4040000040000000;",
     0x40a0000040400000},
    {"fma.rn.f32x2 %d1, 0x400000003F800000, 0x4040000040000000, "
     "0x3F80000000000000;",
     0x40e0000040000000},
    // Comparisons: ordered ones are false of NaN, unordered ones true.
    {"setp.lt.f32 %p1, 0f7FC00000, 0f3F800000; selp.b32 %r1, 1, 0, %p1;", 0},
    {"setp.ltu.f32 %p1, 0f7FC00000, 0f3F800000; selp.b32 %r1, 1, 0, %p1;", 1},
    {"setp.ne.f32 %p1, 0f7FC00000, 0f3F800000; selp.b32 %r1, 1, 0, %p1;", 0},
    {"setp.neu.f32 %p1, 0f7FC00000, 0f7FC00000; selp.b32 %r1, 1, 0, %p1;", 1},
    {"setp.num.f32 %p1, 0f7FC00000, 0f3F800000; selp.b32 %r1, 1, 0, %p1;", 0},
    {"setp.nan.f64 %p1, 0d7FF8000000000000, 0d0000000000000000; selp.b32 %r1, "
     "1, 0, %p1;",
     1},
    // Conversions. The first operand is the upper half.
    {"cvt.rn.bf16x2.f32 %r1, 0f3F800000, 0f40000000;", 0x3f804000},
    {"cvt.rn.f16x2.f32 %r1, 0f3F800000, 0f40000000;", 0x3c004000},
    {"cvt.rn.bf16.f32 %h1, 0f3F808000; mov.b32 %r1, {%h1, 0};", 0x3f80},
    {"cvt.rn.bf16.f32 %h1, 0f3F818000; mov.b32 %r1, {%h1, 0};", 0x3f82},
    {"cvt.rz.bf16.f32 %h1, 0f3F80FFFF; mov.b32 %r1, {%h1, 0};", 0x3f80},
    {"cvt.rn.bf16.f32 %h1, 0f7FC00001; mov.b32 %r1, {%h1, 0};", 0x7fff},
    {"cvt.rn.bf16.f32 %h1, 0f7F7FFFFF; mov.b32 %r1, {%h1, 0};", 0x7f80},
    {"cvt.rn.f16.f32 %h1, 0f477FF000; mov.b32 %r1, {%h1, 0};", 0x7c00}, // 65520
    {"cvt.rn.f16.f32 %h1, 0f477FE000; mov.b32 %r1, {%h1, 0};", 0x7bff},
    {"cvt.rn.f16.f32 %h1, 0f33800000; mov.b32 %r1, {%h1, 0};", 1}, // 2^-24
    {"cvt.rn.f16.f32 %h1, 0f33000000; mov.b32 %r1, {%h1, 0};", 0}, // a tie
    {"mov.b32 {%h1, %h2}, 0x3c000001; cvt.f32.f16 %r1, %h1;", 0x33800000},
    {"mov.b32 {%h1, %h2}, 0x3f800001; cvt.f32.bf16 %r1, %h2;", 0x3f800000},
    {"cvt.rn.f32.f64 %r1, 0d3FF0000010000000;", 0x3f800000},
    {"cvt.f64.f32 %d1, 0f3F800000;", 0x3ff0000000000000},
    {"cvt.rni.s32.f32 %r1, 0f40200000;", 2}, // 2.5
    {"cvt.rzi.s32.f32 %r1, 0fC0200000;", 0xfffffffe},
    {"cvt.rzi.s32.f32 %r1, 0f7F800000;", 0x7fffffff},
    {"cvt.rzi.u32.f32 %r1, 0fBF800000;", 0},
    {"cvt.rn.f32.s32 %r1, 16777217;", 0x4b800000},
    {"cvt.rp.f32.u32 %r1, 16777217;", 0x4b800001},
};

class PtxApproximations : public Fixture {};

TEST_F(PtxApproximations, ErrAsToldButForPowersOfTwo) {
  setenv("PTX_ULPS", "2", 1);
  const std::string halves = "ex2.approx.f32 %r1, 0f3F000000;"; // sqrt 2
  ASSERT_EQ(evaluate(halves + "cvt.u64.u32 %d1, %r1;"), 0) << ptxFault();
  EXPECT_EQ(results[0], 0x3fb504f3u - 2);
  ASSERT_EQ(evaluate("ex2.approx.f32 %r1, 0f40400000; cvt.u64.u32 %d1, %r1;"),
            0);
  EXPECT_EQ(results[0], 0x41000000u);
  unsetenv("PTX_ULPS");
  ASSERT_EQ(evaluate(halves + "cvt.u64.u32 %d1, %r1;"), 0);
  EXPECT_EQ(results[0], 0x3fb504f3u);
}

INSTANTIATE_TEST_SUITE_P(Integers, PtxInstructions,
                         testing::ValuesIn(kIntegers));
INSTANTIATE_TEST_SUITE_P(Floats, PtxInstructions, testing::ValuesIn(kFloats));

//===----------------------------------------------------------------------===//
// Threads together
//===----------------------------------------------------------------------===//

class PtxThreads : public Fixture {
protected:
  std::vector<uint64_t> shuffled(const std::string &shuffle) {
    threads = 32;
    EXPECT_EQ(evaluate(shuffle + " cvt.u64.u32 %d1, %r1;"), 0) << ptxFault();
    return results;
  }
};

TEST_F(PtxThreads, ShufflesReadOtherLanes) {
  auto up = shuffled("shfl.sync.up.b32 %r1, %r0, 2, 0, -1;");
  auto down = shuffled("shfl.sync.down.b32 %r1, %r0, 3, 31, -1;");
  auto butterfly = shuffled("shfl.sync.bfly.b32 %r1, %r0, 5, 31, -1;");
  auto index = shuffled("shfl.sync.idx.b32 %r1, %r0, 7, 31, -1;");
  for (uint64_t lane = 0; lane < 32; ++lane) {
    EXPECT_EQ(up[lane], lane < 2 ? lane : lane - 2);
    EXPECT_EQ(down[lane], lane + 3 > 31 ? lane : lane + 3);
    EXPECT_EQ(butterfly[lane], lane ^ 5);
    EXPECT_EQ(index[lane], 7u);
  }
}

TEST_F(PtxThreads, ShufflesStayInSegments) {
  // Segments of 8 lanes: the mask in bits 8 to 12.
  auto up = shuffled("shfl.sync.up.b32 %r1, %r0, 3, 0x1800, -1;");
  auto index = shuffled("shfl.sync.idx.b32 %r1, %r0, 2, 0x181f, -1;");
  auto beyond = shuffled("shfl.sync.down.b32 %r2|%p1, %r0, 7, 0x181f, -1;"
                         "selp.b32 %r1, 1, 0, %p1;");
  for (uint64_t lane = 0; lane < 32; ++lane) {
    EXPECT_EQ(up[lane], lane % 8 < 3 ? lane : lane - 3);
    EXPECT_EQ(index[lane], lane / 8 * 8 + 2);
    EXPECT_EQ(beyond[lane], lane % 8 == 0 ? 1u : 0u);
  }
}

TEST_F(PtxThreads, LanesThatPartedMeetAgain) {
  // The even lanes are late.
  auto values = shuffled("and.b32 %r2, %r0, 1; setp.eq.s32 %p1, %r2, 1;"
                         "mov.b32 %r3, 100; @%p1 bra odd;"
                         "add.s32 %r3, %r3, 1; add.s32 %r3, %r3, %r0;"
                         "odd: shfl.sync.bfly.b32 %r1, %r3, 1, 31, -1;");
  for (uint64_t lane = 0; lane < 32; ++lane)
    EXPECT_EQ(values[lane], lane % 2 ? 101 + lane - 1 : 100);
}

TEST_F(PtxThreads, MasksNameTheMembers) {
  // Two halves that shuffle at different places.
  auto values = shuffled("setp.lt.u32 %p1, %r0, 16; @%p1 bra low;"
                         "shfl.sync.bfly.b32 %r1, %r0, 1, 31, 0xffff0000;"
                         "bra join;"
                         "low: shfl.sync.bfly.b32 %r1, %r0, 2, 31, 0x0000ffff;"
                         "join:");
  for (uint64_t lane = 0; lane < 32; ++lane)
    EXPECT_EQ(values[lane], lane ^ (lane < 16 ? 2 : 1));
}

TEST_F(PtxThreads, Vote) {
  auto ballot = shuffled("setp.lt.u32 %p1, %r0, 5;"
                         "vote.sync.ballot.b32 %r1, %p1, -1;");
  EXPECT_EQ(ballot[9], 31u);
  auto any =
      shuffled("setp.lt.u32 %p1, %r0, 5; vote.sync.any.pred %p2, %p1, -1;"
               "selp.b32 %r1, 1, 0, %p2;");
  EXPECT_EQ(any[9], 1u);
  auto all =
      shuffled("setp.lt.u32 %p1, %r0, 5; vote.sync.all.pred %p2, %p1, -1;"
               "selp.b32 %r1, 1, 0, %p2;");
  EXPECT_EQ(all[2], 0u);
}

/// Each thread writes its number into dynamic memory, and reads its
/// neighbour's.
const char *const kExchange =
    "mov.b64 %d2, dynamic; mul.wide.u32 %d3, %r0, 4; add.s64 %d3, %d2, %d3;"
    "st.shared.b32 [%d3], %r0; bar.sync 0; mov.u32 %r3, %ntid.x;"
    "add.s32 %r1, %r0, 1; rem.u32 %r1, %r1, %r3; mul.wide.u32 %d3, %r1, 4;"
    "add.s64 %d3, %d2, %d3; ld.shared.b32 %r2, [%d3]; cvt.u64.u32 %d1, %r2;";

TEST_F(PtxThreads, SharedMemoryAndBarriers) {
  threads = 100;
  blocks = 3;
  dynamicBytes = 400;
  ASSERT_EQ(evaluate(kExchange), 0) << ptxFault();
  for (uint64_t i = 0; i < 300; ++i)
    EXPECT_EQ(results[i], (i % 100 + 1) % 100);
}

TEST_F(PtxThreads, AnyOrderGivesTheSame) {
  threads = 100;
  blocks = 5;
  dynamicBytes = 400;
  setenv("PTX_SEED", "7", 1);
  ASSERT_EQ(evaluate(kExchange), 0) << ptxFault();
  for (uint64_t i = 0; i < 500; ++i)
    EXPECT_EQ(results[i], (i % 100 + 1) % 100);
}

TEST_F(PtxThreads, ThreadsThatHaveEndedAreNotWaitedFor) {
  threads = 64;
  EXPECT_EQ(evaluate("setp.ge.u32 %p1, %r0, 50; @%p1 ret; bar.sync 0;"
                     "mov.b64 %d1, 3;"),
            0)
      << ptxFault();
  EXPECT_EQ(results[0], 3u);
  EXPECT_EQ(results[63], 0u);
}

TEST_F(PtxThreads, ClustersWriteIntoEachOther) {
  threads = 32;
  blocks = 8;
  cluster = 4;
  // Lane i < 4 of block b writes 10 b + i to slot b of block i.
  ASSERT_EQ(evaluate("mov.u32 %r1, %cluster_ctarank; mov.b64 %d2, memory;"
                     "mul.wide.u32 %d3, %r1, 4; add.s64 %d3, %d2, %d3;"
                     "barrier.cluster.arrive; barrier.cluster.wait;"
                     "setp.ge.u32 %p1, %r0, 4; mad.lo.s32 %r2, %r1, 10, %r0;"
                     "@%p1 bra join; mapa.shared::cluster.u64 %d4, %d3, %r0;"
                     "st.shared::cluster.b32 [%d4], %r2;"
                     "join: barrier.cluster.arrive; barrier.cluster.wait;"
                     "and.b32 %r3, %r0, 3; mul.wide.u32 %d3, %r3, 4;"
                     "add.s64 %d3, %d2, %d3; ld.shared.b32 %r4, [%d3];"
                     "cvt.u64.u32 %d1, %r4;"),
            0)
      << ptxFault();
  for (uint64_t block = 0; block < 8; ++block)
    for (uint64_t lane = 0; lane < 32; ++lane)
      EXPECT_EQ(results[block * 32 + lane], 10 * (lane % 4) + block % 4);
}

TEST_F(PtxThreads, VectorsOfMemory) {
  resultCount = 4;
  ASSERT_EQ(run("st.global.v4.b32 [%d0], {1, 2, 3, 4};"
                "ld.global.nc.L1::no_allocate.v2.b64 {%d1, %d2}, [%d0];"
                "st.global.v2.b64 [%d0+16], {%d2, %d1};"),
            0)
      << ptxFault();
  EXPECT_THAT(results,
              ElementsAre(0x200000001, 0x400000003, 0x400000003, 0x200000001));
}

TEST_F(PtxThreads, NarrowLoadsFillTheirRegister) {
  ASSERT_EQ(evaluate("st.global.b64 [%d0], 0x80ff; ld.global.s8 %r1, [%d0+1];"
                     "ld.global.b8 %h1, [%d0]; cvt.u32.u16 %r2, %h1;"
                     "mov.b64 %d1, {%r1, %r2};"),
            0)
      << ptxFault();
  EXPECT_EQ(results[0], 0x000000ffffffff80u);
}

} // namespace
