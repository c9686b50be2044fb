/* Calls a softmax, a loss and its gradient on AArch64 and prints the results.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */

#include "freestanding.h"
#include "loss_kernel.h"
#include "k.h"

int main(void) {
  static float x[3 * 37], y[3 * 37], loss, dlogits[3 * 37];
  static const int64_t target[3] = {36, -100, 0};
  for (int i = 0; i < 21; ++i)
    x[i] = i < 7 ? (float)i : i < 14 ? 3.0f : (float)-i;
  print_text("softmax ");
  print(k(x, y, 3));
  print_text("\n");
  for (int i = 0; i < 21; ++i) {
    print((double)y[i]);
    if (i % 7 == 6)
      print_text("\n");
  }
  for (int i = 0; i < 3 * 37; ++i)
    x[i] = i % 37 == 36 ? 2.0f : 0.0f;
  print_text("loss ");
  print(loss_kernel(x, target, &loss, dlogits, 3));
  print((double)loss);
  print_text("\ngradient ");
  print((double)dlogits[0]);
  print((double)dlogits[36]);
  print((double)dlogits[40]);
  print((double)dlogits[74]);
  print((double)dlogits[110]);
  double sum = 0;
  for (int i = 0; i < 3 * 37; ++i)
    sum += (double)dlogits[i];
  print(sum < 1e-6 && sum > -1e-6);
  print_text("\n");
  return 0;
}
