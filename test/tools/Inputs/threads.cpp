// Calls kernels from several threads at once, each with a hook that starts
// threads of its own; with "overlap" the hook hands out tasks twice.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "rows.h"
#include "total.h"

#include <cstdio>
#include <cstring>
#include <thread>
#include <vector>

static constexpr int64_t kRows = 64, kClasses = 197;

static int32_t run(void *context, int64_t tasks,
                   void (*body)(void *, int64_t, int64_t), void *closure) {
  bool overlap = *static_cast<bool *>(context);
  std::thread first([=] { body(closure, 0, overlap ? tasks : tasks / 2); });
  std::thread second([=] { body(closure, tasks / 2, tasks); });
  first.join();
  second.join();
  return 0;
}

/// 0 when both kernels have done their work.
static int call(const float *logits, const int64_t *target, bool overlap) {
  smx_parallel_for hook = {run, &overlap};
  std::vector<float> y(kRows * kClasses), gradient(kRows * kClasses);
  float loss = 0;
  int32_t status = rows(logits, y.data(), kRows, &hook);
  status |= total(logits, target, &loss, gradient.data(), kRows, &hook);
  return status != 0 || !(loss > 5 && loss < 6);
}

int main(int count, char **arguments) {
  bool overlap = count > 1 && std::strcmp(arguments[1], "overlap") == 0;
  std::vector<float> logits(kRows * kClasses);
  std::vector<int64_t> target(kRows);
  for (int64_t i = 0; i < kRows * kClasses; ++i)
    logits[i] = static_cast<float>(i * 7919 % 13) / 13;
  for (int64_t i = 0; i < kRows; ++i)
    target[i] = i % kClasses;
  int wrong[4] = {};
  std::vector<std::thread> callers;
  for (int &result : wrong)
    callers.emplace_back(
        [&] { result = call(logits.data(), target.data(), overlap); });
  for (std::thread &caller : callers)
    caller.join();
  std::printf("%d wrong\n", wrong[0] + wrong[1] + wrong[2] + wrong[3]);
  return 0;
}
