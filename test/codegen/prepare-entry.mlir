// RUN: softmax-opt %s --softmax-to-rows --softmax-prepare-entry | FileCheck %s
// Results become arguments; equal extents get one number; labels are marked.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// CHECK-LABEL: func.func @equal_extents_share_a_number(
// CHECK-SAME: tensor<?x?xf32> {bufferization.writable = false, softmax.extents = array<i64: 0, 1>, softmax.name = "x"}
// CHECK-SAME: tensor<?x?xf32> {bufferization.writable = true, softmax.extents = array<i64: 0, 1>, softmax.name = "y", softmax.role = "output"}) {
func.func @equal_extents_share_a_number(%x: tensor<?x?xf32> {softmax.name = "x"}) -> (tensor<?x?xf32> {softmax.name = "y"}) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %d0 = tensor.dim %x, %c0 : tensor<?x?xf32>
  %d1 = tensor.dim %x, %c1 : tensor<?x?xf32>
  %o = tensor.empty(%d0, %d1) : tensor<?x?xf32>
  %y = softmax.softmax axis(1) ins(%x : tensor<?x?xf32>) outs(%o : tensor<?x?xf32>) -> tensor<?x?xf32>
  // CHECK: bufferization.materialize_in_destination
  // CHECK-NEXT: return{{$}}
  return %y : tensor<?x?xf32>
}

// CHECK-LABEL: func.func @labels_name_their_classes(
// CHECK-SAME: tensor<?x7x?xf32> {bufferization.writable = false, softmax.extents = array<i64: 0, -1, 1>},
// Ignored label, classes, argument and dimension that bound them.
// CHECK-SAME: tensor<?x?xi32> {bufferization.writable = false, softmax.extents = array<i64: 0, 1>, softmax.labels = array<i64: 255, 7, 0, 1>},
// CHECK-SAME: tensor<f32> {bufferization.writable = true, softmax.extents = array<i64>, softmax.role = "output"})
func.func @labels_name_their_classes(%x: tensor<?x7x?xf32>, %t: tensor<?x?xi32>) -> tensor<f32> {
  %o = tensor.empty() : tensor<f32>
  %l = softmax.cross_entropy axis(1) reduction(mean) ignore_index(255) ins(%x, %t : tensor<?x7x?xf32>, tensor<?x?xi32>) outs(%o : tensor<f32>) -> tensor<f32>
  return %l : tensor<f32>
}

// CHECK-LABEL: func.func @classes_of_a_dynamic_extent(
// CHECK-SAME: softmax.labels = array<i64: -100, -1, 0, 1>
func.func @classes_of_a_dynamic_extent(%x: tensor<4x?xf32>, %t: tensor<4xi64>) -> tensor<f32> {
  %o = tensor.empty() : tensor<f32>
  %l = softmax.cross_entropy axis(1) reduction(sum) ins(%x, %t : tensor<4x?xf32>, tensor<4xi64>) outs(%o : tensor<f32>) -> tensor<f32>
  return %l : tensor<f32>
}

// CHECK-LABEL: func.func @updated_in_place(
// CHECK-SAME: %{{.*}}: tensor<8xf32> {bufferization.writable = true, softmax.extents = array<i64: -1>, softmax.role = "inout"}, %{{.*}}: tensor<8xf32> {bufferization.writable = false, softmax.extents = array<i64: -1>}, %{{.*}}: f32) {
func.func @updated_in_place(%p: tensor<8xf32> {softmax.role = "inout"}, %g: tensor<8xf32>, %rate: f32) -> tensor<8xf32> {
  %q = softmax.sgd ins(%g, %rate : tensor<8xf32>, f32) outs(%p : tensor<8xf32>) -> tensor<8xf32>
  // CHECK-NOT: materialize_in_destination
  return %q : tensor<8xf32>
}

// CHECK-LABEL: func.func private @private_functions_are_left_alone(%{{.*}}: tensor<8xf32>) -> tensor<8xf32>
func.func private @private_functions_are_left_alone(%x: tensor<8xf32>) -> tensor<8xf32> {
  return %x : tensor<8xf32>
}
