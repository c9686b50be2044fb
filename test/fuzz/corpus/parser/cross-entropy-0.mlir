func.func @loss_and_its_default_label(%x: tensor<4x8xf32>, %t: tensor<4xi64>, %o: tensor<f32>) -> tensor<f32> {
  %l = softmax.cross_entropy axis(1) reduction(mean) ignore_index(-100) ins(%x, %t : tensor<4x8xf32>, tensor<4xi64>) outs(%o : tensor<f32>) -> tensor<f32>
  return %l : tensor<f32>
}
