// From row programs on buffers to code for GPUs, stage by stage.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef CODEGEN_GPU_PIPELINES_H
#define CODEGEN_GPU_PIPELINES_H

#include "codegen/gpu/Target.h"
#include "mlir/Pass/PassOptions.h"

namespace mlir {
class OpPassManager;
} // namespace mlir

namespace mlir::softmax {

struct GPUPipelineOptions : PassPipelineOptions<GPUPipelineOptions> {
  Option<std::string> target{*this, "target",
                             llvm::cl::desc("Machine to write for"),
                             llvm::cl::init("sm_90")};
  Option<Accuracy> accuracy{
      *this, "accuracy",
      llvm::cl::desc("Which polynomials evaluate exp and log"),
      llvm::cl::init(Accuracy::Accurate),
      llvm::cl::values(clEnumValN(Accuracy::Accurate, "accurate", "exact"),
                       clEnumValN(Accuracy::Fast, "fast", "cheaper"))};
};

/// Row programs on memrefs --> gpu.module of kernels, and a host function that
/// launches them.
void buildToKernels(OpPassManager &pm, const GPUPipelineOptions &options);
/// Kernels --> LLVM dialect in the gpu.module, or a spirv.module.
void buildKernelsToDevice(OpPassManager &pm, const GPUTarget &target);
/// Softmax operators on tensors --> device code, for a function on tensors.
void buildGPUPipeline(OpPassManager &pm, const GPUPipelineOptions &options);

void registerGPUPipelines();

} // namespace mlir::softmax

#endif // CODEGEN_GPU_PIPELINES_H
