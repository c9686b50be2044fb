func.func @both_at_once(%x: tensor<4x8xf32>, %t: tensor<4xi64>, %l: tensor<f32>) -> (tensor<f32>, tensor<4x8xf32>) {
  %r:2 = softmax.cross_entropy_with_grad axis(1) reduction(mean) ins(%x, %t : tensor<4x8xf32>, tensor<4xi64>) outs(%l, %x : tensor<f32>, tensor<4x8xf32>) -> tensor<f32>, tensor<4x8xf32>
  return %r#0, %r#1 : tensor<f32>, tensor<4x8xf32>
}
