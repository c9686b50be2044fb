// RUN: softmax-opt %s | softmax-opt | FileCheck %s
// RUN: softmax-opt %s --mlir-print-op-generic | softmax-opt | FileCheck %s
// Every operator survives printing and parsing, on tensors and on memrefs.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// CHECK-LABEL: func @softmax_on_tensors
func.func @softmax_on_tensors(%x: tensor<4x8xf32>, %o: tensor<4x8xf32>) -> tensor<4x8xf32> {
  // CHECK: softmax.softmax axis(1) ins(%{{.*}} : tensor<4x8xf32>) outs(%{{.*}} : tensor<4x8xf32>) -> tensor<4x8xf32>
  %y = softmax.softmax axis(1) ins(%x : tensor<4x8xf32>) outs(%o : tensor<4x8xf32>) -> tensor<4x8xf32>
  return %y : tensor<4x8xf32>
}

// CHECK-LABEL: func @softmax_on_memrefs
func.func @softmax_on_memrefs(%x: memref<4x8xf32>, %o: memref<4x8xf32>) {
  // CHECK: softmax.softmax axis(0) ins(%{{.*}} : memref<4x8xf32>) outs(%{{.*}} : memref<4x8xf32>){{$}}
  softmax.softmax axis(0) ins(%x : memref<4x8xf32>) outs(%o : memref<4x8xf32>)
  return
}

// CHECK-LABEL: func @axis_from_the_end_and_another_result_type
func.func @axis_from_the_end_and_another_result_type(%x: tensor<?x?x3xf16>, %o: tensor<?x?x3xf32>) -> tensor<?x?x3xf32> {
  // CHECK: softmax.softmax axis(-1) ins(%{{.*}} : tensor<?x?x3xf16>) outs(%{{.*}} : tensor<?x?x3xf32>)
  %y = softmax.softmax axis(-1) ins(%x : tensor<?x?x3xf16>) outs(%o : tensor<?x?x3xf32>) -> tensor<?x?x3xf32>
  return %y : tensor<?x?x3xf32>
}

// CHECK-LABEL: func @a_static_and_a_dynamic_extent_agree
func.func @a_static_and_a_dynamic_extent_agree(%x: tensor<?x8xbf16>, %o: tensor<4x?xbf16>) -> tensor<4x?xbf16> {
  // CHECK: softmax.log_softmax axis(1) ins(%{{.*}} : tensor<?x8xbf16>) outs(%{{.*}} : tensor<4x?xbf16>)
  %y = softmax.log_softmax axis(1) ins(%x : tensor<?x8xbf16>) outs(%o : tensor<4x?xbf16>) -> tensor<4x?xbf16>
  return %y : tensor<4x?xbf16>
}

// CHECK-LABEL: func @strided_memrefs
func.func @strided_memrefs(%x: memref<4x8xf64, strided<[?, ?], offset: ?>>, %o: memref<8xf64, strided<[2]>>) {
  // CHECK: softmax.logsumexp axis(0) ins(%{{.*}} : memref<4x8xf64, strided<[?, ?], offset: ?>>) outs(%{{.*}} : memref<8xf64, strided<[2]>>){{$}}
  softmax.logsumexp axis(0) ins(%x : memref<4x8xf64, strided<[?, ?], offset: ?>>) outs(%o : memref<8xf64, strided<[2]>>)
  return
}

// CHECK-LABEL: func @logsumexp_of_a_single_row
func.func @logsumexp_of_a_single_row(%x: tensor<?xf16>, %o: tensor<f32>) -> tensor<f32> {
  // CHECK: softmax.logsumexp axis(0) ins(%{{.*}} : tensor<?xf16>) outs(%{{.*}} : tensor<f32>) -> tensor<f32>
  %y = softmax.logsumexp axis(0) ins(%x : tensor<?xf16>) outs(%o : tensor<f32>) -> tensor<f32>
  return %y : tensor<f32>
}

