/* Status texts, the last error of each thread, and the SMX_VERBOSE log.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */

/* For clock_gettime under -std=c11. */
#define _POSIX_C_SOURCE 200809L

#include "smx.h"
#include "failed.h"
#include "verbose.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* These functions share an object file on purpose: one strong reference to any
 * of them (see smx.h, "Called by kernels") brings all of them into a program.
 */

const char *smx_version(void) { return SMX_VERSION; }

int32_t smx_abi_version(void) { return SMX_ABI_VERSION; }

/* ---- Status -------------------------------------------------------------- */

struct status_text {
  const char *name;
  const char *meaning; /* the name, a colon, one clause */
  const char *before;  /* encloses the index, where the code has one */
  const char *after;
};

#define CODE(name, clause, before, after)                                      \
  [name] = {#name, #name ": " clause, before, after}

static const struct status_text texts[] = {
    CODE(SMX_OK, "no error", NULL, NULL),
    CODE(SMX_E_NULL,
         "a tensor pointer is null although its tensor has elements",
         "argument ", " is null although its tensor has elements"),
    CODE(SMX_E_EXTENT,
         "an extent is negative, or a tensor's byte size overflows",
         "argument ", " is negative, or makes a tensor's byte size overflow"),
    CODE(SMX_E_STRIDE, "a result has a stride of 0 or overlapping elements",
         "argument ", " gives a result a stride of 0 or overlapping elements"),
    CODE(SMX_E_ALIAS,
         "a result overlaps another tensor, and the kernel was not emitted for "
         "that",
         "argument ",
         " overlaps another tensor, and the kernel was not emitted for that"),
    CODE(SMX_E_TARGET, "a label is outside [0, C) and is not ignore_index",
         "label of row ", " is outside [0, C) and is not ignore_index"),
    CODE(SMX_E_CPU, "no variant of the kernel runs on this CPU", NULL, NULL),
    CODE(SMX_E_HOOK, "the parallel-for hook or its run function is null", NULL,
         NULL),
    CODE(SMX_E_THREAD, "the parallel-for hook reported failure", NULL, NULL),
    CODE(SMX_E_INTERNAL, "a fault of softmax-mlir; please report it", NULL,
         NULL),
    CODE(SMX_E_DRIVER,
         "the GPU's driver library cannot be opened, or is too old", NULL,
         NULL),
    CODE(SMX_E_DEVICE, "there is no usable device, or no current context", NULL,
         NULL),
    CODE(SMX_E_ARCH,
         "the kernel holds no code for this device, or the device lacks a "
         "feature it needs",
         NULL, NULL),
    CODE(SMX_E_MEMORY, "out of memory on the device or the host", NULL, NULL),
    CODE(SMX_E_LAUNCH, "the driver refused a launch", NULL, NULL),
    CODE(SMX_E_WORKSPACE, "the workspace is null", NULL, NULL),
    CODE(SMX_E_LIMIT, "more parameters, groups or bytes than the device allows",
         NULL, NULL),
};

static const struct status_text *find_text(int32_t status) {
  int32_t count = (int32_t)(sizeof texts / sizeof texts[0]);
  return status >= 0 && status < count ? &texts[status] : NULL;
}

const char *smx_status_string(int32_t status) {
  const struct status_text *text = find_text(status);
  return text ? text->meaning : "unknown status code";
}

/* ---- Last error ---------------------------------------------------------- */

/* A fixed buffer, so that reporting an error cannot fail. Long kernel names are
 * cut; they are C identifiers, of which few are longer than this leaves room
 * for. */
enum { name_limit = 127, gpu_name_limit = 59 };
static _Thread_local char last_error[256];

const char *smx_last_error(void) { return last_error; }

void smx_clear_error(void) { last_error[0] = '\0'; }

static void log_error(void) {
  if (smx_verbose(SMX_VERBOSE_ERROR))
    fprintf(stderr, "smx_verbose,error,\"%s\"\n", last_error);
}

void smx_kernel_failed(const char *kernel, int32_t status, int64_t index) {
  if (status == SMX_OK)
    return;
  if (!kernel)
    kernel = "kernel";
  const struct status_text *text = find_text(status);
  if (!text)
    snprintf(last_error, sizeof last_error,
             "%.*s: unknown status code %" PRId32, name_limit, kernel, status);
  else if (text->before && index >= 0)
    snprintf(last_error, sizeof last_error, "%.*s: %s%" PRId64 "%s (%s)",
             name_limit, kernel, text->before, index, text->after, text->name);
  else
    snprintf(last_error, sizeof last_error, "%.*s: %s (%s)", name_limit, kernel,
             text->meaning + strlen(text->name) + 2, text->name);
  log_error();
}

void smx_gpu_failed(const char *kernel, int32_t status, const char *call,
                    const char *detail) {
  const struct status_text *text = find_text(status);
  if (!text || !call || status == SMX_OK) {
    smx_kernel_failed(kernel, status, -1);
    return;
  }
  snprintf(last_error, sizeof last_error, "%.*s: %s (%s; %.40s: %.48s)",
           gpu_name_limit, kernel ? kernel : "kernel",
           text->meaning + strlen(text->name) + 2, text->name, call,
           detail ? detail : "unknown error");
  log_error();
}

int32_t smx_failed(int32_t status, const char *function, const char *format,
                   ...) {
  char text[160];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  snprintf(last_error, sizeof last_error, "%.60s: %s (%s)", function, text,
           texts[status].name);
  log_error();
  return status;
}

/* ---- Log ----------------------------------------------------------------- */

static int parse_verbose(const char *value) {
  static const struct {
    const char *word;
    int kinds;
  } words[] = {
      {"0", 0},
      {"1", SMX_VERBOSE_DISPATCH},
      {"2", SMX_VERBOSE_DISPATCH | SMX_VERBOSE_EXEC},
      {"3", SMX_VERBOSE_ALL},
      {"dispatch", SMX_VERBOSE_DISPATCH},
      {"exec", SMX_VERBOSE_EXEC},
      {"error", SMX_VERBOSE_ERROR},
      {"all", SMX_VERBOSE_ALL},
  };
  int kinds = 0;
  while (*value) {
    size_t length = strcspn(value, ",");
    size_t i = 0, count = sizeof words / sizeof words[0];
    while (i < count && (strlen(words[i].word) != length ||
                         strncmp(words[i].word, value, length) != 0))
      ++i;
    if (i < count)
      kinds |= words[i].kinds;
    else if (length > 0)
      fprintf(stderr,
              "smx: SMX_VERBOSE has '%.*s'; expected 0 to 3, or some of "
              "dispatch, exec, error, all\n",
              length < 64 ? (int)length : 64, value);
    value += length;
    if (*value == ',')
      ++value;
  }
  return kinds;
}

static int read_verbose(void) {
  const char *value = getenv("SMX_VERBOSE");
  int kinds = value ? parse_verbose(value) : 0;
  if (kinds & SMX_VERBOSE_DISPATCH)
    fputs("smx_verbose,dispatch,backend,target,limit\n", stderr);
  if (kinds & SMX_VERBOSE_EXEC)
    fputs("smx_verbose,exec,backend,op,schedule:target,shape:type,options,time,"
          "bandwidth\n",
          stderr);
  if (kinds & SMX_VERBOSE_ERROR)
    fputs("smx_verbose,error,text\n", stderr);
  return kinds;
}

int smx_verbose(int kind) {
  enum { unread = -1, reading = -2 };
  static atomic_int state = unread;
  int kinds = atomic_load_explicit(&state, memory_order_acquire);
  if (kinds < 0) {
    int expected = unread;
    if (atomic_compare_exchange_strong(&state, &expected, reading)) {
      kinds = read_verbose();
      atomic_store_explicit(&state, kinds, memory_order_release);
    } else {
      /* Waits for the few microseconds in which another thread prints the
       * templates: no line may come before them. */
      do
        kinds = atomic_load_explicit(&state, memory_order_acquire);
      while (kinds < 0);
    }
  }
  return kinds & kind;
}

static int64_t now(void) {
  struct timespec time;
#ifdef CLOCK_MONOTONIC
  clock_gettime(CLOCK_MONOTONIC, &time);
#else
  timespec_get(&time, TIME_UTC);
#endif
  return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

int64_t smx_kernel_begin(void) {
  if (!smx_verbose(SMX_VERBOSE_EXEC))
    return 0;
  int64_t time = now();
  return time != 0 ? time : 1;
}

void smx_kernel_end(int64_t begin, const char *description, int64_t bytes) {
  if (begin == 0)
    return;
  int64_t time = now() - begin;
  if (time < 1)
    time = 1;
  /* Whole numbers only: printf writes the decimal comma of some locales, which
   * would be one more field of the line. Bytes per ns are GB/s. */
  int64_t micros = (time + 500) / 1000;
  int64_t hundredths =
      bytes > 0 ? (int64_t)(100.0 * (double)bytes / (double)time + 0.5) : 0;
  fprintf(stderr,
          "smx_verbose,exec,%s,%" PRId64 ".%03dms,%" PRId64 ".%02dGB/s\n",
          description ? description : "cpu,,,,", micros / 1000,
          (int)(micros % 1000), hundredths / 100, (int)(hundredths % 100));
}
