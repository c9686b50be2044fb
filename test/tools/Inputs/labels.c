/* Prints what a kernel reports of labels that are out of range.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */

#include "k.h"
#include <inttypes.h>
#include <stdio.h>

/* The runtime's, which a kernel calls when it is there. */
void smx_kernel_failed(const char *kernel, int32_t status, int64_t index) {
  printf("%s: status %d, row %" PRId64 "\n", kernel, (int)status, index);
}

int main(void) {
  static const float x[4][3];
  static const int64_t labels[][4] = {
      {3, 0, 1, 2}, {0, -1, 7, 3}, {2, -100, 1, -101}, {0, -100, 1, 2}};
  float loss = 0.0f;
  for (int i = 0; i < 4; ++i)
    printf("returned %d\n", (int)k(&x[0][0], labels[i], &loss, 4));
  return 0;
}
