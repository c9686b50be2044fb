/* Streams of a Vulkan device: a ring of command buffers on the one queue.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */

/* For pthread.h under -std=c11. */
#define _POSIX_C_SOURCE 200809L

#include "vulkan_device.h"

#include <stdlib.h>

enum { ring_size = 64 };

/* Submission number n, from 1, uses command buffer (n - 1) % ring_size, and
 * raises the timeline semaphore to n when it has run. */
struct smx_vulkan_stream {
  smx_vulkan_device *device;
  pthread_mutex_t lock;
  VkCommandPool pool;
  VkCommandBuffer ring[ring_size];
  VkSemaphore timeline;
  uint64_t submitted;
};

static VkResult create_objects(smx_vulkan_stream *stream, const char **call) {
  smx_vulkan_device *device = stream->device;
  VkSemaphoreTypeCreateInfo type = {
      .sType = VK_STRUCTURE_TYPE_SEMAPHORE_TYPE_CREATE_INFO,
      .semaphoreType = VK_SEMAPHORE_TYPE_TIMELINE,
  };
  VkSemaphoreCreateInfo semaphore = {
      .sType = VK_STRUCTURE_TYPE_SEMAPHORE_CREATE_INFO, .pNext = &type};
  *call = "vkCreateSemaphore";
  VkResult result = device->vk.CreateSemaphore(device->handle, &semaphore, NULL,
                                               &stream->timeline);
  if (result != VK_SUCCESS)
    return result;
  VkCommandPoolCreateInfo pool = {
      .sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO,
      .flags = VK_COMMAND_POOL_CREATE_RESET_COMMAND_BUFFER_BIT,
      .queueFamilyIndex = device->queue_family,
  };
  *call = "vkCreateCommandPool";
  result =
      device->vk.CreateCommandPool(device->handle, &pool, NULL, &stream->pool);
  if (result != VK_SUCCESS)
    return result;
  VkCommandBufferAllocateInfo ring = {
      .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
      .commandPool = stream->pool,
      .level = VK_COMMAND_BUFFER_LEVEL_PRIMARY,
      .commandBufferCount = ring_size,
  };
  *call = "vkAllocateCommandBuffers";
  return device->vk.AllocateCommandBuffers(device->handle, &ring, stream->ring);
}

static void destroy_objects(smx_vulkan_stream *stream) {
  smx_vulkan_device *device = stream->device;
  device->vk.DestroyCommandPool(device->handle, stream->pool, NULL);
  device->vk.DestroySemaphore(device->handle, stream->timeline, NULL);
  pthread_mutex_destroy(&stream->lock);
  free(stream);
}

int32_t smx_vulkan_stream_create(smx_vulkan_device *device,
                                 smx_vulkan_stream **created) {
  static const char function[] = "smx_vulkan_stream_create";
  if (!device || !created)
    return smx_failed(SMX_E_NULL, function, "'%s' is null",
                      device ? "stream" : "device");
  smx_vulkan_stream *stream = calloc(1, sizeof *stream);
  if (!stream)
    return smx_failed(SMX_E_MEMORY, function, "out of memory on the host");
  stream->device = device;
  pthread_mutex_init(&stream->lock, NULL);
  const char *call;
  VkResult result = create_objects(stream, &call);
  if (result != VK_SUCCESS) {
    destroy_objects(stream);
    return smx_vk_failed(result, function, call);
  }
  *created = stream;
  return SMX_OK;
}

smx_vulkan_device *smx_vk_stream_device(const smx_vulkan_stream *stream) {
  return stream->device;
}

/* Waits until submission number `value` has run. */
static VkResult wait_for(const smx_vulkan_stream *stream, uint64_t value) {
  smx_vulkan_device *device = stream->device;
  VkSemaphoreWaitInfo info = {
      .sType = VK_STRUCTURE_TYPE_SEMAPHORE_WAIT_INFO,
      .semaphoreCount = 1,
      .pSemaphores = &stream->timeline,
      .pValues = &value,
  };
  return device->vk.WaitSemaphores(device->handle, &info, UINT64_MAX);
}

void smx_vulkan_stream_destroy(smx_vulkan_stream *stream) {
  if (!stream)
    return;
  wait_for(stream, stream->submitted);
  destroy_objects(stream);
}

