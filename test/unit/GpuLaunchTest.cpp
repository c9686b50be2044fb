// The launcher of GPU kernels on fake driver libraries (see fake/Fake.h).
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "runtime/gpu_launch.h"
#include "runtime/smx.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <dlfcn.h>
#include <functional>
#include <string>
#include <thread>
#include <vector>

using testing::ContainsRegex;
using testing::HasSubstr;
using testing::Not;

namespace {

#if defined(__has_feature)
constexpr bool isInstrumented = __has_feature(address_sanitizer) ||
                                __has_feature(thread_sanitizer) ||
                                __has_feature(memory_sanitizer);
#else
constexpr bool isInstrumented = false;
#endif

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

void set(const char *name, const std::string &value) {
  setenv(name, value.c_str(), /*overwrite=*/1);
}

/// Puts folders of fake libraries in the search path: "cuda", "hip", "old".
void install(const std::vector<std::string> &drivers) {
  std::string path;
  for (const std::string &driver : drivers)
    path +=
        (path.empty() ? "" : ":") + std::string(FAKE_DRIVERS) + "/" + driver;
  set("LD_LIBRARY_PATH", path);
}

/// A machine with CUDA devices of these capabilities, the first one current.
void installCuda(const std::string &capabilities) {
  install({"cuda"});
  set("FAKE_DEVICES", capabilities);
  set("FAKE_CONTEXT", "0");
}

/// Runs `statement` in a process of its own, which must end well and print what
/// matches on stderr.
void expectStderrThat(const std::function<void()> &statement,
                      const testing::Matcher<const std::string &> &matcher) {
  EXPECT_EXIT(
      {
        statement();
        std::exit(0);
      },
      testing::ExitedWithCode(0), matcher);
}

void expectStderr(const std::function<void()> &statement,
                  const std::string &pattern) {
  expectStderrThat(statement, ContainsRegex(pattern));
}

/// A stream of a device in the fake CUDA.
void *streamOf(int device) {
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

std::string launchLine(const std::string &rest) {
  return "launch row grid=4,1,1 block=128,1,1 shared=0 " + rest +
         " arguments=7,11\nstatus 0 \"\"\n";
}

// ---- Which image ----------------------------------------------------------

struct Choice {
  const char *capability;
  std::vector<const char *> targets;
  const char *chosen; // null: none
};

TEST_F(GpuLaunch, EachCapabilityGetsItsBestImage) {
  const std::vector<const char *> all = {"ptx_80",  "sm_80",  "sm_86",
                                         "sm_90",   "sm_90a", "sm_100",
                                         "sm_100a", "ptx_90", "gfx942"};
  const Choice choices[] = {
      {"80", all, "sm_80"},
      {"86", all, "sm_86"},
      {"89", all, "sm_86"},
      {"90", all, "sm_90a"},
      {"100", all, "sm_100a"},
      {"103", all, "sm_100"},
      {"120", all, "ptx_90"},
      {"75", all, nullptr},
      {"90", {"sm_90a", "sm_90"}, "sm_90a"},
      {"90", {"sm_80", "sm_100"}, nullptr},
      {"90", {"ptx_80", "ptx_90a", "ptx_90"}, "ptx_90a"},
      {"100", {"ptx_80", "ptx_90a", "ptx_90"}, "ptx_90"},
      {"90", {"ptx_90", "sm_90"}, "sm_90"},
      {"80", {"sm_86", "ptx_86"}, nullptr},
      {"90", {"sm_90x", "sm_90aa", "sm_", "SM_90", "ptx_", ""}, nullptr},
  };
  for (const Choice &choice : choices) {
    SCOPED_TRACE(choice.capability);
    installCuda(choice.capability);
    std::string expected =
        choice.chosen
            ? "load " + std::string(choice.chosen) + "\n" +
                  launchLine("stream=0 mode=0")
            : "status 12 \"k: the kernel holds no code for this device, or the "
              "device lacks a feature it needs (SMX_E_ARCH; device: sm_" +
                  std::string(choice.capability) + ")\"\n";
    expectStderrThat([&] { Kernel(choice.targets).run(); },
                     testing::StrEq(expected));
  }
}

TEST_F(GpuLaunch, ImageIsAnsweredToTheEntry) {
  installCuda("90");
  expectStderr(
      [&] {
        Kernel kernel({"sm_80", "sm_100", "sm_90"});
        kernel.open();
        std::fprintf(stderr, "image %d\n", int(kernel.code->image));
      },
      "image 2");
}

// ---- What the driver is asked ---------------------------------------------

TEST_F(GpuLaunch, ClusterBecomesAnAttribute) {
  installCuda("90");
  expectStderr(
      [&] { Kernel({"sm_90"}, 64, 8).run(streamOf(0), {16, 3, 256, 8, 64}); },
      "^load sm_90\n"
      "launch row grid=16,3,1 block=256,1,1 shared=64 stream=256 "
      "mode=0 attribute=4:8,1,1 arguments=7,11\nstatus 0 \"\"\n$");
}

TEST_F(GpuLaunch, ClusterAboveEightIsAskedFor) {
  installCuda("90");
  expectStderrThat(
      [&] { Kernel({"sm_90"}, 0, 16).run(nullptr, {16, 1, 256, 16, 0}); },
      HasSubstr("set row nonportable=1 device=0\n"));
}

TEST_F(GpuLaunch, SharedMemoryAbove48KiBIsAskedFor) {
  installCuda("90");
  expectStderr(
      [&] {
        Kernel({"sm_90"}, 100 << 10).run(nullptr, {4, 1, 128, 1, 100 << 10});
      },
      "^load sm_90\nset row shared=102400 device=0\nlaunch row .* "
      "shared=102400 ");
}

TEST_F(GpuLaunch, SharedMemoryUpTo48KiBIsNot) {
  installCuda("90");
  expectStderrThat([&] { Kernel({"sm_90"}, 48 << 10).run(); },
                   Not(HasSubstr("set")));
}

TEST_F(GpuLaunch, StaticSharedMemoryCounts) {
  installCuda("90");
  set("FAKE_STATIC", "1024");
  expectStderrThat([&] { Kernel({"sm_90"}, 48 << 10).run(); },
                   HasSubstr("set row shared=49152 device=0\n"));
}

TEST_F(GpuLaunch, SharedMemoryBeyondTheDeviceIsRefusedByLaunchesThatNeedIt) {
  // sm_80 code on 8.6: 99 KiB, of which one is static here.
  installCuda("86");
  set("FAKE_STATIC", "1024");
  expectStderr(
      [&] {
        Kernel kernel({"sm_80"}, 160 << 10);
        kernel.run(nullptr, {4, 1, 128, 1, 98 << 10});
        kernel.run(nullptr, {4, 1, 128, 1, (98 << 10) + 1});
      },
      "set row shared=100352 device=0\n"
      "launch .* shared=100352 .*\nstatus 0 \"\"\n"
      "status 16 .*SMX_E_LIMIT; bytes of shared memory");
}

TEST_F(GpuLaunch, GridsBeyondTheDeviceAreRefused) {
  installCuda("90");
  expectStderr(
      [&] {
        Kernel kernel({"sm_90"});
        kernel.run(nullptr, {uint64_t(1) << 31, 1, 128, 1, 0});
        kernel.run(nullptr, {(uint64_t(1) << 31) - 1, 1, 128, 1, 0});
      },
      "load sm_90\nstatus 16 .*SMX_E_LIMIT; blocks.*\n"
      "launch row grid=2147483647,1,1 ");
}

TEST_F(GpuLaunch, EmptyGridsLaunchNothing) {
  installCuda("90");
  expectStderr(
      [&] {
        Kernel kernel({"sm_90"});
        kernel.run(nullptr, {0, 1, 128, 1, 0});
        kernel.run(nullptr, {1, 0, 128, 1, 0});
      },
      "^load sm_90\nstatus 0 \"\"\nstatus 0 \"\"\n$");
}

TEST_F(GpuLaunch, LaterCallsLaunchOnly) {
  installCuda("90");
  expectStderr(
      [&] {
        Kernel kernel({"sm_90"});
        kernel.run();
        kernel.run();
      },
      "^load sm_90\n" + launchLine("stream=0 mode=0") +
          launchLine("stream=0 mode=0") + "$");
}

TEST_F(GpuLaunch, FirstCallIsAllowedInACapture) {
  installCuda("90");
  set("FAKE_CAPTURE", "1");
  expectStderr([&] { Kernel({"sm_90"}, 64 << 10).run(); },
               "^load sm_90\nset row shared=65536 device=0\n" +
                   launchLine("stream=0 mode=0") + "$");
}

// ---- Contexts and devices -------------------------------------------------

TEST_F(GpuLaunch, WithoutContextDeviceZeroIsUsed) {
  installCuda("90");
  unsetenv("FAKE_CONTEXT");
  set("FAKE_CAPTURE", "1");
  expectStderr(
      [&] {
        Kernel kernel({"sm_90"});
        kernel.run();
        kernel.run();
      },
      "^cuDevicePrimaryCtxRetain 0\nload sm_90\n" +
          launchLine("stream=0 mode=0") + launchLine("stream=0 mode=0") + "$");
}

TEST_F(GpuLaunch, WithoutContextTheStreamSaysWhichDevice) {
  installCuda("80,90");
  unsetenv("FAKE_CONTEXT");
  expectStderr([&] { Kernel({"sm_80", "sm_90"}).run(streamOf(1)); },
               "^cuStreamGetCtx\nload sm_90\n" +
                   launchLine("stream=257 mode=0") + "$");
}

TEST_F(GpuLaunch, SpecialStreamsSayNothingOfTheDevice) {
  for (size_t stream : {1, 2}) {
    installCuda("80,90");
    unsetenv("FAKE_CONTEXT");
    expectStderr(
        [&] {
          Kernel({"sm_80", "sm_90"}).run(reinterpret_cast<void *>(stream));
        },
        "^cuDevicePrimaryCtxRetain 0\nload sm_80\n" +
            launchLine("stream=" + std::to_string(stream) + " mode=0") + "$");
  }
}

/// The function of a library that is in this process already.
template <typename Function>
Function *findSymbol(const char *library, const char *name) {
  void *handle = dlopen(library, RTLD_NOW | RTLD_NOLOAD);
  return handle ? reinterpret_cast<Function *>(dlsym(handle, name)) : nullptr;
}

/// Makes the primary context of `device` current, as a caller would.
void setCudaDevice(int device) {
  void *context = nullptr;
  findSymbol<int(void **, int)>("libcuda.so.1",
                                "cuDevicePrimaryCtxRetain")(&context, device);
  findSymbol<int(void *)>("libcuda.so.1", "cuCtxSetCurrent")(context);
}

TEST_F(GpuLaunch, EachDeviceGetsItsCodeOnce) {
  installCuda("80,90,90");
  expectStderr(
      [&] {
        Kernel kernel({"sm_80", "sm_90"}, 64 << 10);
        for (int round = 0; round < 2; ++round) {
          kernel.run();
          for (int device : {1, 2, 0}) {
            setCudaDevice(device);
            kernel.open();
          }
        }
      },
      "^load sm_80\nset row shared=65536 device=0\n" +
          launchLine("stream=0 mode=0") +
          "cuDevicePrimaryCtxRetain 1\n"
          "load sm_90\nset row shared=65536 device=1\n"
          "cuDevicePrimaryCtxRetain 2\n"
          "set row shared=65536 device=2\n"
          "cuDevicePrimaryCtxRetain 0\n" +
          launchLine("stream=0 mode=0") +
          "cuDevicePrimaryCtxRetain 1\ncuDevicePrimaryCtxRetain 2\n"
          "cuDevicePrimaryCtxRetain 0\n$");
}

TEST_F(GpuLaunch, KernelsOfOneObjectAreIndependent) {
  installCuda("90");
  expectStderr(
      [&] {
        Kernel first({"sm_80"}), second({"sm_90"});
        first.run();
        second.run();
      },
      "^status 12 .*\nload sm_90\n.*\nstatus 0 ");
}

// ---- Failures -------------------------------------------------------------

TEST_F(GpuLaunch, NoDriverLibrary) {
  install({});
  expectStderr([&] { Kernel({"sm_90"}).run(); },
               "^status 10 \"k: the GPU's driver library cannot be opened, or "
               "is too old \\(SMX_E_DRIVER; dlopen: libcuda.so.1\\)\"\n$");
}

TEST_F(GpuLaunch, OldDriverLibrary) {
  install({"old"});
  set("FAKE_DEVICES", "90");
  expectStderr([&] { Kernel({"sm_90"}).run(); },
               "^status 10 .*SMX_E_DRIVER; dlsym: cuLibraryLoadData");
}

TEST_F(GpuLaunch, NoDevice) {
  installCuda("");
  expectStderr([&] { Kernel({"sm_90"}).run(); },
               "^status 11 .*SMX_E_DEVICE; cuInit: CUDA_ERROR_100");
}

TEST_F(GpuLaunch, DriverFailuresBecomeStatus) {
  struct {
    const char *function;
    int error;
    int status;
  } const failures[] = {
      {"cuInit", 34, SMX_E_DRIVER},
      {"cuInit", 803, SMX_E_DRIVER},
      {"cuInit", 802, SMX_E_DEVICE},
      {"cuCtxGetDevice", 709, SMX_E_DEVICE},
      {"cuDevicePrimaryCtxRetain", 2, SMX_E_MEMORY},
      {"cuDevicePrimaryCtxRetain", 46, SMX_E_DEVICE},
      {"cuCtxSetCurrent", 201, SMX_E_DEVICE},
      {"cuDeviceGetAttribute", 101, SMX_E_DEVICE},
      {"cuLibraryLoadData", 2, SMX_E_MEMORY},
      {"cuLibraryLoadData", 200, SMX_E_ARCH},
      {"cuLibraryLoadData", 218, SMX_E_ARCH},
      {"cuLibraryLoadData", 222, SMX_E_ARCH},
      {"cuLibraryGetKernel", 500, SMX_E_ARCH},
      {"cuKernelGetFunction", 2, SMX_E_MEMORY},
      {"cuKernelGetAttribute", 400, SMX_E_LAUNCH},
      {"cuKernelSetAttribute", 1, SMX_E_LAUNCH},
      {"cuLaunchKernelEx", 1, SMX_E_LAUNCH},
      {"cuLaunchKernelEx", 2, SMX_E_MEMORY},
      {"cuLaunchKernelEx", 700, SMX_E_LAUNCH},
      {"cuLaunchKernelEx", 701, SMX_E_LIMIT},
      {"cuLaunchKernelEx", 912, SMX_E_LIMIT},
  };
  for (const auto &failure : failures) {
    SCOPED_TRACE(failure.function);
    installCuda("90");
    unsetenv("FAKE_CONTEXT");
    set("FAKE_FAIL", failure.function + ("=" + std::to_string(failure.error)));
    expectStderr([&] { Kernel({"sm_90"}, 64 << 10).run(); },
                 "status " + std::to_string(failure.status) + " \"k: .*; " +
                     failure.function + ": CUDA_ERROR_" +
                     std::to_string(failure.error) + "\\)\"\n$");
  }
}

TEST_F(GpuLaunch, FailedLoadsLeaveNothingBehindAndAreTriedAgain) {
  installCuda("90");
  set("FAKE_FAIL", "cuLibraryGetKernel=2");
  expectStderr(
      [&] {
        Kernel kernel({"sm_90"});
        kernel.run();
        unsetenv("FAKE_FAIL");
        kernel.run();
      },
      "^load sm_90\ncuLibraryGetKernel fails\nunload sm_90\nstatus 13 .*\n"
      "load sm_90\nlaunch row .*\nstatus 0 ");
}

TEST_F(GpuLaunch, ADriverThatCannotBeOpenedIsNotTriedAgain) {
  installCuda("90");
  set("FAKE_FAIL", "cuInit=999");
  expectStderr(
      [&] {
        Kernel kernel({"sm_90"});
        kernel.run();
        kernel.run();
      },
      "^cuInit fails\nstatus 14 .*\nstatus 14 .*\n$");
}

TEST_F(GpuLaunch, FailuresAreLogged) {
  install({});
  set("SMX_VERBOSE", "error");
  expectStderr([&] { Kernel({"sm_90"}).open(); },
               "smx_verbose,error,\"k: the GPU's driver .*\"\n$");
}

// ---- HIP ------------------------------------------------------------------

TEST_F(GpuLaunch, HipDevicesAreKnownByName) {
  install({"hip"});
  set("FAKE_DEVICES", "gfx942:sramecc+:xnack-");
  set("FAKE_CAPTURE", "1");
  expectStderr(
      [&] {
        Kernel({"gfx90a", "gfx94", "gfx9420", "gfx942"}, 128)
            .run(nullptr, {4, 2, 256, 1, 128});
      },
      "^load gfx942\nlaunch row grid=4,2,1 block=256,1,1 shared=128 "
      "stream=0 mode=0 arguments=7,11\nstatus 0 \"\"\n$");
}

TEST_F(GpuLaunch, HipWithoutCodeForTheDevice) {
  install({"hip"});
  set("FAKE_DEVICES", "gfx1100");
  expectStderr([&] { Kernel({"gfx942", "sm_90"}).run(); },
               "^status 12 .*SMX_E_ARCH; device: gfx1100");
}

TEST_F(GpuLaunch, HipDevicesHaveModulesOfTheirOwn) {
  install({"hip"});
  set("FAKE_DEVICES", "gfx942,gfx942,gfx90a");
  expectStderr(
      [&] {
        Kernel kernel({"gfx90a", "gfx942"});
        for (int round = 0; round < 2; ++round)
          for (int device : {0, 1, 2}) {
            kernel.open();
            findSymbol<int(int)>("libamdhip64.so.6", "hipSetDevice")(device);
            kernel.open();
          }
      },
      "^load gfx942\nload gfx942\nload gfx90a\n$");
}

TEST_F(GpuLaunch, HipFailuresBecomeStatus) {
  struct {
    const char *function;
    int error;
    int status;
  } const failures[] = {
      {"hipInit", 35, SMX_E_DRIVER},
      {"hipGetDeviceCount", 100, SMX_E_DEVICE},
      {"hipGetDevice", 101, SMX_E_DEVICE},
      {"hipGetDevicePropertiesR0600", 2, SMX_E_MEMORY},
      {"hipModuleLoadData", 209, SMX_E_ARCH},
      {"hipModuleGetFunction", 500, SMX_E_ARCH},
      {"hipModuleLaunchKernel", 9, SMX_E_LIMIT},
      {"hipModuleLaunchKernel", 719, SMX_E_LAUNCH},
  };
  for (const auto &failure : failures) {
    SCOPED_TRACE(failure.function);
    install({"hip"});
    set("FAKE_DEVICES", "gfx942");
    set("FAKE_FAIL", failure.function + ("=" + std::to_string(failure.error)));
    expectStderr([&] { Kernel({"gfx942"}).run(); },
                 "status " + std::to_string(failure.status) + " \"k: .*; " +
                     failure.function + ": hipError" +
                     std::to_string(failure.error) + "\\)\"\n$");
  }
}

TEST_F(GpuLaunch, HipLimits) {
  install({"hip"});
  set("FAKE_DEVICES", "gfx942");
  expectStderr(
      [&] {
        Kernel kernel({"gfx942"}, 1024);
        kernel.run(nullptr, {1 << 24, 1, 256, 1, 0});
        kernel.run(nullptr, {(1 << 24) - 1, 1, 256, 1, 0});
        kernel.run(nullptr, {4, 1, 256, 2, 0});
        kernel.run(nullptr, {4, 1, 256, 1, 1025});
      },
      "load gfx942\nstatus 16 .*; threads.*\nlaunch row grid=16777215,1,1 "
      ".*\nstatus 0 .*\nstatus 12 .*\nstatus 16 ");
}

TEST_F(GpuLaunch, CudaIsPreferredAndHipTakesOver) {
  const std::vector<const char *> both = {"gfx942", "sm_90"};
  installCuda("90");
  install({"cuda", "hip"});
  expectStderr([&] { Kernel(both).run(); }, "^load sm_90\n");
  install({"hip"});
  set("FAKE_DEVICES", "gfx942");
  expectStderr([&] { Kernel(both).run(); }, "^load gfx942\n");
  install({"cuda", "hip"});
  set("FAKE_FAIL", "cuInit=100");
  expectStderr([&] { Kernel(both).run(); }, "^cuInit fails\nload gfx942\n");
  install({"cuda"});
  expectStderr([&] { Kernel(both).run(); }, "^cuInit fails\nstatus 11 ");
  install({});
  expectStderr([&] { Kernel(both).run(); }, "^status 10 .*libcuda");
}

// ---- Threads and time -----------------------------------------------------

TEST_F(GpuLaunch, RacingFirstCallsLoadOnce) {
  installCuda("90");
  set("FAKE_QUIET", "1");
  expectStderr(
      [&] {
        Kernel kernel({"sm_90"}, 64 << 10);
        std::vector<std::thread> threads;
        for (int i = 0; i < 8; ++i)
          threads.emplace_back([&kernel] {
            int32_t argument = 0;
            void *arguments[] = {&argument, &argument};
            smx_gpu_grid grid = {4, 1, 128, 1, 0};
            const smx_gpu_code *code = nullptr;
            for (int call = 0; call < 100; ++call) {
              int32_t status = smx_gpu_open(&kernel.kernel, nullptr, &code);
              if (status == SMX_OK)
                status = smx_gpu_launch(&kernel.kernel, code, 0, &grid,
                                        arguments, nullptr);
              if (status != SMX_OK)
                std::fprintf(stderr, "status %d\n", int(status));
            }
          });
        for (std::thread &thread : threads)
          thread.join();
        std::fprintf(stderr, "loads %ld launches %ld\n",
                     findSymbol<long()>("libcuda.so.1", "fake_loads")(),
                     findSymbol<long()>("libcuda.so.1", "fake_launches")());
      },
      "^loads 1 launches 800\n$");
}

/// Nanoseconds of one of a million calls.
template <typename Call> double timeOf(Call call) {
  const int count = 1000000;
  auto begin = std::chrono::steady_clock::now();
  for (int i = 0; i < count; ++i)
    call();
  std::chrono::duration<double, std::nano> time =
      std::chrono::steady_clock::now() - begin;
  return time.count() / count;
}

// The figure is for people; the limit is far above what a busy machine needs.
TEST_F(GpuLaunch, OverheadOfALaunch) {
  if (isInstrumented)
    GTEST_SKIP() << "a sanitizer takes longer than what is measured";
  installCuda("90");
  set("FAKE_QUIET", "1");
  expectStderr(
      [&] {
        Kernel kernel({"sm_90"}, 0, 8);
        int32_t failures = kernel.open();
        auto getDevice =
            findSymbol<int(int *)>("libcuda.so.1", "cuCtxGetDevice");
        auto launch = findSymbol<int(void *, void *, void **, void **)>(
            "libcuda.so.1", "cuLaunchKernelEx");
        int device = 0, errors = 0;
        double driver = timeOf([&] {
          errors +=
              getDevice(&device) + launch(nullptr, nullptr, nullptr, nullptr);
        });
        double both = timeOf([&] {
          failures += kernel.open() + kernel.launch({8, 1, 128, 8, 0});
        });
        std::printf("%.0f ns for a call, of which %.0f in the fake driver\n",
                    both, driver);
        if (failures == 0 && errors == 0 && both - driver < 20000)
          std::fprintf(stderr, "fast\n");
      },
      "^fast\n$");
}

} // namespace
