// GPU entries beside a kernel's CPU entry.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef CODEGEN_GPU_COMPILE_H
#define CODEGEN_GPU_COMPILE_H

#include "codegen/Kernel.h"
#include "codegen/cpu/Compile.h"
#include "codegen/gpu/DeviceCode.h"

namespace mlir::softmax {

/// Adds to `module` the entries `NAME_gpu` (for CUDA and HIP) and `NAME_vulkan`
/// that `options.gpuTargets` ask for, made from `kernel`: a function on memrefs
/// as bufferization leaves it, outside of the module. Fills `info` and returns
/// the code of every target.
llvm::Expected<std::vector<DeviceCode>>
addDeviceEntries(ModuleOp module, func::FuncOp kernel,
                 const CompileOptions &options, KernelInfo &info);

} // namespace mlir::softmax

#endif // CODEGEN_GPU_COMPILE_H
