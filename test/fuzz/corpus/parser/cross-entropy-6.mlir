func.func @both_with_every_option(%x: tensor<4x8xf32>, %t: tensor<4xi32>, %v: tensor<4xf32>, %d: tensor<4x8xf16>) -> (tensor<4xf32>, tensor<4xf32>, tensor<4x8xf16>) {
  %r:3 = softmax.cross_entropy_with_grad axis(1) reduction(none) ignore_index(7) ins(%x, %t, %v : tensor<4x8xf32>, tensor<4xi32>, tensor<4xf32>) outs(%v, %d : tensor<4xf32>, tensor<4x8xf16>) lse(%v : tensor<4xf32>) -> tensor<4xf32>, tensor<4xf32>, tensor<4x8xf16>
  return %r#0, %r#1, %r#2 : tensor<4xf32>, tensor<4xf32>, tensor<4x8xf16>
}
