# Precompiles the headers of MLIR: nearly all of what compiling one file costs.
# run.py has CMake include this file; the project itself does not.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

function(softmax_precompile)
  target_precompile_headers(SoftmaxRow PRIVATE
    <mlir/Dialect/Arith/IR/Arith.h>
    <mlir/Dialect/Func/IR/FuncOps.h>
    <mlir/Dialect/LLVMIR/LLVMDialect.h>
    <mlir/Dialect/Math/IR/Math.h>
    <mlir/Dialect/MemRef/IR/MemRef.h>
    <mlir/Dialect/SCF/IR/SCF.h>
    <mlir/Dialect/Tensor/IR/Tensor.h>
    <mlir/Dialect/Vector/IR/VectorOps.h>
    <mlir/IR/ImplicitLocOpBuilder.h>
    <mlir/IR/PatternMatch.h>
    <mlir/Interfaces/DestinationStyleOpInterface.h>
    <mlir/Interfaces/FunctionInterfaces.h>
    <mlir/Pass/Pass.h>)
  # The same flags, so that one precompiled header serves all.
  foreach(target SoftmaxCodegen SoftmaxDialect SoftmaxLowering SoftmaxMath)
    target_precompile_headers(${target} REUSE_FROM SoftmaxRow)
  endforeach()
endfunction()
# When all targets are known.
cmake_language(DEFER DIRECTORY "${CMAKE_SOURCE_DIR}" CALL softmax_precompile)
