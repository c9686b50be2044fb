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
  // Multiprocessors: A100 108, H100 and H200 132, B200 148; MI250X 110 for each
  // of its two devices, MI300X 304. 16 blocks of 128 threads fill one. A Vulkan
  // device can be anything.
  if (name == "sm_80")
    return GPUTarget{name.str(), GPUIsa::NVVM, name.str(), 512, 108 * 16};
  if (name == "sm_90")
    return GPUTarget{name.str(), GPUIsa::NVVM, name.str(), 512, 132 * 16};
  if (name == "sm_100")
    return GPUTarget{name.str(), GPUIsa::NVVM, name.str(), 512, 148 * 16};
  if (name == "gfx90a")
    return GPUTarget{name.str(), GPUIsa::ROCDL, name.str(), 512, 110 * 16};
  if (name == "gfx942")
    return GPUTarget{name.str(), GPUIsa::ROCDL, name.str(), 512, 304 * 8};
  if (name == "spirv")
    return GPUTarget{name.str(), GPUIsa::SPIRV, "", 128, 2048};
  return llvm::createStringError("unknown GPU target '" + name +
                                 "'; expected one of " +
                                 llvm::join(getGPUTargetNames(), ", "));
}
