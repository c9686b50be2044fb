/* The serial parallel-for hook, and the OpenMP one where OpenMP was found.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */

#include "smx.h"

#include <limits.h>
#include <stdatomic.h>
#include <stdlib.h>

#ifdef _OPENMP
#include <omp.h>
#endif

typedef void task_body(void *closure, int64_t begin, int64_t end);

static int32_t run_serial(void *context, int64_t tasks, task_body *body,
                          void *closure) {
  (void)context;
  if (tasks > 0)
    body(closure, 0, tasks);
  return 0;
}

const smx_parallel_for *smx_serial(void) {
  static const smx_parallel_for hook = {run_serial, NULL};
  return &hook;
}

#ifdef _OPENMP

/* SMX_NUM_THREADS, or INT_MAX when it is unset or no number >= 1. Two threads
 * that get here first both read the variable and store the same answer. */
static int thread_cap(void) {
  static atomic_int cached = 0;
  int cap = atomic_load_explicit(&cached, memory_order_relaxed);
  if (cap == 0) {
    cap = INT_MAX;
    const char *value = getenv("SMX_NUM_THREADS");
    if (value) {
      char *end;
      long number = strtol(value, &end, 10);
      if (end != value && *end == '\0' && number >= 1 && number < INT_MAX)
        cap = (int)number;
    }
    atomic_store_explicit(&cached, cap, memory_order_relaxed);
  }
  return cap;
}

int32_t smx_openmp_threads(void) {
  int threads = omp_get_max_threads(), cap = thread_cap();
  return threads < cap ? threads : cap;
}

static int32_t run_openmp(void *context, int64_t tasks, task_body *body,
                          void *closure) {
  int64_t wanted = smx_openmp_threads();
  if (tasks < wanted)
    wanted = tasks;
  if (wanted <= 1)
    return run_serial(context, tasks, body, closure);
#pragma omp parallel num_threads((int)wanted)
  {
    /* OpenMP may grant fewer threads than wanted, so the cut is made here. The
     * first `rest` threads take one task more; tasks * thread could overflow.
     */
    int64_t threads = omp_get_num_threads(), thread = omp_get_thread_num();
    int64_t share = tasks / threads, rest = tasks % threads;
    int64_t begin = share * thread + (thread < rest ? thread : rest);
    body(closure, begin, begin + share + (thread < rest));
  }
  return 0;
}

const smx_parallel_for *smx_openmp(void) {
  static const smx_parallel_for hook = {run_openmp, NULL};
  return &hook;
}

#else

int32_t smx_openmp_threads(void) { return 1; }

const smx_parallel_for *smx_openmp(void) { return smx_serial(); }

#endif
