/* Prints the status of a dense and of a strided kernel in place, for results
 * that lie around, over and between their operand, and for sizes that overflow.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */

#include "k.h"
#include "s.h"
#include <stdio.h>

int main(void) {
  static float memory[64];
  float *x = memory + 24;
  printf("dense:");
  for (int offset = -7; offset <= 7; ++offset)
    printf(" %d", (int)k(x, x + offset, 2));
  printf("\nin place: %d", (int)s(x, 3, 1, x, 3, 1, 2));
  printf("\nin place by other strides: %d %d", (int)s(x, 3, 1, x, 4, 1, 2),
         (int)s(x, 1, 2, x, 3, 1, 2));
  printf("\nanother place: %d", (int)s(x, 3, 1, x + 1, 3, 1, 2));
  printf("\nside by side: %d", (int)s(x, 8, 1, x + 4, 8, 1, 2));
  /* 12 * 2^62 bytes are 0 and 12 * 2^60 negative in 64 bits. */
  printf("\nsizes: %d %d\n", (int)k(x, x + 6, INT64_C(1) << 62),
         (int)k(x, x + 6, INT64_C(1) << 60));
  return 0;
}
