// The fixture of the Vulkan tests: a device, a stream, ways to use them.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef TEST_UNIT_VULKANFIXTURE_H
#define TEST_UNIT_VULKANFIXTURE_H

#include "runtime/smx.h"
#include "runtime/smx_vulkan.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#define ASSERT_OK(call) ASSERT_EQ(call, SMX_OK) << smx_last_error()
#define EXPECT_OK(call) EXPECT_EQ(call, SMX_OK) << smx_last_error()
#define EXPECT_FAILS(call, status, text)                                       \
  do {                                                                         \
    smx_clear_error();                                                         \
    EXPECT_EQ(call, status);                                                   \
    EXPECT_THAT(smx_last_error(), testing::HasSubstr(text));                   \
  } while (false)

/// A module as a kernel's object holds it.
struct Shader {
  std::vector<uint32_t> code;
  smx_vulkan_program program = {};

  explicit Shader(const std::string &name) {
    std::ifstream file(SHADER_FOLDER "/" + name + ".spv", std::ios::binary);
    std::string bytes((std::istreambuf_iterator<char>(file)), {});
    code.resize(bytes.size() / 4);
    std::memcpy(code.data(), bytes.data(), code.size() * 4);
    program = {code.data(), code.size() * 4, 0};
  }
};

/// The parameters of basic.spvasm.
struct Parameters {
  void *x, *y;
  uint64_t n;
  float a;
};
constexpr uint32_t parameterBytes = 28;

/// A device and a stream; the parameter says whether copies are staged.
class VulkanFixture : public testing::TestWithParam<bool> {
protected:
  void SetUp() override {
    setenv("SMX_VULKAN_STAGING", GetParam() ? "1" : "0", 1);
    int32_t count = 0, status = smx_vulkan_count(&count);
    if (status == SMX_E_DRIVER)
      GTEST_SKIP() << "no Vulkan: " << smx_last_error();
    ASSERT_OK(status);
    if (count == 0)
      GTEST_SKIP() << "no suitable Vulkan device";
    ASSERT_OK(smx_vulkan_open(-1, &device));
    ASSERT_OK(smx_vulkan_stream_create(device, &stream));
    if (basic.code.empty())
      GTEST_SKIP() << "no spirv-as to assemble the shaders with";
  }

  void TearDown() override {
    smx_vulkan_stream_destroy(stream);
    smx_vulkan_close(device);
  }

  void *alloc(uint64_t bytes) {
    void *address = nullptr;
    EXPECT_OK(smx_vulkan_alloc(device, bytes, &address));
    return address;
  }

  template <typename T> void *upload(const std::vector<T> &data) {
    void *address = alloc(data.size() * sizeof(T));
    EXPECT_OK(smx_vulkan_upload(device, address, data.data(),
                                data.size() * sizeof(T)));
    return address;
  }

  template <typename T>
  std::vector<T> download(const void *address, size_t size) {
    std::vector<T> data(size);
    EXPECT_OK(
        smx_vulkan_download(device, data.data(), address, size * sizeof(T)));
    return data;
  }

  int32_t launch(const char *entry, uint64_t groups,
                 const Parameters &parameters) {
    const uint64_t grid[3] = {groups, 1, 1};
    return smx_vulkan_launch(stream, &basic.program, entry, grid, &parameters,
                             parameterBytes);
  }

  int32_t launchNothing(const smx_vulkan_program &program,
                        const char *entry = "nothing") {
    const uint64_t grid[3] = {1, 1, 1};
    return smx_vulkan_launch(stream, &program, entry, grid, nullptr, 0);
  }

  bool has(uint32_t features) {
    return (smx_vulkan_device_features(device) & features) == features;
  }

  smx_vulkan_device *device = nullptr;
  smx_vulkan_stream *stream = nullptr;
  Shader basic{"basic"};
};

#endif // TEST_UNIT_VULKANFIXTURE_H
