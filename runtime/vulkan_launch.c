/* Launches kernels on a Vulkan stream, and keeps their pipelines.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */

/* For pthread.h under -std=c11. */
#define _POSIX_C_SOURCE 200809L

#include "vulkan_device.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* ---- Pipelines ----------------------------------------------------------- */

static int32_t create_pipeline(smx_vulkan_device *device,
                               const smx_vulkan_program *program,
                               const char *entry, VkPipeline *pipeline) {
  int32_t status = smx_vk_check_program(device, program, entry);
  if (status != SMX_OK)
    return status;
  VkShaderModuleCreateInfo module_info = {
      .sType = VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO,
      .codeSize = (size_t)program->bytes,
      .pCode = program->code,
  };
  VkShaderModule module;
  VkResult result = device->vk.CreateShaderModule(device->handle, &module_info,
                                                  NULL, &module);
  if (result != VK_SUCCESS)
    return smx_vk_failed(result, entry, "vkCreateShaderModule");
  VkComputePipelineCreateInfo info = {
      .sType = VK_STRUCTURE_TYPE_COMPUTE_PIPELINE_CREATE_INFO,
      .stage =
          {
              .sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO,
              .stage = VK_SHADER_STAGE_COMPUTE_BIT,
              .module = module,
              .pName = entry,
          },
      .layout = device->layout,
  };
  result = device->vk.CreateComputePipelines(device->handle, device->cache, 1,
                                             &info, NULL, pipeline);
  device->vk.DestroyShaderModule(device->handle, module, NULL);
  if (result != VK_SUCCESS)
    return smx_vk_failed(result, entry, "vkCreateComputePipelines");
  return SMX_OK;
}

static struct smx_vk_pipeline **
pipeline_bucket(smx_vulkan_device *device, const smx_vulkan_program *program) {
  /* Static data of that size begins at multiples of 8. */
  return &device->pipelines[(uintptr_t)program / 8 % smx_vk_pipeline_buckets];
}

/* The pipeline's own lock is held. */
static int32_t find_or_create(smx_vulkan_device *device,
                              const smx_vulkan_program *program,
                              const char *entry, VkPipeline *handle) {
  struct smx_vk_pipeline **bucket = pipeline_bucket(device, program);
  for (struct smx_vk_pipeline *p = *bucket; p; p = p->next)
    if (p->program == program && strcmp(p->entry, entry) == 0) {
      *handle = p->handle;
      return SMX_OK;
    }
  size_t length = strlen(entry) + 1;
  struct smx_vk_pipeline *pipeline = malloc(sizeof *pipeline + length);
  if (!pipeline)
    return smx_failed(SMX_E_MEMORY, entry, "out of memory on the host");
  int32_t status = create_pipeline(device, program, entry, &pipeline->handle);
  if (status != SMX_OK) {
    free(pipeline);
    return status;
  }
  pipeline->program = program;
  memcpy(pipeline->entry, entry, length);
  pipeline->next = *bucket;
  *bucket = pipeline;
  *handle = pipeline->handle;
  return SMX_OK;
}

void smx_vk_destroy_pipelines(smx_vulkan_device *device) {
  for (int i = 0; i < smx_vk_pipeline_buckets; ++i)
    while (device->pipelines[i]) {
      struct smx_vk_pipeline *pipeline = device->pipelines[i];
      device->pipelines[i] = pipeline->next;
      device->vk.DestroyPipeline(device->handle, pipeline->handle, NULL);
      free(pipeline);
    }
}

/* ---- Launch -------------------------------------------------------------- */

static int32_t check_launch(const smx_vulkan_device *device, const char *entry,
                            const uint64_t groups[3], uint32_t push_bytes) {
  if (push_bytes % 4 != 0)
    return smx_failed(
        SMX_E_INTERNAL, entry,
        "%" PRIu32 " bytes of push constants are no multiple of 4", push_bytes);
  if (push_bytes > device->limits.maxPushConstantsSize)
    return smx_failed(SMX_E_LIMIT, entry,
                      "%" PRIu32
                      " bytes of parameters exceed the device's %" PRIu32,
                      push_bytes, device->limits.maxPushConstantsSize);
  for (int i = 0; i < 3; ++i)
    if (groups[i] > device->limits.maxComputeWorkGroupCount[i])
      return smx_failed(
          SMX_E_LIMIT, entry,
          "%" PRIu64 " workgroups of axis %d exceed the device's %" PRIu32,
          groups[i], i, device->limits.maxComputeWorkGroupCount[i]);
  return SMX_OK;
}

int32_t smx_vulkan_launch(smx_vulkan_stream *stream,
                          const smx_vulkan_program *program, const char *entry,
                          const uint64_t groups[3], const void *push,
                          uint32_t push_bytes) {
  const char *missing = !stream               ? "stream"
                        : !program            ? "program"
                        : !entry              ? "entry"
                        : !groups             ? "groups"
                        : !push && push_bytes ? "push"
                                              : NULL;
  if (missing)
    return smx_failed(SMX_E_NULL, "smx_vulkan_launch", "'%s' is null", missing);
  smx_vulkan_device *device = smx_vk_stream_device(stream);
  int32_t status = check_launch(device, entry, groups, push_bytes);
  if (status != SMX_OK)
    return status;
  VkPipeline pipeline;
  pthread_mutex_lock(&device->pipeline_lock);
  status = find_or_create(device, program, entry, &pipeline);
  pthread_mutex_unlock(&device->pipeline_lock);
  if (status != SMX_OK)
    return status;
  if (groups[0] == 0 || groups[1] == 0 || groups[2] == 0)
    return SMX_OK;
  VkCommandBuffer commands;
  status = smx_vk_begin(stream, entry, &commands);
  if (status != SMX_OK)
    return status;
  device->vk.CmdBindPipeline(commands, VK_PIPELINE_BIND_POINT_COMPUTE,
                             pipeline);
  if (push_bytes)
    device->vk.CmdPushConstants(commands, device->layout,
                                VK_SHADER_STAGE_COMPUTE_BIT, 0, push_bytes,
                                push);
  device->vk.CmdDispatch(commands, (uint32_t)groups[0], (uint32_t)groups[1],
                         (uint32_t)groups[2]);
  return smx_vk_submit(stream, entry, commands);
}
