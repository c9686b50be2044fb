/* The parts of the CUDA driver API and of HIP that the launcher calls, declared
 * without their headers. SPDX-License-Identifier: Apache-2.0 WITH
 * LLVM-exception
 */

#ifndef SMX_GPU_DRIVER_H
#define SMX_GPU_DRIVER_H

#include <stddef.h>
#include <stdint.h>

/* Handles are void *, enumerations int; both have these sizes in the C ABI of
 * every 64-bit Linux. A symbol that cuda.h renames to a later version of itself
 * is spelled here as the library exports it; none of these is renamed in the
 * headers of CUDA 12.0 to 13.0. */

enum {
  cuda_stream_legacy = 1, /* CU_STREAM_LEGACY; not a pointer */
  cuda_stream_per_thread = 2,
  cuda_capture_relaxed = 2,          /* CU_STREAM_CAPTURE_MODE_RELAXED */
  cuda_shared_bytes_optin = 97,      /* CU_DEVICE_ATTRIBUTE_MAX_SHARED_... */
  cuda_capability_major = 75,        /* CU_DEVICE_ATTRIBUTE_COMPUTE_... */
  cuda_capability_minor = 76,        /* the same */
  cuda_static_shared_bytes = 1,      /* CU_FUNC_ATTRIBUTE_SHARED_SIZE_BYTES */
  cuda_dynamic_shared_bytes = 8,     /* CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_... */
  cuda_nonportable_cluster = 14,     /* CU_FUNC_ATTRIBUTE_NON_PORTABLE_... */
  cuda_attribute_cluster = 4,        /* CU_LAUNCH_ATTRIBUTE_CLUSTER_DIMENSION */
  cuda_portable_cluster = 8,         /* what every device with clusters runs */
  cuda_plain_shared_bytes = 48 << 10 /* allowed without the attribute */
};

/* CUlaunchAttribute */
struct cuda_launch_attribute {
  int32_t id;
  int32_t padding;
  union {
    char bytes[64];
    uint32_t cluster[3];
  } value;
};

/* CUlaunchConfig */
struct cuda_launch_config {
  uint32_t grid[3];
  uint32_t block[3];
  uint32_t shared_bytes;
  void *stream;
  struct cuda_launch_attribute *attributes;
  uint32_t attribute_count;
};

#define CUDA_FUNCTIONS(X)                                                      \
  X(int, cuInit, (unsigned flags))                                             \
  X(int, cuDeviceGetCount, (int *count))                                       \
  X(int, cuGetErrorName, (int error, const char **name))                       \
  X(int, cuCtxGetDevice, (int *device))                                        \
  X(int, cuCtxSetCurrent, (void *context))                                     \
  X(int, cuStreamGetCtx, (void *stream, void **context))                       \
  X(int, cuDevicePrimaryCtxRetain, (void **context, int device))               \
  X(int, cuDeviceGetAttribute, (int *value, int attribute, int device))        \
  X(int, cuThreadExchangeStreamCaptureMode, (int *mode))                       \
  X(int, cuLibraryLoadData,                                                    \
    (void **library, const void *data, int *jit_options, void **jit_values,    \
     unsigned jit_count, int *options, void **values, unsigned count))         \
  X(int, cuLibraryUnload, (void *library))                                     \
  X(int, cuLibraryGetKernel, (void **kernel, void *library, const char *name)) \
  X(int, cuKernelGetFunction, (void **function, void *kernel))                 \
  X(int, cuKernelGetAttribute,                                                 \
    (int *value, int attribute, void *kernel, int device))                     \
  X(int, cuKernelSetAttribute,                                                 \
    (int attribute, int value, void *kernel, int device))                      \
  X(int, cuLaunchKernelEx,                                                     \
    (const struct cuda_launch_config *config, void *function,                  \
     void **arguments, void **extra))

enum {
  hip_capture_relaxed = 2, /* hipStreamCaptureModeRelaxed */
};

/* hipDeviceProp_tR0600, of which only the name of the architecture is read. The
 * structure is versioned by the name of the function that fills it. */
union hip_properties {
  char bytes[1472];
  struct {
    char before[1160];
    char architecture[256]; /* gcnArchName: "gfx942:sramecc+:xnack-" */
  } named;
  uint64_t alignment;
};

#define HIP_FUNCTIONS(X)                                                       \
  X(int, hipInit, (unsigned flags))                                            \
  X(int, hipGetDeviceCount, (int *count))                                      \
  X(int, hipGetDevice, (int *device))                                          \
  X(int, hipGetDevicePropertiesR0600,                                          \
    (union hip_properties * properties, int device))                           \
  X(int, hipThreadExchangeStreamCaptureMode, (int *mode))                      \
  X(int, hipModuleLoadData, (void **module, const void *data))                 \
  X(int, hipModuleUnload, (void *module))                                      \
  X(int, hipModuleGetFunction,                                                 \
    (void **function, void *module, const char *name))                         \
  X(int, hipModuleLaunchKernel,                                                \
    (void *function, unsigned grid_x, unsigned grid_y, unsigned grid_z,        \
     unsigned block_x, unsigned block_y, unsigned block_z,                     \
     unsigned shared_bytes, void *stream, void **arguments, void **extra))     \
  X(const char *, hipGetErrorName, (int error))

/* Errors have the same numbers in both, as far as they are told apart. */
enum {
  gpu_success = 0,
  gpu_out_of_memory = 2,
  gpu_not_initialized = 3,
  gpu_deinitialized = 4,
  gpu_invalid_configuration = 9, /* HIP */
  gpu_stub_library = 34,
  gpu_insufficient_driver = 35, /* HIP */
  gpu_newer_driver_needed = 36,
  gpu_device_unavailable = 46,
  gpu_no_device = 100,
  gpu_invalid_device = 101,
  gpu_invalid_image = 200,
  gpu_invalid_context = 201,
  gpu_no_binary = 209,
  gpu_invalid_ptx = 218,
  gpu_no_jit_compiler = 221,
  gpu_unsupported_ptx = 222,
  gpu_jit_disabled = 223,
  gpu_invalid_source = 300,
  gpu_not_found = 500,
  gpu_out_of_resources = 701,
  gpu_context_destroyed = 709,
  gpu_not_supported = 801,
  gpu_system_not_ready = 802,
  gpu_driver_mismatch = 803,
  gpu_compat_not_supported = 804,
  gpu_invalid_cluster_size = 912
};

#endif /* SMX_GPU_DRIVER_H */
