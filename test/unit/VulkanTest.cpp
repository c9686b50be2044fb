// Vulkan devices of the runtime library: memory, streams, launches, order.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "VulkanFixture.h"

#include <thread>

namespace {

using VulkanTest = VulkanFixture;

INSTANTIATE_TEST_SUITE_P(Copies, VulkanTest, testing::Values(false, true),
                         [](const testing::TestParamInfo<bool> &info) {
                           return info.param ? "Staged" : "Direct";
                         });

// ---- Devices ---------------------------------------------------------------

TEST_P(VulkanTest, OpensByNumber) {
  EXPECT_STRNE(smx_vulkan_device_name(device), "");
  EXPECT_STREQ(smx_vulkan_device_name(nullptr), "");
  EXPECT_EQ(smx_vulkan_device_features(nullptr), 0u);
  int32_t count = 0;
  ASSERT_OK(smx_vulkan_count(&count));
  smx_vulkan_device *other = nullptr;
  for (int32_t index : {-2, count, INT32_MAX, INT32_MIN})
    EXPECT_FAILS(smx_vulkan_open(index, &other), SMX_E_DEVICE, "no device");
  EXPECT_EQ(other, nullptr);
  EXPECT_FAILS(smx_vulkan_open(0, nullptr), SMX_E_NULL, "'device'");
  EXPECT_FAILS(smx_vulkan_count(nullptr), SMX_E_NULL, "'count'");
  for (int32_t index = 0; index < count; ++index) {
    ASSERT_OK(smx_vulkan_open(index, &other));
    smx_vulkan_close(other);
  }
  smx_vulkan_close(nullptr);
  smx_vulkan_stream_destroy(nullptr);
}

// ---- Memory ----------------------------------------------------------------

TEST_P(VulkanTest, CopiesPartsAndMoreThanTheStagingBufferHolds) {
  const size_t size = (33u << 20) + 5;
  std::vector<uint8_t> data(size);
  for (size_t i = 0; i < size; ++i)
    data[i] = static_cast<uint8_t>(i * 2654435761u >> 13);
  auto *address = static_cast<char *>(upload(data));
  EXPECT_TRUE(download<uint8_t>(address, size) == data);
  const uint8_t patch[3] = {1, 2, 3};
  ASSERT_OK(smx_vulkan_upload(device, address + 17, patch, 3));
  std::memcpy(data.data() + 17, patch, 3);
  EXPECT_TRUE(download<uint8_t>(address, size) == data);
  EXPECT_EQ(download<uint8_t>(address + size - 1, 1)[0], data.back());
  EXPECT_OK(smx_vulkan_free(device, address));
}

TEST_P(VulkanTest, FindsAllocationsAmongMany) {
  std::vector<void *> addresses;
  for (uint32_t i = 0; i < 100; ++i)
    addresses.push_back(upload(std::vector<uint32_t>(i + 1, i)));
  for (uint32_t i = 0; i < 100; i += 2)
    EXPECT_OK(smx_vulkan_free(device, addresses[i]));
  for (uint32_t i = 1; i < 100; i += 2)
    EXPECT_EQ(download<uint32_t>(addresses[i], i + 1),
              std::vector<uint32_t>(i + 1, i));
  // The rest is freed by closing.
}

TEST_P(VulkanTest, RefusesWrongRanges) {
  auto *address = static_cast<char *>(alloc(64));
  char host[128] = {};
  EXPECT_FAILS(smx_vulkan_upload(device, address, host, 65), SMX_E_LIMIT,
               "65 bytes at 0x");
  EXPECT_FAILS(smx_vulkan_upload(device, address + 60, host, 5), SMX_E_LIMIT,
               "do not lie inside one allocation");
  EXPECT_FAILS(smx_vulkan_download(device, host, address + 1, UINT64_MAX),
               SMX_E_LIMIT, "inside one allocation");
  EXPECT_FAILS(smx_vulkan_download(device, host, address - 1, 1), SMX_E_LIMIT,
               "inside one allocation");
  EXPECT_OK(smx_vulkan_upload(device, address + 64, host, 0));
  EXPECT_OK(smx_vulkan_upload(device, nullptr, nullptr, 0));
  EXPECT_FAILS(smx_vulkan_upload(device, nullptr, host, 1), SMX_E_NULL, "'to'");
  EXPECT_FAILS(smx_vulkan_upload(device, address, nullptr, 1), SMX_E_NULL,
               "'from'");
  EXPECT_FAILS(smx_vulkan_download(device, host, nullptr, 1), SMX_E_NULL,
               "'from'");
  EXPECT_FAILS(smx_vulkan_download(nullptr, host, address, 1), SMX_E_NULL,
               "'device'");
  EXPECT_FAILS(smx_vulkan_free(device, address + 8), SMX_E_LIMIT,
               "is not the address of an allocation");
  EXPECT_OK(smx_vulkan_free(device, address));
  EXPECT_FAILS(smx_vulkan_free(device, address), SMX_E_LIMIT,
               "is not the address of an allocation");
  EXPECT_FAILS(smx_vulkan_download(device, host, address, 1), SMX_E_LIMIT,
               "inside one allocation");
  EXPECT_OK(smx_vulkan_free(device, nullptr));
}

TEST_P(VulkanTest, AllocationsOfUnusualSizes) {
  void *address = device;
  EXPECT_OK(smx_vulkan_alloc(device, 0, &address));
  EXPECT_EQ(address, nullptr);
  address = device;
  EXPECT_FAILS(smx_vulkan_alloc(device, UINT64_MAX, &address), SMX_E_LIMIT,
               "exceed the device's limit of");
  EXPECT_EQ(address, device);
  EXPECT_FAILS(smx_vulkan_alloc(device, 1, nullptr), SMX_E_NULL, "'address'");
  EXPECT_FAILS(smx_vulkan_alloc(nullptr, 1, &address), SMX_E_NULL, "'device'");
  EXPECT_EQ(reinterpret_cast<uintptr_t>(alloc(1)) % 16, 0u);
}

TEST_P(VulkanTest, KernelsReachOffsetsOf64Bits) {
  // The largest of these that the device gives.
  for (uint64_t bytes :
       {UINT64_C(5) << 30, UINT64_C(2) << 30, UINT64_C(256) << 20}) {
    void *address = nullptr;
    int32_t status = smx_vulkan_alloc(device, bytes, &address);
    if (bytes > UINT64_C(256) << 20 &&
        (status == SMX_E_LIMIT || status == SMX_E_MEMORY))
      continue;
    ASSERT_OK(status);
    const uint64_t stride = (bytes - 4) / 63 / 4 * 4;
    ASSERT_OK(
        launch("mark", 1, {reinterpret_cast<void *>(stride), address, 64, 0}));
    ASSERT_OK(smx_vulkan_stream_synchronize(stream));
    for (uint32_t i = 0; i < 64; ++i)
      EXPECT_EQ(
          download<uint32_t>(static_cast<char *>(address) + stride * i, 1)[0],
          i);
    RecordProperty("bytes", std::to_string(bytes));
    ASSERT_OK(smx_vulkan_free(device, address));
    return;
  }
}

// ---- Launches --------------------------------------------------------------

TEST_P(VulkanTest, Saxpy) {
  std::vector<float> x(1000), y(1001, 1.0f);
  for (size_t i = 0; i < x.size(); ++i)
    x[i] = static_cast<float>(i);
  void *xs = upload(x), *ys = upload(y);
  ASSERT_OK(launch("saxpy", 16, {xs, ys, 1000, 3.0f}));
  ASSERT_OK(smx_vulkan_stream_synchronize(stream));
  std::vector<float> result = download<float>(ys, 1001);
  for (size_t i = 0; i < 1000; ++i)
    ASSERT_EQ(result[i], 3.0f * x[i] + 1.0f) << i;
  EXPECT_EQ(result[1000], 1.0f);
}

TEST_P(VulkanTest, LaunchesSeeTheOnesBefore) {
  void *y = upload(std::vector<float>(5000, 0.0f));
  for (int i = 0; i < 23; ++i)
    ASSERT_OK(launch("step", 79, {nullptr, y, 5000, 0}));
  ASSERT_OK(smx_vulkan_stream_synchronize(stream));
  EXPECT_EQ(download<float>(y, 5000), std::vector<float>(5000, 0x1p23f - 1));
}

TEST_P(VulkanTest, ThousandLaunchesOnTwoStreams) {
  smx_vulkan_stream *first = stream, *second = nullptr;
  ASSERT_OK(smx_vulkan_stream_create(device, &second));
  void *x = upload(std::vector<float>(100, 1.0f));
  void *y = upload(std::vector<float>(100, 0.0f));
  void *z = upload(std::vector<float>(100, 0.0f));
  for (int i = 0; i < 500; ++i) {
    stream = first;
    ASSERT_OK(launch("saxpy", 2, {x, y, 100, 1.0f}));
    stream = second;
    ASSERT_OK(launch("saxpy", 2, {x, z, 100, -1.0f}));
  }
  stream = first;
  ASSERT_OK(smx_vulkan_stream_synchronize(first));
  EXPECT_EQ(download<float>(y, 100), std::vector<float>(100, 500.0f));
  ASSERT_OK(smx_vulkan_stream_synchronize(second));
  EXPECT_EQ(download<float>(z, 100), std::vector<float>(100, -500.0f));
  smx_vulkan_stream_destroy(second);
}

TEST_P(VulkanTest, ManyThreads) {
  void *x = upload(std::vector<float>(64, 1.0f));
  void *shared = upload(std::vector<float>(64, 0.0f));
  auto work = [&] {
    smx_vulkan_stream *own = nullptr;
    EXPECT_OK(smx_vulkan_stream_create(device, &own));
    const uint64_t grid[3] = {1, 1, 1};
    for (int i = 0; i < 50; ++i) {
      void *y = upload(std::vector<float>(64, float(i)));
      Parameters parameters = {x, y, 64, 2.0f};
      EXPECT_OK(smx_vulkan_launch(own, &basic.program, "saxpy", grid,
                                  &parameters, parameterBytes));
      EXPECT_OK(launch("saxpy", 1, {x, shared, 64, 1.0f}));
      EXPECT_OK(smx_vulkan_stream_synchronize(own));
      EXPECT_EQ(download<float>(y, 64), std::vector<float>(64, i + 2.0f));
      EXPECT_OK(smx_vulkan_free(device, y));
    }
    smx_vulkan_stream_destroy(own);
  };
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i)
    threads.emplace_back(work);
  for (std::thread &thread : threads)
    thread.join();
  ASSERT_OK(smx_vulkan_stream_synchronize(stream));
  EXPECT_EQ(download<float>(shared, 64), std::vector<float>(64, 400.0f));
}

TEST_P(VulkanTest, NothingToDo) {
  for (int axis = 0; axis < 3; ++axis) {
    uint64_t grid[3] = {1, 1, 1};
    grid[axis] = 0;
    EXPECT_OK(
        smx_vulkan_launch(stream, &basic.program, "nothing", grid, nullptr, 0));
  }
  EXPECT_OK(smx_vulkan_stream_synchronize(stream));
}

} // namespace
