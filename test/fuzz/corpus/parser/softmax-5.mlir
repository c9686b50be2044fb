func.func @logsumexp_of_a_single_row(%x: tensor<?xf16>, %o: tensor<f32>) -> tensor<f32> {
  %y = softmax.logsumexp axis(0) ins(%x : tensor<?xf16>) outs(%o : tensor<f32>) -> tensor<f32>
  return %y : tensor<f32>
}
