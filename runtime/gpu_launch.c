/* The launcher inside every object with GPU code: opens the driver, loads the
 * kernel's code, launches. SPDX-License-Identifier: Apache-2.0 WITH
 * LLVM-exception */

/* This file becomes bitcode that serves every 64-bit Linux, so it passes plain
 * structures, pointers and integers only, and holds no type of libc whose size
 * differs between machines (pthread_mutex_t is one). */

/* For nanosleep under -std=c11. */
#define _POSIX_C_SOURCE 200809L

#include "gpu_launch.h"
#include "gpu_image.h"
#include "gpu_open.h"

#include <stdlib.h>
#include <time.h>

/* A kernel on one device. Entries are complete and constant once they are in
 * the list that starts at the kernel's state. */
struct loaded {
  struct smx_gpu_code code; /* first: its address is the entry's */
  enum vendor vendor;
  int device;
  const struct loaded *next;
  void *library; /* CUlibrary, hipModule_t */
  struct loaded_function {
    void *handle;          /* CUkernel, hipFunction_t */
    uint32_t shared_bytes; /* dynamic shared memory that a launch may ask for */
  } functions[];
};

/* ---- Loading ------------------------------------------------------------- */

static bool load_cuda_function(struct loaded *loaded, int32_t index,
                               const struct smx_gpu_function *function,
                               struct failure *failure) {
  struct loaded_function *result = &loaded->functions[index];
  int device = loaded->device, limit = 0, used = 0;
  void *loads_now;
  /* The driver loads a function into a context at its first use there, which
   * is to happen here and not in a launch: it allocates. */
  if (!CUDA(cuLibraryGetKernel, &result->handle, loaded->library,
            function->name) ||
      !CUDA(cuKernelGetFunction, &loads_now, result->handle) ||
      !CUDA(cuDeviceGetAttribute, &limit, cuda_shared_bytes_optin, device) ||
      !CUDA(cuKernelGetAttribute, &used, cuda_static_shared_bytes,
            result->handle, device))
    return false;
  result->shared_bytes = limit > used ? (uint32_t)(limit - used) : 0;
  if (function->shared_bytes < result->shared_bytes)
    result->shared_bytes = function->shared_bytes;
  if (result->shared_bytes + (uint32_t)used > cuda_plain_shared_bytes &&
      !CUDA(cuKernelSetAttribute, cuda_dynamic_shared_bytes,
            (int)result->shared_bytes, result->handle, device))
    return false;
  return function->cluster <= cuda_portable_cluster ||
         CUDA(cuKernelSetAttribute, cuda_nonportable_cluster, 1, result->handle,
              device);
}

static bool load_hip_function(struct loaded *loaded, int32_t index,
                              const struct smx_gpu_function *function,
                              struct failure *failure) {
  loaded->functions[index].shared_bytes = function->shared_bytes;
  return HIP(hipModuleGetFunction, &loaded->functions[index].handle,
             loaded->library, function->name);
}

/* Fills the library and the functions of `loaded`. */
static bool load_code(const struct smx_gpu_kernel *kernel,
                      struct loaded *loaded, struct failure *failure) {
  const struct smx_gpu_image *image = &kernel->images[loaded->code.image];
  bool is_cuda = loaded->vendor == cuda_vendor;
  /* A CUDA library serves all devices. */
  if (is_cuda)
    for (const struct loaded *other = loaded->next; other; other = other->next)
      if (other->code.image == loaded->code.image)
        loaded->library = other->library;
  bool owns = !loaded->library;
  bool done = !owns ||
              (is_cuda ? CUDA(cuLibraryLoadData, &loaded->library, image->data,
                              NULL, NULL, 0, NULL, NULL, 0)
                       : HIP(hipModuleLoadData, &loaded->library, image->data));
  if (!done)
    return false;
  for (int32_t i = 0; done && i < image->function_count; ++i)
    done = is_cuda
               ? load_cuda_function(loaded, i, &image->functions[i], failure)
               : load_hip_function(loaded, i, &image->functions[i], failure);
  if (!done && owns)
    (void)(is_cuda ? cuda.cuLibraryUnload(loaded->library)
                   : hip.hipModuleUnload(loaded->library));
  return done;
}

static const struct loaded *find(const struct loaded *list, int device) {
  while (list && list->device != device)
    list = list->next;
  return list;
}

/* Loads the kernel's code for a device and adds it to the list. */
static const struct loaded *load(struct smx_gpu_kernel *kernel,
                                 enum vendor vendor, int device,
                                 struct failure *failure) {
  int32_t image = choose_image(kernel, vendor, device, failure);
  if (image < 0)
    return NULL;
  size_t count = (size_t)kernel->images[image].function_count;
  struct loaded *loaded =
      calloc(1, sizeof *loaded + count * sizeof loaded->functions[0]);
  if (!loaded) {
    fail(failure, SMX_E_MEMORY, NULL, NULL);
    return NULL;
  }
  loaded->code.image = image;
  loaded->vendor = vendor;
  loaded->device = device;
  loaded->next = kernel->state;
  if (!load_code(kernel, loaded, failure)) {
    free(loaded);
    return NULL;
  }
  __atomic_store_n(&kernel->state, loaded, __ATOMIC_RELEASE);
  return loaded;
}

/* ---- Opening ------------------------------------------------------------- */

