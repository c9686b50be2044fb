/* Memory of a Vulkan device: allocations found by address, and copies.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */

/* For pthread.h under -std=c11. */
#define _POSIX_C_SOURCE 200809L

#include "vulkan_device.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* ---- Buffers ------------------------------------------------------------- */

/* The memory type that has all of the required properties and most of the
 * preferred ones; the first of equals, as drivers sort the best first. -1 when
 * there is none. */
static int find_memory_type(const smx_vulkan_device *device, uint32_t allowed,
                            VkMemoryPropertyFlags required,
                            VkMemoryPropertyFlags preferred) {
  int best = -1, best_score = -1;
  for (uint32_t i = 0; i < device->memory.memoryTypeCount; ++i) {
    VkMemoryPropertyFlags flags = device->memory.memoryTypes[i].propertyFlags;
    if (!(allowed & (1u << i)) || (flags & required) != required)
      continue;
    int score = 0;
    for (VkMemoryPropertyFlags bits = flags & preferred; bits; bits &= bits - 1)
      ++score;
    if (score > best_score) {
      best = (int)i;
      best_score = score;
    }
  }
  return best;
}

void smx_vk_destroy_buffer(smx_vulkan_device *device,
                           struct smx_vk_buffer *buffer) {
  /* Freeing memory unmaps it. */
  device->vk.DestroyBuffer(device->handle, buffer->handle, NULL);
  device->vk.FreeMemory(device->handle, buffer->memory, NULL);
  memset(buffer, 0, sizeof *buffer);
}

/* Allocates from the best memory type, and from the next best one when that is
 * exhausted: some integrated devices have a small heap of their own beside the
 * large one that they share. */
static VkResult allocate_memory(smx_vulkan_device *device,
                                const VkMemoryRequirements *needs,
                                int addressed, int host_visible,
                                struct smx_vk_buffer *buffer) {
  const VkMemoryPropertyFlags host = VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT |
                                     VK_MEMORY_PROPERTY_HOST_COHERENT_BIT,
                              local = VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT,
                              cached = VK_MEMORY_PROPERTY_HOST_CACHED_BIT;
  VkMemoryAllocateFlagsInfo flags = {
      .sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_FLAGS_INFO,
      .flags = VK_MEMORY_ALLOCATE_DEVICE_ADDRESS_BIT,
  };
  VkMemoryAllocateInfo info = {
      .sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO,
      .pNext = addressed ? &flags : NULL,
      .allocationSize = needs->size,
  };
  VkResult result = VK_ERROR_OUT_OF_DEVICE_MEMORY;
  uint32_t allowed = needs->memoryTypeBits;
  while (result == VK_ERROR_OUT_OF_DEVICE_MEMORY) {
    int type = host_visible
                   ? find_memory_type(device, allowed, host, local | cached)
                   : find_memory_type(device, allowed, local, 0);
    if (type < 0)
      break;
    info.memoryTypeIndex = (uint32_t)type;
    result =
        device->vk.AllocateMemory(device->handle, &info, NULL, &buffer->memory);
    allowed &= ~(1u << type);
  }
  return result;
}

static int32_t fill_buffer(smx_vulkan_device *device, const char *function,
                           VkBufferUsageFlags usage, int host_visible,
                           struct smx_vk_buffer *buffer) {
  VkBufferCreateInfo info = {
      .sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO,
      .size = buffer->bytes,
      .usage = usage,
      .sharingMode = VK_SHARING_MODE_EXCLUSIVE,
  };
  VkResult result =
      device->vk.CreateBuffer(device->handle, &info, NULL, &buffer->handle);
  if (result != VK_SUCCESS)
    return smx_vk_failed(result, function, "vkCreateBuffer");
  VkMemoryRequirements needs;
  device->vk.GetBufferMemoryRequirements(device->handle, buffer->handle,
                                         &needs);
  if (needs.size < buffer->bytes)
    return smx_failed(SMX_E_LIMIT, function,
                      "the driver cannot count %" PRIu64 " bytes",
                      buffer->bytes);
  int addressed = (usage & VK_BUFFER_USAGE_SHADER_DEVICE_ADDRESS_BIT) != 0;
  result = allocate_memory(device, &needs, addressed, host_visible, buffer);
  if (result != VK_SUCCESS)
    return smx_vk_failed(result, function, "vkAllocateMemory");
  result = device->vk.BindBufferMemory(device->handle, buffer->handle,
                                       buffer->memory, 0);
  if (result != VK_SUCCESS)
    return smx_vk_failed(result, function, "vkBindBufferMemory");
  if (host_visible) {
    void *mapped;
    result = device->vk.MapMemory(device->handle, buffer->memory, 0,
                                  VK_WHOLE_SIZE, 0, &mapped);
    if (result != VK_SUCCESS)
      return smx_vk_failed(result, function, "vkMapMemory");
    buffer->mapped = mapped;
  }
  if (addressed) {
    VkBufferDeviceAddressInfo address = {
        .sType = VK_STRUCTURE_TYPE_BUFFER_DEVICE_ADDRESS_INFO,
        .buffer = buffer->handle,
    };
    buffer->address =
        device->vk.GetBufferDeviceAddress(device->handle, &address);
  }
  return SMX_OK;
}

