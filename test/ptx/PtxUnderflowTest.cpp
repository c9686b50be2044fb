// Exponentials below the smallest normal number, in kernels for NVIDIA.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// Sums of exponentials that the GPU's instruction would flush to zero are taken
// once more (lowering/gpu/RowOnline.cpp). The oracle's random rows have none.

#include "numerics/CallOnce.h"

#include "gtest/gtest.h"

#include <cmath>
#include <cstdlib>
#include <limits>

using namespace mlir::softmax;
using namespace mlir::softmax::test;

namespace {

constexpr int64_t kClasses = 16384;
constexpr uint16_t kHundred = 0x42c8, k77_5 = 0x429b, kFive = 0x40a0,
                   kLowest = 0xff80; // bf16

/// The loss of a row whose target, the first class, is 100.
float lossOf(std::vector<uint16_t> &logits) {
  setenv("PTX_CAPABILITY", "90", 1);
  float loss = std::numeric_limits<float>::quiet_NaN();
  int64_t target = 0;
  // The first of eight chunks has the maximum.
  DeviceCall call;
  call.schedule = "#softmax.gpu_schedule<threads = 128, vector = 8, steps = 2, "
                  "blocks = 8, exp = hardware>";
  EXPECT_EQ(callOnce("cross-entropy ?x16384xbf16 --reduction=none "
                     "--target-gpu=sm_90 --target-cpu=x86-64",
                     {pointer(logits.data()), pointer(&target), pointer(&loss),
                      number(1)},
                     &call),
            0);
  return loss;
}

TEST(PtxUnderflow, LossesOfConfidentRowsCountAllClasses) {
  std::vector<uint16_t> logits(kClasses, kFive);
  logits[0] = kHundred;
  // Terms of 5.5e-42.
  double expected = std::log1p((kClasses - 1) * std::exp(-95.0));
  EXPECT_NEAR(lossOf(logits), expected, 1e-4 * expected);
}

TEST(PtxUnderflow, LossesKeepTheErrorOfTheArgument) {
  std::vector<uint16_t> logits(kClasses, k77_5);
  logits[0] = kHundred;
  double expected = std::log1p((kClasses - 1) * std::exp(-22.5));
  EXPECT_NEAR(lossOf(logits), expected, 6e-7 * expected);
}

TEST(PtxUnderflow, ClassesOfProbabilityZeroAddNothing) {
  std::vector<uint16_t> logits(kClasses, kLowest);
  logits[0] = kHundred;
  EXPECT_EQ(lossOf(logits), 0);
  logits[kClasses - 3] = kFive;
  EXPECT_NEAR(lossOf(logits), std::exp(-95.0), 0x1p-148);
}

} // namespace
