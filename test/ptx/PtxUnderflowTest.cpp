// Exponentials below the smallest normal number, in kernels for NVIDIA.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// Sums of exponentials that the GPU's instruction would flush to zero are taken
// once more (lowering/gpu/RowOnline.cpp). The oracle's random rows have none.

#include "numerics/EmitAndVerify.h"
#include "numerics/Repeated.h"

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
  // The first of eight chunks has the maximum.
  auto emitted = emit("cross-entropy ?x16384xbf16 --reduction=none "
                      "--target-gpu=sm_90 --target-cpu=x86-64",
                      "#softmax.gpu_schedule<threads = 128, vector = 8, steps "
                      "= 2, blocks = 8, exp = hardware>");
  if (!emitted) {
    ADD_FAILURE() << llvm::toString(emitted.takeError());
    return loss;
  }
  auto manifest = emitted->readManifest();
  if (!manifest) {
    ADD_FAILURE() << llvm::toString(manifest.takeError());
    return loss;
  }
  verify::Manifest entry = manifest->onDevice(manifest->devices.front());
  auto kernel = verify::Kernel::load(entry);
  if (!kernel) {
    ADD_FAILURE() << llvm::toString(kernel.takeError());
    return loss;
  }
  int64_t target = 0;
  alignas(16) char workspace[4096] = {};
  std::vector<verify::CallArgument> arguments = {
      pointer(logits.data()), pointer(&target), pointer(&loss), number(1)};
  for (const auto &argument : entry.arguments)
    if (argument.role == verify::Role::Workspace)
      arguments.push_back(pointer(workspace));
  arguments.push_back(pointer(nullptr)); // the stream
  EXPECT_LE(kernel->workspaceBytes(arguments), int64_t(sizeof workspace));
  EXPECT_EQ(arguments.size(), entry.arguments.size());
  EXPECT_EQ(kernel->call(arguments).status, 0);
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
