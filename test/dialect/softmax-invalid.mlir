// RUN: softmax-opt %s --split-input-file --verify-diagnostics
// One case per rule of the operators' verifiers.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

func.func @input_of_integers(%x: tensor<4x8xi32>, %o: tensor<4x8xf32>) {
  // expected-error@+1 {{'softmax.softmax' op operand #0 must be ranked tensor of f32, f64, f16 or bf16 element values or memref of f32, f64, f16 or bf16 element values, but got 'tensor<4x8xi32>'}}
  %y = softmax.softmax axis(1) ins(%x : tensor<4x8xi32>) outs(%o : tensor<4x8xf32>) -> tensor<4x8xf32>
  return
}

// -----

func.func @output_of_8_bit_floats(%x: tensor<8xf32>, %o: tensor<8xf8E4M3FN>) {
  // expected-error@+1 {{operand #1 must be ranked tensor of f32, f64, f16 or bf16 element}}
  %y = softmax.softmax axis(0) ins(%x : tensor<8xf32>) outs(%o : tensor<8xf8E4M3FN>) -> tensor<8xf8E4M3FN>
  return
}

// -----

func.func @unranked(%x: memref<*xf32>) {
  // expected-error@+1 {{operand #0 must be ranked tensor of f32, f64, f16 or bf16 element}}
  softmax.softmax axis(0) ins(%x : memref<*xf32>) outs(%x : memref<*xf32>)
  return
}

// -----

func.func @softmax_c1_axis_too_large(%x: tensor<4x8xf32>) {
  // expected-error@+1 {{'softmax.softmax' op expected 'axis' in [-2, 2), got 2}}
  %y = softmax.softmax axis(2) ins(%x : tensor<4x8xf32>) outs(%x : tensor<4x8xf32>) -> tensor<4x8xf32>
  return
}

// -----

func.func @softmax_c1_axis_too_small(%x: tensor<4x8xf32>) {
  // expected-error@+1 {{'softmax.log_softmax' op expected 'axis' in [-2, 2), got -3}}
  %y = softmax.log_softmax axis(-3) ins(%x : tensor<4x8xf32>) outs(%x : tensor<4x8xf32>) -> tensor<4x8xf32>
  return
}

// -----

func.func @softmax_c1_no_axis_at_all(%x: tensor<f32>) {
  // expected-error@+1 {{expected operands of rank 1 or more, got rank 0}}
  %y = softmax.softmax axis(0) ins(%x : tensor<f32>) outs(%x : tensor<f32>) -> tensor<f32>
  return
}

// -----

func.func @softmax_c2_other_extent(%x: tensor<?x8xf32>, %o: tensor<4x9xf32>) {
  // expected-error@+1 {{'softmax.softmax' op expected an output of shape [?, 8], got 'tensor<4x9xf32>'}}
  %y = softmax.softmax axis(1) ins(%x : tensor<?x8xf32>) outs(%o : tensor<4x9xf32>) -> tensor<4x9xf32>
  return
}

// -----

func.func @softmax_c2_other_rank(%x: memref<4x8xf32>, %o: memref<8xf32>) {
  // expected-error@+1 {{'softmax.log_softmax' op expected an output of shape [4, 8], got 'memref<8xf32>'}}
  softmax.log_softmax axis(1) ins(%x : memref<4x8xf32>) outs(%o : memref<8xf32>)
  return
}

// -----

func.func @logsumexp_c1(%x: memref<4x8xf32>, %o: memref<4xf32>) {
  // expected-error@+1 {{'softmax.logsumexp' op expected 'axis' in [-2, 2), got 5}}
  softmax.logsumexp axis(5) ins(%x : memref<4x8xf32>) outs(%o : memref<4xf32>)
  return
}

// -----

func.func @logsumexp_c2_shape(%x: memref<4x8xf32>, %o: memref<8xf32>) {
  // expected-error@+1 {{'softmax.logsumexp' op expected an output of shape [4], got 'memref<8xf32>'}}
  softmax.logsumexp axis(1) ins(%x : memref<4x8xf32>) outs(%o : memref<8xf32>)
  return
}

// -----

func.func @logsumexp_c2_half_result(%x: memref<4x8xf16>, %o: memref<4xf16>) {
  // expected-error@+1 {{'softmax.logsumexp' op expected the output to have elements of 'f32', got 'f16'}}
  softmax.logsumexp axis(1) ins(%x : memref<4x8xf16>) outs(%o : memref<4xf16>)
  return
}

// -----

func.func @logsumexp_c2_single_result_of_double(%x: memref<4x8xf64>, %o: memref<4xf32>) {
  // expected-error@+1 {{'softmax.logsumexp' op expected the output to have elements of 'f64', got 'f32'}}
  softmax.logsumexp axis(1) ins(%x : memref<4x8xf64>) outs(%o : memref<4xf32>)
  return
}

