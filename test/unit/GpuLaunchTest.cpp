// The launcher of GPU kernels on fake drivers (see fake/Fake.h): images,
// launches, devices. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "test/unit/GpuLaunchFixture.h"

#include <chrono>
#include <thread>

namespace {

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

#if defined(__has_feature)
constexpr bool isInstrumented = __has_feature(address_sanitizer) ||
                                __has_feature(thread_sanitizer) ||
                                __has_feature(memory_sanitizer);
#else
constexpr bool isInstrumented = false;
#endif

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
