// RUN: softmax-opt %s --softmax-lower-rows-to-gpu --split-input-file --verify-diagnostics
// What cannot become a kernel is said at its place.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#all = affine_map<(d0, d1) -> (d0, d1)>
func.func @a_row_longer_than_the_registers(%x: memref<4x4096xf32>, %y: memref<4x4096xf32>) attributes {softmax.schedule = #softmax.gpu_schedule<residence = registers, threads = 32, vector = 4, steps = 8>} {
  // expected-error@+1 {{'row.program' op cannot keep rows of 4096 columns in registers: threads * cluster * vector * steps is 1024}}
  row.program axis(1) maps [#all, #all] ins(%x : memref<4x4096xf32>) outs(%y : memref<4x4096xf32>) {
  ^bb0(%row: !row.elements<f32>):
    %m = row.map(%row : !row.elements<f32>) {
    ^bb0(%e: f32):
      row.yield %e : f32
    } -> !row.elements<f32>
    row.yield %m : !row.elements<f32>
  }
  return
}

// -----

#all = affine_map<(d0, d1) -> (d0, d1)>
func.func @registers_for_unknown_rows(%x: memref<4x?xf32>, %y: memref<4x?xf32>) attributes {softmax.schedule = #softmax.gpu_schedule<residence = registers, threads = 32, vector = 4, steps = 8>} {
  // expected-error@+1 {{'row.program' op cannot keep rows of unknown length in registers; choose residence = memory}}
  row.program axis(1) maps [#all, #all] ins(%x : memref<4x?xf32>) outs(%y : memref<4x?xf32>) {
  ^bb0(%row: !row.elements<f32>):
    %m = row.map(%row : !row.elements<f32>) {
    ^bb0(%e: f32):
      row.yield %e : f32
    } -> !row.elements<f32>
    row.yield %m : !row.elements<f32>
  }
  return
}

// -----

#all = affine_map<(d0, d1) -> (d0, d1)>
func.func @tensors(%x: tensor<4x8xf32>) attributes {softmax.schedule = #softmax.gpu_schedule<>} {
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
func.func @a_view_of_an_argument(%z: memref<8x8xf32>, %y: memref<4x8xf32>) attributes {softmax.schedule = #softmax.gpu_schedule<>} {
  %x = memref.subview %z[0, 0] [4, 8] [1, 1] : memref<8x8xf32> to memref<4x8xf32, strided<[8, 1]>>
  // expected-error@+1 {{'row.program' op cannot run on a GPU: an operand is neither an argument of the function nor its temporary}}
  row.program axis(1) maps [#all, #all] ins(%x : memref<4x8xf32, strided<[8, 1]>>) outs(%y : memref<4x8xf32>) {
  ^bb0(%row: !row.elements<f32>):
    %m = row.map(%row : !row.elements<f32>) {
    ^bb0(%e: f32):
      row.yield %e : f32
    } -> !row.elements<f32>
    row.yield %m : !row.elements<f32>
  }
  return
}

// -----

#all = affine_map<(d0, d1) -> (d0, d1)>
func.func @a_temporary_of_unknown_size(%x: memref<?x8xf32>, %n: index) attributes {softmax.schedule = #softmax.gpu_schedule<>} {
  %y = memref.alloc(%n) : memref<?x8xf32>
  // expected-error@+1 {{'row.program' op cannot run on a GPU: a temporary tensor has no static shape}}
  row.program axis(1) maps [#all, #all] ins(%x : memref<?x8xf32>) outs(%y : memref<?x8xf32>) {
  ^bb0(%row: !row.elements<f32>):
    %m = row.map(%row : !row.elements<f32>) {
    ^bb0(%e: f32):
      row.yield %e : f32
    } -> !row.elements<f32>
    row.yield %m : !row.elements<f32>
  }
  return
}

// -----

func.func @other_work_on_memory(%x: memref<4xf32>, %y: memref<4xf32>) attributes {softmax.schedule = #softmax.gpu_schedule<>} {
  // expected-error@+1 {{'memref.copy' op cannot run on a GPU: only softmax operators and scalars between them can}}
  memref.copy %x, %y : memref<4xf32> to memref<4xf32>
  return
}

// -----

// expected-error@+1 {{'func.func' op expected a single block in a GPU kernel}}
func.func @branches(%c: i1) attributes {softmax.schedule = #softmax.gpu_schedule<>} {
  cf.cond_br %c, ^a, ^a
^a:
  return
}

// -----

#all = affine_map<(d0, d1) -> (d0, d1)>
func.func @shared_memory_for_unknown_rows(%x: memref<4x?xf32>) attributes {softmax.schedule = #softmax.gpu_schedule<residence = shared>} {
  // expected-error@+1 {{'row.program' op cannot keep rows of unknown length in shared memory; choose residence = memory}}
  row.program axis(1) maps [#all, #all] ins(%x : memref<4x?xf32>) outs(%x : memref<4x?xf32>) {
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

// -----

#all = affine_map<(d0, d1) -> (d0, d1)>
func.func @a_row_longer_than_shared_memory(%x: memref<4x65536xf32>) attributes {softmax.schedule = #softmax.gpu_schedule<residence = shared, threads = 128, vector = 4>} {
  // expected-error@+1 {{'row.program' op cannot keep rows of 262144 bytes in shared memory: a block has at most 229376 for them}}
  row.program axis(1) maps [#all, #all] ins(%x : memref<4x65536xf32>) outs(%x : memref<4x65536xf32>) {
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
