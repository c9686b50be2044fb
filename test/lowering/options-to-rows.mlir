// RUN: softmax-opt %s --softmax-to-rows | FileCheck %s
// What the options change in row programs.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// CHECK-LABEL: func @scale_multiplies_differences
func.func @scale_multiplies_differences(%x: memref<4x8xf32>) {
  // CHECK: %[[S:.*]] = arith.constant 2.500000e-01 : f32
  // CHECK: %[[LSE:.*]]:3 = row.reduce logsumexp(%{{.*}} : !row.elements<f32>) scale(%[[S]] : f32) {
  // CHECK-NEXT: ^bb0(%[[E:.*]]: f32):
  // CHECK-NEXT: row.yield %[[E]] : f32
  // CHECK: row.map
  // CHECK: %[[DISTANCE:.*]] = arith.subf %{{.*}}, %[[LSE]]#0
  // CHECK: %[[SCALED:.*]] = arith.mulf %{{.*}}, %[[DISTANCE]]
  // CHECK: row.exp_nonpositive %[[SCALED]]
  softmax.softmax axis(1) scale(0.25) ins(%x : memref<4x8xf32>) outs(%x : memref<4x8xf32>)
  return
}

// CHECK-LABEL: func @negative_scale_turns_logits_around
func.func @negative_scale_turns_logits_around(%x: memref<4x8xf32>) {
  // CHECK: %[[S:.*]] = arith.constant 2.000000e+00 : f32
  // CHECK: row.reduce logsumexp(%{{.*}} : !row.elements<f32>) scale(%[[S]] : f32) {
  // CHECK: arith.negf
  softmax.softmax axis(1) scale(-2.0) ins(%x : memref<4x8xf32>) outs(%x : memref<4x8xf32>)
  return
}

// CHECK-LABEL: func @softcap_folds_the_hyperbolic_tangent
func.func @softcap_folds_the_hyperbolic_tangent(%x: memref<4x8xf32>) {
  // CHECK: %[[CAP:.*]] = arith.constant 3.000000e+01 : f32
  // CHECK: row.reduce logsumexp {monotone}(%{{.*}} : !row.elements<f32>) scale(%[[CAP]] : f32) {
  // CHECK: math.tanh
  // CHECK: row.map
  // CHECK: math.tanh
  softmax.log_softmax axis(1) softcap(30.0) ins(%x : memref<4x8xf32>) outs(%x : memref<4x8xf32>)
  return
}

// CHECK-LABEL: func @causal_rows_end_early
func.func @causal_rows_end_early(%x: tensor<2x?x?xf32>) -> tensor<2x?x?xf32> {
  // CHECK: %[[K:.*]] = tensor.dim %{{.*}}, %{{.*}}
  // CHECK: %[[Q:.*]] = tensor.dim %{{.*}}, %{{.*}}
  // CHECK: %[[MORE:.*]] = arith.subi %[[K]], %[[Q]]
  // CHECK: arith.addi %[[MORE]], %{{.*}}
  // CHECK: row.program axis(2)
  // CHECK: %[[I:.*]] = row.index 1
  // CHECK: %[[UNTIL:.*]] = arith.addi %[[I]], %{{.*}}
  // CHECK: row.reduce logsumexp(%{{.*}} : !row.elements<f32>) until(%[[UNTIL]]) {
  // CHECK: row.map(%{{.*}} : !row.elements<f32>) until(%[[UNTIL]], %{{.*}} : f32) {
  %y = softmax.softmax axis(2) causal ins(%x : tensor<2x?x?xf32>) outs(%x : tensor<2x?x?xf32>) -> tensor<2x?x?xf32>
  return %y : tensor<2x?x?xf32>
}

