func.func @softmax_grad_c1(%x: tensor<4x8xf32>) {
  %y = softmax.softmax_grad axis(2) ins(%x, %x : tensor<4x8xf32>, tensor<4x8xf32>) outs(%x : tensor<4x8xf32>) -> tensor<4x8xf32>
  return
}
