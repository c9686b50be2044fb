// RUN: softmax-opt %s --softmax-to-rows | FileCheck %s
// The losses as row programs: labels, ignored rows, means.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// CHECK-LABEL: func @mean_divides_in_f64_by_the_rows_not_ignored
func.func @mean_divides_in_f64_by_the_rows_not_ignored(%x: tensor<4x8xf32>, %t: tensor<4xi64>, %o: tensor<f32>) -> tensor<f32> {
  // CHECK: row.program axis(1) {{.*}} ins(%{{.*}} : tensor<4xi64>) outs(%{{.*}} : tensor<f64>)
  // CHECK: %[[COUNT:.*]] = tensor.extract
  // CHECK: row.program axis(1)
  // CHECK: %[[MINUS_100:.*]] = arith.constant -100 : i64
  // CHECK: %[[IGNORED:.*]] = arith.cmpi eq, %{{.*}}, %[[MINUS_100]]
  // CHECK: %[[CLASSES:.*]] = row.extent
  // CHECK: arith.cmpi ult, %{{.*}}, %[[CLASSES]]
  // CHECK: row.skip_if %[[IGNORED]] values(%{{.*}} : f64)
  // CHECK: row.at
  // CHECK: row.reduce logsumexp
  // CHECK: row.yield %{{.*}} : f64
  // CHECK: %[[TOTAL:.*]] = tensor.extract
  // CHECK: %[[EMPTY:.*]] = arith.cmpf oeq, %[[COUNT]], %{{.*}} : f64
  // CHECK: %[[QUOTIENT:.*]] = arith.divf %[[TOTAL]], %[[COUNT]] : f64
  // CHECK: %[[MEAN:.*]] = arith.select %[[EMPTY]], %{{.*}}, %[[QUOTIENT]] : f64
  // CHECK: arith.truncf %[[MEAN]] : f64 to f32
  %l = softmax.cross_entropy axis(1) reduction(mean) ins(%x, %t : tensor<4x8xf32>, tensor<4xi64>) outs(%o : tensor<f32>) -> tensor<f32>
  return %l : tensor<f32>
}

// CHECK-LABEL: func @sum_needs_no_count
func.func @sum_needs_no_count(%x: memref<4x8xf32>, %t: memref<4xi32>, %o: memref<f32>) {
  // CHECK-COUNT-1: row.program
  // CHECK: arith.extsi %{{.*}} : i32 to i64
  // CHECK: arith.constant 5 : i64
  // CHECK-NOT: row.program
  softmax.cross_entropy axis(1) reduction(sum) ignore_index(5) ins(%x, %t : memref<4x8xf32>, memref<4xi32>) outs(%o : memref<f32>)
  return
}

// CHECK-LABEL: func @bytes_are_unsigned_labels
func.func @bytes_are_unsigned_labels(%x: memref<4x8xf32>, %t: memref<4xi8>, %o: memref<4xf32>) {
  // CHECK: arith.extui %{{.*}} : i8 to i64
  // CHECK: row.skip_if %{{.*}} values(%{{.*}}, %{{.*}} : f32, f32)
  // CHECK: row.yield %{{.*}}, %{{.*}} : f32, f32
  softmax.cross_entropy axis(1) reduction(none) ignore_index(255) ins(%x, %t : memref<4x8xf32>, memref<4xi8>) outs(%o, %o : memref<4xf32>, memref<4xf32>)
  return
}

// CHECK-LABEL: func @gradient_at_the_target_does_not_cancel
func.func @gradient_at_the_target_does_not_cancel(%g: memref<4xf32>, %x: memref<4x8xf32>, %t: memref<4xi64>) {
  // CHECK: %[[LOGIT:.*]] = row.at
  // CHECK: %[[LSE:.*]]:3 = row.reduce logsumexp
  // CHECK: arith.select %{{.*}}, %{{.*}}, %{{.*}} : f32
  // CHECK: %[[DISTANCE:.*]] = arith.subf %[[LOGIT]], %[[LSE]]#0
  // CHECK: %[[PEAK:.*]] = row.exp_nonpositive %[[DISTANCE]]
  // CHECK: %[[LESS:.*]] = arith.subf %[[PEAK]], %{{.*}}
  // CHECK: %[[OTHERS:.*]] = arith.subf %[[LESS]], %[[LSE]]#2
  // CHECK: %[[HERE:.*]] = arith.mulf %{{.*}}, %[[OTHERS]]
  // CHECK: row.map(%{{.*}} : !row.elements<f32>) at(%{{.*}}, %[[HERE]] : f32)
  softmax.cross_entropy_grad axis(1) reduction(none) ins(%g, %x, %t : memref<4xf32>, memref<4x8xf32>, memref<4xi64>) outs(%x : memref<4x8xf32>)
  return
}

// CHECK-LABEL: func @gradient_from_a_saved_lse_reduces_nothing
func.func @gradient_from_a_saved_lse_reduces_nothing(%g: memref<f32>, %x: memref<4x8xf32>, %t: memref<4xi64>, %lse: memref<4xf32>) {
  // CHECK-NOT: row.reduce
  // CHECK: math.exp
  softmax.cross_entropy_grad axis(1) reduction(sum) ins(%g, %x, %t, %lse : memref<f32>, memref<4x8xf32>, memref<4xi64>, memref<4xf32>) outs(%x : memref<4x8xf32>)
  return
}

// CHECK-LABEL: func @loss_and_gradient_share_one_reduction
func.func @loss_and_gradient_share_one_reduction(%x: tensor<4x8xf32>, %t: tensor<4xi64>, %l: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>, tensor<4x8xf32>) {
  // CHECK-COUNT-1: row.reduce logsumexp
  // CHECK-NOT: row.reduce
  // CHECK: row.yield %{{.*}}, %{{.*}}, %{{.*}} : f32, f32, !row.elements<f32>
  %r:3 = softmax.cross_entropy_with_grad axis(1) reduction(none) ins(%x, %t : tensor<4x8xf32>, tensor<4xi64>) outs(%l, %x : tensor<4xf32>, tensor<4x8xf32>) lse(%l : tensor<4xf32>) -> tensor<4xf32>, tensor<4xf32>, tensor<4x8xf32>
  return %r#0, %r#1, %r#2 : tensor<4xf32>, tensor<4xf32>, tensor<4x8xf32>
}
