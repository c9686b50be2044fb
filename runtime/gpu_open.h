/* The launcher's drivers: opening them, and what their errors mean. A part of
 * gpu_launch.c. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */

#ifndef SMX_GPU_OPEN_H
#define SMX_GPU_OPEN_H

#include "gpu_driver.h"
#include "gpu_launch.h"
#include "smx.h"

#include <dlfcn.h>
#include <stdbool.h>
#include <string.h>

/* Weak, so that an object with GPU code links wherever its CPU kernel does;
 * before glibc 2.34 that is without dlopen, which gives SMX_E_DRIVER. */
#pragma weak dlopen
#pragma weak dlsym
#pragma weak smx_gpu_failed

#define SLOW_PATH __attribute__((cold, noinline))

enum vendor { cuda_vendor, hip_vendor };

/* Why a call failed. `call` is null where the status says it all; `detail` may
 * point at `text`. */
struct failure {
  int32_t status;
  const char *call;
  const char *detail;
  char text[32];
};

#define DECLARE(result, name, parameters) result(*name) parameters;
static struct {
  CUDA_FUNCTIONS(DECLARE)
} cuda;
static struct {
  HIP_FUNCTIONS(DECLARE)
} hip;

static bool fail(struct failure *failure, int32_t status, const char *call,
                 const char *detail) {
  failure->status = status;
  failure->call = call;
  failure->detail = detail;
  return false;
}

static int32_t report(const struct smx_gpu_kernel *kernel,
                      const struct failure *failure) {
  if (smx_gpu_failed)
    smx_gpu_failed(kernel->name, failure->status, failure->call,
                   failure->detail);
  return failure->status;
}

static int32_t status_of(int error) {
  switch (error) {
  case gpu_success:
    return SMX_OK;
  case gpu_not_initialized:
  case gpu_deinitialized:
  case gpu_stub_library:
  case gpu_insufficient_driver:
  case gpu_newer_driver_needed:
  case gpu_driver_mismatch:
  case gpu_compat_not_supported:
    return SMX_E_DRIVER;
  case gpu_device_unavailable:
  case gpu_no_device:
  case gpu_invalid_device:
  case gpu_invalid_context:
  case gpu_context_destroyed:
  case gpu_system_not_ready:
    return SMX_E_DEVICE;
  case gpu_invalid_image:
  case gpu_no_binary:
  case gpu_invalid_ptx:
  case gpu_no_jit_compiler:
  case gpu_unsupported_ptx:
  case gpu_jit_disabled:
  case gpu_invalid_source:
  case gpu_not_found:
  case gpu_not_supported:
    return SMX_E_ARCH;
  case gpu_out_of_memory:
    return SMX_E_MEMORY;
  case gpu_invalid_configuration:
  case gpu_out_of_resources:
  case gpu_invalid_cluster_size:
    return SMX_E_LIMIT;
  default:
    return SMX_E_LAUNCH;
  }
}

SLOW_PATH static bool fail_call(struct failure *failure, enum vendor vendor,
                                const char *call, int error) {
  const char *name = NULL;
  if (vendor == hip_vendor)
    name = hip.hipGetErrorName(error);
  else if (cuda.cuGetErrorName(error, &name) != gpu_success)
    name = NULL;
  return fail(failure, status_of(error), call, name);
}

/* A call of the driver: true, or false with the failure recorded. */
static bool check(struct failure *failure, enum vendor vendor, const char *call,
                  int error) {
  return error == gpu_success || fail_call(failure, vendor, call, error);
}
#define CUDA(call, ...)                                                        \
  check(failure, cuda_vendor, #call, cuda.call(__VA_ARGS__))
#define HIP(call, ...) check(failure, hip_vendor, #call, hip.call(__VA_ARGS__))

/* A library that the program has loaded already wins: PyTorch brings a HIP of
 * its own, and handles of one are nothing to another. */
static void *open_library(const char *const *names, int count,
                          struct failure *failure) {
  const int modes[] = {RTLD_NOW | RTLD_LOCAL | RTLD_NOLOAD,
                       RTLD_NOW | RTLD_LOCAL};
  for (int mode = 0; dlopen && dlsym && mode < 2; ++mode)
    for (int i = 0; i < count; ++i) {
      void *library = dlopen(names[i], modes[mode]);
      if (library)
        return library;
    }
  fail(failure, SMX_E_DRIVER, "dlopen", names[0]);
  return NULL;
}

static bool resolve(struct failure *failure, void *library, const char *name,
                    void *function) {
  void *address = dlsym(library, name);
  memcpy(function, &address, sizeof address);
  return address || fail(failure, SMX_E_DRIVER, "dlsym", name);
}

static bool open_cuda(struct failure *failure) {
  static const char *const names[] = {"libcuda.so.1"};
  void *library = open_library(names, 1, failure);
#define RESOLVE(result, name, parameters)                                      \
  &&resolve(failure, library, #name, &cuda.name)
  if (!(library CUDA_FUNCTIONS(RESOLVE)))
    return false;
#undef RESOLVE
  int count = 0;
  return CUDA(cuInit, 0) && CUDA(cuDeviceGetCount, &count) &&
         (count > 0 ||
          fail_call(failure, cuda_vendor, "cuDeviceGetCount", gpu_no_device));
}

static bool open_hip(struct failure *failure) {
  static const char *const names[] = {"libamdhip64.so.7", "libamdhip64.so.6",
                                      "libamdhip64.so"};
  void *library = open_library(names, 3, failure);
#define RESOLVE(result, name, parameters)                                      \
  &&resolve(failure, library, #name, &hip.name)
  if (!(library HIP_FUNCTIONS(RESOLVE)))
    return false;
#undef RESOLVE
  int count = 0;
  return HIP(hipInit, 0) && HIP(hipGetDeviceCount, &count) &&
         (count > 0 ||
          fail_call(failure, hip_vendor, "hipGetDeviceCount", gpu_no_device));
}

static enum vendor vendor_of(const struct smx_gpu_image *image) {
  return strncmp(image->target, "gfx", 3) == 0 ? hip_vendor : cuda_vendor;
}

/* The vendor whose driver runs the kernel. Of two failures the later code is
 * the more telling: a driver without a device before no driver. */
static bool open_driver(const struct smx_gpu_kernel *kernel,
                        enum vendor *vendor, struct failure *failure) {
  static struct {
    bool tried;
    struct failure failure;
  } drivers[2];
  bool wanted[2] = {false, false};
  for (int32_t i = 0; i < kernel->image_count; ++i)
    wanted[vendor_of(&kernel->images[i])] = true;
  for (int i = 0; i < 2; ++i) {
    if (!wanted[i])
      continue;
    struct failure *result = &drivers[i].failure;
    if (!drivers[i].tried) {
      drivers[i].tried = true;
      (void)(i == cuda_vendor ? open_cuda(result) : open_hip(result));
    }
    *vendor = (enum vendor)i;
    if (result->status == SMX_OK)
      return true;
    if (result->status > failure->status)
      *failure = *result;
  }
  if (failure->status == SMX_OK) /* no images at all */
    fail(failure, SMX_E_ARCH, NULL, NULL);
  return false;
}

#endif /* SMX_GPU_OPEN_H */
