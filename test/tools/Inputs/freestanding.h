/* What a program on AArch64 Linux needs of a C library, so that none has to be
 * installed: start, output, exit, and the functions that kernels may call.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */

#include <stddef.h>
#include <stdint.h>

int main(void);
static uint64_t *initial_stack;

static long system_call(long number, long a, long b, long c) {
  register long x8 __asm__("x8") = number;
  register long x0 __asm__("x0") = a;
  register long x1 __asm__("x1") = b;
  register long x2 __asm__("x2") = c;
  __asm__ volatile("svc 0" : "+r"(x0) : "r"(x1), "r"(x2), "r"(x8) : "memory");
  return x0;
}

__attribute__((used)) static void start(uint64_t *stack) {
  initial_stack = stack;
  system_call(93, main(), 0, 0); /* exit */
}
__asm__(".globl _start\n_start:\n mov x0, sp\n b start_from_stack\n");
__attribute__((used)) void start_from_stack(uint64_t *stack) { start(stack); }

void *memcpy(void *to, const void *from, size_t n) {
  for (size_t i = 0; i < n; ++i)
    ((volatile char *)to)[i] = ((const char *)from)[i];
  return to;
}
void *memset(void *to, int value, size_t n) {
  for (size_t i = 0; i < n; ++i)
    ((volatile char *)to)[i] = (char)value;
  return to;
}
int strcmp(const char *a, const char *b) {
  for (; *a && *a == *b; ++a, ++b)
    ;
  return (unsigned char)*a - (unsigned char)*b;
}
char *getenv(const char *name) {
  for (char **e = (char **)initial_stack + 1 + *initial_stack + 1; *e; ++e) {
    size_t i = 0;
    while (name[i] && (*e)[i] == name[i])
      ++i;
    if (!name[i] && (*e)[i] == '=')
      return *e + i + 1;
  }
  return 0;
}
unsigned long getauxval(unsigned long type) {
  uint64_t *p = initial_stack + 1 + *initial_stack + 1;
  while (*p++)
    ;
  for (; p[0]; p += 2)
    if (p[0] == type)
      return p[1];
  return 0;
}

static void print_text(const char *text) {
  size_t n = 0;
  while (text[n])
    ++n;
  system_call(64, 1, (long)text, (long)n); /* write */
}
/* A number with four digits behind the point. */
static void print(double value) {
  char digits[32];
  int at = 31;
  if (value != value) {
    print_text("nan ");
    return;
  }
  int negative = value < 0;
  uint64_t scaled = (uint64_t)((negative ? -value : value) * 1e4 + 0.5);
  digits[at] = 0;
  digits[--at] = ' ';
  for (int i = 0; i < 5 || scaled; ++i) {
    if (i == 4)
      digits[--at] = '.';
    digits[--at] = (char)('0' + scaled % 10);
    scaled /= 10;
  }
  if (negative)
    digits[--at] = '-';
  print_text(digits + at);
}
