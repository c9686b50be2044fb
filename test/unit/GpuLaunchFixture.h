// Machines with fake drivers, and kernels, for the tests of the launcher.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef TEST_UNIT_GPULAUNCHFIXTURE_H
#define TEST_UNIT_GPULAUNCHFIXTURE_H

#include "runtime/gpu_launch.h"
#include "runtime/smx.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include <cstdio>
#include <cstdlib>
#include <dlfcn.h>
#include <functional>
#include <string>
#include <vector>

using testing::ContainsRegex;
using testing::HasSubstr;
using testing::Not;

// The launcher opens a driver once in a process, so each case runs in a process
// of its own: a death test of the "threadsafe" style starts this program anew.
// LD_LIBRARY_PATH then says which driver libraries there are.
class GpuLaunch : public testing::Test {
protected:
  void SetUp() override {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    for (const char *name :
         {"FAKE_DEVICES", "FAKE_CONTEXT", "FAKE_FAIL", "FAKE_CAPTURE",
          "FAKE_QUIET", "FAKE_STATIC", "LD_LIBRARY_PATH", "SMX_VERBOSE"})
      unsetenv(name);
  }
};

inline void set(const char *name, const std::string &value) {
  setenv(name, value.c_str(), /*overwrite=*/1);
}

/// Puts folders of fake libraries in the search path: "cuda", "hip", "old".
inline void install(const std::vector<std::string> &drivers) {
  std::string path;
  for (const std::string &driver : drivers)
    path +=
        (path.empty() ? "" : ":") + std::string(FAKE_DRIVERS) + "/" + driver;
  set("LD_LIBRARY_PATH", path);
}

/// A machine with CUDA devices of these capabilities, the first one current.
inline void installCuda(const std::string &capabilities) {
  install({"cuda"});
  set("FAKE_DEVICES", capabilities);
  set("FAKE_CONTEXT", "0");
}

/// Runs `statement` in a process of its own, which must end well and print what
/// matches on stderr.
inline void
expectStderrThat(const std::function<void()> &statement,
                 const testing::Matcher<const std::string &> &matcher) {
  EXPECT_EXIT(
      {
        statement();
        std::exit(0);
      },
      testing::ExitedWithCode(0), matcher);
}

inline void expectStderr(const std::function<void()> &statement,
                         const std::string &pattern) {
  expectStderrThat(statement, ContainsRegex(pattern));
}

/// The function of a library that is in this process already.
template <typename Function>
Function *findSymbol(const char *library, const char *name) {
  void *handle = dlopen(library, RTLD_NOW | RTLD_NOLOAD);
  return handle ? reinterpret_cast<Function *>(dlsym(handle, name)) : nullptr;
}

/// A stream of a device in the fake CUDA.
inline void *streamOf(int device) {
  return reinterpret_cast<void *>(uintptr_t(256 + device));
}

/// A kernel with one function in each image; the data of an image is its
/// target.
struct Kernel {
  explicit Kernel(const std::vector<const char *> &targets,
                  uint32_t sharedBytes = 0, uint32_t cluster = 1)
      : function{"row", sharedBytes, cluster} {
    for (const char *target : targets)
      images.push_back({target, target, &function, 1});
    kernel = {"k", images.data(), int32_t(images.size()), nullptr};
  }

  // In an emitted object the kernel is static data, and so is never a leak.
  ~Kernel() {
    static std::vector<void *> &states = *new std::vector<void *>;
    states.push_back(kernel.state);
  }

  int32_t open(void *stream = nullptr) {
    return smx_gpu_open(&kernel, stream, &code);
  }

  int32_t launch(const smx_gpu_grid &grid, void *stream = nullptr) {
    int32_t first = 7, second = 11;
    void *arguments[] = {&first, &second};
    return smx_gpu_launch(&kernel, code, 0, &grid, arguments, stream);
  }

  /// Opens, launches a small grid and prints what came of it.
  void run(void *stream = nullptr,
           const smx_gpu_grid &grid = {4, 1, 128, 1, 0}) {
    int32_t status = open(stream);
    if (status == SMX_OK)
      status = launch(grid, stream);
    std::fprintf(stderr, "status %d \"%s\"\n", int(status), smx_last_error());
  }

  smx_gpu_function function;
  std::vector<smx_gpu_image> images;
  smx_gpu_kernel kernel;
  const smx_gpu_code *code = nullptr;
};

inline std::string launchLine(const std::string &rest) {
  return "launch row grid=4,1,1 block=128,1,1 shared=0 " + rest +
         " arguments=7,11\nstatus 0 \"\"\n";
}

#endif // TEST_UNIT_GPULAUNCHFIXTURE_H
