// The runtime library where it reads its environment: CPU features, log, caps.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "runtime/smx.h"

#include "gtest/gtest.h"

#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

namespace {

// The environment is read once, so each case needs a process of its own. A
// death test of the "threadsafe" style runs its statement in this program
// started anew, in which no earlier test has read the environment; nor may the
// test's own lines before the statement, which the new process runs too.
class RuntimeProcess : public testing::Test {
protected:
  void SetUp() override {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    for (const char *name : {"SMX_TARGET", "SMX_VERBOSE", "SMX_NUM_THREADS"})
      unsetenv(name);
  }
};

#define EXPECT_STDERR(statement, pattern)                                      \
  EXPECT_EXIT(                                                                 \
      {                                                                        \
        statement;                                                             \
        std::exit(0);                                                          \
      },                                                                       \
      testing::ExitedWithCode(0), pattern)

const char *const allTargets[] = {"x86-64",  "x86-64-v3",   "x86-64-v4",
                                  "aarch64", "aarch64+sve", "riscv64+v",
                                  "wasm32"};

void printRunnable() {
  std::string line = std::string("best=") + smx_cpu_best() + " runs=";
  for (const char *target : allTargets)
    if (smx_cpu_supports(target))
      line += std::string(target) + " ";
  std::fprintf(stderr, "%s\n", line.c_str());
}

TEST_F(RuntimeProcess, CpuBestRunsAndUnknownNamesDoNot) {
  if (*smx_cpu_best()) {
    EXPECT_EQ(smx_cpu_supports(smx_cpu_best()), 1);
  }
  for (const char *name :
       {"", "x86", "X86-64", "x86-64-v2", "x86-64-v5", "host", "x86-64 "})
    EXPECT_EQ(smx_cpu_supports(name), 0) << name;
  EXPECT_EQ(smx_cpu_supports(nullptr), 0);
}

#if defined(__x86_64__) && defined(__GNUC__)
// The compiler's own detection, feature by feature, as an independent witness.
std::string compilersBest() {
  if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("bmi") ||
      !__builtin_cpu_supports("bmi2") || !__builtin_cpu_supports("fma"))
    return "x86-64";
  if (!__builtin_cpu_supports("avx512f") ||
      !__builtin_cpu_supports("avx512bw") ||
      !__builtin_cpu_supports("avx512cd") ||
      !__builtin_cpu_supports("avx512dq") ||
      !__builtin_cpu_supports("avx512vl"))
    return "x86-64-v3";
  return "x86-64-v4";
}

TEST_F(RuntimeProcess, CpuAgreesWithTheCompiler) {
  EXPECT_STDERR(printRunnable(), "^best=" + compilersBest() +
                                     " runs=x86-64 (x86-64-v3 )?(x86-64-v4 )?"
                                     "\n$");
}

TEST_F(RuntimeProcess, TargetLowers) {
  setenv("SMX_TARGET", "x86-64", 1);
  EXPECT_STDERR(printRunnable(), "^best=x86-64 runs=x86-64 \n$");
}

TEST_F(RuntimeProcess, TargetDoesNotRaise) {
  setenv("SMX_TARGET", "x86-64-v4", 1);
  EXPECT_STDERR(printRunnable(), "^best=" + compilersBest() + " runs=");
}

TEST_F(RuntimeProcess, TargetOfAnotherMachineIsNamedAndIgnored) {
  setenv("SMX_TARGET", "aarch64", 1);
  EXPECT_STDERR(printRunnable(),
                "^smx: SMX_TARGET is 'aarch64'; expected x86-64, x86-64-v3, "
                "x86-64-v4; ignored\nbest=" +
                    compilersBest() + " runs=");
}

TEST_F(RuntimeProcess, VerboseDispatch) {
  setenv("SMX_TARGET", "x86-64", 1);
  setenv("SMX_VERBOSE", "1", 1);
  EXPECT_STDERR((smx_cpu_best(), smx_cpu_best()),
                "^smx_verbose,dispatch,backend,target,limit\n"
                "smx_verbose,dispatch,cpu,x86-64,x86-64\n$");
}
#endif

TEST_F(RuntimeProcess, NumThreadsCaps) {
  setenv("SMX_NUM_THREADS", "1", 1);
  EXPECT_STDERR(std::fprintf(stderr, "threads=%d\n", smx_openmp_threads()),
                "^threads=1\n$");
  for (const char *value : {"0", "-4", "many", "2x", ""}) {
    setenv("SMX_NUM_THREADS", value, 1);
    EXPECT_STDERR(std::fprintf(stderr, "threads=%d\n", smx_openmp_threads()),
                  "^threads=[1-9][0-9]*\n$");
  }
}

void logOneCall() {
  int64_t begin = smx_kernel_begin();
  smx_kernel_end(begin, "cpu,softmax,stream:x86-64-v4,8x32000:f32,axis:1",
                 2048000);
}

TEST_F(RuntimeProcess, QuietByDefault) {
  EXPECT_STDERR(
      {
        logOneCall();
        smx_kernel_failed("k", SMX_E_CPU, -1);
        smx_cpu_best();
      },
      "^$");
}

TEST_F(RuntimeProcess, VerboseExecStartsWithItsTemplate) {
  for (const char *value : {"exec", "bogus_is_reported,exec"}) {
    setenv("SMX_VERBOSE", value, 1);
    EXPECT_STDERR(
        {
          logOneCall();
          logOneCall();
        },
        "smx_verbose,exec,backend,op,schedule:target,shape:type,options,time,"
        "bandwidth\n"
        "(smx_verbose,exec,cpu,softmax,stream:x86-64-v4,8x32000:f32,axis:1,"
        "[0-9]+\\.[0-9][0-9][0-9]ms,[0-9]+\\.[0-9][0-9]GB/s\n)+$");
  }
}

TEST_F(RuntimeProcess, VerboseWordsAreChecked) {
  setenv("SMX_VERBOSE", "exce,0", 1);
  EXPECT_STDERR(logOneCall(), "^smx: SMX_VERBOSE has 'exce'; expected 0 to 3, "
                              "or some of dispatch, exec, error, all\n$");
}

TEST_F(RuntimeProcess, VerboseWordsAddUp) {
  setenv("SMX_VERBOSE", "error,exec", 1);
  EXPECT_STDERR(smx_kernel_failed("k", SMX_E_CPU, -1),
                "^smx_verbose,exec,backend[^\n]*\nsmx_verbose,error,text\n"
                "smx_verbose,error,\"k: [^\n]*\n$");
}

TEST_F(RuntimeProcess, VerboseErrorQuotesTheText) {
  setenv("SMX_VERBOSE", "error", 1);
  EXPECT_STDERR(smx_kernel_failed("k", SMX_E_HOOK, -1),
                "^smx_verbose,error,text\n"
                "smx_verbose,error,\"k: the parallel-for hook or its run "
                "function is null \\(SMX_E_HOOK\\)\"\n$");
}

TEST_F(RuntimeProcess, VerboseFromManyThreadsPrintsOneTemplate) {
  setenv("SMX_VERBOSE", "exec", 1);
  EXPECT_STDERR(
      {
        std::vector<std::thread> threads;
        for (int i = 0; i < 8; ++i)
          threads.emplace_back(logOneCall);
        for (std::thread &thread : threads)
          thread.join();
      },
      "^smx_verbose,exec,backend[^\n]*\n(smx_verbose,exec,cpu[^\n]*\n)+$");
}

} // namespace
