/* A libvulkan.so.1 for tests: the real one, but the chosen call fails.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */

/* It also counts the objects that exist, so that a test sees what is left after
 * a failure. VulkanFaultTest finds it before the real loader through its
 * RUNPATH, and calls smx_fault and smx_objects in it. */

#define VK_NO_PROTOTYPES
#include <vulkan/vulkan_core.h>

#include <dlfcn.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

static const char *fault_call;
static int fault_countdown;
static VkResult fault_result;
static atomic_int objects;

/* Lets the number-th call, from 1, of the function return `result`. Returns
 * whether the one that was set before has still to happen. */
int smx_fault(const char *call, int number, VkResult result) {
  int pending = fault_countdown > 0;
  fault_call = call;
  fault_countdown = number;
  fault_result = result;
  return pending;
}

int smx_objects(void) { return objects; }

/* Whether the device has each of its memory types twice, for allocations of
 * buffers. */
static int two_types;
void smx_two_types(int wanted) { two_types = wanted; }

static int fails(const char *call) {
  return fault_countdown > 0 && strcmp(call, fault_call) == 0 &&
         --fault_countdown == 0;
}

/* Of each function below: the real one, and one in its place that may fail,
 * which makes `change` objects when it does not. */
#define FUNCTION(name, change, parameters, arguments)                          \
  static PFN_vk##name real_##name;                                             \
  static VkResult VKAPI_CALL my_##name parameters {                            \
    if (fails("vk" #name))                                                     \
      return fault_result;                                                     \
    VkResult result = real_##name arguments;                                   \
    if (result == VK_SUCCESS)                                                  \
      objects += change;                                                       \
    return result;                                                             \
  }
#define CREATE(name, info, object)                                             \
  FUNCTION(                                                                    \
      name, 1,                                                                 \
      (VkDevice d, const info *i, const VkAllocationCallbacks *a, object *o),  \
      (d, i, a, o))
#define DESTROY(name, object)                                                  \
  static PFN_vk##name real_##name;                                             \
  static void VKAPI_CALL my_##name(VkDevice d, object o,                       \
                                   const VkAllocationCallbacks *a) {           \
    objects -= o != VK_NULL_HANDLE;                                            \
    real_##name(d, o, a);                                                      \
  }

CREATE(CreateBuffer, VkBufferCreateInfo, VkBuffer)
CREATE(CreateSemaphore, VkSemaphoreCreateInfo, VkSemaphore)
CREATE(CreateCommandPool, VkCommandPoolCreateInfo, VkCommandPool)
CREATE(CreateShaderModule, VkShaderModuleCreateInfo, VkShaderModule)
CREATE(CreatePipelineLayout, VkPipelineLayoutCreateInfo, VkPipelineLayout)
CREATE(CreatePipelineCache, VkPipelineCacheCreateInfo, VkPipelineCache)
FUNCTION(CreateComputePipelines, 1,
         (VkDevice d, VkPipelineCache c, uint32_t n,
          const VkComputePipelineCreateInfo *i, const VkAllocationCallbacks *a,
          VkPipeline *o),
         (d, c, n, i, a, o))
FUNCTION(CreateDevice, 1,
         (VkPhysicalDevice p, const VkDeviceCreateInfo *i,
          const VkAllocationCallbacks *a, VkDevice *o),
         (p, i, a, o))
DESTROY(DestroyBuffer, VkBuffer)
DESTROY(FreeMemory, VkDeviceMemory)
DESTROY(DestroySemaphore, VkSemaphore)
DESTROY(DestroyCommandPool, VkCommandPool)
DESTROY(DestroyShaderModule, VkShaderModule)
DESTROY(DestroyPipelineLayout, VkPipelineLayout)
DESTROY(DestroyPipelineCache, VkPipelineCache)
DESTROY(DestroyPipeline, VkPipeline)
FUNCTION(EnumeratePhysicalDevices, 0,
         (VkInstance i, uint32_t *n, VkPhysicalDevice *p), (i, n, p))
FUNCTION(BindBufferMemory, 0,
         (VkDevice d, VkBuffer b, VkDeviceMemory m, VkDeviceSize o),
         (d, b, m, o))
FUNCTION(MapMemory, 0,
         (VkDevice d, VkDeviceMemory m, VkDeviceSize o, VkDeviceSize s,
          VkMemoryMapFlags f, void **p),
         (d, m, o, s, f, p))
FUNCTION(AllocateCommandBuffers, 0,
         (VkDevice d, const VkCommandBufferAllocateInfo *i, VkCommandBuffer *c),
         (d, i, c))
FUNCTION(BeginCommandBuffer, 0,
         (VkCommandBuffer c, const VkCommandBufferBeginInfo *i), (c, i))
FUNCTION(EndCommandBuffer, 0, (VkCommandBuffer c), (c))
FUNCTION(QueueSubmit, 0,
         (VkQueue q, uint32_t n, const VkSubmitInfo *i, VkFence f),
         (q, n, i, f))

