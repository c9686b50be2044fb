// The passes that decide, and those that shape the entry point of a kernel.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef CODEGEN_PASSES_TD
#define CODEGEN_PASSES_TD

include "mlir/Pass/PassBase.td"

def SoftmaxSelectCPUSchedulePass
    : Pass<"softmax-select-cpu-schedule", "::mlir::func::FuncOp"> {
  let summary = "choose how a kernel is computed on a CPU";
  let description = [{
    Writes `softmax.schedule` on every function that holds a row program and has
    no schedule yet: a user's or a tuner's schedule wins. The machine is the
    function's `softmax.target`, else the option. The choice and its reason are
    reported as a remark of the category `schedule` (`--remarks-filter=schedule`).

    Example: test/codegen/select-cpu-schedule.mlir
  }];
  let options = [
    Option<"target", "target", "std::string", /*default=*/"\"host\"",
           "Machine to write for, a name as in softmax-gen --target-cpu">,
    Option<"threads", "threads", "::mlir::softmax::Threads",
           /*default=*/"::mlir::softmax::Threads::None",
           "Who runs the tasks of a kernel",
           [{::llvm::cl::values(
             clEnumValN(::mlir::softmax::Threads::None, "none", "the calling thread"),
             clEnumValN(::mlir::softmax::Threads::OpenMP, "openmp", "the OpenMP library"),
             clEnumValN(::mlir::softmax::Threads::Hook, "hook", "the caller's smx_parallel_for"))}]>,
    Option<"accuracy", "accuracy", "::mlir::softmax::Accuracy",
           /*default=*/"::mlir::softmax::Accuracy::Accurate",
           "Which polynomials evaluate exp and log",
           [{::llvm::cl::values(
             clEnumValN(::mlir::softmax::Accuracy::Accurate, "accurate", "at most 1 ULP"),
             clEnumValN(::mlir::softmax::Accuracy::Fast, "fast", "cheaper, see lowering/math"))}]>
  ];
  let dependentDialects = ["SoftmaxDialect"];
}

def SoftmaxPrepareEntryPass
    : Pass<"softmax-prepare-entry", "::mlir::ModuleOp"> {
  let summary = "give public functions the parameters of a C entry";
  let description = [{
    Works on row programs on tensors. Results of public functions become further
    arguments that are written (`softmax.role = "output"`), except a result that
    is computed in place of an argument with `softmax.role = "inout"`. Dynamic
    extents that must be equal get the same number (`softmax.extents`), and
    labels are marked so that the entry can check them (`softmax.labels`).

    Example: test/codegen/prepare-entry.mlir
  }];
  let dependentDialects = ["::mlir::bufferization::BufferizationDialect"];
}

def SoftmaxFinalizeEntryPass
    : Pass<"softmax-finalize-entry", "::mlir::ModuleOp"> {
  let summary = "wrap kernels into checked C entries, one variant per target";
  let description = [{
    Works on memrefs. A public function `NAME` becomes one internal kernel per
    target and a C entry `NAME` with plain pointers and extents that returns a
    status: it checks extents, null pointers, overlap and labels before anything
    is written, and calls the best variant that runs on this CPU.

    Example: test/codegen/finalize-entry.mlir
  }];
  let options = [
    ListOption<"targets", "targets", "std::string",
               "Machines to write variants for">,
    Option<"hook", "hook", "bool", /*default=*/"false",
           "The entry takes a const smx_parallel_for * as last argument">,
    Option<"strided", "strided", "bool", /*default=*/"false",
           "Each tensor argument is followed by its strides in elements">,
    Option<"inPlace", "in-place", "bool", /*default=*/"false",
           "An output may be the buffer of an input of the same type">,
    Option<"description", "description", "std::string", /*default=*/"\"\"",
           "What the run-time log says about a call">
  ];
  let dependentDialects = ["::mlir::arith::ArithDialect",
                           "::mlir::cf::ControlFlowDialect",
                           "::mlir::LLVM::LLVMDialect",
                           "::mlir::memref::MemRefDialect",
                           "::mlir::scf::SCFDialect"];
}

def SoftmaxSelectGPUSchedulePass
    : Pass<"softmax-select-gpu-schedule", "::mlir::func::FuncOp"> {
  let summary = "choose how a kernel is computed on a GPU";
  let description = [{
    Writes `softmax.schedule` on every function that holds a row program and has
    no schedule yet. The machine is the function's `softmax.target`, else the
    option. The choice and its reason are reported as a remark of the category
    `schedule` (`--remarks-filter=schedule`).

    Example: test/codegen/select-gpu-schedule.mlir
  }];
  let options = [
    Option<"target", "target", "std::string", /*default=*/"\"sm_90\"",
           "Machine to write for, a name as in softmax-gen --target-gpu">,
    Option<"accuracy", "accuracy", "::mlir::softmax::Accuracy",
           /*default=*/"::mlir::softmax::Accuracy::Accurate",
           "Which polynomials evaluate exp and log",
           [{::llvm::cl::values(
             clEnumValN(::mlir::softmax::Accuracy::Accurate, "accurate", "at most 1 ULP"),
             clEnumValN(::mlir::softmax::Accuracy::Fast, "fast", "cheaper, see lowering/math"))}]>
  ];
  let dependentDialects = ["SoftmaxDialect"];
}

def SoftmaxGPUToLLVMPass
    : Pass<"softmax-gpu-to-llvm", "::mlir::gpu::GPUModuleOp"> {
  let summary = "GPU kernels as LLVM dialect, for NVIDIA and AMD";
  let description = [{
    Converts the kernels that `softmax-lower-rows-to-gpu` made, with structured
    control flow lowered and functions expanded. Global memory becomes plain
    pointers; accesses of vectors are aligned to 16 bytes.

    Example: test/codegen/gpu-to-llvm.mlir
  }];
  let options = [
    Option<"isa", "isa", "::mlir::softmax::GPUIsa",
           /*default=*/"::mlir::softmax::GPUIsa::NVVM", "The code to write",
           [{::llvm::cl::values(
             clEnumValN(::mlir::softmax::GPUIsa::NVVM, "nvvm", "NVIDIA"),
             clEnumValN(::mlir::softmax::GPUIsa::ROCDL, "rocdl", "AMD"))}]>,
    Option<"chip", "chip", "std::string", /*default=*/"\"gfx942\"",
           "The AMD GPU">
  ];
  let dependentDialects = ["::mlir::LLVM::LLVMDialect",
                           "::mlir::NVVM::NVVMDialect",
                           "::mlir::ROCDL::ROCDLDialect"];
}

def SoftmaxGPUToSPIRVPass
    : Pass<"softmax-gpu-to-spirv", "::mlir::ModuleOp"> {
  let summary = "GPU kernels as Vulkan compute shaders";
  let description = [{
    Converts every `gpu.module` that `softmax-lower-rows-to-gpu` made into a
    `spirv.module`. Parameters are push constants; device memory is reached by
    address, so that no limit on the size of a buffer applies; arithmetic must not
    be contracted, and NaN, infinities and signed zeros are kept.

    Example: test/codegen/gpu-to-spirv.mlir
  }];
  let dependentDialects = ["::mlir::spirv::SPIRVDialect"];
}

#endif // CODEGEN_PASSES_TD
