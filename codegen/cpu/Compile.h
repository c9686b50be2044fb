// From a module with one public function to machine code.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef CODEGEN_CPU_COMPILE_H
#define CODEGEN_CPU_COMPILE_H

#include "codegen/Kernel.h"
#include "codegen/cpu/ObjectCode.h"
#include "mlir/IR/BuiltinOps.h"

namespace mlir::softmax {

/// Everything that one compilation depends on, beside the module.
struct CompileOptions {
  std::vector<CPUTarget> targets;
  Threads threads = Threads::None;
  Accuracy accuracy = Accuracy::Accurate;
  bool strided = false, inPlace = false;
  CPUScheduleAttr schedule; ///< wins over the selection when given
  /// Fields of the run-time log: "softmax,stream:host,4x8:f32,axis=1".
  std::string description;
  /// Directory for the IR after every stage; empty for none.
  std::string saveTemps;
};

/// Lowers `module`, whose only public function is the kernel, and fills the
/// parameters and variants of `info`. Diagnostics go to the context's handler.
llvm::Expected<ObjectCode> compileForCPU(ModuleOp module,
                                         const CompileOptions &options,
                                         KernelInfo &info);

/// Registers the dialects and interfaces that compilation needs.
void registerCompilerDialects(DialectRegistry &registry);

} // namespace mlir::softmax

#endif // CODEGEN_CPU_COMPILE_H
