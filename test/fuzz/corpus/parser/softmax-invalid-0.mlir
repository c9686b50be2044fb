func.func @input_of_integers(%x: tensor<4x8xi32>, %o: tensor<4x8xf32>) {
  %y = softmax.softmax axis(1) ins(%x : tensor<4x8xi32>) outs(%o : tensor<4x8xf32>) -> tensor<4x8xf32>
  return
}
