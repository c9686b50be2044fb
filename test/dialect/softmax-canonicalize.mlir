// RUN: softmax-opt %s --canonicalize | FileCheck %s
// What the canonicalizer does with softmax operators.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// CHECK-LABEL: func @negative_axes_count_from_the_start
func.func @negative_axes_count_from_the_start(%x: tensor<4x8x2xf32>, %l: tensor<4x8xf32>, %t: tensor<4x2xi64>, %s: tensor<f32>) -> (tensor<4x8x2xf32>, tensor<4x8xf32>, tensor<f32>) {
  // CHECK: softmax.softmax axis(2)
  %0 = softmax.softmax axis(-1) ins(%x : tensor<4x8x2xf32>) outs(%x : tensor<4x8x2xf32>) -> tensor<4x8x2xf32>
  // CHECK: softmax.logsumexp axis(2)
  %1 = softmax.logsumexp axis(-1) ins(%x : tensor<4x8x2xf32>) outs(%l : tensor<4x8xf32>) -> tensor<4x8xf32>
  // CHECK: softmax.cross_entropy axis(1) reduction(sum)
  %2 = softmax.cross_entropy axis(-2) reduction(sum) ins(%x, %t : tensor<4x8x2xf32>, tensor<4x2xi64>) outs(%s : tensor<f32>) -> tensor<f32>
  return %0, %1, %2 : tensor<4x8x2xf32>, tensor<4x8xf32>, tensor<f32>
}

// Static extents behind a cast reach the operator, and so the schedule.
// CHECK-LABEL: func @static_extents_behind_a_cast_are_used
func.func @static_extents_behind_a_cast_are_used(%x: tensor<4x8xf32>, %init: tensor<4x8xf32>) -> tensor<?x?xf32> {
  // CHECK: softmax.softmax axis(1) ins(%{{.*}} : tensor<4x8xf32>) outs(%{{.*}} : tensor<4x8xf32>) -> tensor<4x8xf32>
  %a = tensor.cast %x : tensor<4x8xf32> to tensor<?x?xf32>
  %b = tensor.cast %init : tensor<4x8xf32> to tensor<?x?xf32>
  %y = softmax.softmax axis(1) ins(%a : tensor<?x?xf32>) outs(%b : tensor<?x?xf32>) -> tensor<?x?xf32>
  return %y : tensor<?x?xf32>
}
