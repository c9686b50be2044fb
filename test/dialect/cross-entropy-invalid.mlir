// RUN: softmax-opt %s --split-input-file --verify-diagnostics
// One case per rule of the losses' verifiers.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

func.func @target_of_floats(%x: memref<4x8xf32>, %t: memref<4xf32>, %l: memref<f32>) {
  // expected-error@+1 {{'softmax.cross_entropy' op expected a target of shape [4, 8], got 'memref<4xf32>'}}
  softmax.cross_entropy axis(1) reduction(mean) ins(%x, %t : memref<4x8xf32>, memref<4xf32>) outs(%l : memref<f32>)
  return
}

// -----

func.func @unknown_reduction(%x: memref<4x8xf32>, %t: memref<4xi64>, %l: memref<f32>) {
  // expected-error@+1 {{expected string or keyword containing one of the following enum values for attribute 'reduction' [none, mean, sum]}}
  softmax.cross_entropy axis(1) reduction(average) ins(%x, %t : memref<4x8xf32>, memref<4xi64>) outs(%l : memref<f32>)
  return
}

// -----

func.func @cross_entropy_c1(%x: memref<4x8xf32>, %t: memref<4xi64>, %l: memref<f32>) {
  // expected-error@+1 {{'softmax.cross_entropy' op expected 'axis' in [-2, 2), got 2}}
  softmax.cross_entropy axis(2) reduction(mean) ins(%x, %t : memref<4x8xf32>, memref<4xi64>) outs(%l : memref<f32>)
  return
}

// -----

func.func @cross_entropy_c1_rank(%x: memref<f32>, %t: memref<i64>, %l: memref<f32>) {
  // expected-error@+1 {{'softmax.cross_entropy' op expected operands of rank 1 or more, got rank 0}}
  softmax.cross_entropy axis(0) reduction(mean) ins(%x, %t : memref<f32>, memref<i64>) outs(%l : memref<f32>)
  return
}

// -----

func.func @cross_entropy_c2_target(%x: memref<4x8xf32>, %t: memref<8xi64>, %l: memref<f32>) {
  // expected-error@+1 {{'softmax.cross_entropy' op expected a target of shape [4], got 'memref<8xi64>'}}
  softmax.cross_entropy axis(1) reduction(mean) ins(%x, %t : memref<4x8xf32>, memref<8xi64>) outs(%l : memref<f32>)
  return
}

// -----

func.func @cross_entropy_c2_lse(%x: memref<4x8xf32>, %t: memref<4xi64>, %l: memref<f32>) {
  // expected-error@+1 {{'softmax.cross_entropy' op expected an 'lse' of shape [4], got 'memref<f32>'}}
  softmax.cross_entropy axis(1) reduction(mean) ins(%x, %t : memref<4x8xf32>, memref<4xi64>) outs(%l, %l : memref<f32>, memref<f32>)
  return
}

// -----

func.func @cross_entropy_c3_loss_of_mean(%x: memref<4x8xf32>, %t: memref<4xi64>, %l: memref<4xf32>) {
  // expected-error@+1 {{'softmax.cross_entropy' op expected a loss of shape [], got 'memref<4xf32>'}}
  softmax.cross_entropy axis(1) reduction(mean) ins(%x, %t : memref<4x8xf32>, memref<4xi64>) outs(%l : memref<4xf32>)
  return
}

// -----

func.func @cross_entropy_c3_loss_of_sum(%x: memref<4x8xf32>, %t: memref<4xi64>, %l: memref<1xf32>) {
  // expected-error@+1 {{'softmax.cross_entropy' op expected a loss of shape [], got 'memref<1xf32>'}}
  softmax.cross_entropy axis(1) reduction(sum) ins(%x, %t : memref<4x8xf32>, memref<4xi64>) outs(%l : memref<1xf32>)
  return
}

// -----

func.func @cross_entropy_c3_loss_of_none(%x: memref<4x8xf32>, %t: memref<4xi64>, %l: memref<f32>) {
  // expected-error@+1 {{'softmax.cross_entropy' op expected a loss of shape [4], got 'memref<f32>'}}
  softmax.cross_entropy axis(1) reduction(none) ins(%x, %t : memref<4x8xf32>, memref<4xi64>) outs(%l : memref<f32>)
  return
}

// -----

func.func @cross_entropy_c4_half_loss(%x: memref<4x8xf16>, %t: memref<4xi64>, %l: memref<f16>) {
  // expected-error@+1 {{'softmax.cross_entropy' op expected a loss to have elements of 'f32', got 'f16'}}
  softmax.cross_entropy axis(1) reduction(mean) ins(%x, %t : memref<4x8xf16>, memref<4xi64>) outs(%l : memref<f16>)
  return
}

// -----

func.func @cross_entropy_c4_lse_of_double(%x: memref<4x8xf64>, %t: memref<4xi64>, %l: memref<f64>, %lse: memref<4xf32>) {
  // expected-error@+1 {{'softmax.cross_entropy' op expected 'lse' to have elements of 'f64', got 'f32'}}
  softmax.cross_entropy axis(1) reduction(mean) ins(%x, %t : memref<4x8xf64>, memref<4xi64>) outs(%l, %lse : memref<f64>, memref<4xf32>)
  return
}

