/* What the sources of the Vulkan part share; private to the runtime.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */

#ifndef SMX_VULKAN_DEVICE_H
#define SMX_VULKAN_DEVICE_H

#include "failed.h"
#include "smx_vulkan.h"

/* Everything is called through pointers that the loader gives. */
#define VK_NO_PROTOTYPES
#include <vulkan/vulkan_core.h>

#include <pthread.h>
#include <stddef.h>

/* Only names of smx_vulkan.h are seen outside of a shared object that this
 * library becomes a part of. */
#pragma GCC visibility push(hidden)

/* ---- Functions of the driver (vulkan_loader.c) ---------------------------*/

#define SMX_VK_INSTANCE_FUNCTIONS(X)                                           \
  X(EnumeratePhysicalDevices)                                                  \
  X(GetPhysicalDeviceProperties2)                                              \
  X(GetPhysicalDeviceFeatures2)                                                \
  X(GetPhysicalDeviceMemoryProperties)                                         \
  X(GetPhysicalDeviceQueueFamilyProperties)                                    \
  X(CreateDevice)                                                              \
  X(GetDeviceProcAddr)

#define SMX_VK_DEVICE_FUNCTIONS(X)                                             \
  X(DestroyDevice)                                                             \
  X(DeviceWaitIdle)                                                            \
  X(GetDeviceQueue)                                                            \
  X(QueueSubmit)                                                               \
  X(CreateBuffer)                                                              \
  X(DestroyBuffer)                                                             \
  X(GetBufferMemoryRequirements)                                               \
  X(GetBufferDeviceAddress)                                                    \
  X(AllocateMemory)                                                            \
  X(FreeMemory)                                                                \
  X(BindBufferMemory)                                                          \
  X(MapMemory)                                                                 \
  X(CreateSemaphore)                                                           \
  X(DestroySemaphore)                                                          \
  X(WaitSemaphores)                                                            \
  X(CreateCommandPool)                                                         \
  X(DestroyCommandPool)                                                        \
  X(AllocateCommandBuffers)                                                    \
  X(BeginCommandBuffer)                                                        \
  X(EndCommandBuffer)                                                          \
  X(CmdPipelineBarrier)                                                        \
  X(CmdCopyBuffer)                                                             \
  X(CmdBindPipeline)                                                           \
  X(CmdPushConstants)                                                          \
  X(CmdDispatch)                                                               \
  X(CreateShaderModule)                                                        \
  X(DestroyShaderModule)                                                       \
  X(CreatePipelineLayout)                                                      \
  X(DestroyPipelineLayout)                                                     \
  X(CreatePipelineCache)                                                       \
  X(DestroyPipelineCache)                                                      \
  X(CreateComputePipelines)                                                    \
  X(DestroyPipeline)

#define SMX_VK_MEMBER(name) PFN_vk##name name;

/* The process's instance: created at first use, and kept. */
struct smx_vk_instance {
  VkInstance handle;
  SMX_VK_INSTANCE_FUNCTIONS(SMX_VK_MEMBER)
};

struct smx_vk_functions {
  SMX_VK_DEVICE_FUNCTIONS(SMX_VK_MEMBER)
};

/* Stores the instance, or reports SMX_E_DRIVER for `function`. */
int32_t smx_vk_load(const char *function,
                    const struct smx_vk_instance **instance);

/* Reports that the driver's function `call` returned `result`, for `function`;
 * gives the status code that fits. */
int32_t smx_vk_failed(VkResult result, const char *function, const char *call);

/* ---- Device --------------------------------------------------------------*/

/* A buffer with memory of its own. `mapped` is null where the host cannot see
 * it. */
struct smx_vk_buffer {
  VkBuffer handle;
  VkDeviceMemory memory;
  VkDeviceAddress address;
  uint64_t bytes;
  char *mapped;
};

struct smx_vk_pipeline {
  struct smx_vk_pipeline *next;
  const smx_vulkan_program *program;
  VkPipeline handle;
  char entry[];
};

enum { smx_vk_pipeline_buckets = 64 };

struct smx_vulkan_device {
  VkDevice handle;
  struct smx_vk_functions vk;
  VkPhysicalDeviceMemoryProperties memory;
  VkPhysicalDeviceLimits limits;
  uint64_t max_allocation; /* bytes */
  uint32_t api_version;
  uint32_t features;
  uint32_t queue_family;
  int unified; /* allocations are visible to the host */
  char name[VK_MAX_PHYSICAL_DEVICE_NAME_SIZE];

  pthread_mutex_t queue_lock;
  VkQueue queue;

  /* Sorted by address. */
  pthread_mutex_t memory_lock;
  struct smx_vk_buffer *allocations;
  size_t allocation_count, allocation_capacity;

  /* Copies that the host cannot make itself, one at a time. Both are made by
   * the first such copy. */
  pthread_mutex_t copy_lock;
  smx_vulkan_stream *copies;
  struct smx_vk_buffer staging;

  pthread_mutex_t pipeline_lock;
  VkPipelineLayout layout;
  VkPipelineCache cache;
  struct smx_vk_pipeline *pipelines[smx_vk_pipeline_buckets];
};

/* ---- Memory (vulkan_memory.c) --------------------------------------------*/

void smx_vk_destroy_buffer(smx_vulkan_device *device,
                           struct smx_vk_buffer *buffer);

/* ---- Streams (vulkan_stream.c) -------------------------------------------*/

/* Holds the stream and stores its next command buffer, to be recorded and
 * handed to smx_vk_submit, which lets the stream go. After an error the stream
 * is not held. Commands see what earlier ones on the queue wrote. */
int32_t smx_vk_begin(smx_vulkan_stream *stream, const char *function,
                     VkCommandBuffer *commands);
int32_t smx_vk_submit(smx_vulkan_stream *stream, const char *function,
                      VkCommandBuffer commands);

int32_t smx_vk_synchronize(smx_vulkan_stream *stream, const char *function);

smx_vulkan_device *smx_vk_stream_device(const smx_vulkan_stream *stream);

/* ---- Programs (vulkan_program.c, vulkan_launch.c) ----------------------*/

/* The Vulkan name of the lowest of the feature bits. */
const char *smx_vk_feature_name(uint32_t features);

/* Reports what makes the program's entry point unfit for the device. */
int32_t smx_vk_check_program(const smx_vulkan_device *device,
                             const smx_vulkan_program *program,
                             const char *entry);

void smx_vk_destroy_pipelines(smx_vulkan_device *device);

#pragma GCC visibility pop

#endif /* SMX_VULKAN_DEVICE_H */
