module {
  func.func @cross_entropy_4x0_f32(%arg0: tensor<4x0xf32> {softmax.name = "logits"}, %arg1: tensor<4xi64> {softmax.name = "target"}) -> (tensor<f32> {softmax.name = "loss"}) {
    %0 = tensor.empty() : tensor<f32>
    %1 = softmax.cross_entropy axis(1) reduction(mean) ins(%arg0, %arg1 : tensor<4x0xf32>, tensor<4xi64>) outs(%0 : tensor<f32>) -> tensor<f32>
    return %1 : tensor<f32>
  }
}