// RUN: softmax-opt %s --softmax-select-cpu-schedule=target=x86-64 | FileCheck %s
// Selection needs nothing but a row program.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#all = affine_map<(d0, d1) -> (d0, d1)>

// CHECK-LABEL: func @only_row_operations
// CHECK-SAME: isa = sse2
func.func @only_row_operations(%x: memref<4x8xf32>) {
  row.program axis(1) maps [#all, #all] ins(%x : memref<4x8xf32>) outs(%x : memref<4x8xf32>) {
  ^bb0(%row: !row.elements<f32>):
    %m = row.map(%row : !row.elements<f32>) {
    ^bb0(%e: f32):
      row.yield %e : f32
    } -> !row.elements<f32>
    row.yield %m : !row.elements<f32>
  }
  return
}
