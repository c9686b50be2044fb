// RUN: softmax-opt %s --softmax-prepare-entry --split-input-file --verify-diagnostics
// Signatures that have no C form.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// expected-error@+1 {{'func.func' op expected argument #1 to be a ranked tensor or a number, got 'memref<8xf32>'}}
func.func @memref_argument(%x: tensor<8xf32>, %m: memref<8xf32>) -> tensor<8xf32> {
  return %x : tensor<8xf32>
}

// -----

// expected-error@+1 {{'func.func' op expected argument #0 to be a ranked tensor or a number, got 'tensor<*xf32>'}}
func.func @unranked_argument(%x: tensor<*xf32>) {
  return
}

// -----

// expected-error@+1 {{'func.func' op expected argument #0 to have less than 2^60 elements, got 'tensor<9223372036854775807x17xf32>'}}
func.func @larger_than_memory(%x: tensor<9223372036854775807x17xf32>) {
  return
}

// -----

// expected-error@+1 {{'func.func' op expected argument #0 to be a ranked tensor or a number, got 'i8'}}
func.func @narrow_integer(%x: i8) {
  return
}

// -----

// expected-error@+1 {{'func.func' op expected result #0 to be a ranked tensor, got 'f32'}}
func.func @scalar_result(%x: f32) -> f32 {
  return %x : f32
}

// -----

// expected-error@+1 {{'func.func' op expected a single block in the function of a kernel}}
func.func @several_blocks(%c: i1) {
  cf.br ^next
^next:
  return
}
