/* Prints the bits of a softmax of 1000 classes.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */

#include "k.h"
#include <stdio.h>
#include <string.h>

int main(void) {
  static float x[1000], y[1000];
  unsigned bits;
  for (int i = 0; i < 1000; ++i)
    x[i] = (float)(i * 37 % 101) / 7.0f;
  int status = k(x, y, 1);
  printf("status %d\n", status);
  for (int i = 0; i < 1000; ++i) {
    memcpy(&bits, &y[i], sizeof bits);
    printf("%08x\n", bits);
  }
  return status;
}
