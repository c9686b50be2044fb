// From a module with one public function to machine code.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef CODEGEN_CPU_COMPILE_H
#define CODEGEN_CPU_COMPILE_H

#include "codegen/Kernel.h"
#include "codegen/cpu/ObjectCode.h"
#include "codegen/gpu/DeviceCode.h"
#include "mlir/IR/BuiltinOps.h"

namespace mlir::softmax {

/// Everything that one compilation depends on, beside the module.
struct CompileOptions {
  std::vector<CPUTarget> targets;
  std::vector<GPUTarget> gpuTargets;
  bool needsCubin = false; ///< no object without machine code for NVIDIA
  Threads threads = Threads::None;
  Accuracy accuracy = Accuracy::Accurate;
  bool strided = false, inPlace = false;
  CPUScheduleAttr schedule; ///< wins over the selection when given
  GPUScheduleAttr gpuSchedule;
  /// Fields of the run-time log: "softmax,stream:host,4x8:f32,axis=1".
  std::string description;
  /// Directory for the IR after every stage; empty for none.
  std::string saveTemps;
};

/// What one compilation yields: the host's code, which holds the devices', and
/// theirs once more on its own.
struct CompiledKernel {
  ObjectCode host;
  std::vector<DeviceCode> devices;
};

/// Lowers `module`, whose only public function is the kernel, and fills the
/// parameters and variants of `info`. Diagnostics go to the context's handler.
llvm::Expected<CompiledKernel> compileKernel(ModuleOp module,
                                             const CompileOptions &options,
                                             KernelInfo &info);

/// Registers the dialects and interfaces that compilation needs.
void registerCompilerDialects(DialectRegistry &registry);

} // namespace mlir::softmax

#endif // CODEGEN_CPU_COMPILE_H
