// RUN: softmax-opt %s | softmax-opt | FileCheck %s
// RUN: softmax-opt %s --mlir-print-op-generic | softmax-opt | FileCheck %s
// The losses with each of their optional operands and clauses.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// CHECK-LABEL: func @loss_and_its_default_label
func.func @loss_and_its_default_label(%x: tensor<4x8xf32>, %t: tensor<4xi64>, %o: tensor<f32>) -> tensor<f32> {
  // CHECK: softmax.cross_entropy axis(1) reduction(mean) ins(%{{.*}}, %{{.*}} : tensor<4x8xf32>, tensor<4xi64>) outs(%{{.*}} : tensor<f32>) -> tensor<f32>
  %l = softmax.cross_entropy axis(1) reduction(mean) ignore_index(-100) ins(%x, %t : tensor<4x8xf32>, tensor<4xi64>) outs(%o : tensor<f32>) -> tensor<f32>
  return %l : tensor<f32>
}

// CHECK-LABEL: func @loss_per_row_with_lse
func.func @loss_per_row_with_lse(%x: tensor<?x?xf16>, %t: tensor<?xi8>, %o: tensor<?xf32>) -> (tensor<?xf32>, tensor<?xf32>) {
  // CHECK: softmax.cross_entropy axis(-1) reduction(none) ignore_index(255) ins(%{{.*}}, %{{.*}} : tensor<?x?xf16>, tensor<?xi8>) outs(%{{.*}}, %{{.*}} : tensor<?xf32>, tensor<?xf32>) -> tensor<?xf32>, tensor<?xf32>
  %l:2 = softmax.cross_entropy axis(-1) reduction(none) ignore_index(255) ins(%x, %t : tensor<?x?xf16>, tensor<?xi8>) outs(%o, %o : tensor<?xf32>, tensor<?xf32>) -> tensor<?xf32>, tensor<?xf32>
  return %l#0, %l#1 : tensor<?xf32>, tensor<?xf32>
}

// CHECK-LABEL: func @loss_of_images_on_memrefs
func.func @loss_of_images_on_memrefs(%x: memref<2x19x4x4xf64>, %t: memref<2x4x4xi32>, %o: memref<f64>) {
  // CHECK: softmax.cross_entropy axis(1) reduction(sum) ins(%{{.*}}, %{{.*}} : memref<2x19x4x4xf64>, memref<2x4x4xi32>) outs(%{{.*}} : memref<f64>){{$}}
  softmax.cross_entropy axis(1) reduction(sum) ins(%x, %t : memref<2x19x4x4xf64>, memref<2x4x4xi32>) outs(%o : memref<f64>)
  return
}

// CHECK-LABEL: func @gradient_with_and_without_lse
func.func @gradient_with_and_without_lse(%g: memref<f32>, %x: memref<4x8xf32>, %t: memref<4xi64>, %lse: memref<4xf32>) {
  // CHECK: softmax.cross_entropy_grad axis(1) reduction(mean) ins(%{{.*}}, %{{.*}}, %{{.*}} : memref<f32>, memref<4x8xf32>, memref<4xi64>) outs(%{{.*}} : memref<4x8xf32>){{$}}
  softmax.cross_entropy_grad axis(1) reduction(mean) ins(%g, %x, %t : memref<f32>, memref<4x8xf32>, memref<4xi64>) outs(%x : memref<4x8xf32>)
  // CHECK: softmax.cross_entropy_grad axis(1) reduction(none) ignore_index(0) ins(%{{.*}}, %{{.*}}, %{{.*}}, %{{.*}} : memref<4xf32>, memref<4x8xf32>, memref<4xi64>, memref<4xf32>) outs(%{{.*}} : memref<4x8xf32>){{$}}
  softmax.cross_entropy_grad axis(1) reduction(none) ignore_index(0) ins(%lse, %x, %t, %lse : memref<4xf32>, memref<4x8xf32>, memref<4xi64>, memref<4xf32>) outs(%x : memref<4x8xf32>)
  return
}

// CHECK-LABEL: func @gradient_on_tensors
func.func @gradient_on_tensors(%g: tensor<f32>, %x: tensor<?x8xbf16>, %t: tensor<?xi64>) -> tensor<?x8xbf16> {
  // CHECK: softmax.cross_entropy_grad axis(1) reduction(sum) ins(%{{.*}}, %{{.*}}, %{{.*}} : tensor<f32>, tensor<?x8xbf16>, tensor<?xi64>) outs(%{{.*}} : tensor<?x8xbf16>) -> tensor<?x8xbf16>
  %d = softmax.cross_entropy_grad axis(1) reduction(sum) ins(%g, %x, %t : tensor<f32>, tensor<?x8xbf16>, tensor<?xi64>) outs(%x : tensor<?x8xbf16>) -> tensor<?x8xbf16>
  return %d : tensor<?x8xbf16>
}

// CHECK-LABEL: func @both_at_once
func.func @both_at_once(%x: tensor<4x8xf32>, %t: tensor<4xi64>, %l: tensor<f32>) -> (tensor<f32>, tensor<4x8xf32>) {
  // CHECK: softmax.cross_entropy_with_grad axis(1) reduction(mean) ins(%{{.*}}, %{{.*}} : tensor<4x8xf32>, tensor<4xi64>) outs(%{{.*}}, %{{.*}} : tensor<f32>, tensor<4x8xf32>) -> tensor<f32>, tensor<4x8xf32>
  %r:2 = softmax.cross_entropy_with_grad axis(1) reduction(mean) ins(%x, %t : tensor<4x8xf32>, tensor<4xi64>) outs(%l, %x : tensor<f32>, tensor<4x8xf32>) -> tensor<f32>, tensor<4x8xf32>
  return %r#0, %r#1 : tensor<f32>, tensor<4x8xf32>
}

