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
#if defined(SMX_ABI_VERSION) && SMX_ABI_VERSION != 1
#error "softmax-mlir headers of different ABI versions; emit the kernels again"
#endif
#define SMX_ABI_VERSION 1
#ifndef SMX_STATUS_CODES
#define SMX_STATUS_CODES
enum smx_status_code {
  SMX_OK = 0,
  SMX_E_NULL = 1,    /* a tensor has elements, but its pointer is null */
  SMX_E_EXTENT = 2,  /* an extent is negative, or a byte size overflows */
  SMX_E_STRIDE = 3,  /* stride 0, or overlapping elements, in a result */
  SMX_E_ALIAS = 4,   /* a result overlaps another tensor; see --in-place */
  SMX_E_TARGET = 5,  /* a label outside [0, C) that is not ignore_index */
  SMX_E_CPU = 6,     /* no variant of the kernel runs on this CPU */
  SMX_E_HOOK = 7,    /* the parallel-for hook or its run function is null */
  SMX_E_THREAD = 8,  /* the parallel-for hook reported failure */
  SMX_E_INTERNAL = 9 /* a fault of softmax-mlir; please report it */
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
