// A libcuda.so.1 that executes PTX. Device memory is the process's memory, and
// a launch has ended when it returns. SPDX-License-Identifier: Apache-2.0 WITH
// LLVM-exception

// PTX_CAPABILITY  compute capability of the device, 90 for 9.0; unset: 90
// PTX_SEED        order of blocks and warps; unset: as they are numbered
// PTX_ULPS        by how much ex2.approx errs; unset: it is rounded correctly
// PTX_QUIET       set: faults are not written to stderr

#include "Driver.h"
#include "Machine.h"

#include "runtime/gpu_driver.h"

#include <algorithm>
#include <cfenv>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <mutex>

using namespace ptx;

namespace {

struct Library {
  std::unique_ptr<Module> module;
  /// Kernels with what was set of them.
  struct Function {
    const Kernel *kernel;
    uint32_t dynamicLimit = 0; ///< 0: not set
    bool allowsAnyCluster = false;
  };
  std::map<std::string, Function> functions;
};

/// All that are loaded, by their handles.
std::map<void *, std::unique_ptr<Library>> libraries;
std::mutex mutex;
int sticky = 0;
std::string lastFault;
long launches = 0, attempts = 0;
char context;
thread_local bool isCurrent = false;

int capability() {
  const char *text = std::getenv("PTX_CAPABILITY");
  return text ? std::atoi(text) : 90;
}
int sharedLimit() {
  int c = capability();
  return (c >= 90 && c < 120 ? 227 : c == 80 || c == 87 ? 163 : 99) << 10;
}

int refuse(int code, const std::string &why) {
  lastFault = why;
  if (!std::getenv("PTX_QUIET"))
    std::fprintf(stderr, "ptx: %s\n", why.c_str());
  return code;
}

/// Runs `body`, whose faults become codes.
template <class Body> int guarded(Body body) {
  std::lock_guard<std::mutex> lock(mutex);
  if (sticky)
    return sticky;
  try {
    return body();
  } catch (const Fault &fault) {
    return refuse(fault.code, fault.what());
  }
}

/// Whether the function was set to this much shared memory.
bool fits(const Library::Function &function, uint32_t dynamicBytes) {
  uint32_t limit = cuda_plain_shared_bytes;
  if (function.dynamicLimit)
    limit =
        std::max(limit, function.dynamicLimit + function.kernel->sharedBytes);
  return function.kernel->sharedBytes + dynamicBytes <= limit;
}

uint32_t clusterOf(const cuda_launch_config &config) {
  uint32_t cluster = 1;
  for (uint32_t i = 0; i < config.attribute_count; ++i) {
    const cuda_launch_attribute &attribute = config.attributes[i];
    const uint32_t *extents = attribute.value.cluster;
    if (attribute.id != cuda_attribute_cluster)
      throw Fault(kInvalidValue, "a launch attribute that is not known");
    if (capability() < 90)
      throw Fault(gpu_not_supported, "the device has no clusters");
    if (extents[0] == 0 || extents[1] != 1 || extents[2] != 1)
      throw Fault(kInvalidClusterSize, "clusters along x only");
    cluster = extents[0];
  }
  return cluster;
}

Launch prepare(const cuda_launch_config &config,
               const Library::Function &function, void **arguments) {
  const Kernel &kernel = *function.kernel;
  Launch launch;
  launch.kernel = &kernel;
  auto require = [&](bool holds, int code, const char *what) {
    if (!holds)
      throw Fault(code, "launch of " + kernel.name + ": " + what);
  };
  std::copy_n(config.grid, 3, launch.grid);
  std::copy_n(config.block, 3, launch.block);
  uint64_t threads =
      uint64_t{config.block[0]} * config.block[1] * config.block[2];
  require(threads > 0 && threads <= 1024, kInvalidValue,
          "1 to 1024 threads in a block");
  require(threads <= kernel.maxThreads, kInvalidValue,
          "more threads in a block than .maxntid");
  require(config.grid[0] && config.grid[1] && config.grid[2], kInvalidValue,
          "an empty grid");
  require(config.grid[0] <= INT32_MAX && config.grid[1] <= 65535 &&
              config.grid[2] <= 65535,
          kInvalidValue, "a grid that is too large");
  launch.cluster = clusterOf(config);
  require(launch.cluster <= 16 &&
              (launch.cluster <= 8 || function.allowsAnyCluster),
          kInvalidClusterSize,
          "more than 8 blocks in a cluster need the function's attribute");
  require(config.grid[0] % launch.cluster == 0, kInvalidValue,
          "a grid that is no multiple of the cluster");
  require(fits(function, config.shared_bytes), kInvalidValue,
          "more shared memory than the function was set to");
  launch.dynamicBytes = config.shared_bytes;
  require(arguments || kernel.parameters.empty(), kInvalidValue,
          "no arguments");
  launch.parameters.resize(kernel.parameterBytes);
  for (size_t i = 0; i < kernel.parameters.size(); ++i)
    std::memcpy(&launch.parameters[kernel.parameters[i].first], arguments[i],
                kernel.parameters[i].second);
  const char *ulps = std::getenv("PTX_ULPS");
  approximationUlps = ulps ? std::atoi(ulps) : 0;
  if (const char *seed = std::getenv("PTX_SEED"))
    launch.seed = std::strtoull(seed, nullptr, 10) * 1000003 + ++attempts;
  return launch;
}

} // namespace

