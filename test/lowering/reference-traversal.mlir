// RUN: softmax-opt %s --softmax-lower-rows --canonicalize --cse | FileCheck %s
// Scalar loops for any axis and stride.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#all = affine_map<(d0, d1) -> (d0, d1)>
#columns = affine_map<(d0, d1) -> (d1)>

// CHECK-LABEL: func @strided_axis
func.func @strided_axis(%x: memref<?x8xf32>, %y: memref<?x8xf32>) attributes {softmax.schedule = #softmax.cpu_schedule<>} {
  // CHECK: %[[CLASSES:.*]] = memref.dim
  // CHECK: scf.for %[[COLUMN:.*]] =
  // CHECK: memref.subview %{{.*}}[0, %[[COLUMN]]] [%[[CLASSES]], 1] [1, 1] : memref<?x8xf32> to memref<?xf32, strided<[8], offset: ?>>
  // NaN compares false and is ignored:
  // CHECK: scf.for {{.*}} to %[[CLASSES]]
  // CHECK: arith.cmpf ogt
  // CHECK-NOT: vector
  // CHECK: memref.store
  row.program axis(0) maps [#all, #all] ins(%x : memref<?x8xf32>) outs(%y : memref<?x8xf32>) {
  ^bb0(%row: !row.elements<f32>):
    %max = row.reduce max(%row : !row.elements<f32>) {
    ^bb0(%e: f32):
      row.yield %e : f32
    } -> f32
    %m = row.map(%row : !row.elements<f32>) {
    ^bb0(%e: f32):
      %d = arith.subf %e, %max : f32
      row.yield %d : f32
    } -> !row.elements<f32>
    row.yield %m : !row.elements<f32>
  }
  return
}

// CHECK-LABEL: func @a_column_outside_the_row_reads_nothing
func.func @a_column_outside_the_row_reads_nothing(%x: memref<4x?xf32>, %t: memref<?xi64>, %o: memref<?xf32>) attributes {softmax.schedule = #softmax.cpu_schedule<>} {
  // CHECK: %[[LABEL:.*]] = arith.index_cast
  // CHECK: %[[INSIDE:.*]] = arith.cmpi ult, %[[LABEL]], %{{.*}}
  // CHECK: scf.if %[[INSIDE]] -> (f32) {
  // CHECK-NEXT: memref.load %{{.*}}[%[[LABEL]]]
  row.program axis(0) maps [#all, #columns, #columns] ins(%x, %t : memref<4x?xf32>, memref<?xi64>) outs(%o : memref<?xf32>) {
  ^bb0(%row: !row.elements<f32>, %label: i64):
    %column = arith.index_cast %label : i64 to index
    %e = row.at %row[%column] : !row.elements<f32>
    row.yield %e : f32
  }
  return
}
