/* The Vulkan interface of a library that was built without Vulkan's headers.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */

#include "failed.h"
#include "smx_vulkan.h"

static int32_t absent(const char *function) {
  return smx_failed(SMX_E_DRIVER, function,
                    "the runtime library was built without Vulkan");
}

int32_t smx_vulkan_count(int32_t *count) {
  (void)count;
  return absent("smx_vulkan_count");
}

int32_t smx_vulkan_open(int32_t index, smx_vulkan_device **device) {
  (void)index, (void)device;
  return absent("smx_vulkan_open");
}

void smx_vulkan_close(smx_vulkan_device *device) { (void)device; }

const char *smx_vulkan_device_name(const smx_vulkan_device *device) {
  (void)device;
  return "";
}

uint32_t smx_vulkan_device_features(const smx_vulkan_device *device) {
  (void)device;
  return 0;
}

int32_t smx_vulkan_alloc(smx_vulkan_device *device, uint64_t bytes,
                         void **address) {
  (void)device, (void)bytes, (void)address;
  return absent("smx_vulkan_alloc");
}

int32_t smx_vulkan_free(smx_vulkan_device *device, void *address) {
  (void)device, (void)address;
  return absent("smx_vulkan_free");
}

int32_t smx_vulkan_upload(smx_vulkan_device *device, void *to, const void *from,
                          uint64_t bytes) {
  (void)device, (void)to, (void)from, (void)bytes;
  return absent("smx_vulkan_upload");
}

int32_t smx_vulkan_download(smx_vulkan_device *device, void *to,
                            const void *from, uint64_t bytes) {
  (void)device, (void)to, (void)from, (void)bytes;
  return absent("smx_vulkan_download");
}

int32_t smx_vulkan_stream_create(smx_vulkan_device *device,
                                 smx_vulkan_stream **stream) {
  (void)device, (void)stream;
  return absent("smx_vulkan_stream_create");
}

void smx_vulkan_stream_destroy(smx_vulkan_stream *stream) { (void)stream; }

int32_t smx_vulkan_stream_synchronize(smx_vulkan_stream *stream) {
  (void)stream;
  return absent("smx_vulkan_stream_synchronize");
}

int32_t smx_vulkan_launch(smx_vulkan_stream *stream,
                          const smx_vulkan_program *program, const char *entry,
                          const uint64_t groups[3], const void *push,
                          uint32_t push_bytes) {
  (void)stream, (void)program, (void)entry, (void)groups;
  (void)push, (void)push_bytes;
  return absent("smx_vulkan_launch");
}