// -----

func.func @tensors_and_memrefs_mixed(%x: tensor<4x8xf32>, %t: memref<4xi64>, %l: tensor<f32>) {
  // expected-error@+1 {{'softmax.cross_entropy' op expected tensors or memrefs, got both}}
  %r = softmax.cross_entropy axis(1) reduction(mean) ins(%x, %t : tensor<4x8xf32>, memref<4xi64>) outs(%l : tensor<f32>) -> tensor<f32>
  return
}

// -----

func.func @result_for_lse_missing(%x: tensor<4x8xf32>, %t: tensor<4xi64>, %l: tensor<f32>, %lse: tensor<4xf32>) {
  // expected-error@+1 {{'softmax.cross_entropy' op expected one result of the type of each output}}
  %r = softmax.cross_entropy axis(1) reduction(mean) ins(%x, %t : tensor<4x8xf32>, tensor<4xi64>) outs(%l, %lse : tensor<f32>, tensor<4xf32>) -> tensor<f32>
  return
}

// -----

func.func @cross_entropy_grad_c2_dlogits(%g: memref<f32>, %x: memref<4x8xf32>, %t: memref<4xi64>, %d: memref<4xf32>) {
  // expected-error@+1 {{'softmax.cross_entropy_grad' op expected a 'dlogits' of shape [4, 8], got 'memref<4xf32>'}}
  softmax.cross_entropy_grad axis(1) reduction(mean) ins(%g, %x, %t : memref<f32>, memref<4x8xf32>, memref<4xi64>) outs(%d : memref<4xf32>)
  return
}

// -----

func.func @cross_entropy_grad_c3_dloss(%g: memref<4xf32>, %x: memref<4x8xf32>, %t: memref<4xi64>) {
  // expected-error@+1 {{'softmax.cross_entropy_grad' op expected a 'dloss' of shape [], got 'memref<4xf32>'}}
  softmax.cross_entropy_grad axis(1) reduction(mean) ins(%g, %x, %t : memref<4xf32>, memref<4x8xf32>, memref<4xi64>) outs(%x : memref<4x8xf32>)
  return
}

// -----

func.func @cross_entropy_grad_c4_dloss(%g: memref<bf16>, %x: memref<4x8xbf16>, %t: memref<4xi64>) {
  // expected-error@+1 {{'softmax.cross_entropy_grad' op expected a 'dloss' to have elements of 'f32', got 'bf16'}}
  softmax.cross_entropy_grad axis(1) reduction(sum) ins(%g, %x, %t : memref<bf16>, memref<4x8xbf16>, memref<4xi64>) outs(%x : memref<4x8xbf16>)
  return
}

// -----

func.func @cross_entropy_with_grad_c2_dlogits(%x: memref<4x8xf32>, %t: memref<4xi64>, %l: memref<f32>, %d: memref<4x4xf32>) {
  // expected-error@+1 {{'softmax.cross_entropy_with_grad' op expected a 'dlogits' of shape [4, 8], got 'memref<4x4xf32>'}}
  softmax.cross_entropy_with_grad axis(1) reduction(mean) ins(%x, %t : memref<4x8xf32>, memref<4xi64>) outs(%l, %d : memref<f32>, memref<4x4xf32>)
  return
}

// -----

func.func @cross_entropy_with_grad_c3_dloss(%x: memref<4x8xf32>, %t: memref<4xi64>, %g: memref<f32>, %l: memref<4xf32>) {
  // expected-error@+1 {{'softmax.cross_entropy_with_grad' op expected a 'dloss' of shape [4], got 'memref<f32>'}}
  softmax.cross_entropy_with_grad axis(1) reduction(none) ins(%x, %t, %g : memref<4x8xf32>, memref<4xi64>, memref<f32>) outs(%l, %x : memref<4xf32>, memref<4x8xf32>)
  return
}

// -----

// E22
func.func @smoothing_above_one(%x: memref<4x8xf32>, %t: memref<4xi64>, %q: memref<4x8xf32>, %w: memref<8xf32>, %v: memref<7xf32>, %h: memref<8xf16>, %l: memref<f32>) {
  // expected-error@+1 {{'softmax.cross_entropy' op expected 'label_smoothing' in [0, 1], got 1.5}}
  softmax.cross_entropy axis(1) reduction(mean) label_smoothing(1.5) ins(%x, %t : memref<4x8xf32>, memref<4xi64>) outs(%l : memref<f32>)
  return
}

// -----

// E23
func.func @smoothing_below_zero(%x: memref<4x8xf32>, %t: memref<4xi64>, %q: memref<4x8xf32>, %w: memref<8xf32>, %v: memref<7xf32>, %h: memref<8xf16>, %l: memref<f32>) {
  // expected-error@+1 {{'softmax.cross_entropy' op expected 'label_smoothing' in [0, 1], got -1.}}
  softmax.cross_entropy axis(1) reduction(mean) label_smoothing(-1.0) ins(%x, %t : memref<4x8xf32>, memref<4xi64>) outs(%l : memref<f32>)
  return
}

