// Every call of the Vulkan driver fails once: status, text, nothing left over.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "VulkanFixture.h"

#include <dlfcn.h>

namespace {

constexpr int outOfDeviceMemory = -2, deviceLost = -4; // of VkResult

// FaultyLoader.c, which is found in the place of the Vulkan loader.
int (*setFault)(const char *call, int number, int result);
int (*countObjects)();
void (*setTwoTypes)(int wanted);

/// One call of everything; ends at the first failure with its status, after
/// ending what it began.
int32_t useEverything(const Shader &shader) {
  smx_vulkan_device *device = nullptr;
  smx_vulkan_stream *stream = nullptr;
  void *x = nullptr, *y = nullptr;
  std::vector<float> values(100, 1.0f);
  int32_t status = smx_vulkan_open(-1, &device);
  if (status == SMX_OK)
    status = smx_vulkan_stream_create(device, &stream);
  for (void **address : {&x, &y}) {
    if (status == SMX_OK)
      status = smx_vulkan_alloc(device, 400, address);
    if (status == SMX_OK)
      status = smx_vulkan_upload(device, *address, values.data(), 400);
  }
  // More than the stream's ring holds, so that it waits as well.
  Parameters parameters = {x, y, 100, 1.0f};
  const uint64_t grid[3] = {2, 1, 1};
  for (int i = 0; status == SMX_OK && i < 70; ++i)
    status = smx_vulkan_launch(stream, &shader.program, "saxpy", grid,
                               &parameters, parameterBytes);
  if (status == SMX_OK)
    status = smx_vulkan_stream_synchronize(stream);
  if (status == SMX_OK)
    status = smx_vulkan_download(device, values.data(), y, 400);
  if (status == SMX_OK) {
    EXPECT_EQ(values, std::vector<float>(100, 71.0f));
    status = smx_vulkan_free(device, x);
  }
  smx_vulkan_stream_destroy(stream);
  smx_vulkan_close(device);
  return status;
}

class VulkanMemoryTypes : public testing::Test {
protected:
  void SetUp() override {
    void *loader = dlopen(FAULTY_LOADER, RTLD_NOW);
    ASSERT_NE(loader, nullptr) << dlerror();
    setFault = reinterpret_cast<decltype(setFault)>(dlsym(loader, "smx_fault"));
    countObjects =
        reinterpret_cast<decltype(countObjects)>(dlsym(loader, "smx_objects"));
    setTwoTypes =
        reinterpret_cast<decltype(setTwoTypes)>(dlsym(loader, "smx_two_types"));
    if (shader.code.empty())
      GTEST_SKIP() << "no spirv-as to assemble the shaders with";
    // Staged copies use all that direct ones do.
    setenv("SMX_VULKAN_STAGING", "1", 1);
    int32_t status = useEverything(shader);
    if (status == SMX_E_DRIVER || status == SMX_E_DEVICE)
      GTEST_SKIP() << "no Vulkan device: " << smx_last_error();
    ASSERT_OK(status);
    ASSERT_EQ(countObjects(), 0);
  }

  Shader shader{"basic"};
};

class VulkanFaultTest : public VulkanMemoryTypes,
                        public testing::WithParamInterface<const char *> {};

TEST_P(VulkanFaultTest, EachCallFailsOnce) {
  const std::string call = GetParam();
  for (int result : {outOfDeviceMemory, deviceLost}) {
    int number = 1;
    // One by one at first, and then some of the many launches.
    for (;; number += number < 8 ? 1 : 24) {
      setFault(GetParam(), number, result);
      smx_clear_error();
      int32_t status = useEverything(shader);
      EXPECT_EQ(countObjects(), 0) << number;
      // No more calls than that.
      if (setFault("", 0, 0)) {
        EXPECT_EQ(status, SMX_OK) << number;
        break;
      }
      // What ends objects has no way to report a failure.
      if (status == SMX_OK && call == "vkWaitSemaphores")
        continue;
      EXPECT_EQ(status, result == deviceLost ? SMX_E_DEVICE : SMX_E_MEMORY)
          << number;
      EXPECT_THAT(smx_last_error(), testing::HasSubstr(call));
    }
    EXPECT_GT(number, 1) << "never called";
  }
}

// A heap is exhausted, and there is another one.
TEST_F(VulkanMemoryTypes, TheNextIsTried) {
  setTwoTypes(1);
  for (int number = 1; number <= 3; ++number) {
    setFault("vkAllocateMemory", number, outOfDeviceMemory);
    EXPECT_OK(useEverything(shader));
    EXPECT_FALSE(setFault("", 0, 0)) << "allocated less often";
    EXPECT_EQ(countObjects(), 0);
  }
  setFault("vkAllocateMemory", 1, deviceLost);
  EXPECT_EQ(useEverything(shader), SMX_E_DEVICE);
  setTwoTypes(0);
}

INSTANTIATE_TEST_SUITE_P(
    Calls, VulkanFaultTest,
    testing::Values("vkEnumeratePhysicalDevices", "vkCreateDevice",
                    "vkCreatePipelineLayout", "vkCreatePipelineCache",
                    "vkCreateSemaphore", "vkCreateCommandPool",
                    "vkAllocateCommandBuffers", "vkCreateBuffer",
                    "vkAllocateMemory", "vkBindBufferMemory", "vkMapMemory",
                    "vkCreateShaderModule", "vkCreateComputePipelines",
                    "vkBeginCommandBuffer", "vkEndCommandBuffer",
                    "vkQueueSubmit", "vkWaitSemaphores"),
    [](const testing::TestParamInfo<const char *> &info) {
      return std::string(info.param);
    });

} // namespace
