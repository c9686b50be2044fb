// The launcher on machines and drivers that fail.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "test/unit/GpuLaunchFixture.h"

namespace {

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

} // namespace
