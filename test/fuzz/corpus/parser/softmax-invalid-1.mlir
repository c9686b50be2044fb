func.func @softmax_c1_axis_too_large(%x: tensor<4x8xf32>) {
  %y = softmax.softmax axis(2) ins(%x : tensor<4x8xf32>) outs(%x : tensor<4x8xf32>) -> tensor<4x8xf32>
  return
}
