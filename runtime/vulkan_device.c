/* Finds, opens and closes Vulkan devices.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */

/* For pthread.h under -std=c11. */
#define _POSIX_C_SOURCE 200809L

#include "vulkan_device.h"
#include "verbose.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What a physical device is and can do, and whether kernels run on it. */
struct candidate {
  VkPhysicalDevice handle;
  VkPhysicalDeviceProperties properties;
  uint64_t max_allocation;
  uint32_t features;
  uint32_t queue_family;
};

enum { most_devices = 32, most_families = 32 };

/* ---- Features ------------------------------------------------------------ */

/* The chain of feature structures, to be asked for and to be enabled. */
struct feature_chain {
  VkPhysicalDeviceFeatures2 core;
  VkPhysicalDeviceVulkan11Features v11;
  VkPhysicalDeviceVulkan12Features v12;
};

static void link_features(struct feature_chain *chain) {
  memset(chain, 0, sizeof *chain);
  chain->core.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2;
  chain->core.pNext = &chain->v11;
  chain->v11.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_1_FEATURES;
  chain->v11.pNext = &chain->v12;
  chain->v12.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES;
}

/* Where each feature bit that must be enabled has its VkBool32. */
static const struct {
  uint32_t bit;
  size_t offset;
} switches[] = {
    {SMX_VULKAN_STORAGE_8,
     offsetof(struct feature_chain, v12.storageBuffer8BitAccess)},
    {SMX_VULKAN_STORAGE_16,
     offsetof(struct feature_chain, v11.storageBuffer16BitAccess)},
    {SMX_VULKAN_INT_8, offsetof(struct feature_chain, v12.shaderInt8)},
    {SMX_VULKAN_INT_16,
     offsetof(struct feature_chain, core.features.shaderInt16)},
    {SMX_VULKAN_FLOAT_16, offsetof(struct feature_chain, v12.shaderFloat16)},
    {SMX_VULKAN_FLOAT_64,
     offsetof(struct feature_chain, core.features.shaderFloat64)},
    {SMX_VULKAN_MEMORY_MODEL,
     offsetof(struct feature_chain, v12.vulkanMemoryModel)},
    {SMX_VULKAN_SUBGROUP_EXTENDED_TYPES,
     offsetof(struct feature_chain, v12.shaderSubgroupExtendedTypes)},
};

enum { switch_count = sizeof switches / sizeof switches[0] };

static VkBool32 *feature(struct feature_chain *chain, int i) {
  return (VkBool32 *)((char *)chain + switches[i].offset);
}

static uint32_t subgroup_features(const VkPhysicalDeviceVulkan11Properties *p) {
  static const struct {
    uint32_t bit;
    VkSubgroupFeatureFlags flag;
  } operations[] = {
      {SMX_VULKAN_SUBGROUP_BASIC, VK_SUBGROUP_FEATURE_BASIC_BIT},
      {SMX_VULKAN_SUBGROUP_VOTE, VK_SUBGROUP_FEATURE_VOTE_BIT},
      {SMX_VULKAN_SUBGROUP_ARITHMETIC, VK_SUBGROUP_FEATURE_ARITHMETIC_BIT},
      {SMX_VULKAN_SUBGROUP_BALLOT, VK_SUBGROUP_FEATURE_BALLOT_BIT},
      {SMX_VULKAN_SUBGROUP_SHUFFLE, VK_SUBGROUP_FEATURE_SHUFFLE_BIT},
      {SMX_VULKAN_SUBGROUP_SHUFFLE_RELATIVE,
       VK_SUBGROUP_FEATURE_SHUFFLE_RELATIVE_BIT},
      {SMX_VULKAN_SUBGROUP_CLUSTERED, VK_SUBGROUP_FEATURE_CLUSTERED_BIT},
  };
  uint32_t bits = 0;
  if (p->subgroupSupportedStages & VK_SHADER_STAGE_COMPUTE_BIT)
    for (size_t i = 0; i < sizeof operations / sizeof operations[0]; ++i)
      if (p->subgroupSupportedOperations & operations[i].flag)
        bits |= operations[i].bit;
  return bits;
}