// -----

// E23
func.func @smoothing_is_no_number(%x: memref<4x8xf32>, %t: memref<4xi64>, %q: memref<4x8xf32>, %w: memref<8xf32>, %v: memref<7xf32>, %h: memref<8xf16>, %l: memref<f32>) {
  // expected-error@+1 {{'softmax.cross_entropy' op expected 'label_smoothing' in [0, 1], got nan}}
  softmax.cross_entropy axis(1) reduction(mean) label_smoothing(0x7FF8000000000000) ins(%x, %t : memref<4x8xf32>, memref<4xi64>) outs(%l : memref<f32>)
  return
}

// -----

func.func @z_loss_infinite(%x: memref<4x8xf32>, %t: memref<4xi64>, %q: memref<4x8xf32>, %w: memref<8xf32>, %v: memref<7xf32>, %h: memref<8xf16>, %l: memref<f32>) {
  // expected-error@+1 {{'softmax.cross_entropy' op expected 'z_loss' to be finite, got INF}}
  softmax.cross_entropy axis(1) reduction(mean) z_loss(0x7FF0000000000000) ins(%x, %t : memref<4x8xf32>, memref<4xi64>) outs(%l : memref<f32>)
  return
}

// -----

func.func @scale_zero(%x: memref<4x8xf32>, %t: memref<4xi64>, %q: memref<4x8xf32>, %w: memref<8xf32>, %v: memref<7xf32>, %h: memref<8xf16>, %l: memref<f32>) {
  // expected-error@+1 {{'softmax.cross_entropy' op expected 'scale' to be finite and not 0, got 0}}
  softmax.cross_entropy axis(1) reduction(mean) scale(0.0) ins(%x, %t : memref<4x8xf32>, memref<4xi64>) outs(%l : memref<f32>)
  return
}

// -----

func.func @softcap_negative(%x: memref<4x8xf32>, %t: memref<4xi64>, %q: memref<4x8xf32>, %w: memref<8xf32>, %v: memref<7xf32>, %h: memref<8xf16>, %l: memref<f32>) {
  // expected-error@+1 {{'softmax.cross_entropy' op expected 'softcap' to be finite and positive, got -3}}
  softmax.cross_entropy axis(1) reduction(mean) softcap(-3.0) ins(%x, %t : memref<4x8xf32>, memref<4xi64>) outs(%l : memref<f32>)
  return
}

// -----

func.func @weight_of_other_extent(%x: memref<4x8xf32>, %t: memref<4xi64>, %q: memref<4x8xf32>, %w: memref<8xf32>, %v: memref<7xf32>, %h: memref<8xf16>, %l: memref<f32>) {
  // expected-error@+1 {{'softmax.cross_entropy' op expected a weight of shape [8], got 'memref<7xf32>'}}
  softmax.cross_entropy axis(1) reduction(mean) ins(%x, %t : memref<4x8xf32>, memref<4xi64>) weight(%v : memref<7xf32>) outs(%l : memref<f32>)
  return
}

// -----

func.func @weight_of_half_precision(%x: memref<4x8xf32>, %t: memref<4xi64>, %q: memref<4x8xf32>, %w: memref<8xf32>, %v: memref<7xf32>, %h: memref<8xf16>, %l: memref<f32>) {
  // expected-error@+1 {{'softmax.cross_entropy' op expected 'weight' to have elements of 'f32', got 'f16'}}
  softmax.cross_entropy axis(1) reduction(mean) ins(%x, %t : memref<4x8xf32>, memref<4xi64>) weight(%h : memref<8xf16>) outs(%l : memref<f32>)
  return
}

// -----

// E19
func.func @ignore_index_of_probabilities(%x: memref<4x8xf32>, %t: memref<4xi64>, %q: memref<4x8xf32>, %w: memref<8xf32>, %v: memref<7xf32>, %h: memref<8xf16>, %l: memref<f32>) {
  // expected-error@+1 {{'softmax.cross_entropy' op expected no 'ignore_index' with a target of probabilities}}
  softmax.cross_entropy axis(1) reduction(mean) ignore_index(3) ins(%x, %q : memref<4x8xf32>, memref<4x8xf32>) outs(%l : memref<f32>)
  return
}

// -----

func.func @zero_times_inf_of_labels(%x: memref<4x8xf32>, %t: memref<4xi64>, %q: memref<4x8xf32>, %w: memref<8xf32>, %v: memref<7xf32>, %h: memref<8xf16>, %l: memref<f32>) {
  // expected-error@+1 {{'softmax.cross_entropy' op expected 'zero_times_inf' with a target of probabilities only}}
  softmax.cross_entropy axis(1) reduction(mean) zero_times_inf(zero) ins(%x, %t : memref<4x8xf32>, memref<4xi64>) outs(%l : memref<f32>)
  return
}