// -----

func.func @softmax_grad_c1(%x: tensor<4x8xf32>) {
  // expected-error@+1 {{'softmax.softmax_grad' op expected 'axis' in [-2, 2), got 2}}
  %y = softmax.softmax_grad axis(2) ins(%x, %x : tensor<4x8xf32>, tensor<4x8xf32>) outs(%x : tensor<4x8xf32>) -> tensor<4x8xf32>
  return
}

// -----

func.func @softmax_grad_c2_dy(%dy: tensor<8xf32>, %y: tensor<4x8xf32>) {
  // expected-error@+1 {{'softmax.softmax_grad' op expected a 'dy' of shape [4, 8], got 'tensor<8xf32>'}}
  %d = softmax.softmax_grad axis(1) ins(%dy, %y : tensor<8xf32>, tensor<4x8xf32>) outs(%y : tensor<4x8xf32>) -> tensor<4x8xf32>
  return
}

// -----

func.func @softmax_grad_c2_dx(%y: memref<4x8xf32>, %dx: memref<4x7xf32>) {
  // expected-error@+1 {{'softmax.log_softmax_grad' op expected a 'dx' of shape [4, 8], got 'memref<4x7xf32>'}}
  softmax.log_softmax_grad axis(1) ins(%y, %y : memref<4x8xf32>, memref<4x8xf32>) outs(%dx : memref<4x7xf32>)
  return
}

// -----

func.func @sgd_c1_gradient(%g: memref<4xf32>, %rate: f32, %p: memref<5xf32>) {
  // expected-error@+1 {{'softmax.sgd' op expected a gradient of shape [5], got 'memref<4xf32>'}}
  softmax.sgd ins(%g, %rate : memref<4xf32>, f32) outs(%p : memref<5xf32>)
  return
}

// -----

func.func @sgd_c1_rank(%g: memref<f32>, %rate: f32) {
  // expected-error@+1 {{'softmax.sgd' op expected operands of rank 1 or more, got rank 0}}
  softmax.sgd ins(%g, %rate : memref<f32>, f32) outs(%g : memref<f32>)
  return
}

// -----

func.func @sgd_c2_rate_of_double(%g: memref<4xf64>, %rate: f32) {
  // expected-error@+1 {{'softmax.sgd' op expected the rate to have elements of 'f64', got 'f32'}}
  softmax.sgd ins(%g, %rate : memref<4xf64>, f32) outs(%g : memref<4xf64>)
  return
}

// -----

func.func @sgd_c2_half_rate(%g: memref<4xf16>, %rate: f16) {
  // expected-error@+1 {{'softmax.sgd' op operand #1 must be 32-bit float or 64-bit float, but got 'f16'}}
  softmax.sgd ins(%g, %rate : memref<4xf16>, f16) outs(%g : memref<4xf16>)
  return
}

// -----

func.func @tensors_and_memrefs_mixed(%x: memref<4x8xf32>, %o: tensor<4x8xf32>) {
  // expected-error@+1 {{'softmax.softmax' op expected tensors or memrefs, got both}}
  %y = softmax.softmax axis(1) ins(%x : memref<4x8xf32>) outs(%o : tensor<4x8xf32>) -> tensor<4x8xf32>
  return
}

// -----

func.func @result_missing(%x: tensor<4x8xf32>) {
  // expected-error@+1 {{'softmax.softmax' op expected one result of the type of each output}}
  softmax.softmax axis(1) ins(%x : tensor<4x8xf32>) outs(%x : tensor<4x8xf32>)
  return
}

// -----

func.func @result_of_a_memref(%x: memref<8xf32>) {
  // expected-error@+1 {{'softmax.softmax' op expected one result of the type of each output}}
  %y = softmax.softmax axis(0) ins(%x : memref<8xf32>) outs(%x : memref<8xf32>) -> tensor<8xf32>
  return
}

// -----

func.func @scale_infinite(%x: memref<4x8xf32>, %y: memref<8xf32>, %h: memref<4x8xf16>, %b: memref<4x8xi8>, %c: memref<4x7xi8>, %l: memref<4xf32>) {
  // expected-error@+1 {{'softmax.softmax' op expected 'scale' to be finite and not 0, got INF}}
  softmax.softmax axis(1) scale(0x7FF0000000000000) ins(%x : memref<4x8xf32>) outs(%x : memref<4x8xf32>)
  return
}

// -----