/* The second half of the doubled memory types stands for the first. */
static uint32_t real_types;

static PFN_vkGetPhysicalDeviceMemoryProperties
    real_GetPhysicalDeviceMemoryProperties;
static void VKAPI_CALL my_GetPhysicalDeviceMemoryProperties(
    VkPhysicalDevice p, VkPhysicalDeviceMemoryProperties *m) {
  real_GetPhysicalDeviceMemoryProperties(p, m);
  real_types = m->memoryTypeCount;
  if (two_types && real_types <= VK_MAX_MEMORY_TYPES / 2) {
    memcpy(&m->memoryTypes[real_types], m->memoryTypes,
           real_types * sizeof m->memoryTypes[0]);
    m->memoryTypeCount *= 2;
  }
}

static PFN_vkGetBufferMemoryRequirements real_GetBufferMemoryRequirements;
static void VKAPI_CALL my_GetBufferMemoryRequirements(VkDevice d, VkBuffer b,
                                                      VkMemoryRequirements *m) {
  real_GetBufferMemoryRequirements(d, b, m);
  if (two_types)
    m->memoryTypeBits |= m->memoryTypeBits << real_types;
}

static PFN_vkAllocateMemory real_AllocateMemory;
static VkResult VKAPI_CALL my_AllocateMemory(VkDevice d,
                                             const VkMemoryAllocateInfo *i,
                                             const VkAllocationCallbacks *a,
                                             VkDeviceMemory *m) {
  if (fails("vkAllocateMemory"))
    return fault_result;
  VkMemoryAllocateInfo info = *i;
  info.memoryTypeIndex %= real_types;
  VkResult result = real_AllocateMemory(d, &info, a, m);
  objects += result == VK_SUCCESS;
  return result;
}

static PFN_vkDestroyDevice real_DestroyDevice;
static void VKAPI_CALL my_DestroyDevice(VkDevice d,
                                        const VkAllocationCallbacks *a) {
  --objects;
  real_DestroyDevice(d, a);
}

/* Waits all the same: after the device is lost nothing runs on it any more. */
static PFN_vkWaitSemaphores real_WaitSemaphores;
static VkResult VKAPI_CALL my_WaitSemaphores(VkDevice d,
                                             const VkSemaphoreWaitInfo *i,
                                             uint64_t timeout) {
  VkResult result = real_WaitSemaphores(d, i, timeout);
  return fails("vkWaitSemaphores") ? fault_result : result;
}

static PFN_vkVoidFunction replace(const char *name, PFN_vkVoidFunction real) {
#define TRY(function)                                                          \
  if (strcmp(name, "vk" #function) == 0) {                                     \
    real_##function = (PFN_vk##function)real;                                  \
    return (PFN_vkVoidFunction)my_##function;                                  \
  }
  TRY(CreateBuffer)
  TRY(GetPhysicalDeviceMemoryProperties)
  TRY(GetBufferMemoryRequirements)
  TRY(AllocateMemory)
  TRY(CreateSemaphore)
  TRY(CreateCommandPool)
  TRY(CreateShaderModule)
  TRY(CreatePipelineLayout)
  TRY(CreatePipelineCache)
  TRY(CreateComputePipelines)
  TRY(CreateDevice)
  TRY(DestroyBuffer)
  TRY(FreeMemory)
  TRY(DestroySemaphore)
  TRY(DestroyCommandPool)
  TRY(DestroyShaderModule)
  TRY(DestroyPipelineLayout)
  TRY(DestroyPipelineCache)
  TRY(DestroyPipeline)
  TRY(DestroyDevice)
  TRY(EnumeratePhysicalDevices)
  TRY(BindBufferMemory)
  TRY(MapMemory)
  TRY(AllocateCommandBuffers)
  TRY(BeginCommandBuffer)
  TRY(EndCommandBuffer)
  TRY(QueueSubmit)
  TRY(WaitSemaphores)
#undef TRY
  return real;
}

static PFN_vkGetDeviceProcAddr real_GetDeviceProcAddr;
static PFN_vkVoidFunction VKAPI_CALL my_GetDeviceProcAddr(VkDevice d,
                                                          const char *name) {
  return replace(name, real_GetDeviceProcAddr(d, name));
}

PFN_vkVoidFunction vkGetInstanceProcAddr(VkInstance i, const char *name) {
  static PFN_vkGetInstanceProcAddr real;
  if (!real) {
    void *library = dlopen(REAL_LOADER, RTLD_NOW | RTLD_LOCAL);
    void *symbol = library ? dlsym(library, "vkGetInstanceProcAddr") : NULL;
    if (!symbol)
      abort();
    memcpy(&real, &symbol, sizeof real);
  }
  if (strcmp(name, "vkGetDeviceProcAddr") == 0) {
    real_GetDeviceProcAddr = (PFN_vkGetDeviceProcAddr)real(i, name);
    return (PFN_vkVoidFunction)my_GetDeviceProcAddr;
  }
  return replace(name, real(i, name));
}
