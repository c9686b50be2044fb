/* A libcuda.so.1 that writes down what it is asked, for tests of the launcher.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */

#include "Fake.h"

#include "runtime/gpu_driver.h"

/* A context is the address of its device's element; a thread has one. */
static char contexts[16];
static _Thread_local char *current;
static _Thread_local int started;

/* FAKE_STATIC is the static shared memory of every kernel. */
static int static_shared_bytes(void) {
  const char *bytes = getenv("FAKE_STATIC");
  return bytes ? atoi(bytes) : 0;
}

int cuInit(unsigned flags) {
  FAIL_IF_TOLD();
  (void)flags;
  return fake_device_count() > 0 ? 0 : gpu_no_device;
}

int cuDeviceGetCount(int *count) {
  FAIL_IF_TOLD();
  *count = fake_device_count();
  return 0;
}

int cuGetErrorName(int error, const char **name) {
  static _Thread_local char text[32];
  snprintf(text, sizeof text, "CUDA_ERROR_%d", error);
  *name = text;
  return 0;
}

int cuCtxGetDevice(int *device) {
  FAIL_IF_TOLD();
  if (!started) {
    started = 1;
    const char *first = getenv("FAKE_CONTEXT");
    if (first)
      current = &contexts[atoi(first)];
  }
  if (!current)
    return gpu_invalid_context;
  *device = (int)(current - contexts);
  return 0;
}

int cuCtxSetCurrent(void *context) {
  FAIL_IF_TOLD();
  started = 1;
  current = context;
  return 0;
}

/* A stream of device N is the number 256 + N. */
int cuStreamGetCtx(void *stream, void **context) {
  FAIL_IF_TOLD();
  fake_log("cuStreamGetCtx\n");
  *context = &contexts[(size_t)stream - 256];
  return 0;
}

int cuDevicePrimaryCtxRetain(void **context, int device) {
  FAIL_IF_TOLD();
  FAIL_IF_CAPTURED();
  fake_log("cuDevicePrimaryCtxRetain %d\n", device);
  *context = &contexts[device];
  return 0;
}

int cuDeviceGetAttribute(int *value, int attribute, int device) {
  FAIL_IF_TOLD();
  size_t length;
  const char *word = fake_device(device, &length);
  if (!word)
    return gpu_invalid_device;
  int capability = atoi(word);
  switch (attribute) {
  case cuda_capability_major:
    *value = capability / 10;
    return 0;
  case cuda_capability_minor:
    *value = capability % 10;
    return 0;
  case cuda_shared_bytes_optin:
    *value = (capability >= 90 ? 227 : capability == 80 ? 163 : 99) << 10;
    return 0;
  }
  return 1;
}

int cuThreadExchangeStreamCaptureMode(int *mode) {
  FAIL_IF_TOLD();
  int before = fake_mode;
  fake_mode = *mode;
  *mode = before;
  return 0;
}

/* A library is the data that it was loaded from; a kernel is its name. */
int cuLibraryLoadData(void **library, const void *data, int *jit_options,
                      void **jit_values, unsigned jit_count, int *options,
                      void **values, unsigned count) {
  FAIL_IF_TOLD();
  FAIL_IF_CAPTURED();
  if (jit_options || jit_values || jit_count || options || values || count)
    return 1;
  ++loads;
  fake_log("load %s\n", (const char *)data);
  *library = handle(data);
  return 0;
}

int cuLibraryUnload(void *library) {
  fake_log("unload %s\n", (const char *)library);
  return 0;
}

int cuLibraryGetKernel(void **kernel, void *library, const char *name) {
  FAIL_IF_TOLD();
  FAIL_IF_CAPTURED();
  (void)library;
  *kernel = handle(name);
  return 0;
}

int cuKernelGetFunction(void **function, void *kernel) {
  FAIL_IF_TOLD();
  FAIL_IF_CAPTURED();
  if (!current)
    return gpu_invalid_context;
  *function = kernel;
  return 0;
}

int cuKernelGetAttribute(int *value, int attribute, void *kernel, int device) {
  FAIL_IF_TOLD();
  (void)kernel;
  (void)device;
  if (attribute != cuda_static_shared_bytes)
    return 1;
  *value = static_shared_bytes();
  return 0;
}

int cuKernelSetAttribute(int attribute, int value, void *kernel, int device) {
  FAIL_IF_TOLD();
  FAIL_IF_CAPTURED();
  int limit = 0;
  cuDeviceGetAttribute(&limit, cuda_shared_bytes_optin, device);
  if (attribute == cuda_dynamic_shared_bytes) {
    if (value + static_shared_bytes() > limit)
      return 1;
    fake_log("set %s shared=%d device=%d\n", (const char *)kernel, value,
             device);
  } else if (attribute == cuda_nonportable_cluster) {
    fake_log("set %s nonportable=%d device=%d\n", (const char *)kernel, value,
             device);
  } else {
    return 1;
  }
  return 0;
}

int cuLaunchKernelEx(const struct cuda_launch_config *config, void *function,
                     void **arguments, void **extra) {
  FAIL_IF_TOLD();
  if (extra)
    return 1;
  ++launches;
  if (getenv("FAKE_QUIET"))
    return 0;
  fake_log("launch %s grid=%u,%u,%u block=%u,%u,%u", (const char *)function,
           config->grid[0], config->grid[1], config->grid[2], config->block[0],
           config->block[1], config->block[2]);
  fake_log(" shared=%u stream=%zu mode=%d", config->shared_bytes,
           (size_t)config->stream, fake_mode);
  for (unsigned i = 0; i < config->attribute_count; ++i) {
    const struct cuda_launch_attribute *attribute = &config->attributes[i];
    const unsigned *cluster = attribute->value.cluster;
    fake_log(" attribute=%d:%u,%u,%u", attribute->id, cluster[0], cluster[1],
             cluster[2]);
  }
  if (arguments)
    fake_log_arguments(arguments);
  fake_log("\n");
  return 0;
}
