/* What the GPU entry of an emitted kernel and its launcher share. Internal: not
 * installed. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */

#ifndef SMX_GPU_LAUNCH_H
#define SMX_GPU_LAUNCH_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* gpu_launch.c is compiled to LLVM bitcode, carried by the compiler and linked
 * into every object with GPU code (codegen/gpu/Launcher.h). Code generation
 * writes the structures below as constant data, so their layout is a contract:
 * plain structures of pointers and integers in natural alignment, the same on
 * every 64-bit Linux.
 *
 * An entry makes one smx_gpu_open, chooses its grids by the image that this
 * answers with, and makes one smx_gpu_launch for each device function:
 *
 *   const struct smx_gpu_code *code;
 *   int32_t status = smx_gpu_open(&kernel, stream, &code);
 *   if (status != SMX_OK)
 *     return status;
 *   ... grid for kernel.images[code->image] ...
 *   return smx_gpu_launch(&kernel, code, 0, &grid, arguments, stream);
 *
 * Both report their own failures (see smx_gpu_failed in smx.h); the entry
 * returns the status and calls smx_kernel_failed for its own checks only. */

/* A device function of an image. */
struct smx_gpu_function {
  const char *name;
  uint32_t shared_bytes; /* the most dynamic shared memory of any launch */
  uint32_t cluster;      /* the largest cluster of any launch; 0 or 1: none */
};

/* Device code for one architecture. `target` says for which devices:
 *   "sm_90"    cubin: compute capability 9.0 and later minor versions of 9
 *   "sm_90a"   cubin: compute capability 9.0 only
 *   "ptx_90"   PTX as NUL-terminated text: compute capability 9.0 and above
 *   "ptx_90a"  the same: compute capability 9.0 only
 *   "gfx942"   HIP code object: devices of this name, whatever their features
 * A device gets its best cubin, or else its best PTX. */
struct smx_gpu_image {
  const char *target;
  const void *data;
  const struct smx_gpu_function *functions;
  int32_t function_count;
};

/* A kernel: static, writable data of the object, one for each entry. */
struct smx_gpu_kernel {
  const char *name; /* for messages */
  const struct smx_gpu_image *images;
  int32_t image_count;
  void *state; /* null at first; the launcher's own */
};

/* A kernel's code on one device. Owned by the launcher; lives for the rest of
 * the program. */
struct smx_gpu_code {
  int32_t image; /* its index in the kernel's images */
};

struct smx_gpu_grid {
  uint64_t blocks_x; /* a multiple of `cluster`; 0 launches nothing */
  uint32_t blocks_y;
  uint32_t threads;      /* of a block */
  uint32_t cluster;      /* blocks of a cluster, along x; 0 or 1: none */
  uint32_t shared_bytes; /* dynamic shared memory of a block */
};

/* The kernel's code for the current device. `stream` is a stream of that
 * device, or null. On CUDA, a thread without a current context gets the context
 * of the stream, or for null the primary context of device 0, and keeps it, as
 * with the CUDA runtime.
 *
 * The first call opens the driver library, the first call on each device
 * allocates and loads the code; later calls ask the driver for the current
 * device and do nothing else. Thread-safe. Allowed while a stream is captured,
 * the first call too. A kernel with images for both vendors runs on CUDA when
 * that has a device, and else on HIP.
 *
 * Returns SMX_OK; SMX_E_DRIVER: no driver library, or CUDA before 12.0, or HIP
 * before 6.0; SMX_E_DEVICE; SMX_E_ARCH; SMX_E_MEMORY; SMX_E_LAUNCH: any other
 * refusal. A driver that could not be opened is not tried again. */
int32_t smx_gpu_open(struct smx_gpu_kernel *kernel, void *stream,
                     const struct smx_gpu_code **code);

/* Enqueues `function`, an index in the functions of the code's image.
 * `arguments` points at one pointer for each parameter of the device function.
 * Does not allocate, does not synchronise. Thread-safe.
 *
 * Returns SMX_OK, SMX_E_LIMIT, SMX_E_ARCH, SMX_E_DEVICE, SMX_E_MEMORY or
 * SMX_E_LAUNCH; on an error nothing is enqueued. */
int32_t smx_gpu_launch(const struct smx_gpu_kernel *kernel,
                       const struct smx_gpu_code *code, int32_t function,
                       const struct smx_gpu_grid *grid, void **arguments,
                       void *stream);

#ifdef __cplusplus
}
#endif

#endif /* SMX_GPU_LAUNCH_H */
