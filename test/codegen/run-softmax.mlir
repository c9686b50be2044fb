// REQUIRES: mlir-runner
// RUN: softmax-opt %s --softmax-cpu-pipeline=target=x86-64 | sed "s/ attributes {softmax[^}]*}//" | mlir-runner -e main --entry-point-result=void --shared-libs=%runner_libs | FileCheck %s
// RUN: softmax-opt %s --softmax-cpu-pipeline="target=x86-64 accuracy=fast" | sed "s/ attributes {softmax[^}]*}//" | mlir-runner -e main --entry-point-result=void --shared-libs=%runner_libs | FileCheck %s
// RUN: softmax-opt %s --softmax-cpu-pipeline=target=host | sed "s/ attributes {softmax[^}]*}//" | mlir-runner -e main --entry-point-result=void --shared-libs=%runner_libs | FileCheck %s
// Softmax on either axis and in a loop, compiled and run.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

func.func private @printMemrefF32(tensor<*xf32>)

func.func @on_axis(%x: tensor<2x6xf32>) {
  %o = tensor.empty() : tensor<2x6xf32>
  %last = softmax.softmax axis(1) ins(%x : tensor<2x6xf32>) outs(%o : tensor<2x6xf32>) -> tensor<2x6xf32>
  %a = tensor.cast %last : tensor<2x6xf32> to tensor<*xf32>
  func.call @printMemrefF32(%a) : (tensor<*xf32>) -> ()
  %p = tensor.empty() : tensor<2x6xf32>
  %first = softmax.softmax axis(0) ins(%x : tensor<2x6xf32>) outs(%p : tensor<2x6xf32>) -> tensor<2x6xf32>
  %b = tensor.cast %first : tensor<2x6xf32> to tensor<*xf32>
  func.call @printMemrefF32(%b) : (tensor<*xf32>) -> ()
  return
}

func.func @scaled_in_a_loop(%x: tensor<2x6xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %two = arith.constant dense<2.0> : tensor<2x6xf32>
  %o = tensor.empty() : tensor<2x6xf32>
  %start = linalg.copy ins(%x : tensor<2x6xf32>) outs(%o : tensor<2x6xf32>) -> tensor<2x6xf32>
  %r = scf.for %i = %c0 to %c2 step %c1 iter_args(%a = %start) -> tensor<2x6xf32> {
    %s = arith.mulf %a, %two : tensor<2x6xf32>
    %y = softmax.softmax axis(1) ins(%s : tensor<2x6xf32>) outs(%a : tensor<2x6xf32>) -> tensor<2x6xf32>
    scf.yield %y : tensor<2x6xf32>
  }
  %u = tensor.cast %r : tensor<2x6xf32> to tensor<*xf32>
  func.call @printMemrefF32(%u) : (tensor<*xf32>) -> ()
  return
}

func.func @main() {
  %x = arith.constant dense<[[0.0, 1.0, 2.0, 3.0, 4.0, 5.0],
                             [1.0, 1.0, 1.0, 1.0, 1.0, 0xFF800000]]> : tensor<2x6xf32>
  // CHECK: sizes = [2, 6]
  // CHECK: {{\[\[}}0.00426978,   0.01160{{[0-9]*}},   0.03154{{[0-9]*}},   0.08576{{[0-9]*}},   0.23312{{[0-9]*}},   0.63369{{[0-9]*}}],
  // CHECK-NEXT: [0.2,   0.2,   0.2,   0.2,   0.2,   0]]
  // CHECK: {{\[\[}}0.26894{{[0-9]*}},   0.5,   0.73105{{[0-9]*}},   0.88079{{[0-9]*}},   0.95257{{[0-9]*}},   1],
  // CHECK-NEXT: [0.73105{{[0-9]*}},   0.5,   0.26894{{[0-9]*}},   0.11920{{[0-9]*}},   0.04742{{[0-9]*}},   0]]
  call @on_axis(%x) : (tensor<2x6xf32>) -> ()
  // CHECK: {{\[\[}}0.0914{{[0-9]*}},   0.0914{{[0-9]*}},   0.0918{{[0-9]*}},   0.0943{{[0-9]*}},   0.1155{{[0-9]*}},   0.5153{{[0-9]*}}],
  // CHECK-NEXT: [0.17635{{[0-9]*}},   0.17635{{[0-9]*}},   0.17635{{[0-9]*}},   0.17635{{[0-9]*}},   0.17635{{[0-9]*}},   0.11821{{[0-9]*}}]]
  call @scaled_in_a_loop(%x) : (tensor<2x6xf32>) -> ()
  return
}
