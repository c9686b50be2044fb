// From row programs on buffers to code for GPUs, stage by stage.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "codegen/gpu/Pipelines.h"

#include "codegen/Passes.h"
#include "codegen/cpu/Pipelines.h"
#include "lowering/Passes.h"
#include "lowering/math/Passes.h"

#include "mlir/Conversion/Passes.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/SPIRV/IR/SPIRVOps.h"
#include "mlir/Dialect/SPIRV/Transforms/Passes.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassRegistry.h"
#include "mlir/Transforms/Passes.h"

using namespace mlir;
using namespace mlir::softmax;

void softmax::buildToKernels(OpPassManager &pm,
                             const GPUPipelineOptions &options) {
  pm.addNestedPass<func::FuncOp>(
      createSoftmaxSelectGPUSchedulePass({options.target, options.accuracy}));
  pm.addPass(createSoftmaxLowerRowsToGPUPass());
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createCSEPass());
}

void softmax::buildKernelsToDevice(OpPassManager &pm, const GPUTarget &target) {
  OpPassManager &kernels = pm.nest<gpu::GPUModuleOp>();
  kernels.addNestedPass<gpu::GPUFuncOp>(createSoftmaxLowerMathPass());
  kernels.addPass(createCanonicalizerPass());
  kernels.addPass(createCSEPass());
  kernels.addPass(createLoopInvariantCodeMotionPass());
  if (target.isa == GPUIsa::SPIRV) {
    pm.addPass(createSoftmaxGPUToSPIRVPass());
    pm.nest<spirv::ModuleOp>().addPass(spirv::createSPIRVUpdateVCEPass());
    return;
  }
  kernels.addPass(createSCFToControlFlowPass());
  kernels.addPass(createSoftmaxGPUToLLVMPass({target.isa, target.chip}));
  kernels.addPass(createReconcileUnrealizedCastsPass());
}

void softmax::buildGPUPipeline(OpPassManager &pm,
                               const GPUPipelineOptions &options) {
  llvm::Expected<GPUTarget> target = parseGPUTarget(options.target);
  if (!target)
    llvm::report_fatal_error(target.takeError(), /*gen_crash_diag=*/false);
  buildToRows(pm);
  pm.addPass(createSoftmaxPrepareEntryPass());
  buildToBuffers(pm);
  buildToKernels(pm, options);
  buildKernelsToDevice(pm, *target);
}

void softmax::registerGPUPipelines() {
  PassPipelineRegistration<GPUPipelineOptions>(
      "softmax-stage-kernels",
      "GPU stage 3: row programs to kernels and launches", buildToKernels);
  PassPipelineRegistration<GPUPipelineOptions>(
      "softmax-gpu-pipeline", "All stages: softmax operators to device code",
      buildGPUPipeline);
}
