/* Calls GPU entries whose rows take a cluster, shared memory and slices, with
 * addresses that nobody follows. The fake driver writes the launches.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */

#include "cluster.h"
#include "shared.h"
#include "sliced.h"

#include <stdio.h>

static float *at(uintptr_t address) { return (float *)address; }

int main(void) {
  const uintptr_t gigabyte = 1 << 30;
  float *x = at(8 * gigabyte), *y = at(64 * gigabyte);
  void *workspace = at(128 * gigabyte);
  fprintf(stderr, "cluster: %d\n", cluster_gpu(x, y, 10, NULL));
  fprintf(stderr, "more rows than blocks: %d\n", cluster_gpu(x, y, 9999, NULL));
  fprintf(stderr, "shared: %d\n", shared_gpu(x, y, 10, NULL));
  fprintf(stderr, "few rows: %d\n",
          sliced_gpu(x, y, 3, 100000, workspace, NULL));
  fprintf(stderr, "short rows: %d\n",
          sliced_gpu(x, y, 3, 1000, workspace, NULL));
  fprintf(stderr, "many rows: %d\n",
          sliced_gpu(x, y, 300, 100000, workspace, NULL));
  return sliced_gpu_workspace(3, 100000) > 0 && cluster_gpu_workspace(10) == 0
             ? 0
             : 1;
}
