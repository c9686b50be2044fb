// The lowering passes, in pipeline order.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef LOWERING_PASSES_TD
#define LOWERING_PASSES_TD

include "mlir/Pass/PassBase.td"

def SoftmaxToRowsPass : Pass<"softmax-to-rows"> {
  let summary = "write softmax operators as row programs";
  let description = [{
    Replaces every operator of the softmax dialect by row programs (and the
    scalar operations around them), on tensors or memrefs, anywhere in the IR.

    Example: test/lowering/softmax-to-rows.mlir
  }];
  let dependentDialects = ["row::RowDialect", "arith::ArithDialect",
                           "math::MathDialect", "memref::MemRefDialect",
                           "tensor::TensorDialect"];
}

def SoftmaxLowerRowsPass : Pass<"softmax-lower-rows", "::mlir::func::FuncOp"> {
  let summary = "turn row programs into the loops their schedule asks for";
  let description = [{
    Replaces every `row.program` on memrefs by loops over rows and columns. The
    traversal, the vector shape and all numbers come from the function's
    `softmax.schedule`; without one, the reference traversal is used.

    Example: test/lowering/softmax-lower-rows.mlir
  }];
  let dependentDialects = ["SoftmaxDialect", "arith::ArithDialect",
                           "memref::MemRefDialect", "scf::SCFDialect",
                           "vector::VectorDialect", "LLVM::LLVMDialect"];
}

def SoftmaxLowerTasksPass : Pass<"softmax-lower-tasks", "::mlir::ModuleOp"> {
  let summary = "run the tasks of kernels on threads";
  let description = [{
    Moves the body of every task loop that `softmax-lower-rows` made for a
    schedule with threads into a worker function, and calls it through the
    OpenMP library (`GOMP_parallel`, which GCC's and LLVM's libraries offer) or
    through the caller's `smx_parallel_for`.

    Example: test/lowering/softmax-lower-tasks.mlir
  }];
  let dependentDialects = ["arith::ArithDialect", "func::FuncDialect",
                           "scf::SCFDialect", "LLVM::LLVMDialect"];
}

def SoftmaxLowerRowsToGPUPass
    : Pass<"softmax-lower-rows-to-gpu", "::mlir::ModuleOp"> {
  let summary = "turn row programs into GPU kernels and their launches";
  let description = [{
    In every function with a `#softmax.gpu_schedule`, replaces each
    `row.program` on memrefs by the launch of a kernel that the schedule shapes,
    followed, where the program has totals, by one that adds up the sums of the
    blocks. Scalars that depend on device memory move into kernels, so that the
    function computes addresses and grids only. Kernels take i64 arguments, and
    access memory through `memref<?xT, #gpu.address_space<global>>` made from
    them. What lives between launches lies in a workspace of the caller's, whose
    address is a further argument of the function; its size is left as
    `softmax.workspace`.

    Example: test/lowering/lower-rows-to-gpu.mlir
  }];
  let dependentDialects = ["SoftmaxDialect", "arith::ArithDialect",
                           "gpu::GPUDialect", "LLVM::LLVMDialect",
                           "memref::MemRefDialect", "NVVM::NVVMDialect",
                           "ROCDL::ROCDLDialect", "scf::SCFDialect",
                           "vector::VectorDialect"];
}

#endif // LOWERING_PASSES_TD
