// Facts of the GPUs that kernels are written for.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "codegen/gpu/Target.h"

#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace mlir::softmax;

static constexpr llvm::StringLiteral kNames[] = {"sm_80",  "sm_90",  "sm_100",
                                                 "gfx90a", "gfx942", "spirv"};

llvm::ArrayRef<llvm::StringLiteral> softmax::getGPUTargetNames() {
  return kNames;
}

llvm::Expected<GPUTarget> softmax::parseGPUTarget(StringRef name) {
  auto nvidia = [&](int64_t multiprocessors, double gigahertz, double bytes,
                    int64_t cache, int64_t shared, int64_t cluster) {
    return GPUTarget{name.str(),   GPUIsa::NVVM,
                     name.str(),   multiprocessors,
                     gigahertz,    bytes,
                     cache << 20,  65536,
                     shared << 10, (shared - 4) << 10,
                     2048,         1024,
                     cluster,      multiprocessors * 16};
  };
  auto amd = [&](int64_t multiprocessors, double gigahertz, double bytes,
                 int64_t cache) {
    return GPUTarget{
        name.str(),  GPUIsa::ROCDL,
        name.str(),  multiprocessors,
        gigahertz,   bytes,
        cache << 20, 131072,
        64 << 10,    60 << 10,
        2048,        1024,
        1,           std::min<int64_t>(multiprocessors * 16, 4096)};
  };
  if (name == "sm_80") // A100
    return nvidia(108, 1.41, 2.04e12, 40, 164, 1);
  if (name == "sm_90") // H200; H100 has 3.35 TB/s
    return nvidia(132, 1.755, 4.8e12, 50, 228, 16);
  if (name == "sm_100") // B200
    return nvidia(148, 1.85, 8.0e12, 126, 228, 16);
  if (name == "gfx90a") // one of the two devices of an MI250X
    return amd(110, 1.7, 1.6e12, 8);
  if (name == "gfx942") // MI300X
    return amd(304, 2.1, 5.3e12, 256);
  // A Vulkan device can be anything: of middle size, and what every one has.
  if (name == "spirv")
    return GPUTarget{name.str(), GPUIsa::SPIRV, "",    32,       1.5,
                     4e11,       4 << 20,       65536, 64 << 10, 28 << 10,
                     1024,       128,           1,     2048};
  return llvm::createStringError("unknown GPU target '" + name +
                                 "'; expected one of " +
                                 llvm::join(getGPUTargetNames(), ", "));
}
