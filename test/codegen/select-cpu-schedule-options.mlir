// RUN: softmax-opt %s --softmax-select-cpu-schedule="target=x86-64-v3 threads=hook accuracy=fast" --remarks-filter=schedule 2>&1 | FileCheck %s --check-prefixes=CHECK,FAST
// RUN: softmax-opt %s --softmax-select-cpu-schedule="threads=openmp target=aarch64" | FileCheck %s --check-prefix=THREADS
// RUN: not softmax-opt %s --softmax-select-cpu-schedule=target=pdp11 2>&1 | FileCheck %s --check-prefix=TARGET
// Options of the pass, and the remark that says what was chosen and why.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// TARGET: error: unknown target 'pdp11'; expected one of host, x86-64, x86-64-v3, x86-64-v4, aarch64, aarch64+sve, riscv64+v, wasm32

#all = affine_map<(d0, d1) -> (d0, d1)>

// CHECK: remark: [Passed] schedule
// CHECK-SAME: Function=contiguous_rows
// CHECK-SAME: stream traversal for {{.*}}x86-64-v3{{.*}}contiguous rows
// CHECK: remark: [Passed] schedule
// CHECK-SAME: Function=strided_rows
// CHECK-SAME: inner traversal for {{.*}}x86-64-v3{{.*}}rows side by side
// CHECK: remark: [Passed] schedule
// CHECK-SAME: Function=strides_at_run_time
// CHECK-SAME: stream traversal {{.*}}class axis last, strides at run time

// FAST: func @contiguous_rows
// FAST-SAME: rows_per_task = 4096, threads = hook, accuracy = fast
// THREADS: func @contiguous_rows
// THREADS-SAME: isa = neon
// THREADS-SAME: rows_per_task = 4096, threads = openmp>
func.func @contiguous_rows(%x: memref<?x4xf32>) {
  row.program axis(1) maps [#all, #all] ins(%x : memref<?x4xf32>) outs(%x : memref<?x4xf32>) {
  ^bb0(%row: !row.elements<f32>):
    %m = row.map(%row : !row.elements<f32>) {
    ^bb0(%e: f32):
      row.yield %e : f32
    } -> !row.elements<f32>
    row.yield %m : !row.elements<f32>
  }
  return
}

// FAST: func @strided_rows
// FAST-SAME: traversal = inner, {{.*}}threads = hook, accuracy = fast>
func.func @strided_rows(%x: memref<?x4xf32>) {
  row.program axis(0) maps [#all, #all] ins(%x : memref<?x4xf32>) outs(%x : memref<?x4xf32>) {
  ^bb0(%row: !row.elements<f32>):
    %m = row.map(%row : !row.elements<f32>) {
    ^bb0(%e: f32):
      row.yield %e : f32
    } -> !row.elements<f32>
    row.yield %m : !row.elements<f32>
  }
  return
}

func.func @strides_at_run_time(%x: memref<?x4xf32, strided<[?, ?]>>) {
  row.program axis(1) maps [#all, #all] ins(%x : memref<?x4xf32, strided<[?, ?]>>) outs(%x : memref<?x4xf32, strided<[?, ?]>>) {
  ^bb0(%row: !row.elements<f32>):
    %m = row.map(%row : !row.elements<f32>) {
    ^bb0(%e: f32):
      row.yield %e : f32
    } -> !row.elements<f32>
    row.yield %m : !row.elements<f32>
  }
  return
}

func.func private @with_a_schedule() attributes {softmax.schedule = #softmax.cpu_schedule<>}
