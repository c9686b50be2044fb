func.func @softmax_c2_other_extent(%x: tensor<?x8xf32>, %o: tensor<4x9xf32>) {
  %y = softmax.softmax axis(1) ins(%x : tensor<?x8xf32>) outs(%o : tensor<4x9xf32>) -> tensor<4x9xf32>
  return
}
