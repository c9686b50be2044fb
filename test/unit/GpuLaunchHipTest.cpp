// The launcher on a fake HIP driver.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "test/unit/GpuLaunchFixture.h"

namespace {

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

} // namespace
