// What kernels for SPIR-V rely on: subgroups, 16-bit types, exact arithmetic.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "VulkanFixture.h"

#include <limits>

namespace {

using VulkanKernelTest = VulkanFixture;

INSTANTIATE_TEST_SUITE_P(Copies, VulkanKernelTest, testing::Values(false, true),
                         [](const testing::TestParamInfo<bool> &info) {
                           return info.param ? "Staged" : "Direct";
                         });

TEST_P(VulkanKernelTest, Subgroups) {
  if (!has(SMX_VULKAN_SUBGROUP_ARITHMETIC | SMX_VULKAN_SUBGROUP_SHUFFLE))
    GTEST_SKIP() << "the device lacks subgroup arithmetic or shuffle";
  Shader shader("subgroup");
  std::vector<float> in(64);
  for (int i = 0; i < 64; ++i)
    in[i] = static_cast<float>(i);
  void *addresses[] = {upload(in), alloc(64 * 16)};
  const uint64_t grid[3] = {1, 1, 1};
  ASSERT_OK(smx_vulkan_launch(stream, &shader.program, "sums", grid, addresses,
                              sizeof addresses));
  ASSERT_OK(smx_vulkan_stream_synchronize(stream));
  std::vector<float> out = download<float>(addresses[1], 256);
  const int size = static_cast<int>(out[2]);
  ASSERT_GE(size, 2);
  for (int i = 0; i < 64; ++i) {
    float sum = 0;
    for (int j = i / size * size; j < 64 && j < (i / size + 1) * size; ++j)
      sum += in[j];
    EXPECT_EQ(out[4 * i], sum) << i;
    EXPECT_EQ(out[4 * i + 1], in[i] + in[i ^ 1]) << i;
  }
}

TEST_P(VulkanKernelTest, HalvesAtOddAddresses) {
  if (!has(SMX_VULKAN_STORAGE_16 | SMX_VULKAN_INT_16 | SMX_VULKAN_FLOAT_16))
    GTEST_SKIP() << "the device lacks 16-bit types";
  Shader shader("half");
  // f16 with the exponent of 1 and every third mantissa; and special values.
  std::vector<uint16_t> in(33);
  std::vector<float> wide(32);
  for (int i = 0; i < 32; ++i) {
    in[i + 1] = static_cast<uint16_t>(0x3c00 + 31 * i);
    wide[i] = 1 + 31 * i / 1024.0f;
  }
  in[6] = 0x7c00, wide[5] = std::numeric_limits<float>::infinity();
  in[7] = 0x8000, wide[6] = -0.0f;
  void *base = upload(in);
  void *addresses[] = {static_cast<char *>(base) + 2, alloc(128), alloc(64),
                       alloc(32)};
  const uint64_t grid[3] = {1, 1, 1};
  ASSERT_OK(smx_vulkan_launch(stream, &shader.program, "widen", grid, addresses,
                              sizeof addresses));
  ASSERT_OK(smx_vulkan_stream_synchronize(stream));
  std::vector<float> out = download<float>(addresses[1], 32);
  EXPECT_EQ(std::memcmp(out.data(), wide.data(), 128), 0);
  // Doubling raises the exponent by one; the special values stay.
  std::vector<uint16_t> doubled = download<uint16_t>(addresses[2], 32);
  for (int i = 0; i < 32; ++i)
    EXPECT_EQ(doubled[i], i == 5 || i == 6 ? in[i + 1] : in[i + 1] + 0x400)
        << i;
  // The same bits read as bf16.
  std::vector<uint32_t> brain = download<uint32_t>(addresses[3], 8);
  for (int i = 0; i < 8; ++i)
    EXPECT_EQ(brain[i], static_cast<uint32_t>(in[4 * i + 1]) << 16) << i;
}

TEST_P(VulkanKernelTest, ExactArithmetic) {
  if (!has(SMX_VULKAN_FLOAT_64 | SMX_VULKAN_SIGNED_ZERO_INF_NAN_32 |
           SMX_VULKAN_ROUNDING_RTE_32))
    GTEST_SKIP() << "the device lacks f64 or promises on f32";
  Shader shader("exact");
  std::vector<float> in = {1 + 0x1p-12f,
                           1 + 0x1p-12f,
                           -1,
                           1,
                           3,
                           0x1p-30f,
                           1e8f,
                           1,
                           0,
                           -0.0f,
                           7,
                           -0.0f,
                           1,
                           0,
                           1,
                           0x1p-100f,
                           0x1p20f,
                           1,
                           16777216,
                           0.7f,
                           -3,
                           -1,
                           0,
                           2};
  void *addresses[] = {upload(in), alloc(8 * 16), alloc(8 * 32)};
  const uint64_t grid[3] = {1, 1, 1};
  ASSERT_OK(smx_vulkan_launch(stream, &shader.program, "exact", grid, addresses,
                              sizeof addresses));
  ASSERT_OK(smx_vulkan_stream_synchronize(stream));
  std::vector<uint32_t> out = download<uint32_t>(addresses[1], 32);
  std::vector<uint64_t> out64 = download<uint64_t>(addresses[2], 32);
  for (int i = 0; i < 8; ++i) {
    // Volatile, lest this compiler fuses them.
    volatile float a = in[3 * i], b = in[3 * i + 1], c = in[3 * i + 2];
    volatile float product = a * b, sum = a + b;
    // Whether Fma is fused is left to the device: out[4 * i + 1].
    float expected[] = {product + c, a / b, sum - a};
    volatile double a64 = a, b64 = b, c64 = c;
    volatile double product64 = a64 * b64, sum64 = a64 + b64;
    double expected64[] = {product64 + c64, a64 / b64, sum64 - a64};
    const int columns[] = {0, 2, 3};
    for (int j = 0; j < 3; ++j) {
      uint32_t bits;
      uint64_t bits64;
      std::memcpy(&bits, &expected[j], 4);
      std::memcpy(&bits64, &expected64[j], 8);
      EXPECT_EQ(out[4 * i + columns[j]], bits) << i << ' ' << columns[j];
      EXPECT_EQ(out64[4 * i + columns[j]], bits64) << i << ' ' << columns[j];
    }
  }
}

} // namespace
