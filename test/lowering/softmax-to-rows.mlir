// RUN: softmax-opt %s --softmax-to-rows | FileCheck %s
// Each operator as the row program that defines it.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// CHECK-DAG: #[[$ALL:.*]] = affine_map<(d0, d1) -> (d0, d1)>
// CHECK-DAG: #[[$ROWS:.*]] = affine_map<(d0, d1) -> (d0)>

// CHECK-LABEL: func @softmax_divides_by_multiplying
func.func @softmax_divides_by_multiplying(%x: tensor<4x8xf16>, %o: tensor<4x8xf32>) -> tensor<4x8xf32> {
  // CHECK: row.program axis(1) maps [#[[$ALL]], #[[$ALL]]]
  // CHECK: %[[LSE:.*]]:3 = row.reduce logsumexp
  // CHECK: arith.extf %{{.*}} : f16 to f32
  // CHECK: %[[SCALE:.*]] = arith.divf %{{.*}}, %[[LSE]]#1
  // CHECK: row.map
  // CHECK: %[[SHIFTED:.*]] = arith.subf %{{.*}}, %[[LSE]]#0
  // CHECK: %[[EXP:.*]] = row.exp_nonpositive %[[SHIFTED]]
  // CHECK: arith.mulf %[[EXP]], %[[SCALE]]
  // CHECK-NOT: softmax.
  %y = softmax.softmax axis(1) ins(%x : tensor<4x8xf16>) outs(%o : tensor<4x8xf32>) -> tensor<4x8xf32>
  return %y : tensor<4x8xf32>
}

// CHECK-LABEL: func @log_softmax_subtracts_the_maximum_first
func.func @log_softmax_subtracts_the_maximum_first(%x: tensor<4x8xf32>) -> tensor<4x8xf32> {
  // CHECK: row.program axis(0)
  // CHECK: %[[LSE:.*]]:3 = row.reduce logsumexp
  // CHECK: %[[LOG1P:.*]] = math.log1p %[[LSE]]#2
  // CHECK: %[[LOG:.*]] = arith.addf %[[LOG1P]], %{{.*}}
  // CHECK: %[[SHIFTED:.*]] = arith.subf %{{.*}}, %[[LSE]]#0
  // CHECK: arith.subf %[[SHIFTED]], %[[LOG]]
  %y = softmax.log_softmax axis(-2) ins(%x : tensor<4x8xf32>) outs(%x : tensor<4x8xf32>) -> tensor<4x8xf32>
  return %y : tensor<4x8xf32>
}

// CHECK-LABEL: func @logsumexp_yields_a_scalar_per_row
func.func @logsumexp_yields_a_scalar_per_row(%x: memref<4x8xf64>, %o: memref<4xf64>) {
  // CHECK: row.program axis(1) maps [#[[$ALL]], #[[$ROWS]]]
  // CHECK: %[[LSE:.*]]:3 = row.reduce logsumexp
  // CHECK: %[[LOG:.*]] = math.log1p %[[LSE]]#2 : f64
  // CHECK: %[[SUM:.*]] = arith.addf %[[LSE]]#0, %[[LOG]]
  // CHECK: row.yield %[[SUM]] : f64
  softmax.logsumexp axis(1) ins(%x : memref<4x8xf64>) outs(%o : memref<4xf64>)
  return
}

// CHECK-LABEL: func @softmax_grad_takes_one_dot_product
func.func @softmax_grad_takes_one_dot_product(%dy: memref<4x8xf32>, %y: memref<4x8xf32>) {
  // CHECK: %[[DOT:.*]] = row.reduce add(%{{.*}}, %{{.*}} :
  // CHECK: row.map(%{{.*}}, %{{.*}} :
  // CHECK: arith.subf %{{.*}}, %[[DOT]]
  softmax.softmax_grad axis(1) ins(%dy, %y : memref<4x8xf32>, memref<4x8xf32>) outs(%dy : memref<4x8xf32>)
  return
}

// CHECK-LABEL: func @log_softmax_grad_sums_the_gradient_only
func.func @log_softmax_grad_sums_the_gradient_only(%dy: memref<4x8xf32>, %y: memref<4x8xf32>) {
  // CHECK: %[[SUM:.*]] = row.reduce add(%{{[a-z0-9]+}} : !row.elements<f32>)
  // CHECK: row.map(%{{.*}}, %{{.*}} :
  softmax.log_softmax_grad axis(1) ins(%dy, %y : memref<4x8xf32>, memref<4x8xf32>) outs(%dy : memref<4x8xf32>)
  return
}

// CHECK-LABEL: func @sgd_is_a_single_fma
func.func @sgd_is_a_single_fma(%g: tensor<?xf16>, %rate: f32, %p: tensor<?xf16>) -> tensor<?xf16> {
  // CHECK: %[[MINUS:.*]] = arith.negf
  // CHECK: row.map
  // CHECK: %[[NEW:.*]] = math.fma %[[MINUS]], %{{.*}}, %{{.*}} : f32
  // CHECK: arith.truncf %[[NEW]] : f32 to f16
  %q = softmax.sgd ins(%g, %rate : tensor<?xf16>, f32) outs(%p : tensor<?xf16>) -> tensor<?xf16>
  return %q : tensor<?xf16>
}
