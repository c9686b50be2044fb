// RUN: softmax-opt %s --softmax-select-cpu-schedule=target=x86-64 | FileCheck %s --check-prefixes=CHECK,SSE2
// RUN: softmax-opt %s --softmax-select-cpu-schedule=target=x86-64-v3 | FileCheck %s --check-prefixes=CHECK,AVX2
// RUN: softmax-opt %s --softmax-select-cpu-schedule=target=x86-64-v4 | FileCheck %s --check-prefixes=CHECK,AVX512
// RUN: softmax-opt %s --softmax-select-cpu-schedule=target=aarch64 | FileCheck %s --check-prefixes=CHECK,NEON
// RUN: softmax-opt %s --softmax-select-cpu-schedule=target=aarch64+sve | FileCheck %s --check-prefixes=CHECK,SVE
// RUN: softmax-opt %s --softmax-select-cpu-schedule=target=riscv64+v | FileCheck %s --check-prefixes=CHECK,RVV
// RUN: softmax-opt %s --softmax-select-cpu-schedule=target=wasm32 | FileCheck %s --check-prefixes=CHECK,WASM
// Each row of the table (but not the numbers that tuning changes), and what wins
// over it.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#all = affine_map<(d0, d1) -> (d0, d1)>

// CHECK-LABEL: func @contiguous_rows
// SSE2-SAME: <traversal = stream, isa = sse2, lanes = 4, unroll = {{[0-9].*}}nontemporal = {{[0-9]+}}, rows_per_task = 16>
// AVX2-SAME: <traversal = stream, isa = avx2, lanes = 8, unroll = {{[0-9].*}}nontemporal = {{[0-9]+}}, rows_per_task = 16>
// AVX512-SAME: <traversal = stream, isa = avx512, lanes = 16, unroll = {{[0-9].*}}nontemporal = {{[0-9]+}}, rows_per_task = 16>
// NEON-SAME: <traversal = stream, isa = neon, lanes = 4, unroll = {{[0-9].*}}rows_per_task = 16>
// SVE-SAME: <traversal = stream, isa = sve, lanes = 4, unroll = {{[0-9].*}}rows_per_task = 16>
// RVV-SAME: <traversal = stream, isa = rvv, lanes = 4, unroll = {{[0-9].*}}rows_per_task = 16>
// WASM-SAME: <traversal = stream, isa = simd128, lanes = 4, unroll = {{[0-9].*}}rows_per_task = 16>
func.func @contiguous_rows(%x: memref<64x1024xf32>) {
  row.program axis(1) maps [#all, #all] ins(%x : memref<64x1024xf32>) outs(%x : memref<64x1024xf32>) {
  ^bb0(%row: !row.elements<f32>):
    %m = row.map(%row : !row.elements<f32>) {
    ^bb0(%e: f32):
      row.yield %e : f32
    } -> !row.elements<f32>
    row.yield %m : !row.elements<f32>
  }
  return
}

// CHECK-LABEL: func @half_the_lanes_for_doubles
// SSE2-SAME: lanes = 2,
// AVX2-SAME: lanes = 4,
// AVX512-SAME: lanes = 8,
// NEON-SAME: lanes = 2,
// SVE-SAME: lanes = 2,
// RVV-SAME: lanes = 2,
// WASM-SAME: lanes = 2,
func.func @half_the_lanes_for_doubles(%x: memref<64x?xf64>) {
  row.program axis(1) maps [#all, #all] ins(%x : memref<64x?xf64>) outs(%x : memref<64x?xf64>) {
  ^bb0(%row: !row.elements<f64>):
    %m = row.map(%row : !row.elements<f64>) {
    ^bb0(%e: f64):
      row.yield %e : f64
    } -> !row.elements<f64>
    row.yield %m : !row.elements<f64>
  }
  return
}

// CHECK-LABEL: func @inner_for_rows_side_by_side
// SSE2-SAME: <traversal = inner, isa = sse2, lanes = 4, unroll = {{[0-9]+}}, block = {{[0-9]+}}{{.*}}rows_per_task =
// AVX2-SAME: <traversal = inner, isa = avx2, lanes = 8,
// AVX512-SAME: <traversal = inner, isa = avx512, lanes = 16,
// NEON-SAME: <traversal = inner, isa = neon, lanes = 4,
// SVE-SAME: <traversal = inner, isa = sve, lanes = 4,
// RVV-SAME: <traversal = inner, isa = rvv, lanes = 4,
// WASM-SAME: <traversal = inner, isa = simd128, lanes = 4,
func.func @inner_for_rows_side_by_side(%x: memref<64x1024xf32>) {
  row.program axis(0) maps [#all, #all] ins(%x : memref<64x1024xf32>) outs(%x : memref<64x1024xf32>) {
  ^bb0(%row: !row.elements<f32>):
    %m = row.map(%row : !row.elements<f32>) {
    ^bb0(%e: f32):
      row.yield %e : f32
    } -> !row.elements<f32>
    row.yield %m : !row.elements<f32>
  }
  return
}

