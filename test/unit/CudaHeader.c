/* Compiles where the declarations of runtime/gpu_driver.h are those of a CUDA
 * toolkit. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */

#include "runtime/gpu_driver.h"

#include <cuda.h>

#define SAME(a, b) _Static_assert((long)(a) == (long)(b), #a " is not " #b)

SAME(cuda_stream_legacy, CU_STREAM_LEGACY);
SAME(cuda_stream_per_thread, CU_STREAM_PER_THREAD);
SAME(cuda_capture_relaxed, CU_STREAM_CAPTURE_MODE_RELAXED);
SAME(cuda_shared_bytes_optin,
     CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN);
SAME(cuda_capability_major, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR);
SAME(cuda_capability_minor, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR);
SAME(cuda_static_shared_bytes, CU_FUNC_ATTRIBUTE_SHARED_SIZE_BYTES);
SAME(cuda_dynamic_shared_bytes,
     CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES);
SAME(cuda_nonportable_cluster,
     CU_FUNC_ATTRIBUTE_NON_PORTABLE_CLUSTER_SIZE_ALLOWED);
SAME(cuda_attribute_cluster, CU_LAUNCH_ATTRIBUTE_CLUSTER_DIMENSION);

SAME(sizeof(struct cuda_launch_attribute), sizeof(CUlaunchAttribute));
SAME(offsetof(struct cuda_launch_attribute, value),
     offsetof(CUlaunchAttribute, value));
SAME(sizeof(struct cuda_launch_config), sizeof(CUlaunchConfig));
SAME(offsetof(struct cuda_launch_config, grid),
     offsetof(CUlaunchConfig, gridDimX));
SAME(offsetof(struct cuda_launch_config, block),
     offsetof(CUlaunchConfig, blockDimX));
SAME(offsetof(struct cuda_launch_config, shared_bytes),
     offsetof(CUlaunchConfig, sharedMemBytes));
SAME(offsetof(struct cuda_launch_config, stream),
     offsetof(CUlaunchConfig, hStream));
SAME(offsetof(struct cuda_launch_config, attributes),
     offsetof(CUlaunchConfig, attrs));
SAME(offsetof(struct cuda_launch_config, attribute_count),
     offsetof(CUlaunchConfig, numAttrs));

/* A function that cuda.h renames has another address in the library than the
 * name says: then these two texts differ. */
#define TEXT(name) #name
#define EXPANDED(name) TEXT(name)
#define NOT_RENAMED(result, name, parameters)                                  \
  _Static_assert(sizeof #name == sizeof EXPANDED(name),                        \
                 "cuda.h renames a function");
CUDA_FUNCTIONS(NOT_RENAMED)

SAME(gpu_success, CUDA_SUCCESS);
SAME(gpu_out_of_memory, CUDA_ERROR_OUT_OF_MEMORY);
SAME(gpu_not_initialized, CUDA_ERROR_NOT_INITIALIZED);
SAME(gpu_deinitialized, CUDA_ERROR_DEINITIALIZED);
SAME(gpu_stub_library, CUDA_ERROR_STUB_LIBRARY);
SAME(gpu_newer_driver_needed, CUDA_ERROR_CALL_REQUIRES_NEWER_DRIVER);
SAME(gpu_device_unavailable, CUDA_ERROR_DEVICE_UNAVAILABLE);
SAME(gpu_no_device, CUDA_ERROR_NO_DEVICE);
SAME(gpu_invalid_device, CUDA_ERROR_INVALID_DEVICE);
SAME(gpu_invalid_image, CUDA_ERROR_INVALID_IMAGE);
SAME(gpu_invalid_context, CUDA_ERROR_INVALID_CONTEXT);
SAME(gpu_no_binary, CUDA_ERROR_NO_BINARY_FOR_GPU);
SAME(gpu_invalid_ptx, CUDA_ERROR_INVALID_PTX);
SAME(gpu_no_jit_compiler, CUDA_ERROR_JIT_COMPILER_NOT_FOUND);
SAME(gpu_unsupported_ptx, CUDA_ERROR_UNSUPPORTED_PTX_VERSION);
SAME(gpu_jit_disabled, CUDA_ERROR_JIT_COMPILATION_DISABLED);
SAME(gpu_invalid_source, CUDA_ERROR_INVALID_SOURCE);
SAME(gpu_not_found, CUDA_ERROR_NOT_FOUND);
SAME(gpu_out_of_resources, CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES);
SAME(gpu_context_destroyed, CUDA_ERROR_CONTEXT_IS_DESTROYED);
SAME(gpu_not_supported, CUDA_ERROR_NOT_SUPPORTED);
SAME(gpu_system_not_ready, CUDA_ERROR_SYSTEM_NOT_READY);
SAME(gpu_driver_mismatch, CUDA_ERROR_SYSTEM_DRIVER_MISMATCH);
SAME(gpu_compat_not_supported, CUDA_ERROR_COMPAT_NOT_SUPPORTED_ON_DEVICE);
SAME(gpu_invalid_cluster_size, CUDA_ERROR_INVALID_CLUSTER_SIZE);
