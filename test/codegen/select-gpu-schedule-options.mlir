// RUN: softmax-opt %s --softmax-select-gpu-schedule="target=sm_90 accuracy=fast" --remarks-filter=schedule 2>&1 | FileCheck %s --check-prefixes=CHECK,FAST
// RUN: not softmax-opt %s --softmax-select-gpu-schedule=target=sm_35 2>&1 | FileCheck %s --check-prefix=TARGET
// Options of the pass, and the remark that gives the reason of each choice.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// TARGET: error: unknown GPU target 'sm_35'; expected one of sm_80, sm_90, sm_100, gfx90a, gfx942, spirv

#all = affine_map<(d0, d1) -> (d0, d1)>

// CHECK: remark: [Passed] schedule
// CHECK-SAME: Function=rows_in_registers
// CHECK-SAME: sm_90: 1024 columns in registers of {{[0-9]+}} threads; bound by {{memory|instructions|latency}}, {{[0-9.]+}} of the time that memory takes, {{[0-9.]+}} us for 64 rows
// CHECK: remark: [Passed] schedule
// CHECK-SAME: Function=rows_of_unknown_length
// CHECK-SAME: sm_90: a number of columns that is known at run time only in memory of {{[0-9]+}} threads
// CHECK: remark: [Passed] schedule
// CHECK-SAME: Function=rows_too_long
// CHECK-SAME: sm_90: 100000 columns in registers of a cluster of {{[0-9]+}} x {{[0-9]+}} threads
// CHECK: remark: [Passed] schedule
// CHECK-SAME: Function=strided_rows
// CHECK-SAME: sm_90: the class axis is not innermost: neighbouring rows in neighbouring threads, 2 for the columns of each, which they keep in registers
// FAST: func @rows_in_registers
// FAST-SAME: accuracy = fast>
func.func @rows_in_registers(%x: memref<64x1024xf32>) {
  row.program axis(1) maps [#all, #all] ins(%x : memref<64x1024xf32>) outs(%x : memref<64x1024xf32>) {
  ^bb0(%row: !row.elements<f32>):
    %sum = row.reduce add(%row : !row.elements<f32>) {
    ^bb0(%e: f32):
      row.yield %e : f32
    } -> f32
    %m = row.map(%row : !row.elements<f32>) {
    ^bb0(%e: f32):
      %q = arith.divf %e, %sum : f32
      row.yield %q : f32
    } -> !row.elements<f32>
    row.yield %m : !row.elements<f32>
  }
  return
}
func.func @rows_of_unknown_length(%x: memref<64x?xf32>) {
  row.program axis(1) maps [#all, #all] ins(%x : memref<64x?xf32>) outs(%x : memref<64x?xf32>) {
  ^bb0(%row: !row.elements<f32>):
    %sum = row.reduce add(%row : !row.elements<f32>) {
    ^bb0(%e: f32):
      row.yield %e : f32
    } -> f32
    %m = row.map(%row : !row.elements<f32>) {
    ^bb0(%e: f32):
      %q = arith.divf %e, %sum : f32
      row.yield %q : f32
    } -> !row.elements<f32>
    row.yield %m : !row.elements<f32>
  }
  return
}
func.func @rows_too_long(%x: memref<64x100000xf32>) {
  row.program axis(1) maps [#all, #all] ins(%x : memref<64x100000xf32>) outs(%x : memref<64x100000xf32>) {
  ^bb0(%row: !row.elements<f32>):
    %sum = row.reduce add(%row : !row.elements<f32>) {
    ^bb0(%e: f32):
      row.yield %e : f32
    } -> f32
    %m = row.map(%row : !row.elements<f32>) {
    ^bb0(%e: f32):
      %q = arith.divf %e, %sum : f32
      row.yield %q : f32
    } -> !row.elements<f32>
    row.yield %m : !row.elements<f32>
  }
  return
}
func.func @strided_rows(%x: memref<64x1024xf32>) {
  row.program axis(0) maps [#all, #all] ins(%x : memref<64x1024xf32>) outs(%x : memref<64x1024xf32>) {
  ^bb0(%row: !row.elements<f32>):
    %sum = row.reduce add(%row : !row.elements<f32>) {
    ^bb0(%e: f32):
      row.yield %e : f32
    } -> f32
    %m = row.map(%row : !row.elements<f32>) {
    ^bb0(%e: f32):
      %q = arith.divf %e, %sum : f32
      row.yield %q : f32
    } -> !row.elements<f32>
    row.yield %m : !row.elements<f32>
  }
  return
}
