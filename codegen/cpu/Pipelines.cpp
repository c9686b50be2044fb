// From softmax operators to LLVM, stage by stage.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "codegen/cpu/Pipelines.h"

#include "codegen/Passes.h"
#include "lowering/Passes.h"
#include "lowering/math/Passes.h"

#include "mlir/Conversion/Passes.h"
#include "mlir/Dialect/Bufferization/Pipelines/Passes.h"
#include "mlir/Dialect/Bufferization/Transforms/OneShotAnalysis.h"
#include "mlir/Dialect/Bufferization/Transforms/Passes.h"
#include "mlir/Dialect/Linalg/Passes.h"
#include "mlir/Dialect/MemRef/Transforms/Passes.h"
#include "mlir/Pass/PassRegistry.h"
#include "mlir/Transforms/Passes.h"

using namespace mlir;
using namespace mlir::softmax;

// softmax, tensor or memref --> row, arith, math
void softmax::buildToRows(OpPassManager &pm) {
  pm.addPass(createSoftmaxToRowsPass());
  pm.addPass(createCanonicalizerPass());
}

// row, linalg, tensor --> row, linalg, memref
void softmax::buildToBuffers(OpPassManager &pm, bool strided) {
  pm.addPass(createConvertElementwiseToLinalgPass());
  pm.addPass(bufferization::createEmptyTensorEliminationPass());
  bufferization::OneShotBufferizePassOptions options;
  options.bufferizeFunctionBoundaries = true;
  options.allowReturnAllocsFromLoops = true;
  options.functionBoundaryTypeConversion =
      strided ? bufferization::LayoutMapOption::FullyDynamicLayoutMap
              : bufferization::LayoutMapOption::IdentityLayoutMap;
  pm.addPass(bufferization::createOneShotBufferizePass(options));
  pm.addNestedPass<func::FuncOp>(
      bufferization::createPromoteBuffersToStackPass());
  pm.addPass(createCanonicalizerPass());
  // Intermediate tensors of a user's function are freed again.
  bufferization::buildBufferDeallocationPipeline(pm);
  pm.addPass(createConvertBufferizationToMemRefPass());
}

// row, linalg on memrefs --> scf, vector, memref, arith
void softmax::buildToLoops(OpPassManager &pm,
                           const CPUPipelineOptions &options) {
  pm.addNestedPass<func::FuncOp>(createSoftmaxSelectCPUSchedulePass(
      {options.target, options.threads, options.accuracy}));
  pm.addNestedPass<func::FuncOp>(createSoftmaxLowerRowsPass());
  pm.addPass(createSoftmaxLowerTasksPass());
  pm.addNestedPass<func::FuncOp>(createConvertLinalgToLoopsPass());
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createCSEPass());
}

// scf, vector, memref, arith, math --> llvm
void softmax::buildToLLVM(OpPassManager &pm) {
  pm.addNestedPass<func::FuncOp>(createSoftmaxLowerMathPass());
  pm.addPass(memref::createExpandStridedMetadataPass());
  pm.addPass(createLowerAffinePass());
  pm.addPass(createSCFToControlFlowPass());
  pm.addPass(createConvertVectorToLLVMPass());
  pm.addPass(createArithToLLVMConversionPass());
  pm.addPass(createConvertMathToLLVMPass());
  pm.addPass(createConvertIndexToLLVMPass());
  pm.addPass(createFinalizeMemRefToLLVMConversionPass());
  pm.addPass(createConvertFuncToLLVMPass());
  pm.addPass(createConvertControlFlowToLLVMPass());
  pm.addPass(createUBToLLVMConversionPass());
  pm.addPass(createReconcileUnrealizedCastsPass());
}

void softmax::buildCPUPipeline(OpPassManager &pm,
                               const CPUPipelineOptions &options) {
  buildToRows(pm);
  buildToBuffers(pm);
  buildToLoops(pm, options);
  buildToLLVM(pm);
}

void softmax::registerCPUPipelines() {
  PassPipelineRegistration<>("softmax-stage-rows",
                             "Stage 1: softmax operators to row programs",
                             buildToRows);
  PassPipelineRegistration<>("softmax-stage-buffers",
                             "Stage 2: tensors to buffers",
                             [](OpPassManager &pm) { buildToBuffers(pm); });
  PassPipelineRegistration<CPUPipelineOptions>(
      "softmax-stage-loops", "Stage 3: row programs to scheduled vector loops",
      buildToLoops);
  PassPipelineRegistration<>("softmax-stage-llvm",
                             "Stage 4: loops and vectors to LLVM", buildToLLVM);
  PassPipelineRegistration<CPUPipelineOptions>(
      "softmax-cpu-pipeline", "All stages: softmax operators to LLVM",
      buildCPUPipeline);
}
