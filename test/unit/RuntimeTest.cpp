// The runtime library: status texts, last errors, threads, the C++ wrapper.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "runtime/smx.hpp"

// A second time, as a kernel header repeats it.
#include "runtime/smx_abi.h"

#include "runtime/AbiText.h"

#include "gtest/gtest.h"

#include <atomic>
#include <cstring>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <vector>

namespace {

TEST(RuntimeStatus, TextsAreDistinctAndNamed) {
  std::set<std::string> texts;
  for (int32_t code = SMX_OK; code <= SMX_E_LIMIT; ++code) {
    const char *text = smx_status_string(code);
    ASSERT_NE(text, nullptr);
    EXPECT_EQ(std::strncmp(text, code == SMX_OK ? "SMX_OK: " : "SMX_E_", 6), 0)
        << text;
    EXPECT_TRUE(texts.insert(text).second) << text;
  }
  EXPECT_STREQ(smx_status_string(SMX_E_CPU),
               "SMX_E_CPU: no variant of the kernel runs on this CPU");
}

TEST(RuntimeStatus, NumbersWithoutMeaning) {
  for (int32_t code : {-1, SMX_E_LIMIT + 1, INT32_MAX, INT32_MIN})
    EXPECT_STREQ(smx_status_string(code), "unknown status code") << code;
}

TEST(RuntimeStatus, HeaderAndLibraryAgree) {
  EXPECT_STREQ(smx_version(), SMX_VERSION);
  EXPECT_EQ(smx_abi_version(), SMX_ABI_VERSION);
  EXPECT_EQ(std::string(SMX_VERSION), std::to_string(SMX_VERSION_MAJOR) + "." +
                                          std::to_string(SMX_VERSION_MINOR) +
                                          "." +
                                          std::to_string(SMX_VERSION_PATCH));
}

// What the code generator pastes is whole: guarded, and free of the markers.
TEST(RuntimeStatus, EmbeddedAbiText) {
  std::string status = mlir::softmax::kAbiStatusText;
  EXPECT_NE(status.find("SMX_E_LIMIT = 16"), std::string::npos);
  EXPECT_NE(status.find("#ifndef SMX_STATUS_CODES"), std::string::npos);
  EXPECT_EQ(status.find("smx_parallel_for"), std::string::npos);
  std::string hook = mlir::softmax::kAbiParallelForText;
  EXPECT_NE(hook.find("#ifndef SMX_PARALLEL_FOR_DEFINED"), std::string::npos);
  EXPECT_NE(hook.find("} smx_parallel_for;"), std::string::npos);
  for (const std::string &text : {status, hook}) {
    EXPECT_EQ(text.find("[begin"), std::string::npos);
    EXPECT_EQ(text.find("[end"), std::string::npos);
    EXPECT_EQ(text.compare(text.size() - 7, 7, "#endif\n"), 0);
  }
}

TEST(RuntimeError, NamesKernelAndPlace) {
  smx_clear_error();
  EXPECT_STREQ(smx_last_error(), "");
  smx_kernel_failed("xent_64x1000_f32", SMX_E_TARGET, 17);
  EXPECT_STREQ(smx_last_error(),
               "xent_64x1000_f32: label of row 17 is outside [0, C) and is not "
               "ignore_index (SMX_E_TARGET)");
  smx_kernel_failed("k", SMX_E_TARGET, 0);
  EXPECT_STREQ(smx_last_error(), "k: label of row 0 is outside [0, C) and is "
                                 "not ignore_index (SMX_E_TARGET)");
  smx_kernel_failed("k", SMX_E_NULL, 1);
  EXPECT_STREQ(smx_last_error(),
               "k: argument 1 is null although its tensor has elements "
               "(SMX_E_NULL)");
  smx_kernel_failed("k", SMX_E_NULL, -1);
  EXPECT_STREQ(smx_last_error(), "k: a tensor pointer is null although its "
                                 "tensor has elements (SMX_E_NULL)");
  // A code without an index takes none.
  smx_kernel_failed("k", SMX_E_CPU, 3);
  EXPECT_STREQ(smx_last_error(),
               "k: no variant of the kernel runs on this CPU (SMX_E_CPU)");
  smx_kernel_failed(nullptr, 77, -1);
  EXPECT_STREQ(smx_last_error(), "kernel: unknown status code 77");
  smx_clear_error();
  EXPECT_STREQ(smx_last_error(), "");
}

TEST(RuntimeError, SuccessLeavesTheLastErrorAlone) {
  smx_kernel_failed("k", SMX_E_HOOK, -1);
  std::string before = smx_last_error();
  smx_kernel_failed("k", SMX_OK, -1);
  EXPECT_EQ(smx_last_error(), before);
  smx_clear_error();
}

TEST(RuntimeError, EveryTextFitsBesideALongName) {
  std::string name(4096, 'n');
  for (int32_t code = SMX_E_NULL; code <= SMX_E_LIMIT; ++code)
    for (int64_t index : {INT64_MAX, INT64_C(-1)}) {
      smx_kernel_failed(name.c_str(), code, index);
      std::string text = smx_last_error();
      EXPECT_EQ(text.back(), ')') << text;
      EXPECT_EQ(text.compare(0, 100, name, 0, 100), 0) << text;
    }
  smx_clear_error();
}

TEST(RuntimeError, NamesWhatTheDriverSaid) {
  smx_gpu_failed("k", SMX_E_MEMORY, "cuLibraryLoadData",
                 "CUDA_ERROR_OUT_OF_MEMORY");
  EXPECT_STREQ(smx_last_error(),
               "k: out of memory on the device or the host (SMX_E_MEMORY; "
               "cuLibraryLoadData: CUDA_ERROR_OUT_OF_MEMORY)");
  smx_gpu_failed(nullptr, SMX_E_LAUNCH, "cuLaunchKernelEx", nullptr);
  EXPECT_STREQ(smx_last_error(),
               "kernel: the driver refused a launch (SMX_E_LAUNCH; "
               "cuLaunchKernelEx: unknown error)");
  smx_gpu_failed("k", SMX_OK, "cuInit", "CUDA_SUCCESS");
  EXPECT_EQ(std::string(smx_last_error()).substr(0, 7), "kernel:");
  smx_gpu_failed("k", SMX_E_MEMORY, nullptr, "ignored");
  EXPECT_STREQ(smx_last_error(),
               "k: out of memory on the device or the host (SMX_E_MEMORY)");
  std::string text(4096, 'n');
  for (int32_t code = SMX_E_NULL; code <= SMX_E_LIMIT; ++code) {
    smx_gpu_failed(text.c_str(), code, text.c_str(), text.c_str());
    EXPECT_EQ(std::string(smx_last_error()).substr(0, 50), text.substr(0, 50));
    EXPECT_EQ(std::string(smx_last_error()).back(), ')');
  }
  smx_clear_error();
}

TEST(RuntimeError, BelongsToTheThread) {
  smx_kernel_failed("outer", SMX_E_ALIAS, 2);
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i)
    threads.emplace_back([i] {
      EXPECT_STREQ(smx_last_error(), "");
      for (int round = 0; round < 100; ++round) {
        std::string name = "kernel" + std::to_string(i);
        smx_kernel_failed(name.c_str(), SMX_E_TARGET, round);
        EXPECT_EQ(std::string(smx_last_error()).compare(0, name.size(), name),
                  0);
      }
    });
  for (std::thread &thread : threads)
    thread.join();
  EXPECT_EQ(std::string(smx_last_error()).substr(0, 17), "outer: argument 2");
  smx_clear_error();
}

