func.func @gradient_on_tensors(%g: tensor<f32>, %x: tensor<?x8xbf16>, %t: tensor<?xi64>) -> tensor<?x8xbf16> {
  %d = softmax.cross_entropy_grad axis(1) reduction(sum) ins(%g, %x, %t : tensor<f32>, tensor<?x8xbf16>, tensor<?xi64>) outs(%x : tensor<?x8xbf16>) -> tensor<?x8xbf16>
  return %d : tensor<?x8xbf16>
}
