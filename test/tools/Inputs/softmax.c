/* Prints the softmax of three rows of seven; the middle one is a constant.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */

#include "k.h"
#include <stdio.h>

int main(void) {
  float x[21], y[22];
  for (int i = 0; i < 21; ++i)
    x[i] = i < 7 ? (float)i : i < 14 ? 3.0f : (float)-i;
  y[21] = 42.0f;
  int status = k(x, y, 3);
  for (int i = 0; i < 21; ++i)
    printf("%.4f%s", (double)y[i], i % 7 == 6 ? "\n" : " ");
  printf("status %d, behind %g, null %d, negative %d, alias %d\n", status,
         (double)y[21], k(x, 0, 3), k(x, y, -1), k(x, x + 1, 1));
  return 0;
}