// CHECK-LABEL: func @boolean_mask_selects
func.func @boolean_mask_selects(%x: memref<4x8xbf16>, %m: memref<4x8xi8>) {
  // CHECK: row.reduce logsumexp(%{{.*}}, %{{.*}} : !row.elements<bf16>, !row.elements<i8>) {
  // CHECK: %[[KEEP:.*]] = arith.cmpi ne
  // CHECK: arith.select %[[KEEP]]
  softmax.softmax axis(1) ins(%x, %m : memref<4x8xbf16>, memref<4x8xi8>) outs(%x : memref<4x8xbf16>)
  return
}

// CHECK-LABEL: func @chain_rule_reads_the_logits_only_with_softcap
func.func @chain_rule_reads_the_logits_only_with_softcap(%dy: memref<4x8xf32>, %y: memref<4x8xf32>, %x: memref<4x8xf32>) {
  // CHECK: row.reduce add(%{{.*}}, %{{.*}} : !row.elements<f32>, !row.elements<f32>)
  // CHECK: row.map(%{{.*}}, %{{.*}}, %{{.*}} :
  // CHECK: row.sech_squared
  softmax.softmax_grad axis(1) softcap(30.0) ins(%dy, %y : memref<4x8xf32>, memref<4x8xf32>) input(%x : memref<4x8xf32>) outs(%dy : memref<4x8xf32>)
  // CHECK: row.map(%{{.*}}, %{{.*}} :
  // CHECK-NOT: row.sech_squared
  softmax.softmax_grad axis(1) scale(0.5) ins(%dy, %y : memref<4x8xf32>, memref<4x8xf32>) outs(%dy : memref<4x8xf32>)
  return
}

// CHECK-LABEL: func @smoothing_is_one_more_value_of_the_fold
func.func @smoothing_is_one_more_value_of_the_fold(%x: memref<4x8xf32>, %t: memref<4xi64>, %w: memref<8xf32>, %l: memref<4xf32>) {
  // CHECK-COUNT-1: row.reduce logsumexp(%{{.*}}, %{{.*}} : !row.elements<f32>, !row.elements<f32>) {
  // CHECK: row.yield %{{.*}}, %{{.*}} : f32, f32
  // CHECK: } -> f32, f32, f32, f32, f32
  // CHECK-NOT: row.reduce
  softmax.cross_entropy axis(1) reduction(none) label_smoothing(0.1) ins(%x, %t : memref<4x8xf32>, memref<4xi64>) weight(%w : memref<8xf32>) outs(%l : memref<4xf32>)
  return
}

// CHECK-LABEL: func @weighted_mean_divides_by_the_targets_weights
func.func @weighted_mean_divides_by_the_targets_weights(%x: memref<4x8xf32>, %t: memref<4xi64>, %w: memref<8xf32>, %l: memref<f32>) {
  // CHECK: row.program axis(1) {{.*}} ins(%{{.*}}, %{{.*}} : memref<4xi64>, memref<8xf32>) outs(%{{.*}}, %{{.*}} : memref<f64>, memref<f64>)
  // CHECK: row.at
  // CHECK: row.program axis(1)
  // CHECK: row.yield %{{.*}}, %{{.*}} : f64, f64
  softmax.cross_entropy axis(1) reduction(mean) z_loss(0.1) ins(%x, %t : memref<4x8xf32>, memref<4xi64>) weight(%w : memref<8xf32>) outs(%l : memref<f32>)
  return
}

// CHECK-LABEL: func @probabilities_need_no_label
func.func @probabilities_need_no_label(%x: tensor<?x8xf32>, %q: tensor<?x8xf32>, %l: tensor<f32>) -> tensor<f32> {
  // CHECK: arith.sitofp %{{.*}} : i64 to f64
  // CHECK-COUNT-1: row.program
  // CHECK-NOT: row.skip_if
  // CHECK: row.reduce logsumexp {zero_times_inf}(%{{.*}}, %{{.*}} :
  %r = softmax.cross_entropy axis(1) reduction(mean) zero_times_inf(zero) ins(%x, %q : tensor<?x8xf32>, tensor<?x8xf32>) outs(%l : tensor<f32>) -> tensor<f32>
  return %r : tensor<f32>
}
