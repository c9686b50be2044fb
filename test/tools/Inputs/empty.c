/* Calls a softmax of 2^60 rows without columns: nothing to do, at once.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */

#include "e.h"

#include <stdio.h>

int main(void) {
  const int64_t many = INT64_C(1) << 60;
  printf("no columns: %d\n", (int)e(NULL, NULL, many, 0));
  printf("too many bytes: %d\n", (int)e(NULL, NULL, many, 8));
  printf("negative: %d\n", (int)e(NULL, NULL, -1, 0));
  return 0;
}
