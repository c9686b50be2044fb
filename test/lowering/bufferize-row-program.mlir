// RUN: softmax-opt %s --one-shot-bufferize="bufferize-function-boundaries function-boundary-type-conversion=identity-layout-map" | FileCheck %s
// Row programs write into their destination, which may be an input.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#all = affine_map<(d0, d1) -> (d0, d1)>
#rows = affine_map<(d0, d1) -> (d0)>
#transposed = affine_map<(d0, d1) -> (d1, d0)>

// CHECK-LABEL: func @writes_into_the_destination
// CHECK-SAME: %[[X:.*]]: memref<4x8xf32>, %[[Y:.*]]: memref<4x8xf32>
func.func @writes_into_the_destination(%x: tensor<4x8xf32>, %o: tensor<4x8xf32> {bufferization.writable = true}) -> tensor<4x8xf32> {
  // CHECK-NOT: memref.alloc
  // CHECK: row.program axis(1) {{.*}} ins(%[[X]] : memref<4x8xf32>) outs(%[[Y]] : memref<4x8xf32>) {
  // CHECK: return %[[Y]]
  %y = row.program axis(1) maps [#all, #all] ins(%x : tensor<4x8xf32>) outs(%o : tensor<4x8xf32>) {
  ^bb0(%row: !row.elements<f32>):
    %m = row.map(%row : !row.elements<f32>) {
    ^bb0(%e: f32):
      row.yield %e : f32
    } -> !row.elements<f32>
    row.yield %m : !row.elements<f32>
  } -> tensor<4x8xf32>
  return %y : tensor<4x8xf32>
}

// CHECK-LABEL: func @an_input_with_the_same_map_is_overwritten
// CHECK-SAME: %[[X:.*]]: memref<4x8xf32>
func.func @an_input_with_the_same_map_is_overwritten(%x: tensor<4x8xf32> {bufferization.writable = true}) -> tensor<4x8xf32> {
  // CHECK-NOT: memref.copy
  // CHECK: row.program axis(1) {{.*}} ins(%[[X]] : {{.*}}) outs(%[[X]] : {{.*}}) {
  %y = row.program axis(1) maps [#all, #all] ins(%x : tensor<4x8xf32>) outs(%x : tensor<4x8xf32>) {
  ^bb0(%row: !row.elements<f32>):
    %m = row.map(%row : !row.elements<f32>) {
    ^bb0(%e: f32):
      row.yield %e : f32
    } -> !row.elements<f32>
    row.yield %m : !row.elements<f32>
  } -> tensor<4x8xf32>
  return %y : tensor<4x8xf32>
}

// CHECK-LABEL: func @an_input_with_another_map_is_not
// CHECK-SAME: %[[X:.*]]: memref<8x8xf32>
func.func @an_input_with_another_map_is_not(%x: tensor<8x8xf32> {bufferization.writable = true}) -> tensor<8x8xf32> {
  // CHECK: %[[NEW:.*]] = memref.alloc
  // CHECK: row.program axis(1) {{.*}} ins(%[[X]] : {{.*}}) outs(%[[NEW]] : {{.*}}) {
  %y = row.program axis(1) maps [#transposed, #all] ins(%x : tensor<8x8xf32>) outs(%x : tensor<8x8xf32>) {
  ^bb0(%row: !row.elements<f32>):
    %m = row.map(%row : !row.elements<f32>) {
    ^bb0(%e: f32):
      row.yield %e : f32
    } -> !row.elements<f32>
    row.yield %m : !row.elements<f32>
  } -> tensor<8x8xf32>
  return %y : tensor<8x8xf32>
}

// CHECK-LABEL: func @a_value_used_later_is_kept
// CHECK-SAME: %[[X:.*]]: memref<4x8xf32>
func.func @a_value_used_later_is_kept(%x: tensor<4x8xf32> {bufferization.writable = true}) -> (tensor<4x8xf32>, tensor<4x8xf32>) {
  // CHECK: %[[NEW:.*]] = memref.alloc
  // CHECK: row.program {{.*}} outs(%[[NEW]] : {{.*}}) {
  %y = row.program axis(1) maps [#all, #all] ins(%x : tensor<4x8xf32>) outs(%x : tensor<4x8xf32>) {
  ^bb0(%row: !row.elements<f32>):
    %m = row.map(%row : !row.elements<f32>) {
    ^bb0(%e: f32):
      row.yield %e : f32
    } -> !row.elements<f32>
    row.yield %m : !row.elements<f32>
  } -> tensor<4x8xf32>
  return %x, %y : tensor<4x8xf32>, tensor<4x8xf32>
}

// CHECK-LABEL: func @the_same_destination_twice_is_two_buffers
func.func @the_same_destination_twice_is_two_buffers(%x: tensor<4x8xf32>, %o: tensor<4xf32> {bufferization.writable = true}) -> (tensor<4xf32>, tensor<4xf32>) {
  // CHECK: row.program {{.*}} outs(%[[A:.*]], %[[B:.*]] : memref<4xf32>, memref<4xf32>) {
  // CHECK: return %[[A]], %[[B]]
  %r:2 = row.program axis(1) maps [#all, #rows, #rows] ins(%x : tensor<4x8xf32>) outs(%o, %o : tensor<4xf32>, tensor<4xf32>) {
  ^bb0(%row: !row.elements<f32>):
    %s = row.reduce add(%row : !row.elements<f32>) {
    ^bb0(%e: f32):
      row.yield %e : f32
    } -> f32
    %t = row.reduce max(%row : !row.elements<f32>) {
    ^bb0(%e: f32):
      row.yield %e : f32
    } -> f32
    row.yield %s, %t : f32, f32
  } -> tensor<4xf32>, tensor<4xf32>
  return %r#0, %r#1 : tensor<4xf32>, tensor<4xf32>
}
