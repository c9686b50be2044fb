// RUN: softmax-opt %s --softmax-lower-rows --canonicalize --cse --split-input-file | FileCheck %s
// Large outputs go past the caches, except around an overridden column.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#all = affine_map<(d0, d1) -> (d0, d1)>
#always = #softmax.cpu_schedule<traversal = stream, isa = avx512, lanes = 16, block = 128, nontemporal = 4096>

// CHECK-LABEL: func @line_with_the_override_is_stored_the_ordinary_way
func.func @line_with_the_override_is_stored_the_ordinary_way(%x: memref<?x?xf32>, %y: memref<?x?xf32>, %column: index, %value: f32) attributes {softmax.schedule = #always} {
  // CHECK: %[[LARGE:.*]] = arith.cmpi uge, %{{.*}}, %{{.*}} : index
  // CHECK: scf.if %[[LARGE]] {
  // Up to the first whole line:
  // CHECK: memref.extract_aligned_pointer_as_index
  // CHECK: vector.maskedstore
  // CHECK: scf.if
  // CHECK: vector.store %{{.*}} : memref<?xf32, strided<[1], offset: ?>>, vector<16xf32>
  // CHECK: memref.store
  // CHECK: } else {
  // CHECK: vector.store %{{.*}} {alignment = 64 : i64, nontemporal = true}
  // CHECK: vector.maskedstore
  // CHECK: } else {
  // CHECK-NOT: nontemporal
  // CHECK: scf.if %[[LARGE]] {
  // CHECK-NEXT: llvm.call_intrinsic "llvm.x86.sse.sfence"
  row.program axis(1) maps [#all, #all] ins(%x : memref<?x?xf32>) outs(%y : memref<?x?xf32>) {
  ^bb0(%row: !row.elements<f32>):
    %m = row.map(%row : !row.elements<f32>) at(%column, %value : f32) {
    ^bb0(%e: f32):
      row.yield %e : f32
    } -> !row.elements<f32>
    row.yield %m : !row.elements<f32>
  }
  return
}

// -----

#all = affine_map<(d0, d1) -> (d0, d1)>
#always = #softmax.cpu_schedule<traversal = stream, isa = avx512, lanes = 16, block = 128, nontemporal = 4096>

// CHECK-LABEL: func @small_outputs_stay_in_the_caches
// CHECK-NOT: nontemporal = true
// CHECK-NOT: sfence
func.func @small_outputs_stay_in_the_caches(%x: memref<4x128xf32>, %y: memref<4x128xf32>) attributes {softmax.schedule = #always} {
  row.program axis(1) maps [#all, #all] ins(%x : memref<4x128xf32>) outs(%y : memref<4x128xf32>) {
  ^bb0(%row: !row.elements<f32>):
    %m = row.map(%row : !row.elements<f32>) {
    ^bb0(%e: f32):
      row.yield %e : f32
    } -> !row.elements<f32>
    row.yield %m : !row.elements<f32>
  }
  return
}
