// RUN: softmax-opt %s | softmax-opt | FileCheck %s
// RUN: softmax-opt %s --mlir-print-op-generic | softmax-opt | FileCheck %s
// Row programs survive printing and parsing.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#all = affine_map<(d0, d1) -> (d0, d1)>
#rows = affine_map<(d0, d1) -> (d0)>
#columns = affine_map<(d0, d1) -> (d1)>
#none = affine_map<(d0, d1) -> ()>
#cube = affine_map<(d0, d1, d2) -> (d0, d1, d2)>
#cubeRows = affine_map<(d0, d1, d2) -> (d0, d1)>
#classes = affine_map<(d0, d1, d2) -> (d2)>
#scalar = affine_map<(d0, d1, d2) -> ()>

// CHECK-LABEL: func @every_monoid_and_kind_of_output
func.func @every_monoid_and_kind_of_output(%x: memref<?x8xf32>, %w: memref<8xf32>, %t: memref<?xi64>, %s: f32, %lse: memref<?xf32>, %total: memref<f64>, %y: memref<?x8xf16>) {
  // CHECK: row.program axis(1) maps [#{{.*}}, #{{.*}}, #{{.*}}, #{{.*}}, #{{.*}}, #{{.*}}, #{{.*}}]
  // CHECK-SAME: ins(%{{.*}}, %{{.*}}, %{{.*}}, %{{.*}} : memref<?x8xf32>, memref<8xf32>, memref<?xi64>, f32)
  // CHECK-SAME: outs(%{{.*}}, %{{.*}}, %{{.*}} : memref<?xf32>, memref<f64>, memref<?x8xf16>)
  row.program axis(1) maps [#all, #columns, #rows, #none, #rows, #none, #all]
      ins(%x, %w, %t, %s : memref<?x8xf32>, memref<8xf32>, memref<?xi64>, f32)
      outs(%lse, %total, %y : memref<?xf32>, memref<f64>, memref<?x8xf16>) {
  // CHECK: ^bb0(%[[ROW:.*]]: !row.elements<f32>, %[[WEIGHT:.*]]: !row.elements<f32>, %[[LABEL:.*]]: i64, %{{.*}}: f32):
  ^bb0(%row: !row.elements<f32>, %weight: !row.elements<f32>, %label: i64, %scalar: f32):
    %c0 = arith.constant 0 : i64
    %zero = arith.constant 0.0 : f32
    %half = arith.constant 0.0 : f16
    %ignored = arith.cmpi eq, %label, %c0 : i64
    // CHECK: row.skip_if %{{.*}} values(%{{.*}}, %{{.*}}, %{{.*}} : f32, f32, f16)
    row.skip_if %ignored values(%zero, %zero, %half : f32, f32, f16)
    // CHECK: row.extent
    %extent = row.extent
    %column = arith.index_cast %label : i64 to index
    // CHECK: row.at %[[ROW]][%{{.*}}] : {{.*}}<f32>
    %picked = row.at %row[%column] : !row.elements<f32>
    // CHECK: row.reduce logsumexp(%[[ROW]] : !row.elements<f32>) {
    %max, %sum, %tail = row.reduce logsumexp(%row : !row.elements<f32>) {
    ^bb0(%e: f32):
      row.yield %e : f32
    } -> f32, f32, f32
    // CHECK: row.reduce add(%[[ROW]], %[[WEIGHT]] : !row.elements<f32>, !row.elements<f32>) {
    %dot = row.reduce add(%row, %weight : !row.elements<f32>, !row.elements<f32>) {
    ^bb0(%e: f32, %f: f32):
      %p = arith.mulf %e, %f : f32
      row.yield %p : f32
    } -> f32
    // CHECK: row.reduce max(%[[ROW]] : !row.elements<f32>) {
    %largest = row.reduce max(%row : !row.elements<f32>) {
    ^bb0(%e: f32):
      row.yield %e : f32
    } -> f32
    // CHECK: row.map(%[[ROW]] : !row.elements<f32>) at(%{{.*}}, %{{.*}} : f16) {
    %mapped = row.map(%row : !row.elements<f32>) at(%column, %half : f16) {
    ^bb0(%e: f32):
      // CHECK: row.column
      %here = row.column
      // CHECK: row.exp_nonpositive %{{.*}} : f32
      %n = row.exp_nonpositive %e : f32
      %narrow = arith.truncf %n : f32 to f16
      row.yield %narrow : f16
    } -> !row.elements<f16>
    // CHECK: row.yield %{{.*}}, %{{.*}}, %{{.*}} : f32, f32, !row.elements<f16>
    row.yield %max, %dot, %mapped : f32, f32, !row.elements<f16>
  // CHECK-NEXT: }{{$}}
  }
  return
}

// CHECK-LABEL: func @results_of_tensor_outputs
func.func @results_of_tensor_outputs(%x: tensor<3x?xf32>, %o: tensor<3x?xf32>) -> tensor<3x?xf32> {
  // CHECK: row.program axis(1) maps [#{{.*}}, #{{.*}}] ins(%{{.*}} : tensor<3x?xf32>) outs(%{{.*}} : tensor<3x?xf32>) {
  %y = row.program axis(1) maps [#all, #all] ins(%x : tensor<3x?xf32>) outs(%o : tensor<3x?xf32>) {
  ^bb0(%row: !row.elements<f32>):
    %seven = arith.constant 7.0 : f32
    %constant = row.map(%row : !row.elements<f32>) {
    ^bb0(%e: f32):
      row.yield %seven : f32
    } -> !row.elements<f32>
    row.yield %constant : !row.elements<f32>
  // CHECK: } -> tensor<3x?xf32>
  } -> tensor<3x?xf32>
  return %y : tensor<3x?xf32>
}

// CHECK-LABEL: func @exp_nonpositive_of_vectors
func.func @exp_nonpositive_of_vectors(%v: vector<[4]xf32>, %d: f64) -> (vector<[4]xf32>, f64) {
  // CHECK: row.exp_nonpositive %{{.*}} : vector<[4]xf32>
  %e = row.exp_nonpositive %v : vector<[4]xf32>
  // CHECK: row.exp_nonpositive %{{.*}} : f64
  %f = row.exp_nonpositive %d : f64
  return %e, %f : vector<[4]xf32>, f64
}

// CHECK-LABEL: func @sech_squared_of_vectors
func.func @sech_squared_of_vectors(%v: vector<[4]xf32>, %d: f64) -> (vector<[4]xf32>, f64) {
  // CHECK: row.sech_squared %{{.*}} : vector<[4]xf32>
  %e = row.sech_squared %v : vector<[4]xf32>
  // CHECK: row.sech_squared %{{.*}} : f64
  %f = row.sech_squared %d : f64
  return %e, %f : vector<[4]xf32>, f64
}

// CHECK-LABEL: func @limits_scale_and_weighted_folds
func.func @limits_scale_and_weighted_folds(%x: memref<2x4x8xf32>, %w: memref<8xf32>, %s: f32, %l: memref<2x4xf32>) {
  row.program axis(2) maps [#cube, #classes, #scalar, #cubeRows, #cube]
      ins(%x, %w, %s : memref<2x4x8xf32>, memref<8xf32>, f32) outs(%l, %x : memref<2x4xf32>, memref<2x4x8xf32>) {
  ^bb0(%row: !row.elements<f32>, %weight: !row.elements<f32>, %scale: f32):
    // CHECK: %[[I:.*]] = row.index 1
    %i = row.index 1
    // CHECK: %[[F:.*]]:5 = row.reduce logsumexp {zero_times_inf}(%{{.*}}, %{{.*}} : !row.elements<f32>, !row.elements<f32>) scale(%{{.*}} : f32) until(%[[I]]) {
    %f:5 = row.reduce logsumexp {zero_times_inf}(%row, %weight : !row.elements<f32>, !row.elements<f32>) scale(%scale : f32) until(%i) {
    ^bb0(%e: f32, %v: f32):
      // CHECK: row.yield %{{.*}}, %{{.*}} : f32, f32
      row.yield %e, %v : f32, f32
    } -> f32, f32, f32, f32, f32
    // CHECK: row.map(%{{.*}} : !row.elements<f32>) until(%[[I]], %[[F]]#4 : f32) {
    %y = row.map(%row : !row.elements<f32>) until(%i, %f#4 : f32) {
    ^bb0(%e: f32):
      // CHECK: row.sech_squared %{{.*}} : f32
      %d = row.sech_squared %e : f32
      row.yield %d : f32
    } -> !row.elements<f32>
    row.yield %f#3, %y : f32, !row.elements<f32>
  }
  return
}