// CHECK-LABEL: func @both_with_every_option
func.func @both_with_every_option(%x: tensor<4x8xf32>, %t: tensor<4xi32>, %v: tensor<4xf32>, %d: tensor<4x8xf16>) -> (tensor<4xf32>, tensor<4xf32>, tensor<4x8xf16>) {
  // CHECK: softmax.cross_entropy_with_grad axis(1) reduction(none) ignore_index(7) ins(%{{.*}}, %{{.*}}, %{{.*}} : tensor<4x8xf32>, tensor<4xi32>, tensor<4xf32>) outs(%{{.*}}, %{{.*}} : tensor<4xf32>, tensor<4x8xf16>) lse(%{{.*}} : tensor<4xf32>) -> tensor<4xf32>, tensor<4xf32>, tensor<4x8xf16>
  %r:3 = softmax.cross_entropy_with_grad axis(1) reduction(none) ignore_index(7) ins(%x, %t, %v : tensor<4x8xf32>, tensor<4xi32>, tensor<4xf32>) outs(%v, %d : tensor<4xf32>, tensor<4x8xf16>) lse(%v : tensor<4xf32>) -> tensor<4xf32>, tensor<4xf32>, tensor<4x8xf16>
  return %r#0, %r#1, %r#2 : tensor<4xf32>, tensor<4xf32>, tensor<4x8xf16>
}

// CHECK-LABEL: func @options_of_losses
func.func @options_of_losses(%x: tensor<4x8xbf16>, %t: tensor<4xi64>, %w: tensor<8xf32>, %g: tensor<f32>, %s: tensor<4xf32>) -> (tensor<f32>, tensor<4xf32>, tensor<4x8xbf16>) {
  // CHECK: softmax.cross_entropy axis(1) reduction(mean) ignore_index(3) label_smoothing(1.000000e-01) z_loss(1.000000e-04) scale(5.000000e-01) softcap(3.000000e+01) masked_rows(zero) empty_mean(zero) ins(%{{.*}}, %{{.*}} : tensor<4x8xbf16>, tensor<4xi64>) weight(%{{.*}} : tensor<8xf32>) outs(%{{.*}}, %{{.*}} : tensor<f32>, tensor<4xf32>)
  %l:2 = softmax.cross_entropy axis(1) reduction(mean) ignore_index(3) label_smoothing(0.1) z_loss(1.0e-4) scale(0.5) softcap(30.0) masked_rows(zero) empty_mean(zero) ins(%x, %t : tensor<4x8xbf16>, tensor<4xi64>) weight(%w : tensor<8xf32>) outs(%g, %s : tensor<f32>, tensor<4xf32>) -> tensor<f32>, tensor<4xf32>
  // CHECK: softmax.cross_entropy_grad axis(1) reduction(mean) label_smoothing(1.000000e-01) ins(%{{.*}}, %{{.*}}, %{{.*}}, %{{.*}} : {{.*}}) weight(%{{.*}} : tensor<8xf32>) outs(%{{.*}} : tensor<4x8xbf16>)
  %d = softmax.cross_entropy_grad axis(1) reduction(mean) label_smoothing(0.1) ins(%g, %x, %t, %s : tensor<f32>, tensor<4x8xbf16>, tensor<4xi64>, tensor<4xf32>) weight(%w : tensor<8xf32>) outs(%x : tensor<4x8xbf16>) -> tensor<4x8xbf16>
  // CHECK: softmax.cross_entropy_with_grad axis(1) reduction(sum) z_loss(1.000000e-04) ins(%{{.*}}, %{{.*}}, %{{.*}} : {{.*}}) weight(%{{.*}} : tensor<8xf32>) outs(%{{.*}}, %{{.*}} : tensor<f32>, tensor<4x8xbf16>) lse(%{{.*}} : tensor<4xf32>)
  %r:3 = softmax.cross_entropy_with_grad axis(1) reduction(sum) z_loss(1.0e-4) ins(%x, %t, %g : tensor<4x8xbf16>, tensor<4xi64>, tensor<f32>) weight(%w : tensor<8xf32>) outs(%g, %x : tensor<f32>, tensor<4x8xbf16>) lse(%s : tensor<4xf32>) -> tensor<f32>, tensor<4xf32>, tensor<4x8xbf16>
  return %l#0, %r#1, %d : tensor<f32>, tensor<4xf32>, tensor<4x8xbf16>
}

// CHECK-LABEL: func @probabilities
func.func @probabilities(%x: memref<?x8xf32>, %q: memref<?x8xf32>, %l: memref<?xf32>) {
  // CHECK: softmax.cross_entropy axis(1) reduction(none) zero_times_inf(zero) ins(%{{.*}}, %{{.*}} : memref<?x8xf32>, memref<?x8xf32>)
  softmax.cross_entropy axis(1) reduction(none) zero_times_inf(zero) ins(%x, %q : memref<?x8xf32>, memref<?x8xf32>) outs(%l : memref<?xf32>)
  return
}
