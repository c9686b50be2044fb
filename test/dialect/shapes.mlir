// RUN: softmax-opt %s --resolve-ranked-shaped-type-result-dims --canonicalize | FileCheck %s
// The extents of a result are those of its destination.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// CHECK-LABEL: func @extent_of_softmax
// CHECK-SAME: %[[X:.*]]: tensor<?x?xf32>, %[[OUT:.*]]: tensor<?x?xf32>
func.func @extent_of_softmax(%x: tensor<?x?xf32>, %o: tensor<?x?xf32>) -> index {
  %c1 = arith.constant 1 : index
  %y = softmax.softmax axis(1) ins(%x : tensor<?x?xf32>) outs(%o : tensor<?x?xf32>) -> tensor<?x?xf32>
  // CHECK-NOT: softmax.softmax
  // CHECK: %[[EXTENT:.*]] = tensor.dim %[[OUT]], %{{.*}}
  // CHECK: return %[[EXTENT]]
  %d = tensor.dim %y, %c1 : tensor<?x?xf32>
  return %d : index
}

// CHECK-LABEL: func @extents_of_a_loss_and_its_gradient
// CHECK-SAME: %[[L:[a-z0-9]+]]: tensor<?xf32>
// CHECK-SAME: %[[D:[a-z0-9]+]]: tensor<?x8xf32>
func.func @extents_of_a_loss_and_its_gradient(%x: tensor<?x8xf32>, %t: tensor<?xi64>, %l: tensor<?xf32>, %dx: tensor<?x8xf32>) -> (index, index, index) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %r:2 = softmax.cross_entropy_with_grad axis(1) reduction(none) ins(%x, %t : tensor<?x8xf32>, tensor<?xi64>) outs(%l, %dx : tensor<?xf32>, tensor<?x8xf32>) -> tensor<?xf32>, tensor<?x8xf32>
  // CHECK-DAG: %[[CLASSES:.*]] = arith.constant 8
  // CHECK-DAG: %[[ROWS:.*]] = tensor.dim %[[L]], %{{.*}}
  // CHECK-DAG: %[[SAME:.*]] = tensor.dim %[[D]], %{{.*}}
  // CHECK: return %[[ROWS]], %[[SAME]], %[[CLASSES]]
  %a = tensor.dim %r#0, %c0 : tensor<?xf32>
  %b = tensor.dim %r#1, %c0 : tensor<?x8xf32>
  %c = tensor.dim %r#1, %c1 : tensor<?x8xf32>
  return %a, %b, %c : index, index, index
}

// CHECK-LABEL: func @extent_of_a_row_program
// CHECK-SAME: %[[X:.*]]: tensor<?xf32>, %[[OUT:.*]]: tensor<?xf32>
func.func @extent_of_a_row_program(%x: tensor<?xf32>, %o: tensor<?xf32>) -> index {
  %c0 = arith.constant 0 : index
  %y = row.program axis(0) maps [affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>] ins(%x : tensor<?xf32>) outs(%o : tensor<?xf32>) {
  ^bb0(%row: !row.elements<f32>):
    %m = row.map(%row : !row.elements<f32>) {
    ^bb0(%e: f32):
      row.yield %e : f32
    } -> !row.elements<f32>
    row.yield %m : !row.elements<f32>
  } -> tensor<?xf32>
  // CHECK: tensor.dim %[[OUT]], %{{.*}}
  %d = tensor.dim %y, %c0 : tensor<?xf32>
  return %d : index
}
