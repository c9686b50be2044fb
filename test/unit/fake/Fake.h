/* What the fake driver libraries share: a log on stderr, and the environment
 * that tells them what to be. SPDX-License-Identifier: Apache-2.0 WITH
 * LLVM-exception */

#ifndef FAKE_H
#define FAKE_H

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* FAKE_DEVICES  one word for each device, e.g. "80,90" or
 * "gfx90a,gfx942:xnack-" FAKE_CONTEXT  the device of each thread's first
 * context; unset: no context FAKE_FAIL     FUNCTION=CODE: this function fails
 * with this code FAKE_CAPTURE  set: a stream is captured in global mode
 * FAKE_QUIET    set: nothing on stderr
 * FAKE_ARGUMENTS  how many arguments of 64 bits a launch writes down; unset:
 * two of 32 bits */

static void fake_log(const char *format, ...) {
  if (getenv("FAKE_QUIET"))
    return;
  va_list list;
  va_start(list, format);
  vfprintf(stderr, format, list);
  va_end(list);
}

static void fake_log_arguments(void **arguments) {
  const char *count = getenv("FAKE_ARGUMENTS");
  if (!count) {
    fake_log(" arguments=%d,%d", *(int *)arguments[0], *(int *)arguments[1]);
    return;
  }
  fake_log(" arguments=");
  for (int i = 0; i < atoi(count); ++i)
    fake_log("%s%lld", i ? "," : "", *(long long *)arguments[i]);
}

/* The code with which `function` is to fail, or 0. */
static int fake_failure(const char *function) {
  const char *wish = getenv("FAKE_FAIL");
  size_t length = strlen(function);
  if (!wish || strncmp(wish, function, length) != 0 || wish[length] != '=')
    return 0;
  fake_log("%s fails\n", function);
  return atoi(wish + length + 1);
}
#define FAIL_IF_TOLD()                                                         \
  do {                                                                         \
    int failure = fake_failure(__func__);                                      \
    if (failure)                                                               \
      return failure;                                                          \
  } while (0)

/* The word of device `index`, of which `*length` characters; null: no such
 * device. */
static const char *fake_device(int index, size_t *length) {
  const char *word = getenv("FAKE_DEVICES");
  while (word && *word) {
    *length = strcspn(word, ",");
    if (index-- == 0)
      return word;
    word += *length;
    word += *word == ',';
  }
  return NULL;
}

static int fake_device_count(void) {
  size_t length;
  int count = 0;
  while (fake_device(count, &length))
    ++count;
  return count;
}

/* Calls that are not allowed while a stream is captured, unless the thread has
 * relaxed this. */
static _Thread_local int fake_mode;
static int fake_capture_refuses(void) {
  return getenv("FAKE_CAPTURE") && fake_mode != 2 ? 900 : 0;
}
#define FAIL_IF_CAPTURED()                                                     \
  do {                                                                         \
    if (fake_capture_refuses())                                                \
      return fake_capture_refuses();                                           \
  } while (0)

/* A handle that is a text. */
static void *handle(const char *text) {
  union {
    const char *text;
    void *handle;
  } both = {text};
  return both.handle;
}

/* How often code was loaded and kernels launched. */
static atomic_long loads, launches;
long fake_loads(void) { return loads; }
long fake_launches(void) { return launches; }

#endif /* FAKE_H */
