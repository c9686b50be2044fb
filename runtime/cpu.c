/* Which of softmax-gen's CPU targets this machine runs.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */

#include "smx.h"
#include "verbose.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if defined(__x86_64__)
#include <cpuid.h>
#elif defined(__linux__) && (defined(__aarch64__) || defined(__riscv))
#include <sys/auxv.h>
#endif

/* Each architecture lists its targets from the weakest up, every one a superset
 * of those before it, and says how many of them run. */

#if defined(__x86_64__)

static const char *const targets[] = {"x86-64", "x86-64-v3", "x86-64-v4"};

/* The feature lists of the x86-64 psABI, section 3.1.1, by CPUID register. The
 * compiler's __builtin_cpu_supports("x86-64-v3") is not used, because its name
 * is missing from older compilers and its list has differed between them. */
enum {
  /* leaf 1, ecx; v2: SSE3, SSSE3, CMPXCHG16B, SSE4.1, SSE4.2, POPCNT */
  v2_leaf1_ecx = 1 << 0 | 1 << 9 | 1 << 13 | 1 << 19 | 1 << 20 | 1 << 23,
  /* v3: FMA, MOVBE, OSXSAVE, AVX, F16C */
  v3_leaf1_ecx = 1 << 12 | 1 << 22 | 1 << 27 | 1 << 28 | 1 << 29,
  /* leaf 7, ebx; v3: BMI1, AVX2, BMI2 */
  v3_leaf7_ebx = 1 << 3 | 1 << 5 | 1 << 8,
  /* leaf 0x80000001, ecx; v2: LAHF and SAHF in 64-bit mode; v3: LZCNT */
  v2_extended_ecx = 1 << 0,
  v3_extended_ecx = 1 << 5,
  /* XCR0: the system saves SSE and AVX registers; masks and ZMM registers */
  xcr0_avx = 1 << 1 | 1 << 2,
  xcr0_avx512 = 1 << 5 | 1 << 6 | 1 << 7
};
/* leaf 7, ebx; v4: AVX512F, AVX512DQ, AVX512CD, AVX512BW, AVX512VL */
static const unsigned v4_leaf7_ebx =
    1u << 16 | 1u << 17 | 1u << 28 | 1u << 30 | 1u << 31;

/* Only valid when OSXSAVE is set. In assembly, because the intrinsic needs a
 * file compiled with -mxsave. */
static unsigned read_xcr0(void) {
  unsigned low, high;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return low;
}

static int has_all(unsigned bits, unsigned mask) {
  return (bits & mask) == mask;
}

static int count_runnable(void) {
  unsigned eax, ebx, ecx, edx, leaf7_ebx, leaf1_ecx, extended_ecx;
  if (!__get_cpuid(1, &eax, &ebx, &leaf1_ecx, &edx) ||
      !__get_cpuid_count(7, 0, &eax, &leaf7_ebx, &ecx, &edx) ||
      !__get_cpuid(0x80000001, &eax, &ebx, &extended_ecx, &edx))
    return 1;
  if (!has_all(leaf1_ecx, v2_leaf1_ecx | v3_leaf1_ecx) ||
      !has_all(leaf7_ebx, v3_leaf7_ebx) ||
      !has_all(extended_ecx, v2_extended_ecx | v3_extended_ecx))
    return 1;
  unsigned xcr0 = read_xcr0();
  if (!has_all(xcr0, xcr0_avx))
    return 1;
  if (!has_all(leaf7_ebx, v4_leaf7_ebx) || !has_all(xcr0, xcr0_avx512))
    return 2;
  return 3;
}

#elif defined(__aarch64__)

static const char *const targets[] = {"aarch64", "aarch64+sve"};

static int count_runnable(void) {
#if defined(__linux__)
  const unsigned long hwcap_sve = 1ul << 22;
  return getauxval(AT_HWCAP) & hwcap_sve ? 2 : 1;
#else
  return 1;
#endif
}

#elif defined(__riscv) && __riscv_xlen == 64

static const char *const targets[] = {"riscv64+v"};

static int count_runnable(void) {
#if defined(__linux__)
  /* One bit per single-letter extension. */
  return getauxval(AT_HWCAP) >> ('v' - 'a') & 1 ? 1 : 0;
#else
  return 0;
#endif
}

#elif defined(__wasm32__)

/* An engine that lacks a feature refuses the whole module, so what is running
 * has what it was compiled for. */
static const char *const targets[] = {"wasm32"};

static int count_runnable(void) { return 1; }

#else

static const char *const targets[] = {""};

static int count_runnable(void) { return 0; }

#endif

enum { target_count = sizeof targets / sizeof targets[0] };

/* The index of a target of this architecture, or -1. */
static int find_target(const char *name) {
  for (int i = 0; i < target_count; ++i)
    if (*name && strcmp(targets[i], name) == 0)
      return i;
  return -1;
}

/* Prints at most once; `limit` is the value of SMX_TARGET or null. */
static void report(int best, const char *limit, int ignored) {
  static atomic_flag reported = ATOMIC_FLAG_INIT;
  if (atomic_flag_test_and_set(&reported))
    return;
  if (ignored) {
    fprintf(stderr, "smx: SMX_TARGET is '%.64s'; expected", limit);
    for (int i = 0; i < target_count; ++i)
      fprintf(stderr, "%s %s", i ? "," : "", targets[i]);
    fputs("; ignored\n", stderr);
  }
  if (smx_verbose(SMX_VERBOSE_DISPATCH))
    fprintf(stderr, "smx_verbose,dispatch,cpu,%s,%s\n",
            best >= 0 ? targets[best] : "none",
            limit && !ignored ? limit : "none");
}

/* The index of the best target that runs here and SMX_TARGET allows, or -1. All
 * threads that get here first compute the same answer. */
static int best_target(void) {
  enum { unknown = -2 };
  static atomic_int cached = unknown;
  int best = atomic_load_explicit(&cached, memory_order_relaxed);
  if (best != unknown)
    return best;
  best = count_runnable() - 1;
  const char *limit = getenv("SMX_TARGET");
  if (limit && !*limit)
    limit = NULL;
  int highest = limit ? find_target(limit) : -1;
  if (highest >= 0 && highest < best)
    best = highest;
  report(best, limit, limit && highest < 0);
  atomic_store_explicit(&cached, best, memory_order_relaxed);
  return best;
}

int32_t smx_cpu_supports(const char *target) {
  int index = target ? find_target(target) : -1;
  return index >= 0 && index <= best_target();
}

const char *smx_cpu_best(void) {
  int best = best_target();
  return best >= 0 ? targets[best] : "";
}
