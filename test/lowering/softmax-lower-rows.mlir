// RUN: softmax-opt %s --softmax-lower-rows --canonicalize --cse | FileCheck %s
// The stream traversal: blocks, partial vectors, prefetch, skipped rows.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#all = affine_map<(d0, d1) -> (d0, d1)>
#rows = affine_map<(d0, d1) -> (d0)>
#none = affine_map<(d0, d1) -> ()>
#stream = #softmax.cpu_schedule<traversal = stream, isa = avx512, lanes = 16, unroll = 2, block = 128>
#ahead = #softmax.cpu_schedule<traversal = stream, isa = avx512, lanes = 16, unroll = 2, block = 128, prefetch = 512>
#sse2 = #softmax.cpu_schedule<traversal = stream, isa = sse2, lanes = 4>

// CHECK-LABEL: func @blocks_are_summed_in_f64
func.func @blocks_are_summed_in_f64(%x: memref<4x1000xf32>, %s: memref<4xf32>) attributes {softmax.schedule = #stream} {
  // The first block takes what full blocks leave: 1000 - 7 * 128 = 104 columns.
  // CHECK-DAG: %[[FIRST:.*]] = arith.constant 104 : index
  // CHECK-DAG: %[[FULL:.*]] = arith.constant 96 : index
  // CHECK-DAG: %[[BLOCK:.*]] = arith.constant 128 : index
  // CHECK-DAG: %[[STEP:.*]] = arith.constant 32 : index
  // CHECK-DAG: %[[END:.*]] = arith.constant 1000 : index
  // CHECK: scf.for %{{.*}} = %{{.*}} to %[[FULL]] step %[[STEP]]
  // CHECK: vector.maskedload %{{.*}}[%[[FULL]]]
  // CHECK: %[[WIDE:.*]] = arith.extf %{{.*}} : f32 to f64
  // CHECK: scf.for %{{.*}} = %[[FIRST]] to %[[END]] step %[[BLOCK]] iter_args(%{{.*}} = %[[WIDE]]) -> (f64)
  // CHECK-NOT: vector.maskedload
  // CHECK: memref.store
  row.program axis(1) maps [#all, #rows] ins(%x : memref<4x1000xf32>) outs(%s : memref<4xf32>) {
  ^bb0(%row: !row.elements<f32>):
    %sum = row.reduce add(%row : !row.elements<f32>) {
    ^bb0(%e: f32):
      row.yield %e : f32
    } -> f32
    row.yield %sum : f32
  }
  return
}

// CHECK-LABEL: func @a_short_row_needs_no_merge
func.func @a_short_row_needs_no_merge(%x: memref<4x64xf32>, %s: memref<4xf32>) attributes {softmax.schedule = #stream} {
  // CHECK-NOT: f64
  // CHECK: memref.store
  row.program axis(1) maps [#all, #rows] ins(%x : memref<4x64xf32>) outs(%s : memref<4xf32>) {
  ^bb0(%row: !row.elements<f32>):
    %sum = row.reduce add(%row : !row.elements<f32>) {
    ^bb0(%e: f32):
      row.yield %e : f32
    } -> f32
    row.yield %sum : f32
  }
  return
}

// CHECK-LABEL: func @only_the_first_sweep_prefetches
func.func @only_the_first_sweep_prefetches(%x: memref<4x64xf32>, %y: memref<4x64xf32>) attributes {softmax.schedule = #ahead} {
  // 512 bytes are 128 columns.
  // CHECK: arith.constant 128 : index
  // CHECK-COUNT-2: memref.prefetch %{{.*}}, read, locality<3>, data
  // CHECK-NOT: memref.prefetch
  // CHECK: vector.store
  // CHECK-NOT: memref.prefetch
  row.program axis(1) maps [#all, #all] ins(%x : memref<4x64xf32>) outs(%y : memref<4x64xf32>) {
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

// CHECK-LABEL: func @a_skipped_row_is_filled_and_not_read
func.func @a_skipped_row_is_filled_and_not_read(%x: memref<4x32xf32>, %c: memref<4xi1>, %y: memref<4x32xf32>) attributes {softmax.schedule = #stream} {
  // CHECK: %[[SKIP:.*]] = memref.load
  // CHECK: scf.if %[[SKIP]] {
  // CHECK-NOT: vector.load
  // CHECK: vector.store
  // CHECK: } else {
  // CHECK: vector.load
  row.program axis(1) maps [#all, #rows, #all] ins(%x, %c : memref<4x32xf32>, memref<4xi1>) outs(%y : memref<4x32xf32>) {
  ^bb0(%row: !row.elements<f32>, %skip: i1):
    %zero = arith.constant 0.0 : f32
    row.skip_if %skip values(%zero : f32)
    %m = row.map(%row : !row.elements<f32>) {
    ^bb0(%e: f32):
      row.yield %e : f32
    } -> !row.elements<f32>
    row.yield %m : !row.elements<f32>
  }
  return
}

// CHECK-LABEL: func @without_masks_the_remainder_goes_through_a_buffer
func.func @without_masks_the_remainder_goes_through_a_buffer(%x: memref<?x?xf32>, %s: memref<?xf32>) attributes {softmax.schedule = #sse2} {
  // CHECK: memref.alloca() {alignment = 64 : i64} : memref<4xf32>
  // CHECK-NOT: vector.maskedload
  // CHECK: vector.load %{{.*}} : memref<4xf32>, vector<4xf32>
  // CHECK-NOT: vector.maskedload
  row.program axis(1) maps [#all, #rows] ins(%x : memref<?x?xf32>) outs(%s : memref<?xf32>) {
  ^bb0(%row: !row.elements<f32>):
    %sum = row.reduce add(%row : !row.elements<f32>) {
    ^bb0(%e: f32):
      row.yield %e : f32
    } -> f32
    row.yield %sum : f32
  }
  return
}

// CHECK-LABEL: func @totals_are_summed_per_task_in_f64
func.func @totals_are_summed_per_task_in_f64(%x: memref<?x32xf32>, %t: memref<f32>) attributes {softmax.schedule = #stream} {
  // At most 256 tasks, so that their number depends on the rows only.
  // CHECK-DAG: %[[TASKS:.*]] = arith.constant 256 : index
  // CHECK-DAG: %[[ROWS:.*]] = memref.dim
  // CHECK: arith.ceildivui %[[ROWS]], %[[TASKS]]
  // A task carries a compensated sum, and so does the loop over the tasks.
  // CHECK: %[[TOTAL:.*]]:2 = scf.for {{.*}} -> (f64, f64)
  // CHECK: %[[TASK:.*]]:2 = scf.for {{.*}} -> (f64, f64)
  // CHECK: arith.addf %[[TASK]]#0, %[[TASK]]#1 : f64
  // CHECK: %[[SUM:.*]] = arith.addf %[[TOTAL]]#0, %[[TOTAL]]#1 : f64
  // CHECK: %[[ROUNDED:.*]] = arith.truncf %[[SUM]] : f64 to f32
  // CHECK: memref.store %[[ROUNDED]], %{{.*}}[] : memref<f32>
  row.program axis(1) maps [#all, #none] ins(%x : memref<?x32xf32>) outs(%t : memref<f32>) {
  ^bb0(%row: !row.elements<f32>):
    %sum = row.reduce add(%row : !row.elements<f32>) {
    ^bb0(%e: f32):
      row.yield %e : f32
    } -> f32
    row.yield %sum : f32
  }
  return
}