static uint32_t float_features(const VkPhysicalDeviceVulkan12Properties *p) {
  const struct {
    uint32_t bit;
    VkBool32 supported;
  } controls[] = {
      {SMX_VULKAN_SIGNED_ZERO_INF_NAN_16,
       p->shaderSignedZeroInfNanPreserveFloat16},
      {SMX_VULKAN_SIGNED_ZERO_INF_NAN_32,
       p->shaderSignedZeroInfNanPreserveFloat32},
      {SMX_VULKAN_SIGNED_ZERO_INF_NAN_64,
       p->shaderSignedZeroInfNanPreserveFloat64},
      {SMX_VULKAN_DENORM_PRESERVE_16, p->shaderDenormPreserveFloat16},
      {SMX_VULKAN_DENORM_PRESERVE_32, p->shaderDenormPreserveFloat32},
      {SMX_VULKAN_DENORM_PRESERVE_64, p->shaderDenormPreserveFloat64},
      {SMX_VULKAN_ROUNDING_RTE_16, p->shaderRoundingModeRTEFloat16},
      {SMX_VULKAN_ROUNDING_RTE_32, p->shaderRoundingModeRTEFloat32},
      {SMX_VULKAN_ROUNDING_RTE_64, p->shaderRoundingModeRTEFloat64},
  };
  uint32_t bits = 0;
  for (size_t i = 0; i < sizeof controls / sizeof controls[0]; ++i)
    if (controls[i].supported)
      bits |= controls[i].bit;
  return bits;
}

/* ---- Candidates ---------------------------------------------------------- */

/* Fills in the rest of a candidate; returns whether kernels run on it. */
static int describe(const struct smx_vk_instance *vk, struct candidate *c) {
  VkPhysicalDeviceVulkan13Properties v13 = {
      .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_3_PROPERTIES};
  VkPhysicalDeviceVulkan12Properties v12 = {
      .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_PROPERTIES,
      .pNext = &v13};
  VkPhysicalDeviceVulkan11Properties v11 = {
      .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_1_PROPERTIES,
      .pNext = &v12};
  VkPhysicalDeviceProperties2 properties = {
      .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2, .pNext = &v11};
  /* A driver ignores structures that are younger than it is. */
  vk->GetPhysicalDeviceProperties2(c->handle, &properties);
  c->properties = properties.properties;
  if (c->properties.apiVersion < VK_API_VERSION_1_2)
    return 0;
  c->max_allocation = v11.maxMemoryAllocationSize;
  if (v13.maxBufferSize != 0 && v13.maxBufferSize < c->max_allocation)
    c->max_allocation = v13.maxBufferSize;

  struct feature_chain chain;
  link_features(&chain);
  vk->GetPhysicalDeviceFeatures2(c->handle, &chain.core);
  if (!chain.core.features.shaderInt64 || !chain.v12.bufferDeviceAddress ||
      !chain.v12.timelineSemaphore)
    return 0;
  c->features = subgroup_features(&v11) | float_features(&v12);
  for (int i = 0; i < switch_count; ++i)
    if (*feature(&chain, i))
      c->features |= switches[i].bit;

  VkQueueFamilyProperties families[most_families];
  uint32_t count = most_families;
  vk->GetPhysicalDeviceQueueFamilyProperties(c->handle, &count, families);
  for (uint32_t i = 0; i < count; ++i)
    if (families[i].queueFlags & VK_QUEUE_COMPUTE_BIT) {
      c->queue_family = i;
      return 1;
    }
  return 0;
}

