// REQUIRES: mlir-runner
// RUN: softmax-opt %s --softmax-cpu-pipeline=target=x86-64 | sed "s/ attributes {softmax[^}]*}//" | mlir-runner -e main --entry-point-result=void --shared-libs=%runner_libs | FileCheck %s
// RUN: softmax-opt %s --softmax-cpu-pipeline=target=host | sed "s/ attributes {softmax[^}]*}//" | mlir-runner -e main --entry-point-result=void --shared-libs=%runner_libs | FileCheck %s
// A mean over rows of which one is ignored, and its gradient, compiled and run.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

func.func private @printMemrefF32(tensor<*xf32>)

func.func @main() {
  %x = arith.constant dense<[[1.0, 2.0, 3.0, 4.0],
                             [0.0, 0.0, 0.0, 0.0],
                             [5.0, 0x7FC00000, 1.0, 1.0],
                             [9.0, 9.0, 9.0, 9.0]]> : tensor<4x4xf32>
  // The NaN of an ignored row reaches nothing.
  %t = arith.constant dense<[2, 0, -100, 3]> : tensor<4xi64>
  %o = tensor.empty() : tensor<f32>
  %d = tensor.empty() : tensor<4x4xf32>
  %loss = softmax.cross_entropy axis(1) reduction(mean) ins(%x, %t : tensor<4x4xf32>, tensor<4xi64>) outs(%o : tensor<f32>) -> tensor<f32>
  %a = tensor.cast %loss : tensor<f32> to tensor<*xf32>
  // CHECK: [1.40426{{[0-9]*}}]
  call @printMemrefF32(%a) : (tensor<*xf32>) -> ()
  %r:2 = softmax.cross_entropy_with_grad axis(1) reduction(mean) ins(%x, %t : tensor<4x4xf32>, tensor<4xi64>) outs(%o, %d : tensor<f32>, tensor<4x4xf32>) -> tensor<f32>, tensor<4x4xf32>
  %b = tensor.cast %r#0 : tensor<f32> to tensor<*xf32>
  // CHECK: [1.40426{{[0-9]*}}]
  call @printMemrefF32(%b) : (tensor<*xf32>) -> ()
  %c = tensor.cast %r#1 : tensor<4x4xf32> to tensor<*xf32>
  // CHECK: {{\[\[}}0.010686{{[0-9]*}},   0.029048{{[0-9]*}},   -0.25437{{[0-9]*}},   0.21463{{[0-9]*}}],
  // CHECK-NEXT: [-0.25,   0.0833333,   0.0833333,   0.0833333],
  // CHECK-NEXT: [0,   0,   0,   0],
  // CHECK-NEXT: [0.0833333,   0.0833333,   0.0833333,   -0.25]]
  call @printMemrefF32(%c) : (tensor<*xf32>) -> ()
  return
}
