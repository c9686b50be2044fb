// Calls two kernels and compares them with the definition, in double precision.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "consumer_loss_kernel.h"
#include "softmax_dx33_f32.h"

#ifndef WITHOUT_RUNTIME
#include <smx.hpp>
#endif

#include <cmath>
#include <cstdio>
#include <string>
#include <vector>

namespace {

int failures = 0;

void expect(bool condition, const char *what) {
  if (condition)
    return;
  std::fprintf(stderr, "failed: %s\n", what);
  ++failures;
}

std::vector<float> makeLogits(int64_t rows, int64_t classes) {
  std::vector<float> x;
  for (int64_t i = 0; i < rows * classes; ++i)
    x.push_back(static_cast<float>(i * 37 % 101) / 8.0f - 6.0f);
  return x;
}

double logSumExp(const float *row, int64_t classes) {
  double sum = 0;
  for (int64_t j = 0; j < classes; ++j)
    sum += std::exp(static_cast<double>(row[j]));
  return std::log(sum);
}

void checkSoftmax(int64_t rows) {
  const int64_t classes = 33;
  std::vector<float> x = makeLogits(rows, classes);
  std::vector<float> y(x.size(), -1.0f);
  expect(softmax_dx33_f32(x.data(), y.data(), rows) == SMX_OK,
         "softmax returns SMX_OK");
  double worst = 0;
  for (int64_t i = 0; i < rows; ++i) {
    const float *row = &x[i * classes];
    double lse = logSumExp(row, classes);
    for (int64_t j = 0; j < classes; ++j) {
      double p = std::exp(row[j] - lse);
      worst = std::fmax(worst, std::fabs(y[i * classes + j] - p) / p);
    }
  }
  expect(worst < 2e-6, "softmax equals its definition");
}

void checkLoss() {
  const int64_t rows = 4, classes = 10;
  std::vector<float> x = makeLogits(rows, classes);
  std::vector<int64_t> target = {3, 0, 7, 9};
  double expected = 0;
  for (int64_t i = 0; i < rows; ++i) {
    if (target[i] == 7) // the ignored class
      continue;
    const float *row = &x[i * classes];
    expected += logSumExp(row, classes) - row[target[i]];
  }
  float loss = -1.0f;
  expect(consumer_loss_kernel(x.data(), target.data(), &loss) == SMX_OK,
         "cross-entropy returns SMX_OK");
  expect(std::fabs(loss - expected) < 2e-6 * expected,
         "cross-entropy equals its definition");

  target[1] = 10;
  loss = -1.0f;
  int32_t status = consumer_loss_kernel(x.data(), target.data(), &loss);
  expect(status == SMX_E_TARGET, "a label of 10 among 10 classes is refused");
  expect(loss == -1.0f, "a refused call writes nothing");
#ifndef WITHOUT_RUNTIME
  std::string text = smx_last_error();
  expect(text ==
             "consumer_loss_kernel: label of row 1 is outside [0, C) and is "
             "not ignore_index (SMX_E_TARGET)",
         "the last error names kernel and row");
#endif
}

} // namespace

int main() {
  for (int64_t rows : {0, 1, 5})
    checkSoftmax(rows);
  checkLoss();
  return failures == 0 ? 0 : 1;
}