static int32_t find_candidates(const char *function,
                               const struct smx_vk_instance **vk,
                               struct candidate *candidates, int32_t *count) {
  int32_t status = smx_vk_load(function, vk);
  if (status != SMX_OK)
    return status;
  VkPhysicalDevice handles[most_devices];
  uint32_t handle_count = most_devices;
  VkResult result =
      (*vk)->EnumeratePhysicalDevices((*vk)->handle, &handle_count, handles);
  if (result != VK_SUCCESS && result != VK_INCOMPLETE)
    return smx_vk_failed(result, function, "vkEnumeratePhysicalDevices");
  *count = 0;
  for (uint32_t i = 0; i < handle_count; ++i) {
    candidates[*count].handle = handles[i];
    *count += describe(*vk, &candidates[*count]);
  }
  return SMX_OK;
}

int32_t smx_vulkan_count(int32_t *count) {
  struct candidate candidates[most_devices];
  const struct smx_vk_instance *vk;
  int32_t found;
  if (!count)
    return smx_failed(SMX_E_NULL, "smx_vulkan_count", "'count' is null");
  int32_t status = find_candidates("smx_vulkan_count", &vk, candidates, &found);
  if (status == SMX_OK)
    *count = found;
  return status;
}

static int rank(const struct candidate *c) {
  switch (c->properties.deviceType) {
  case VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU:
    return 3;
  case VK_PHYSICAL_DEVICE_TYPE_INTEGRATED_GPU:
    return 2;
  case VK_PHYSICAL_DEVICE_TYPE_CPU:
    return 0;
  default:
    return 1;
  }
}

/* ---- Open and close ------------------------------------------------------ */

static VkResult create_device(const struct smx_vk_instance *vk,
                              const struct candidate *c, VkDevice *handle) {
  struct feature_chain chain;
  link_features(&chain);
  chain.core.features.shaderInt64 = VK_TRUE;
  chain.v12.bufferDeviceAddress = VK_TRUE;
  chain.v12.timelineSemaphore = VK_TRUE;
  for (int i = 0; i < switch_count; ++i)
    *feature(&chain, i) = (c->features & switches[i].bit) != 0;
  float priority = 1.0f;
  VkDeviceQueueCreateInfo queue = {
      .sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO,
      .queueFamilyIndex = c->queue_family,
      .queueCount = 1,
      .pQueuePriorities = &priority,
  };
  VkDeviceCreateInfo info = {
      .sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO,
      .pNext = &chain.core,
      .queueCreateInfoCount = 1,
      .pQueueCreateInfos = &queue,
  };
  return vk->CreateDevice(c->handle, &info, NULL, handle);
}

/* One layout for all kernels: as many push constants as there are. */
static int32_t create_layout(smx_vulkan_device *device, const char *function) {
  VkPushConstantRange range = {
      .stageFlags = VK_SHADER_STAGE_COMPUTE_BIT,
      .size = device->limits.maxPushConstantsSize,
  };
  VkPipelineLayoutCreateInfo layout = {
      .sType = VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO,
      .pushConstantRangeCount = 1,
      .pPushConstantRanges = &range,
  };
  VkResult result = device->vk.CreatePipelineLayout(device->handle, &layout,
                                                    NULL, &device->layout);
  if (result != VK_SUCCESS)
    return smx_vk_failed(result, function, "vkCreatePipelineLayout");
  VkPipelineCacheCreateInfo cache = {
      .sType = VK_STRUCTURE_TYPE_PIPELINE_CACHE_CREATE_INFO};
  result = device->vk.CreatePipelineCache(device->handle, &cache, NULL,
                                          &device->cache);
  if (result != VK_SUCCESS)
    return smx_vk_failed(result, function, "vkCreatePipelineCache");
  return SMX_OK;
}

