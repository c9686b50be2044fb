// RUN: softmax-opt %s --softmax-lower-rows --split-input-file --verify-diagnostics
// What cannot be traversed is said at the program.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#all = affine_map<(d0, d1) -> (d0, d1)>
func.func @tensors(%x: tensor<4x8xf32>) attributes {softmax.schedule = #softmax.cpu_schedule<>} {
  // expected-error@+1 {{'row.program' op expected memrefs, bufferize first}}
  %r = row.program axis(1) maps [#all, #all] ins(%x : tensor<4x8xf32>) outs(%x : tensor<4x8xf32>) {
  ^bb0(%row: !row.elements<f32>):
    %m = row.map(%row : !row.elements<f32>) {
    ^bb0(%e: f32):
      row.yield %e : f32
    } -> !row.elements<f32>
    row.yield %m : !row.elements<f32>
  } -> tensor<4x8xf32>
  return
}

// -----

#all = affine_map<(d0, d1) -> (d0, d1)>
func.func @stream_over_a_strided_axis(%x: memref<4x8xf32>) attributes {softmax.schedule = #softmax.cpu_schedule<traversal = stream, isa = avx2, lanes = 8>} {
  // expected-error@+1 {{'row.program' op cannot be traversed as 'stream': the class axis of operand #0 is not the last one}}
  row.program axis(0) maps [#all, #all] ins(%x : memref<4x8xf32>) outs(%x : memref<4x8xf32>) {
  ^bb0(%row: !row.elements<f32>):
    %m = row.map(%row : !row.elements<f32>) {
    ^bb0(%e: f32):
      row.yield %e : f32
    } -> !row.elements<f32>
    row.yield %m : !row.elements<f32>
  }
  return
}