// Whichever strides come at run time, rows are summed in the same order.
// CHECK-LABEL: func @stream_for_unknown_strides_of_a_last_axis
// CHECK-SAME: traversal = stream
func.func @stream_for_unknown_strides_of_a_last_axis(%x: memref<64x1024xf32, strided<[?, ?], offset: ?>>) {
  row.program axis(1) maps [#all, #all] ins(%x : memref<64x1024xf32, strided<[?, ?], offset: ?>>) outs(%x : memref<64x1024xf32, strided<[?, ?], offset: ?>>) {
  ^bb0(%row: !row.elements<f32>):
    %m = row.map(%row : !row.elements<f32>) {
    ^bb0(%e: f32):
      row.yield %e : f32
    } -> !row.elements<f32>
    row.yield %m : !row.elements<f32>
  }
  return
}

// CHECK-LABEL: func @inner_for_unknown_strides_of_another_axis
// CHECK-SAME: traversal = inner
func.func @inner_for_unknown_strides_of_another_axis(%x: memref<64x1024xf32, strided<[?, ?], offset: ?>>) {
  row.program axis(0) maps [#all, #all] ins(%x : memref<64x1024xf32, strided<[?, ?], offset: ?>>) outs(%x : memref<64x1024xf32, strided<[?, ?], offset: ?>>) {
  ^bb0(%row: !row.elements<f32>):
    %m = row.map(%row : !row.elements<f32>) {
    ^bb0(%e: f32):
      row.yield %e : f32
    } -> !row.elements<f32>
    row.yield %m : !row.elements<f32>
  }
  return
}

// CHECK-LABEL: func @inner_for_a_transposed_matrix
// CHECK-SAME: traversal = inner
func.func @inner_for_a_transposed_matrix(%x: memref<64x1024xf32, strided<[1, 64]>>) {
  row.program axis(1) maps [#all, #all] ins(%x : memref<64x1024xf32, strided<[1, 64]>>) outs(%x : memref<64x1024xf32, strided<[1, 64]>>) {
  ^bb0(%row: !row.elements<f32>):
    %m = row.map(%row : !row.elements<f32>) {
    ^bb0(%e: f32):
      row.yield %e : f32
    } -> !row.elements<f32>
    row.yield %m : !row.elements<f32>
  }
  return
}

// CHECK-LABEL: func @the_schedule_of_a_user_wins
// CHECK-SAME: #softmax.cpu_schedule<traversal = stream, isa = neon, lanes = 4>
func.func @the_schedule_of_a_user_wins(%x: memref<64x1024xf32>) attributes {softmax.schedule = #softmax.cpu_schedule<traversal = stream, isa = neon, lanes = 4>} {
  row.program axis(1) maps [#all, #all] ins(%x : memref<64x1024xf32>) outs(%x : memref<64x1024xf32>) {
  ^bb0(%row: !row.elements<f32>):
    %m = row.map(%row : !row.elements<f32>) {
    ^bb0(%e: f32):
      row.yield %e : f32
    } -> !row.elements<f32>
    row.yield %m : !row.elements<f32>
  }
  return
}

// CHECK-LABEL: func @the_target_of_the_function_wins
// CHECK-SAME: isa = avx2
func.func @the_target_of_the_function_wins(%x: memref<64x1024xf32>) attributes {softmax.target = "x86-64-v3"} {
  row.program axis(1) maps [#all, #all] ins(%x : memref<64x1024xf32>) outs(%x : memref<64x1024xf32>) {
  ^bb0(%row: !row.elements<f32>):
    %m = row.map(%row : !row.elements<f32>) {
    ^bb0(%e: f32):
      row.yield %e : f32
    } -> !row.elements<f32>
    row.yield %m : !row.elements<f32>
  }
  return
}

// CHECK-LABEL: func @nothing_to_schedule()
// CHECK-NOT: softmax.schedule
func.func @nothing_to_schedule() {
  return
}