static int32_t open_candidate(const struct smx_vk_instance *vk,
                              const struct candidate *c,
                              smx_vulkan_device **opened) {
  static const char function[] = "smx_vulkan_open";
  smx_vulkan_device *device = calloc(1, sizeof *device);
  if (!device)
    return smx_failed(SMX_E_MEMORY, function, "out of memory on the host");
  VkResult result = create_device(vk, c, &device->handle);
  if (result != VK_SUCCESS) {
    free(device);
    return smx_vk_failed(result, function, "vkCreateDevice");
  }
#define LOAD(name)                                                             \
  device->vk.name =                                                            \
      (PFN_vk##name)vk->GetDeviceProcAddr(device->handle, "vk" #name);
  SMX_VK_DEVICE_FUNCTIONS(LOAD)
#undef LOAD
  vk->GetPhysicalDeviceMemoryProperties(c->handle, &device->memory);
  device->limits = c->properties.limits;
  device->max_allocation = c->max_allocation;
  device->api_version = c->properties.apiVersion;
  device->features = c->features;
  device->queue_family = c->queue_family;
  const char *staging = getenv("SMX_VULKAN_STAGING");
  device->unified =
      (c->properties.deviceType == VK_PHYSICAL_DEVICE_TYPE_INTEGRATED_GPU ||
       c->properties.deviceType == VK_PHYSICAL_DEVICE_TYPE_CPU) &&
      !(staging && strcmp(staging, "1") == 0);
  memcpy(device->name, c->properties.deviceName, sizeof device->name);
  pthread_mutex_init(&device->queue_lock, NULL);
  pthread_mutex_init(&device->memory_lock, NULL);
  pthread_mutex_init(&device->copy_lock, NULL);
  pthread_mutex_init(&device->pipeline_lock, NULL);
  device->vk.GetDeviceQueue(device->handle, c->queue_family, 0, &device->queue);
  int32_t status = create_layout(device, function);
  if (status != SMX_OK) {
    smx_vulkan_close(device);
    return status;
  }
  if (smx_verbose(SMX_VERBOSE_DISPATCH))
    fprintf(stderr, "smx_verbose,dispatch,vulkan,\"%s\",none\n", device->name);
  *opened = device;
  return SMX_OK;
}

int32_t smx_vulkan_open(int32_t index, smx_vulkan_device **device) {
  static const char function[] = "smx_vulkan_open";
  struct candidate candidates[most_devices];
  const struct smx_vk_instance *vk;
  int32_t count, best = 0;
  if (!device)
    return smx_failed(SMX_E_NULL, function, "'device' is null");
  int32_t status = find_candidates(function, &vk, candidates, &count);
  if (status != SMX_OK)
    return status;
  if (count == 0)
    return smx_failed(SMX_E_DEVICE, function,
                      "no device has Vulkan 1.2 with bufferDeviceAddress and "
                      "shaderInt64");
  if (index < -1 || index >= count)
    return smx_failed(SMX_E_DEVICE, function,
                      "there is no device %d; expected -1 to %d", (int)index,
                      (int)count - 1);
  for (int32_t i = 1; i < count; ++i)
    if (rank(&candidates[i]) > rank(&candidates[best]))
      best = i;
  return open_candidate(vk, &candidates[index < 0 ? best : index], device);
}

void smx_vulkan_close(smx_vulkan_device *device) {
  if (!device)
    return;
  /* Nothing can be done about a lost device; it is torn down all the same. */
  device->vk.DeviceWaitIdle(device->handle);
  smx_vulkan_stream_destroy(device->copies);
  smx_vk_destroy_buffer(device, &device->staging);
  for (size_t i = 0; i < device->allocation_count; ++i)
    smx_vk_destroy_buffer(device, &device->allocations[i]);
  free(device->allocations);
  smx_vk_destroy_pipelines(device);
  device->vk.DestroyPipelineCache(device->handle, device->cache, NULL);
  device->vk.DestroyPipelineLayout(device->handle, device->layout, NULL);
  device->vk.DestroyDevice(device->handle, NULL);
  pthread_mutex_destroy(&device->queue_lock);
  pthread_mutex_destroy(&device->memory_lock);
  pthread_mutex_destroy(&device->copy_lock);
  pthread_mutex_destroy(&device->pipeline_lock);
  free(device);
}

const char *smx_vulkan_device_name(const smx_vulkan_device *device) {
  return device ? device->name : "";
}

uint32_t smx_vulkan_device_features(const smx_vulkan_device *device) {
  return device ? device->features : 0;
}
