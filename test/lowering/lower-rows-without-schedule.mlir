// RUN: softmax-opt %s --softmax-lower-rows | FileCheck %s
// Without a schedule the reference traversal is used, also where nothing else
// of the softmax dialect is in the file.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#all = affine_map<(d0, d1) -> (d0, d1)>

// CHECK-LABEL: func @no_schedule
// CHECK: memref.store
func.func @no_schedule(%x: memref<4x8xf32>, %y: memref<4x8xf32>) {
  row.program axis(1) maps [#all, #all] ins(%x : memref<4x8xf32>) outs(%y : memref<4x8xf32>) {
  ^bb0(%row: !row.elements<f32>):
    %m = row.map(%row : !row.elements<f32>) {
    ^bb0(%e: f32):
      row.yield %e : f32
    } -> !row.elements<f32>
    row.yield %m : !row.elements<f32>
  }
  return
}
