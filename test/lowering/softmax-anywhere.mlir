// RUN: softmax-opt %s --softmax-to-rows | FileCheck %s
// RUN: softmax-opt %s --softmax-cpu-pipeline | FileCheck %s --check-prefix=LLVM
// Operators stand in any position of a function.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// LLVM-NOT: softmax.softmax
// LLVM-NOT: row.

// CHECK-LABEL: func @in_a_loop
// LLVM-LABEL: llvm.func @in_a_loop
func.func @in_a_loop(%x: tensor<4x8xf32>, %n: index) -> tensor<4x8xf32> {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  // CHECK: scf.for
  // CHECK: %[[Y:.*]] = row.program
  // CHECK: scf.yield %[[Y]]
  %r = scf.for %i = %c0 to %n step %c1 iter_args(%a = %x) -> tensor<4x8xf32> {
    %y = softmax.softmax axis(1) ins(%a : tensor<4x8xf32>) outs(%a : tensor<4x8xf32>) -> tensor<4x8xf32>
    scf.yield %y : tensor<4x8xf32>
  }
  return %r : tensor<4x8xf32>
}

// CHECK-LABEL: func @in_a_branch
// LLVM-LABEL: llvm.func @in_a_branch
func.func @in_a_branch(%x: tensor<4x8xf32>, %c: i1) -> tensor<4x8xf32> {
  // CHECK: scf.if
  // CHECK: row.program
  // CHECK: else
  %r = scf.if %c -> tensor<4x8xf32> {
    %o = tensor.empty() : tensor<4x8xf32>
    %y = softmax.log_softmax axis(0) ins(%x : tensor<4x8xf32>) outs(%o : tensor<4x8xf32>) -> tensor<4x8xf32>
    scf.yield %y : tensor<4x8xf32>
  } else {
    scf.yield %x : tensor<4x8xf32>
  }
  return %r : tensor<4x8xf32>
}

// CHECK-LABEL: func @between_other_operations
// LLVM-LABEL: llvm.func @between_other_operations
func.func @between_other_operations(%x: tensor<?x8xf32>) -> tensor<?x8xf32> {
  %c0 = arith.constant 0 : index
  %d = tensor.dim %x, %c0 : tensor<?x8xf32>
  %o = tensor.empty(%d) : tensor<?x8xf32>
  // CHECK: %[[A:.*]] = arith.mulf
  // CHECK: %[[Y:.*]] = row.program axis(1) {{.*}} ins(%[[A]] :
  // CHECK: %[[B:.*]] = arith.addf %[[Y]], %{{.*}}
  // CHECK: row.program axis(1) {{.*}} ins(%[[B]] :
  %a = arith.mulf %x, %x : tensor<?x8xf32>
  %y = softmax.softmax axis(1) ins(%a : tensor<?x8xf32>) outs(%o : tensor<?x8xf32>) -> tensor<?x8xf32>
  %b = arith.addf %y, %x : tensor<?x8xf32>
  %z = softmax.softmax axis(1) ins(%b : tensor<?x8xf32>) outs(%o : tensor<?x8xf32>) -> tensor<?x8xf32>
  return %z : tensor<?x8xf32>
}

// CHECK-LABEL: func @mean_on_memrefs_in_a_loop_allocates_once
// LLVM-LABEL: llvm.func @mean_on_memrefs_in_a_loop_allocates_once
func.func @mean_on_memrefs_in_a_loop_allocates_once(%x: memref<4x8xf32>, %t: memref<4xi64>, %l: memref<f32>, %n: index) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  // CHECK-COUNT-2: memref.alloca() : memref<f64>
  // CHECK: scf.for
  // CHECK-NOT: memref.alloca
  scf.for %i = %c0 to %n step %c1 {
    softmax.cross_entropy axis(1) reduction(mean) ins(%x, %t : memref<4x8xf32>, memref<4xi64>) outs(%l : memref<f32>)
  }
  return
}