struct Counts {
  explicit Counts(int64_t tasks)
      : tasks(tasks), visits(new std::atomic<int>[tasks + 1]()) {}

  static void body(void *closure, int64_t begin, int64_t end) {
    auto *self = static_cast<Counts *>(closure);
    ASSERT_LE(0, begin);
    ASSERT_LE(begin, end);
    ASSERT_LE(end, self->tasks);
    for (int64_t i = begin; i < end; ++i)
      ++self->visits[i];
  }

  int64_t tasks;
  std::unique_ptr<std::atomic<int>[]> visits;
};

void expectEachTaskOnce(const smx_parallel_for *hook) {
  ASSERT_NE(hook, nullptr);
  ASSERT_NE(hook->run, nullptr);
  for (int64_t tasks : {0, 1, 2, 7, 1000}) {
    Counts counts(tasks);
    EXPECT_EQ(hook->run(hook->context, tasks, Counts::body, &counts), 0);
    for (int64_t i = 0; i < tasks; ++i)
      EXPECT_EQ(counts.visits[i], 1) << "task " << i << " of " << tasks;
  }
}

TEST(RuntimeThreads, SerialCoversTheRange) {
  expectEachTaskOnce(smx_serial());
  EXPECT_EQ(smx_serial(), smx_serial());
}

TEST(RuntimeThreads, OpenMPCoversTheRange) {
  expectEachTaskOnce(smx_openmp());
  EXPECT_GE(smx_openmp_threads(), 1);
}