// CHECK-LABEL: func @gradients_from_the_result
func.func @gradients_from_the_result(%dy: tensor<4x8xf32>, %y: tensor<4x8xf32>, %o: tensor<4x8xf32>, %m: memref<?x8xf32>) -> tensor<4x8xf32> {
  // CHECK: softmax.softmax_grad axis(1) ins(%{{.*}}, %{{.*}} : tensor<4x8xf32>, tensor<4x8xf32>) outs(%{{.*}} : tensor<4x8xf32>) -> tensor<4x8xf32>
  %dx = softmax.softmax_grad axis(1) ins(%dy, %y : tensor<4x8xf32>, tensor<4x8xf32>) outs(%o : tensor<4x8xf32>) -> tensor<4x8xf32>
  // CHECK: softmax.log_softmax_grad axis(0) ins(%{{.*}}, %{{.*}} : memref<?x8xf32>, memref<?x8xf32>) outs(%{{.*}} : memref<?x8xf32>){{$}}
  softmax.log_softmax_grad axis(0) ins(%m, %m : memref<?x8xf32>, memref<?x8xf32>) outs(%m : memref<?x8xf32>)
  return %dx : tensor<4x8xf32>
}

// CHECK-LABEL: func @sgd_on_tensors_and_memrefs
func.func @sgd_on_tensors_and_memrefs(%g: tensor<?xf16>, %rate: f32, %p: tensor<?xf16>, %mg: memref<4xf64>, %wide: f64, %mp: memref<4xf64>) -> tensor<?xf16> {
  // CHECK: softmax.sgd ins(%{{.*}}, %{{.*}} : tensor<?xf16>, f32) outs(%{{.*}} : tensor<?xf16>) -> tensor<?xf16>
  %q = softmax.sgd ins(%g, %rate : tensor<?xf16>, f32) outs(%p : tensor<?xf16>) -> tensor<?xf16>
  // CHECK: softmax.sgd ins(%{{.*}}, %{{.*}} : memref<4xf64>, f64) outs(%{{.*}} : memref<4xf64>){{$}}
  softmax.sgd ins(%mg, %wide : memref<4xf64>, f64) outs(%mp : memref<4xf64>)
  return %q : tensor<?xf16>
}

// CHECK-LABEL: func @options_of_softmax
func.func @options_of_softmax(%x: tensor<2x4x8xf32>, %b: tensor<2x4x8xi8>, %l: tensor<2x4xf32>) -> (tensor<2x4x8xf32>, tensor<2x4x8xf32>, tensor<2x4xf32>) {
  // CHECK: softmax.softmax axis(2) scale(1.250000e-01) softcap(3.000000e+01) masked_rows(zero) ins(%{{.*}}, %{{.*}} : tensor<2x4x8xf32>, tensor<2x4x8xi8>)
  %y = softmax.softmax axis(2) scale(0.125) softcap(30.0) masked_rows(zero) ins(%x, %b : tensor<2x4x8xf32>, tensor<2x4x8xi8>) outs(%x : tensor<2x4x8xf32>) -> tensor<2x4x8xf32>
  // CHECK: softmax.log_softmax axis(2) causal ins(%{{.*}} : tensor<2x4x8xf32>)
  %z = softmax.log_softmax axis(2) causal ins(%x : tensor<2x4x8xf32>) outs(%x : tensor<2x4x8xf32>) -> tensor<2x4x8xf32>
  // CHECK: softmax.logsumexp axis(2) ins(%{{.*}}, %{{.*}} : tensor<2x4x8xf32>, tensor<2x4x8xf32>)
  %s = softmax.logsumexp axis(2) ins(%x, %x : tensor<2x4x8xf32>, tensor<2x4x8xf32>) outs(%l : tensor<2x4xf32>) -> tensor<2x4xf32>
  // CHECK: softmax.softmax_grad axis(2) softcap(3.000000e+01) ins(%{{.*}}, %{{.*}} : {{.*}}) input(%{{.*}} : tensor<2x4x8xf32>) mask(%{{.*}} : tensor<2x4x8xi8>)
  %d = softmax.softmax_grad axis(2) softcap(30.0) ins(%x, %y : tensor<2x4x8xf32>, tensor<2x4x8xf32>) input(%x : tensor<2x4x8xf32>) mask(%b : tensor<2x4x8xi8>) outs(%x : tensor<2x4x8xf32>) -> tensor<2x4x8xf32>
  // CHECK: softmax.log_softmax_grad axis(2) scale(2.000000e+00) causal masked_rows(zero) ins(%{{.*}}, %{{.*}} : {{.*}}) outs
  %e = softmax.log_softmax_grad axis(2) scale(2.0) causal masked_rows(zero) ins(%d, %z : tensor<2x4x8xf32>, tensor<2x4x8xf32>) outs(%x : tensor<2x4x8xf32>) -> tensor<2x4x8xf32>
  return %y, %e, %s : tensor<2x4x8xf32>, tensor<2x4x8xf32>, tensor<2x4xf32>
}