static bool find_cuda_device(void *stream, int *device,
                             struct failure *failure) {
  int error = cuda.cuCtxGetDevice(device);
  if (error != gpu_invalid_context)
    return check(failure, cuda_vendor, "cuCtxGetDevice", error);
  void *context;
  bool found = (uintptr_t)stream > cuda_stream_per_thread
                   ? CUDA(cuStreamGetCtx, stream, &context)
                   : CUDA(cuDevicePrimaryCtxRetain, &context, 0);
  return found && CUDA(cuCtxSetCurrent, context) &&
         CUDA(cuCtxGetDevice, device);
}

/* Guards the opening of drivers and the loading of code. */
static int lock;

static void lock_acquire(void) {
  while (__atomic_exchange_n(&lock, 1, __ATOMIC_ACQUIRE)) {
    /* Loading can take long: the driver may have PTX to compile. */
    struct timespec pause = {0, 50000};
    nanosleep(&pause, NULL);
  }
}

static void lock_release(void) { __atomic_store_n(&lock, 0, __ATOMIC_RELEASE); }

SLOW_PATH static int32_t open_slowly(struct smx_gpu_kernel *kernel,
                                     void *stream,
                                     const struct smx_gpu_code **code) {
  struct failure result = {0}, *failure = &result;
  const struct loaded *loaded = NULL;
  enum vendor vendor = cuda_vendor;
  lock_acquire();
  if (open_driver(kernel, &vendor, failure)) {
    int (*exchange_mode)(int *) = vendor == cuda_vendor
                                      ? cuda.cuThreadExchangeStreamCaptureMode
                                      : hip.hipThreadExchangeStreamCaptureMode;
    /* Allocates while this or another thread captures a stream. */
    int mode = vendor == cuda_vendor ? (int)cuda_capture_relaxed
                                     : (int)hip_capture_relaxed;
    int device = 0;
    bool exchanged = exchange_mode(&mode) == gpu_success;
    if (vendor == cuda_vendor ? find_cuda_device(stream, &device, failure)
                              : HIP(hipGetDevice, &device)) {
      loaded = find(kernel->state, device);
      if (!loaded)
        loaded = load(kernel, vendor, device, failure);
    }
    if (exchanged)
      (void)exchange_mode(&mode);
  }
  lock_release();
  if (!loaded)
    return report(kernel, failure);
  *code = &loaded->code;
  return SMX_OK;
}

int32_t smx_gpu_open(struct smx_gpu_kernel *kernel, void *stream,
                     const struct smx_gpu_code **code) {
  const struct loaded *list = __atomic_load_n(&kernel->state, __ATOMIC_ACQUIRE);
  int device;
  if (list && (list->vendor == cuda_vendor
                   ? cuda.cuCtxGetDevice(&device)
                   : hip.hipGetDevice(&device)) == gpu_success) {
    list = find(list, device);
    if (list) {
      *code = &list->code;
      return SMX_OK;
    }
  }
  return open_slowly(kernel, stream, code);
}

/* ---- Launching ----------------------------------------------------------- */

SLOW_PATH static int32_t refuse(const struct smx_gpu_kernel *kernel,
                                int32_t status, const char *what) {
  struct failure failure = {0};
  fail(&failure, status, what, "more than the device allows");
  return report(kernel, &failure);
}

SLOW_PATH static int32_t launch_failed(const struct smx_gpu_kernel *kernel,
                                       enum vendor vendor, const char *call,
                                       int error) {
  struct failure failure = {0};
  fail_call(&failure, vendor, call, error);
  return report(kernel, &failure);
}

int32_t smx_gpu_launch(const struct smx_gpu_kernel *kernel,
                       const struct smx_gpu_code *code, int32_t function,
                       const struct smx_gpu_grid *grid, void **arguments,
                       void *stream) {
  const struct loaded *loaded = (const struct loaded *)code;
  const struct loaded_function *called = &loaded->functions[function];
  if (grid->blocks_x == 0 || grid->blocks_y == 0)
    return SMX_OK;
  if (grid->blocks_x > INT32_MAX)
    return refuse(kernel, SMX_E_LIMIT, "blocks");
  if (grid->shared_bytes > called->shared_bytes)
    return refuse(kernel, SMX_E_LIMIT, "bytes of shared memory");

  if (loaded->vendor == hip_vendor) {
    if (grid->cluster > 1)
      return refuse(kernel, SMX_E_ARCH, "blocks of a cluster");
    /* HIP counts threads of a grid in 32 bits. */
    if (grid->blocks_x * grid->threads > UINT32_MAX)
      return refuse(kernel, SMX_E_LIMIT, "threads");
    int error = hip.hipModuleLaunchKernel(
        called->handle, (unsigned)grid->blocks_x, grid->blocks_y, 1,
        grid->threads, 1, 1, grid->shared_bytes, stream, arguments, NULL);
    return error == gpu_success ? SMX_OK
                                : launch_failed(kernel, hip_vendor,
                                                "hipModuleLaunchKernel", error);
  }

  struct cuda_launch_attribute cluster = {
      .id = cuda_attribute_cluster, .value.cluster = {grid->cluster, 1, 1}};
  struct cuda_launch_config config = {
      .grid = {(uint32_t)grid->blocks_x, grid->blocks_y, 1},
      .block = {grid->threads, 1, 1},
      .shared_bytes = grid->shared_bytes,
      .stream = stream,
      .attributes = &cluster,
      .attribute_count = grid->cluster > 1};
  /* A CUkernel in place of a CUfunction runs in the stream's context. */
  int error = cuda.cuLaunchKernelEx(&config, called->handle, arguments, NULL);
  return error == gpu_success
             ? SMX_OK
             : launch_failed(kernel, cuda_vendor, "cuLaunchKernelEx", error);
}