extern "C" {

const char *ptxFault() { return lastFault.c_str(); }
void ptxReset() {
  sticky = 0;
  lastFault.clear();
}
long ptxLaunches() { return launches; }

int cuInit(unsigned) { return 0; }

int cuDeviceGetCount(int *count) {
  *count = 1;
  return 0;
}

int cuGetErrorName(int error, const char **name) {
  static const std::map<int, const char *> names = {
      {kInvalidValue, "CUDA_ERROR_INVALID_VALUE"},
      {kNoBinaryForGPU, "CUDA_ERROR_NO_BINARY_FOR_GPU"},
      {kInvalidPtx, "CUDA_ERROR_INVALID_PTX"},
      {kNotFound, "CUDA_ERROR_NOT_FOUND"},
      {kIllegalAddress, "CUDA_ERROR_ILLEGAL_ADDRESS"},
      {kMisalignedAddress, "CUDA_ERROR_MISALIGNED_ADDRESS"},
      {kLaunchFailed, "CUDA_ERROR_LAUNCH_FAILED"},
      {gpu_not_supported, "CUDA_ERROR_NOT_SUPPORTED"},
      {kInvalidClusterSize, "CUDA_ERROR_INVALID_CLUSTER_SIZE"}};
  auto it = names.find(error);
  *name = it == names.end() ? "CUDA_ERROR_UNKNOWN" : it->second;
  return 0;
}

int cuCtxGetDevice(int *device) {
  *device = 0;
  return isCurrent ? 0 : gpu_invalid_context;
}

int cuCtxSetCurrent(void *wanted) {
  isCurrent = wanted != nullptr;
  return 0;
}

int cuStreamGetCtx(void *, void **result) {
  *result = &context;
  return 0;
}

int cuDevicePrimaryCtxRetain(void **result, int) {
  *result = &context;
  return 0;
}

int cuDeviceGetAttribute(int *value, int attribute, int) {
  switch (attribute) {
  case cuda_capability_major:
    *value = capability() / 10;
    return 0;
  case cuda_capability_minor:
    *value = capability() % 10;
    return 0;
  case cuda_shared_bytes_optin:
    *value = sharedLimit();
    return 0;
  }
  return kInvalidValue;
}

int cuThreadExchangeStreamCaptureMode(int *mode) {
  static thread_local int current = 0;
  std::swap(current, *mode);
  return 0;
}

int cuLibraryLoadData(void **result, const void *data, int *, void **, unsigned,
                      int *, void **, unsigned) {
  return guarded([&] {
    if (std::memcmp(data, "\177ELF", 4) == 0)
      throw Fault(kNoBinaryForGPU, "machine code, where only PTX can be run");
    auto library = std::make_unique<Library>();
    library->module = parse(static_cast<const char *>(data));
    const Module &module = *library->module;
    if (module.isExact ? module.target != capability()
                       : module.target > capability())
      throw Fault(kNoBinaryForGPU, "PTX for sm_" +
                                       std::to_string(module.target) +
                                       ", but the device is of another kind");
    for (const auto &[name, kernel] : module.kernels)
      library->functions[name].kernel = &kernel;
    *result = library.get();
    libraries[*result] = std::move(library);
    return 0;
  });
}

int cuLibraryUnload(void *library) {
  std::lock_guard<std::mutex> lock(mutex);
  return libraries.erase(library) ? 0 : int{kInvalidValue};
}

int cuLibraryGetKernel(void **kernel, void *library, const char *name) {
  auto &functions = static_cast<Library *>(library)->functions;
  auto it = functions.find(name);
  if (it == functions.end())
    return kNotFound;
  *kernel = &it->second;
  return 0;
}

int cuKernelGetFunction(void **function, void *kernel) {
  *function = kernel;
  return isCurrent ? 0 : gpu_invalid_context;
}

int cuKernelGetAttribute(int *value, int attribute, void *kernel, int) {
  if (attribute != cuda_static_shared_bytes)
    return kInvalidValue;
  *value = static_cast<Library::Function *>(kernel)->kernel->sharedBytes;
  return 0;
}

int cuKernelSetAttribute(int attribute, int value, void *kernel, int) {
  auto &function = *static_cast<Library::Function *>(kernel);
  if (attribute == cuda_nonportable_cluster && capability() >= 90) {
    function.allowsAnyCluster = value != 0;
    return 0;
  }
  if (attribute != cuda_dynamic_shared_bytes || value < 0 ||
      value + static_cast<int>(function.kernel->sharedBytes) > sharedLimit())
    return kInvalidValue;
  function.dynamicLimit = value;
  return 0;
}

int cuLaunchKernelEx(const cuda_launch_config *config, void *kernel,
                     void **arguments, void **extra) {
  return guarded([&] {
    if (extra)
      throw Fault(kInvalidValue, "arguments in a buffer are not known");
    Launch launch =
        prepare(*config, *static_cast<Library::Function *>(kernel), arguments);
    // The device has modes of its own.
    fenv_t environment;
    fegetenv(&environment);
    fesetenv(FE_DFL_ENV);
    try {
      execute(launch);
    } catch (const Fault &fault) {
      fesetenv(&environment);
      sticky = fault.code;
      throw;
    }
    fesetenv(&environment);
    ++launches;
    return 0;
  });
}
}
