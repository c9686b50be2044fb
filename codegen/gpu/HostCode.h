// The host's side of GPU kernels: launches become calls, code becomes data.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef CODEGEN_GPU_HOSTCODE_H
#define CODEGEN_GPU_HOSTCODE_H

#include "codegen/gpu/DeviceCode.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace mlir::softmax {

/// Who launches: the launcher inside the object for CUDA and HIP
/// (runtime/gpu_launch.h), or the runtime library's Vulkan device
/// (runtime/smx_vulkan.h).
enum class Launcher { Driver, Vulkan };

/// Further arguments of a function that launches kernels, in their order and
/// behind the address of the workspace, an i64 that is 0 for kernels that need
/// none; all have the attribute `softmax.role`.
struct LaunchArguments {
  Value code; ///< Driver: const smx_gpu_code *; Vulkan: null
  Value stream;
  Value status; ///< int32_t *, which holds 0 until a launch fails
};
/// Adds them to `function`.
void addLaunchArguments(func::FuncOp function, Launcher launcher);
LaunchArguments getLaunchArguments(func::FuncOp function);

/// Replaces the launches in `function` by calls of the launcher, which write
/// the first failure to the status and launch nothing after it. `entry` is the
/// name of the C entry, whose data `embedCode` makes. Notes in `code` what
/// launches ask for.
void lowerLaunches(func::FuncOp function, Launcher launcher, StringRef entry,
                   DeviceCode &code);

/// Adds the data of an entry: for Driver `ENTRY__kernel` (struct
/// smx_gpu_kernel) and `ENTRY__variants`, for each image the index of its code
/// in `codes`; for Vulkan `ENTRY__program` (smx_vulkan_program).
void embedCode(ModuleOp module, Launcher launcher, StringRef entry,
               ArrayRef<DeviceCode> codes);

std::string kernelSymbol(StringRef entry);
std::string variantsSymbol(StringRef entry);
std::string programSymbol(StringRef entry);

} // namespace mlir::softmax

#endif // CODEGEN_GPU_HOSTCODE_H