int32_t smx_vk_synchronize(smx_vulkan_stream *stream, const char *function) {
  /* Other threads may go on enqueueing while this one waits. */
  pthread_mutex_lock(&stream->lock);
  uint64_t value = stream->submitted;
  pthread_mutex_unlock(&stream->lock);
  VkResult result = wait_for(stream, value);
  if (result != VK_SUCCESS)
    return smx_vk_failed(result, function, "vkWaitSemaphores");
  return SMX_OK;
}

int32_t smx_vulkan_stream_synchronize(smx_vulkan_stream *stream) {
  static const char function[] = "smx_vulkan_stream_synchronize";
  if (!stream)
    return smx_failed(SMX_E_NULL, function, "'stream' is null");
  return smx_vk_synchronize(stream, function);
}

/* ---- Recording ----------------------------------------------------------- */

static void barrier(const smx_vulkan_device *device, VkCommandBuffer commands,
                    VkPipelineStageFlags stages, VkAccessFlags accesses) {
  VkMemoryBarrier memory = {
      .sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER,
      .srcAccessMask =
          VK_ACCESS_SHADER_WRITE_BIT | VK_ACCESS_TRANSFER_WRITE_BIT,
      .dstAccessMask = accesses,
  };
  device->vk.CmdPipelineBarrier(commands,
                                VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT |
                                    VK_PIPELINE_STAGE_TRANSFER_BIT,
                                stages, 0, 1, &memory, 0, NULL, 0, NULL);
}

int32_t smx_vk_begin(smx_vulkan_stream *stream, const char *function,
                     VkCommandBuffer *commands) {
  smx_vulkan_device *device = stream->device;
  pthread_mutex_lock(&stream->lock);
  const char *call = "vkWaitSemaphores";
  VkResult result = VK_SUCCESS;
  if (stream->submitted >= ring_size)
    result = wait_for(stream, stream->submitted - ring_size + 1);
  if (result == VK_SUCCESS) {
    *commands = stream->ring[stream->submitted % ring_size];
    VkCommandBufferBeginInfo info = {
        .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO,
        .flags = VK_COMMAND_BUFFER_USAGE_ONE_TIME_SUBMIT_BIT,
    };
    call = "vkBeginCommandBuffer";
    result = device->vk.BeginCommandBuffer(*commands, &info);
  }
  if (result != VK_SUCCESS) {
    pthread_mutex_unlock(&stream->lock);
    return smx_vk_failed(result, function, call);
  }
  barrier(device, *commands,
          VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT | VK_PIPELINE_STAGE_TRANSFER_BIT,
          VK_ACCESS_SHADER_READ_BIT | VK_ACCESS_SHADER_WRITE_BIT |
              VK_ACCESS_TRANSFER_READ_BIT | VK_ACCESS_TRANSFER_WRITE_BIT);
  return SMX_OK;
}

int32_t smx_vk_submit(smx_vulkan_stream *stream, const char *function,
                      VkCommandBuffer commands) {
  smx_vulkan_device *device = stream->device;
  /* A semaphore alone does not show the writes to the host. */
  barrier(device, commands, VK_PIPELINE_STAGE_HOST_BIT,
          VK_ACCESS_HOST_READ_BIT | VK_ACCESS_HOST_WRITE_BIT);
  const char *call = "vkEndCommandBuffer";
  VkResult result = device->vk.EndCommandBuffer(commands);
  if (result == VK_SUCCESS) {
    uint64_t value = stream->submitted + 1;
    VkTimelineSemaphoreSubmitInfo signal = {
        .sType = VK_STRUCTURE_TYPE_TIMELINE_SEMAPHORE_SUBMIT_INFO,
        .signalSemaphoreValueCount = 1,
        .pSignalSemaphoreValues = &value,
    };
    VkSubmitInfo info = {
        .sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
        .pNext = &signal,
        .commandBufferCount = 1,
        .pCommandBuffers = &commands,
        .signalSemaphoreCount = 1,
        .pSignalSemaphores = &stream->timeline,
    };
    call = "vkQueueSubmit";
    pthread_mutex_lock(&device->queue_lock);
    result = device->vk.QueueSubmit(device->queue, 1, &info, VK_NULL_HANDLE);
    pthread_mutex_unlock(&device->queue_lock);
    if (result == VK_SUCCESS)
      stream->submitted = value;
  }
  pthread_mutex_unlock(&stream->lock);
  return result == VK_SUCCESS ? SMX_OK : smx_vk_failed(result, function, call);
}
