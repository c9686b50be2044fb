/* A libamdhip64 that writes down what it is asked, for tests of the launcher.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */

#include "Fake.h"

#include "runtime/gpu_driver.h"

static _Thread_local int current;

int hipInit(unsigned flags) {
  FAIL_IF_TOLD();
  (void)flags;
  return 0;
}

int hipGetDeviceCount(int *count) {
  FAIL_IF_TOLD();
  *count = fake_device_count();
  return *count > 0 ? 0 : gpu_no_device;
}

int hipGetDevice(int *device) {
  FAIL_IF_TOLD();
  *device = current;
  return 0;
}

int hipSetDevice(int device) {
  current = device;
  return 0;
}

int hipGetDevicePropertiesR0600(union hip_properties *properties, int device) {
  FAIL_IF_TOLD();
  size_t length;
  const char *word = fake_device(device, &length);
  if (!word)
    return gpu_invalid_device;
  memset(properties, 0, sizeof *properties);
  memcpy(properties->bytes + 1160, word, length);
  return 0;
}

int hipThreadExchangeStreamCaptureMode(int *mode) {
  FAIL_IF_TOLD();
  int before = fake_mode;
  fake_mode = *mode;
  *mode = before;
  return 0;
}

/* A module is the data that it was loaded from; a function is its name. */
int hipModuleLoadData(void **module, const void *data) {
  FAIL_IF_TOLD();
  FAIL_IF_CAPTURED();
  ++loads;
  fake_log("load %s\n", (const char *)data);
  *module = handle(data);
  return 0;
}

int hipModuleUnload(void *module) {
  fake_log("unload %s\n", (const char *)module);
  return 0;
}

int hipModuleGetFunction(void **function, void *module, const char *name) {
  FAIL_IF_TOLD();
  (void)module;
  *function = handle(name);
  return 0;
}

int hipModuleLaunchKernel(void *function, unsigned grid_x, unsigned grid_y,
                          unsigned grid_z, unsigned block_x, unsigned block_y,
                          unsigned block_z, unsigned shared_bytes, void *stream,
                          void **arguments, void **extra) {
  FAIL_IF_TOLD();
  if (extra)
    return 1;
  ++launches;
  fake_log("launch %s grid=%u,%u,%u block=%u,%u,%u", (const char *)function,
           grid_x, grid_y, grid_z, block_x, block_y, block_z);
  fake_log(" shared=%u stream=%zu mode=%d", shared_bytes, (size_t)stream,
           fake_mode);
  fake_log_arguments(arguments);
  fake_log("\n");
  return 0;
}

const char *hipGetErrorName(int error) {
  static _Thread_local char text[32];
  snprintf(text, sizeof text, "hipError%d", error);
  return text;
}
