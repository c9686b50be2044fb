// From softmax operators to LLVM, stage by stage.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef CODEGEN_CPU_PIPELINES_H
#define CODEGEN_CPU_PIPELINES_H

#include "dialect/softmax/Softmax.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassOptions.h"

namespace mlir::softmax {

/// What the stages have to know; everything else is in the IR.
struct CPUPipelineOptions : PassPipelineOptions<CPUPipelineOptions> {
  Option<std::string> target{*this, "target",
                             llvm::cl::desc("Machine to write for"),
                             llvm::cl::init("host")};
  Option<Threads> threads{
      *this, "threads", llvm::cl::desc("Who runs the tasks of a kernel"),
      llvm::cl::values(
          clEnumValN(Threads::None, "none", "the calling thread"),
          clEnumValN(Threads::OpenMP, "openmp", "the OpenMP library"),
          clEnumValN(Threads::Hook, "hook", "the caller's smx_parallel_for")),
      llvm::cl::init(Threads::None)};
  Option<Accuracy> accuracy{
      *this, "accuracy",
      llvm::cl::desc("Which polynomials evaluate exp and log"),
      llvm::cl::values(clEnumValN(Accuracy::Accurate, "accurate", "1 ULP"),
                       clEnumValN(Accuracy::Fast, "fast", "cheaper")),
      llvm::cl::init(Accuracy::Accurate)};
};

// softmax --> row, on tensors or memrefs
void buildToRows(OpPassManager &pm);
// row on tensors --> row on memrefs
void buildToBuffers(OpPassManager &pm, bool strided = false);
// row on memrefs --> scf, vector, memref, arith
void buildToLoops(OpPassManager &pm, const CPUPipelineOptions &options);
// scf, vector, memref, arith --> llvm
void buildToLLVM(OpPassManager &pm);
// all of them
void buildCPUPipeline(OpPassManager &pm, const CPUPipelineOptions &options);

/// Registers each stage and their sum under the names that softmax-opt lists.
void registerCPUPipelines();

} // namespace mlir::softmax

#endif // CODEGEN_CPU_PIPELINES_H