static int32_t create_buffer(smx_vulkan_device *device, const char *function,
                             uint64_t bytes, VkBufferUsageFlags usage,
                             int host_visible, struct smx_vk_buffer *buffer) {
  memset(buffer, 0, sizeof *buffer);
  buffer->bytes = bytes;
  int32_t status = fill_buffer(device, function, usage, host_visible, buffer);
  if (status != SMX_OK)
    smx_vk_destroy_buffer(device, buffer);
  return status;
}

/* ---- Allocations --------------------------------------------------------- */

/* The number of allocations that begin at or below `address`. */
static size_t count_up_to(const smx_vulkan_device *device,
                          VkDeviceAddress address) {
  size_t low = 0, high = device->allocation_count;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    if (device->allocations[middle].address <= address)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

static int grow_allocations(smx_vulkan_device *device) {
  if (device->allocation_count < device->allocation_capacity)
    return 1;
  size_t capacity = device->allocation_capacity * 2 + 16;
  struct smx_vk_buffer *grown =
      realloc(device->allocations, capacity * sizeof *grown);
  if (!grown)
    return 0;
  device->allocations = grown;
  device->allocation_capacity = capacity;
  return 1;
}

int32_t smx_vulkan_alloc(smx_vulkan_device *device, uint64_t bytes,
                         void **address) {
  static const char function[] = "smx_vulkan_alloc";
  if (!device || !address)
    return smx_failed(SMX_E_NULL, function, "'%s' is null",
                      device ? "address" : "device");
  if (bytes == 0) {
    *address = NULL;
    return SMX_OK;
  }
  if (bytes > device->max_allocation)
    return smx_failed(SMX_E_LIMIT, function,
                      "%" PRIu64 " bytes exceed the device's limit of %" PRIu64,
                      bytes, device->max_allocation);
  struct smx_vk_buffer buffer;
  int32_t status = create_buffer(device, function, bytes,
                                 VK_BUFFER_USAGE_STORAGE_BUFFER_BIT |
                                     VK_BUFFER_USAGE_SHADER_DEVICE_ADDRESS_BIT |
                                     VK_BUFFER_USAGE_TRANSFER_SRC_BIT |
                                     VK_BUFFER_USAGE_TRANSFER_DST_BIT,
                                 device->unified, &buffer);
  if (status != SMX_OK)
    return status;
  pthread_mutex_lock(&device->memory_lock);
  int grown = grow_allocations(device);
  if (grown) {
    size_t at = count_up_to(device, buffer.address);
    memmove(&device->allocations[at + 1], &device->allocations[at],
            (device->allocation_count - at) * sizeof buffer);
    device->allocations[at] = buffer;
    ++device->allocation_count;
  }
  pthread_mutex_unlock(&device->memory_lock);
  if (!grown) {
    smx_vk_destroy_buffer(device, &buffer);
    return smx_failed(SMX_E_MEMORY, function, "out of memory on the host");
  }
  *address = (void *)(uintptr_t)buffer.address;
  return SMX_OK;
}

int32_t smx_vulkan_free(smx_vulkan_device *device, void *address) {
  static const char function[] = "smx_vulkan_free";
  if (!device)
    return smx_failed(SMX_E_NULL, function, "'device' is null");
  if (!address)
    return SMX_OK;
  struct smx_vk_buffer buffer;
  pthread_mutex_lock(&device->memory_lock);
  size_t count = count_up_to(device, (uintptr_t)address);
  int found =
      count > 0 && device->allocations[count - 1].address == (uintptr_t)address;
  if (found) {
    buffer = device->allocations[count - 1];
    memmove(&device->allocations[count - 1], &device->allocations[count],
            (device->allocation_count - count) * sizeof buffer);
    --device->allocation_count;
  }
  pthread_mutex_unlock(&device->memory_lock);
  if (!found)
    return smx_failed(SMX_E_LIMIT, function,
                      "0x%" PRIxPTR " is not the address of an allocation",
                      (uintptr_t)address);
  smx_vk_destroy_buffer(device, &buffer);
  return SMX_OK;
}

/* ---- Copies -------------------------------------------------------------- */

/* Stores the buffer that holds the range, and where in it the range begins. */
static int32_t find_range(smx_vulkan_device *device, const char *function,
                          VkDeviceAddress address, uint64_t bytes,
                          struct smx_vk_buffer *buffer, uint64_t *offset) {
  pthread_mutex_lock(&device->memory_lock);
  size_t count = count_up_to(device, address);
  int found = 0;
  if (count > 0) {
    *buffer = device->allocations[count - 1];
    *offset = address - buffer->address;
    found = *offset <= buffer->bytes && bytes <= buffer->bytes - *offset;
  }
  pthread_mutex_unlock(&device->memory_lock);
  if (found)
    return SMX_OK;
  return smx_failed(SMX_E_LIMIT, function,
                    "%" PRIu64 " bytes at 0x%" PRIx64
                    " do not lie inside one allocation",
                    bytes, address);
}

enum { staging_bytes = 16 << 20 };

static int32_t prepare_copies(smx_vulkan_device *device, const char *function) {
  if (!device->copies) {
    int32_t status = smx_vulkan_stream_create(device, &device->copies);
    if (status != SMX_OK)
      return status;
  }
  if (!device->staging.handle)
    return create_buffer(device, function, staging_bytes,
                         VK_BUFFER_USAGE_TRANSFER_SRC_BIT |
                             VK_BUFFER_USAGE_TRANSFER_DST_BIT,
                         1, &device->staging);
  return SMX_OK;
}

/* Runs one copy between device buffers, and waits for it. */
static int32_t copy_on_device(smx_vulkan_device *device, const char *function,
                              VkBuffer from, VkBuffer to, VkBufferCopy range) {
  VkCommandBuffer commands;
  int32_t status = smx_vk_begin(device->copies, function, &commands);
  if (status != SMX_OK)
    return status;
  device->vk.CmdCopyBuffer(commands, from, to, 1, &range);
  status = smx_vk_submit(device->copies, function, commands);
  if (status != SMX_OK)
    return status;
  return smx_vk_synchronize(device->copies, function);
}

/* Copies between the host and a device buffer that it cannot see; one of
 * `upload` and `download` is null. */
static int32_t copy_staged(smx_vulkan_device *device, const char *function,
                           const struct smx_vk_buffer *buffer, uint64_t offset,
                           const char *upload, char *download, uint64_t bytes) {
  pthread_mutex_lock(&device->copy_lock);
  int32_t status = prepare_copies(device, function);
  struct smx_vk_buffer *staging = &device->staging;
  for (uint64_t done = 0; status == SMX_OK && done < bytes;) {
    uint64_t part = bytes - done;
    if (part > staging_bytes)
      part = staging_bytes;
    if (upload) {
      memcpy(staging->mapped, upload + done, part);
      status = copy_on_device(device, function, staging->handle, buffer->handle,
                              (VkBufferCopy){0, offset + done, part});
    } else {
      status = copy_on_device(device, function, buffer->handle, staging->handle,
                              (VkBufferCopy){offset + done, 0, part});
      if (status == SMX_OK)
        memcpy(download + done, staging->mapped, part);
    }
    done += part;
  }
  pthread_mutex_unlock(&device->copy_lock);
  return status;
}

int32_t smx_vulkan_upload(smx_vulkan_device *device, void *to, const void *from,
                          uint64_t bytes) {
  static const char function[] = "smx_vulkan_upload";
  if (!device || (bytes && (!to || !from)))
    return smx_failed(SMX_E_NULL, function, "'%s' is null",
                      !device ? "device" : (to ? "from" : "to"));
  if (bytes == 0)
    return SMX_OK;
  struct smx_vk_buffer buffer;
  uint64_t offset;
  int32_t status =
      find_range(device, function, (uintptr_t)to, bytes, &buffer, &offset);
  if (status != SMX_OK)
    return status;
  if (!buffer.mapped)
    return copy_staged(device, function, &buffer, offset, from, NULL, bytes);
  memcpy(buffer.mapped + offset, from, bytes);
  return SMX_OK;
}

int32_t smx_vulkan_download(smx_vulkan_device *device, void *to,
                            const void *from, uint64_t bytes) {
  static const char function[] = "smx_vulkan_download";
  if (!device || (bytes && (!to || !from)))
    return smx_failed(SMX_E_NULL, function, "'%s' is null",
                      !device ? "device" : (to ? "from" : "to"));
  if (bytes == 0)
    return SMX_OK;
  struct smx_vk_buffer buffer;
  uint64_t offset;
  int32_t status =
      find_range(device, function, (uintptr_t)from, bytes, &buffer, &offset);
  if (status != SMX_OK)
    return status;
  if (!buffer.mapped)
    return copy_staged(device, function, &buffer, offset, NULL, to, bytes);
  memcpy(to, buffer.mapped + offset, bytes);
  return SMX_OK;
}
