/* Declarations that every emitted kernel header repeats; the one source of
 * them. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */

/* A kernel header must compile without this library installed, so softmax-gen
 * pastes the fragments below into it, verbatim, from the text of this file (see
 * softmax_embed_abi in CMakeLists.txt). Each fragment guards itself: a
 * translation unit may include this file and any number of kernel headers in
 * any order. There is deliberately no guard around the whole file, so that
 * including it twice is the same test as including it beside a kernel header. A
 * fragment runs from its [begin] to its [end] comment; whoever changes one
 * raises SMX_ABI_VERSION, because an older copy of it may already be in a
 * kernel. */

#include <stdint.h>

/* [begin status] */
#if defined(SMX_ABI_VERSION) && SMX_ABI_VERSION != 2
#error "softmax-mlir headers of different ABI versions; emit the kernels again"
#endif
#define SMX_ABI_VERSION 2
#ifndef SMX_STATUS_CODES
#define SMX_STATUS_CODES
enum smx_status_code {
  SMX_OK = 0,
  SMX_E_NULL = 1,     /* a tensor has elements, but its pointer is null */
  SMX_E_EXTENT = 2,   /* an extent is negative, or a byte size overflows */
  SMX_E_STRIDE = 3,   /* stride 0, or overlapping elements, in a result */
  SMX_E_ALIAS = 4,    /* a result overlaps another tensor; see --in-place */
  SMX_E_TARGET = 5,   /* a label outside [0, C) that is not ignore_index */
  SMX_E_CPU = 6,      /* no variant of the kernel runs on this CPU */
  SMX_E_HOOK = 7,     /* the parallel-for hook or its run function is null */
  SMX_E_THREAD = 8,   /* the parallel-for hook reported failure */
  SMX_E_INTERNAL = 9, /* a fault of softmax-mlir; please report it */
  SMX_E_DRIVER = 10,  /* the GPU's driver library cannot be opened, or is too
                         old */
  SMX_E_DEVICE = 11,  /* there is no usable device, or no current context */
  SMX_E_ARCH = 12,    /* the kernel holds no code for this device, or the device
                         lacks a feature it needs */
  SMX_E_MEMORY = 13,  /* out of memory on the device or the host */
  SMX_E_LAUNCH = 14,  /* the driver refused a launch */
  SMX_E_WORKSPACE = 15, /* the workspace is null */
  SMX_E_LIMIT = 16      /* more parameters, groups or bytes than the device
                           allows */
};
#endif
/* [end status] */

/* [begin parallel_for] */
#ifndef SMX_PARALLEL_FOR_DEFINED
#define SMX_PARALLEL_FOR_DEFINED
/* How a kernel runs its tasks on threads of the caller's choice. `run` calls
 * `body(closure, begin, end)` on disjoint ranges that together cover
 * [0, tasks), from any threads, and returns 0 after all calls have ended, or
 * another value when it could not run them all. Empty ranges are allowed. How
 * the range is cut never changes a result. */
typedef struct smx_parallel_for {
  int32_t (*run)(void *context, int64_t tasks,
                 void (*body)(void *closure, int64_t begin, int64_t end),
                 void *closure);
  void *context; /* handed to `run` unchanged */
} smx_parallel_for;
#endif
/* [end parallel_for] */
