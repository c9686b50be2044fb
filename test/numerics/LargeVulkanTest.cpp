// More than 2^31 elements in kernels for Vulkan, on a software device.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// Mesa's software device allocates at most 2 GiB, but its device addresses are
// those of the process: kernels run on any memory of the test.

#include "CallOnce.h"
#include "Repeated.h"
#include "runtime/smx.h"
#include "runtime/smx_vulkan.h"

#include "gtest/gtest.h"

#include <cmath>
#include <cstring>

using namespace mlir::softmax;
using namespace mlir::softmax::test;

namespace {

class LargeVulkan : public testing::Test {
protected:
  void SetUp() override {
    if (smx_vulkan_open(-1, &device) != SMX_OK)
      GTEST_SKIP() << "no Vulkan device: " << smx_last_error();
    if (!strstr(smx_vulkan_device_name(device), "llvmpipe"))
      GTEST_SKIP() << "no Vulkan device: none in the memory of the process";
    ASSERT_EQ(smx_vulkan_stream_create(device, &stream), SMX_OK);
  }
  void TearDown() override {
    smx_vulkan_stream_destroy(stream);
    smx_vulkan_close(device);
  }

  void run(const std::string &line,
           std::vector<verify::CallArgument> arguments) {
    DeviceCall call;
    call.stream = stream;
    call.wait = [&] {
      EXPECT_EQ(smx_vulkan_stream_synchronize(stream), SMX_OK);
    };
    EXPECT_EQ(callOnce(line + " --target-cpu=x86-64 --target-gpu=spirv",
                       std::move(arguments), &call),
              SMX_OK)
        << smx_last_error();
  }

  smx_vulkan_device *device = nullptr;
  smx_vulkan_stream *stream = nullptr;
};

TEST_F(LargeVulkan, OneRowWithATargetBeyondTheOthers) {
  int64_t classes = (int64_t(1) << 31) + 17;
  Repeated x(2 * classes);
  ASSERT_TRUE(x.isThere());
  x.fill(kMinus8, classes);
  int64_t target = classes - 3;
  x.halves()[target] = kTwenty;
  float loss = -1, lse = -1;
  run("cross-entropy 1x?xbf16 --lse",
      {pointer(x.halves()), pointer(&target), pointer(&loss), pointer(&lse),
       number(classes)});
  double expected = std::log1p((classes - 1.0) * std::exp(-28.0));
  EXPECT_NEAR(loss, expected, 1e-6 * expected);
  EXPECT_NEAR(lse, 20 + expected, 1e-5);
}

TEST_F(LargeVulkan, RowsThatLieFarApart) {
  int64_t stride = (int64_t(1) << 31) + 16;
  Repeated x(2 * (stride + 8)), y(2 * (stride + 8));
  ASSERT_TRUE(x.isThere() && y.isThere());
  for (int64_t row = 0; row < 2; ++row)
    for (int64_t j = 0; j < 3; ++j)
      x.halves()[row * stride + j] = j == row ? kTwenty : kOne;
  run("softmax ?x3xbf16 --strided",
      {pointer(x.halves()), number(stride), number(1), pointer(y.halves()),
       number(stride), number(1), number(2)});
  for (int64_t row = 0; row < 2; ++row)
    for (int64_t j = 0; j < 3; ++j)
      EXPECT_EQ(y.halves()[row * stride + j] == kOne, j == row)
          << row << " " << j;
}

TEST_F(LargeVulkan, ColumnsThatLieFarApart) {
  // Three classes, 2^31 + 16 elements apart, of two neighbouring rows.
  int64_t stride = (int64_t(1) << 31) + 16;
  Repeated x(2 * (2 * stride + 8));
  ASSERT_TRUE(x.isThere());
  for (int64_t j = 0; j < 3; ++j)
    for (int64_t row = 0; row < 2; ++row)
      x.halves()[j * stride + row] = j == 2 && row == 1 ? kTwenty : kOne;
  float lse[2] = {-1, -1};
  run("logsumexp 3x?xbf16 --axis=0 --strided",
      {pointer(x.halves()), number(stride), number(1), pointer(lse), number(1),
       number(2)});
  EXPECT_NEAR(lse[0], 1 + std::log(3.0), 1e-6);
  EXPECT_NEAR(lse[1], 20 + std::log1p(2 * std::exp(-19.0)), 1e-5);
}

} // namespace
