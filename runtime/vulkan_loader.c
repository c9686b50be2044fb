/* Opens the Vulkan loader, makes the process's instance, names its errors.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */

/* For pthread.h and dlfcn.h under -std=c11. */
#define _POSIX_C_SOURCE 200809L

#include "vulkan_device.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

static struct smx_vk_instance instance;
/* Why there is no instance; "" when there is one. */
static char load_error[128];

static VkResult create_instance(PFN_vkGetInstanceProcAddr get) {
  PFN_vkCreateInstance create =
      (PFN_vkCreateInstance)get(NULL, "vkCreateInstance");
  if (!create)
    return VK_ERROR_INITIALIZATION_FAILED;
  VkApplicationInfo application = {
      .sType = VK_STRUCTURE_TYPE_APPLICATION_INFO,
      .pEngineName = "softmax-mlir",
      .apiVersion = VK_API_VERSION_1_3,
  };
  VkInstanceCreateInfo info = {
      .sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO,
      .pApplicationInfo = &application,
  };
  VkResult result = create(&info, NULL, &instance.handle);
  if (result != VK_SUCCESS)
    return result;
#define LOAD(name)                                                             \
  instance.name = (PFN_vk##name)get(instance.handle, "vk" #name);              \
  if (!instance.name)                                                          \
    return VK_ERROR_INCOMPATIBLE_DRIVER;
  SMX_VK_INSTANCE_FUNCTIONS(LOAD)
#undef LOAD
  return VK_SUCCESS;
}

static void load(void) {
  void *library = dlopen("libvulkan.so.1", RTLD_NOW | RTLD_LOCAL);
  if (!library) {
    snprintf(load_error, sizeof load_error, "%s", dlerror());
    return;
  }
  PFN_vkGetInstanceProcAddr get;
  void *symbol = dlsym(library, "vkGetInstanceProcAddr");
  /* C has no conversion from an object pointer to a function pointer. */
  memcpy(&get, &symbol, sizeof get);
  VkResult result = get ? create_instance(get) : VK_ERROR_INCOMPATIBLE_DRIVER;
  if (result == VK_ERROR_INCOMPATIBLE_DRIVER)
    snprintf(load_error, sizeof load_error,
             "the Vulkan loader has no driver, or it is too old");
  else if (result != VK_SUCCESS)
    snprintf(load_error, sizeof load_error, "vkCreateInstance failed (%d)",
             (int)result);
}

int32_t smx_vk_load(const char *function,
                    const struct smx_vk_instance **loaded) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, load);
  if (*load_error)
    return smx_failed(SMX_E_DRIVER, function, "%s", load_error);
  *loaded = &instance;
  return SMX_OK;
}

int32_t smx_vk_failed(VkResult result, const char *function, const char *call) {
  static const struct {
    VkResult result;
    const char *name;
    int32_t status;
  } results[] = {
      {VK_ERROR_OUT_OF_HOST_MEMORY, "VK_ERROR_OUT_OF_HOST_MEMORY",
       SMX_E_MEMORY},
      {VK_ERROR_OUT_OF_DEVICE_MEMORY, "VK_ERROR_OUT_OF_DEVICE_MEMORY",
       SMX_E_MEMORY},
      {VK_ERROR_MEMORY_MAP_FAILED, "VK_ERROR_MEMORY_MAP_FAILED", SMX_E_MEMORY},
      {VK_ERROR_TOO_MANY_OBJECTS, "VK_ERROR_TOO_MANY_OBJECTS", SMX_E_LIMIT},
      {VK_ERROR_DEVICE_LOST, "VK_ERROR_DEVICE_LOST", SMX_E_DEVICE},
      {VK_ERROR_FEATURE_NOT_PRESENT, "VK_ERROR_FEATURE_NOT_PRESENT",
       SMX_E_ARCH},
      {VK_ERROR_INITIALIZATION_FAILED, "VK_ERROR_INITIALIZATION_FAILED",
       SMX_E_DRIVER},
      {VK_ERROR_INCOMPATIBLE_DRIVER, "VK_ERROR_INCOMPATIBLE_DRIVER",
       SMX_E_DRIVER},
  };
  for (size_t i = 0; i < sizeof results / sizeof results[0]; ++i)
    if (results[i].result == result)
      return smx_failed(results[i].status, function, "%s returned %s", call,
                        results[i].name);
  return smx_failed(SMX_E_LAUNCH, function, "%s returned VkResult %d", call,
                    (int)result);
}
