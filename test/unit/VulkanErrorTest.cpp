// Errors of the Vulkan part: wrong launches and modules, and no driver.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "VulkanFixture.h"

#include <cstdio>
#include <optional>

namespace {

using VulkanErrorTest = VulkanFixture;

INSTANTIATE_TEST_SUITE_P(Copies, VulkanErrorTest, testing::Values(false, true),
                         [](const testing::TestParamInfo<bool> &info) {
                           return info.param ? "Staged" : "Direct";
                         });

// ---- Errors of launches ----------------------------------------------------

TEST_P(VulkanErrorTest, RefusesWrongLaunches) {
  const uint64_t grid[3] = {1, 1, 1};
  uint32_t push[1024] = {};
  EXPECT_FAILS(launchNothing(basic.program, "absent"), SMX_E_INTERNAL,
               "absent: the program has no entry point of this name");
  EXPECT_FAILS(launchNothing(basic.program, "nothin"), SMX_E_INTERNAL,
               "no entry point");
  EXPECT_FAILS(launchNothing(basic.program, "large"), SMX_E_LIMIT,
               "large: workgroup size 65536 of axis 0 exceeds");
  EXPECT_FAILS(smx_vulkan_launch(stream, &basic.program, "nothing", grid, push,
                                 sizeof push),
               SMX_E_LIMIT, "4096 bytes of parameters exceed the device's ");
  EXPECT_FAILS(
      smx_vulkan_launch(stream, &basic.program, "nothing", grid, push, 7),
      SMX_E_INTERNAL, "no multiple of 4");
  for (int axis = 0; axis < 3; ++axis) {
    uint64_t large[3] = {1, 1, 1};
    large[axis] = (UINT64_C(1) << 32) + 1;
    EXPECT_FAILS(
        smx_vulkan_launch(stream, &basic.program, "nothing", large, nullptr, 0),
        SMX_E_LIMIT, "4294967297 workgroups of axis " + std::to_string(axis));
  }
  EXPECT_FAILS(
      smx_vulkan_launch(nullptr, &basic.program, "nothing", grid, push, 4),
      SMX_E_NULL, "'stream'");
  EXPECT_FAILS(smx_vulkan_launch(stream, nullptr, "nothing", grid, push, 4),
               SMX_E_NULL, "'program'");
  EXPECT_FAILS(
      smx_vulkan_launch(stream, &basic.program, nullptr, grid, push, 4),
      SMX_E_NULL, "'entry'");
  EXPECT_FAILS(
      smx_vulkan_launch(stream, &basic.program, "nothing", nullptr, push, 4),
      SMX_E_NULL, "'groups'");
  EXPECT_FAILS(
      smx_vulkan_launch(stream, &basic.program, "nothing", grid, nullptr, 4),
      SMX_E_NULL, "'push'");
  EXPECT_FAILS(smx_vulkan_stream_synchronize(nullptr), SMX_E_NULL, "'stream'");
  EXPECT_FAILS(smx_vulkan_stream_create(device, nullptr), SMX_E_NULL,
               "'stream'");
  smx_vulkan_stream *other = nullptr;
  EXPECT_FAILS(smx_vulkan_stream_create(nullptr, &other), SMX_E_NULL,
               "'device'");
  // The stream goes on.
  EXPECT_OK(launchNothing(basic.program));
  EXPECT_OK(smx_vulkan_stream_synchronize(stream));
}

TEST_P(VulkanErrorTest, RefusesModulesThatAreCutShort) {
  for (uint64_t words = 0; words < basic.code.size(); ++words) {
    smx_vulkan_program cut = {basic.code.data(), words * 4, 0};
    EXPECT_EQ(launchNothing(cut), SMX_E_INTERNAL) << words;
  }
  smx_vulkan_program odd = {basic.code.data(), basic.program.bytes - 1, 0};
  EXPECT_FAILS(launchNothing(odd), SMX_E_INTERNAL, "not a SPIR-V module");
  smx_vulkan_program null = {nullptr, 1000, 0};
  EXPECT_FAILS(launchNothing(null), SMX_E_INTERNAL, "not a SPIR-V module");
}

TEST_P(VulkanErrorTest, RefusesCorruptWords) {
  Shader swapped("basic");
  swapped.code[0] = 0x03022307;
  EXPECT_FAILS(launchNothing(swapped.program), SMX_E_INTERNAL,
               "not a SPIR-V module");
  Shader young("basic");
  young.code[1] = 0x00020000;
  EXPECT_FAILS(launchNothing(young.program), SMX_E_ARCH, "SPIR-V 2.0 is newer");
  // An instruction of no words, or of more than there are.
  for (uint32_t length : {0u, 0xffffu}) {
    Shader broken("basic");
    broken.code[5] = length << 16 | (broken.code[5] & 0xffff);
    EXPECT_FAILS(launchNothing(broken.program), SMX_E_INTERNAL,
                 "not a SPIR-V module");
  }
}

TEST_P(VulkanErrorTest, NamesWhatTheDeviceLacks) {
  Shader kernel("basic");
  ASSERT_EQ(kernel.code[6], 1u) << "OpCapability Shader comes first";
  kernel.code[6] = 6; // OpCapability Kernel
  EXPECT_FAILS(launchNothing(kernel.program), SMX_E_ARCH,
               "SPIR-V capability 6 is not enabled");
  smx_vulkan_program unknown = basic.program;
  unknown.features = 1u << 31;
  EXPECT_FAILS(launchNothing(unknown), SMX_E_ARCH, "lacks a feature that");
  if (!has(SMX_VULKAN_DENORM_PRESERVE_32)) {
    smx_vulkan_program denormals = basic.program;
    denormals.features = SMX_VULKAN_DENORM_PRESERVE_32;
    EXPECT_FAILS(launchNothing(denormals), SMX_E_ARCH,
                 std::string("the device '") + smx_vulkan_device_name(device) +
                     "' lacks shaderDenormPreserveFloat32");
  }
  if (!has(SMX_VULKAN_SUBGROUP_CLUSTERED)) {
    kernel.code[6] = 67; // OpCapability GroupNonUniformClustered
    EXPECT_FAILS(launchNothing(kernel.program), SMX_E_ARCH,
                 "lacks clustered subgroup operations");
  }
  smx_vulkan_program offered = basic.program;
  offered.features = smx_vulkan_device_features(device);
  EXPECT_OK(launchNothing(offered));
  EXPECT_OK(smx_vulkan_stream_synchronize(stream));
}

// ---- The environment -------------------------------------------------------

/// Sets a variable, and puts back what was there.
class Variable {
public:
  Variable(const char *name, const std::string &value) : name(name) {
    if (const char *old = std::getenv(name))
      before = old;
    setenv(name, value.c_str(), 1);
  }
  ~Variable() {
    if (before)
      setenv(name, before->c_str(), 1);
    else
      unsetenv(name);
  }

private:
  const char *name;
  std::optional<std::string> before;
};

// Each in a process of its own, as in RuntimeProcessTest.
class VulkanProcess : public testing::Test {
protected:
  void SetUp() override { GTEST_FLAG_SET(death_test_style, "threadsafe"); }

  [[noreturn]] static void openAndSay() {
    smx_vulkan_device *device = nullptr;
    int32_t status = smx_vulkan_open(-1, &device);
    std::fprintf(stderr, "%d %s\n", status, smx_last_error());
    std::exit(device ? 1 : 0);
  }
};

TEST_F(VulkanProcess, NoDriver) {
  Variable old("VK_ICD_FILENAMES", "/nonexistent.json");
  Variable young("VK_DRIVER_FILES", "/nonexistent.json");
  EXPECT_EXIT(openAndSay(), testing::ExitedWithCode(0),
              "10 smx_vulkan_open: .* \\(SMX_E_DRIVER\\)\n$");
}

TEST_F(VulkanProcess, NoLoader) {
  // The first library of this name that the child finds is none.
  std::string folder = testing::TempDir() + "smx_no_loader";
  ASSERT_EQ(std::system(("mkdir -p '" + folder + "' && : > '" + folder +
                         "/libvulkan.so.1'")
                            .c_str()),
            0);
  Variable path("LD_LIBRARY_PATH", folder);
  EXPECT_EXIT(openAndSay(), testing::ExitedWithCode(0),
              "10 smx_vulkan_open: .* \\(SMX_E_DRIVER\\)\n$");
}

} // namespace