TEST(RuntimeThreads, NothingToDoWithoutTasks) {
  bool called = false;
  auto body = [](void *closure, int64_t, int64_t) {
    *static_cast<bool *>(closure) = true;
  };
  for (const smx_parallel_for *hook : {smx_serial(), smx_openmp()})
    for (int64_t tasks : {0, -3}) {
      EXPECT_EQ(hook->run(hook->context, tasks, body, &called), 0);
      EXPECT_FALSE(called) << tasks << " tasks";
    }
}

// A cut computed as tasks * thread / threads would overflow here.
TEST(RuntimeThreads, OpenMPCutsHugeRanges) {
  std::atomic<uint64_t> total{0};
  const smx_parallel_for *hook = smx_openmp();
  auto body = [](void *closure, int64_t begin, int64_t end) {
    *static_cast<std::atomic<uint64_t> *>(closure) +=
        static_cast<uint64_t>(end - begin);
  };
  EXPECT_EQ(hook->run(hook->context, INT64_MAX, body, &total), 0);
  EXPECT_EQ(total, static_cast<uint64_t>(INT64_MAX));
}

TEST(RuntimeThreads, OpenMPFromSeveralThreads) {
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([] { expectEachTaskOnce(smx_openmp()); });
  for (std::thread &thread : threads)
    thread.join();
}

// Stands in for a kernel that was emitted with --threads=hook.
int32_t fakeKernel(const smx_parallel_for *hook) {
  int32_t status = SMX_OK;
  Counts counts(5);
  if (!hook || !hook->run)
    status = SMX_E_HOOK;
  else if (hook->run(hook->context, counts.tasks, Counts::body, &counts) != 0)
    status = SMX_E_THREAD;
  smx_kernel_failed("fake", status, -1);
  return status;
}

TEST(RuntimeWrapper, CallableIsAHook) {
  smx::parallel_for reversed([](int64_t tasks, smx::task_body body) {
    for (int64_t i = tasks; i > 0; --i)
      body(i - 1, i);
    body(tasks, tasks);
  });
  expectEachTaskOnce(reversed);
  EXPECT_EQ(fakeKernel(reversed), SMX_OK);
}

TEST(RuntimeWrapper, ExceptionBecomesStatus) {
  smx::parallel_for failing(
      [](int64_t, smx::task_body) { throw std::runtime_error("no threads"); });
  EXPECT_EQ(fakeKernel(failing), SMX_E_THREAD);
  EXPECT_STREQ(smx_last_error(),
               "fake: the parallel-for hook reported failure (SMX_E_THREAD)");
  EXPECT_EQ(fakeKernel(nullptr), SMX_E_HOOK);
  smx_clear_error();
}

// A hook that hands its work to another hook passes that one's failure on.
TEST(RuntimeWrapper, NestedFailureIsReported) {
  smx_parallel_for inner = {[](void *, int64_t,
                               void (*)(void *, int64_t, int64_t),
                               void *) -> int32_t { return 42; },
                            nullptr};
  smx_parallel_for outer = {
      [](void *context, int64_t tasks, void (*body)(void *, int64_t, int64_t),
         void *closure) -> int32_t {
        auto *inner = static_cast<smx_parallel_for *>(context);
        return inner->run(inner->context, tasks, body, closure);
      },
      &inner};
  EXPECT_EQ(fakeKernel(&outer), SMX_E_THREAD);
  inner = *smx_serial();
  EXPECT_EQ(fakeKernel(&outer), SMX_OK);
  smx_clear_error();
}

TEST(RuntimeWrapper, StatusAndException) {
  static_assert(smx::status(SMX_OK).ok());
  static_assert(smx::status(SMX_E_CPU) != SMX_OK);
  EXPECT_STREQ(smx::status(SMX_E_CPU).message(), smx_status_string(SMX_E_CPU));
  EXPECT_NO_THROW(smx::throw_if_failed(SMX_OK));
  smx_clear_error();
  try {
    smx::throw_if_failed(SMX_E_ALIAS);
    FAIL() << "expected smx::error";
  } catch (const smx::error &error) {
    EXPECT_EQ(error.code(), SMX_E_ALIAS);
    EXPECT_STREQ(error.what(), smx_status_string(SMX_E_ALIAS));
  }
  try {
    smx::throw_if_failed(fakeKernel(nullptr));
    FAIL() << "expected smx::error";
  } catch (const smx::error &error) {
    EXPECT_EQ(std::string(error.what()).compare(0, 6, "fake: "), 0);
  }
  smx_clear_error();
}

} // namespace
