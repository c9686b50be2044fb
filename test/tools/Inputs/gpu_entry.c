/* Calls the GPU entries of a softmax and a loss with addresses that nobody
 * follows, and prints the status codes. The fake driver writes the launches.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */

#include "loss.h"
#include "soft.h"

#include <stdio.h>
#include <string.h>

static uint16_t *at(uintptr_t address) { return (uint16_t *)address; }

static void call(const char *what, int32_t status) {
  fprintf(stderr, "%s: %d\n", what, (int)status);
}

int main(int argc, char **argv) {
  const uintptr_t gigabyte = 1 << 30;
  uint16_t *x = at(8 * gigabyte), *y = at(16 * gigabyte);
  const int64_t *target = (const int64_t *)at(24 * gigabyte);
  float *loss = (float *)at(25 * gigabyte);
  void *workspace = at(26 * gigabyte);
  if (argc > 1 && strcmp(argv[1], "wrong") == 0) {
    call("negative extent", soft_gpu(x, y, -1, NULL));
    call("no input", soft_gpu(NULL, y, 8, NULL));
    call("no output", soft_gpu(x, NULL, 8, NULL));
    call("overlap", soft_gpu(x, x + 64, 8, NULL));
    call("too many bytes", soft_gpu(x, y, INT64_MAX, NULL));
    call("no workspace", loss_gpu(x, target, loss, 8, NULL, NULL));
    return 0;
  }
  call("softmax", soft_gpu(x, y, 1000, NULL));
  call("many rows", soft_gpu(x, y, 1000000, NULL));
  call("off by an element", soft_gpu(x + 1, y, 1000, NULL));
  call("no rows", soft_gpu(NULL, NULL, 0, NULL));
  call("loss", loss_gpu(x, target, loss, 1000, workspace, NULL));
  if (soft_gpu_workspace(1000) != 0 || loss_gpu_workspace(1000) <= 0)
    return 1;
  return 0;
}