func.func @softcap_zero(%x: memref<4x8xf32>, %y: memref<8xf32>, %h: memref<4x8xf16>, %b: memref<4x8xi8>, %c: memref<4x7xi8>, %l: memref<4xf32>) {
  // expected-error@+1 {{'softmax.log_softmax' op expected 'softcap' to be finite and positive, got 0}}
  softmax.log_softmax axis(1) softcap(0.0) ins(%x : memref<4x8xf32>) outs(%x : memref<4x8xf32>)
  return
}

// -----

func.func @two_masks(%x: memref<4x8xf32>, %y: memref<8xf32>, %h: memref<4x8xf16>, %b: memref<4x8xi8>, %c: memref<4x7xi8>, %l: memref<4xf32>) {
  // expected-error@+1 {{'softmax.softmax' op expected one mask, got an operand and 'causal'}}
  softmax.softmax axis(1) causal ins(%x, %b : memref<4x8xf32>, memref<4x8xi8>) outs(%x : memref<4x8xf32>)
  return
}

// -----

func.func @causal_without_queries(%x: memref<4x8xf32>, %y: memref<8xf32>, %h: memref<4x8xf16>, %b: memref<4x8xi8>, %c: memref<4x7xi8>, %l: memref<4xf32>) {
  // expected-error@+1 {{'softmax.softmax' op expected the class axis to be the last of two or more with 'causal', got axis 0 of rank 1}}
  softmax.softmax axis(0) causal ins(%y : memref<8xf32>) outs(%y : memref<8xf32>)
  return
}

// -----

func.func @causal_along_the_queries(%x: memref<4x8xf32>, %y: memref<8xf32>, %h: memref<4x8xf16>, %b: memref<4x8xi8>, %c: memref<4x7xi8>, %l: memref<4xf32>) {
  // expected-error@+1 {{'softmax.softmax' op expected the class axis to be the last of two or more with 'causal', got axis 0 of rank 2}}
  softmax.softmax axis(0) causal ins(%x : memref<4x8xf32>) outs(%x : memref<4x8xf32>)
  return
}

// -----

func.func @mask_of_other_shape(%x: memref<4x8xf32>, %y: memref<8xf32>, %h: memref<4x8xf16>, %b: memref<4x8xi8>, %c: memref<4x7xi8>, %l: memref<4xf32>) {
  // expected-error@+1 {{'softmax.softmax' op expected a mask of shape [4, 8], got 'memref<4x7xi8>'}}
  softmax.softmax axis(1) ins(%x, %c : memref<4x8xf32>, memref<4x7xi8>) outs(%x : memref<4x8xf32>)
  return
}

// -----

func.func @mask_of_other_type(%x: memref<4x8xf32>, %y: memref<8xf32>, %h: memref<4x8xf16>, %b: memref<4x8xi8>, %c: memref<4x7xi8>, %l: memref<4xf32>) {
  // expected-error@+1 {{'softmax.softmax' op expected a mask of i8 or 'f32', got 'f16'}}
  softmax.softmax axis(1) ins(%x, %h : memref<4x8xf32>, memref<4x8xf16>) outs(%x : memref<4x8xf32>)
  return
}

// -----

func.func @zero_logsumexp(%x: memref<4x8xf32>, %y: memref<8xf32>, %h: memref<4x8xf16>, %b: memref<4x8xi8>, %c: memref<4x7xi8>, %l: memref<4xf32>) {
  // expected-error@+1 {{'softmax.logsumexp' op expected 'masked_rows' to be nan, the logsumexp of a masked row is -inf}}
  softmax.logsumexp axis(1) masked_rows(zero) ins(%x : memref<4x8xf32>) outs(%l : memref<4xf32>)
  return
}

// -----

func.func @softcap_without_input(%x: memref<4x8xf32>, %y: memref<8xf32>, %h: memref<4x8xf16>, %b: memref<4x8xi8>, %c: memref<4x7xi8>, %l: memref<4xf32>) {
  // expected-error@+1 {{'softmax.softmax_grad' op expected 'input' exactly when 'softcap' is given}}
  softmax.softmax_grad axis(1) softcap(30.0) ins(%x, %x : memref<4x8xf32>, memref<4x8xf32>) outs(%x : memref<4x8xf32>)
  return
}

// -----

func.func @input_without_softcap(%x: memref<4x8xf32>, %y: memref<8xf32>, %h: memref<4x8xf16>, %b: memref<4x8xi8>, %c: memref<4x7xi8>, %l: memref<4xf32>) {
  // expected-error@+1 {{'softmax.softmax_grad' op expected 'input' exactly when 'softcap' is given}}
  softmax.softmax_grad axis(1) ins(%x, %x : memref<4x8xf32>, memref<4x8xf32>) input(%x : memref<4x8xf32>) outs(%x : memref<4x8xf32>)
  return
}
