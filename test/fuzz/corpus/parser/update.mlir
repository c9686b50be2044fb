func.func @f(%x: tensor<?x8xf32>, %t: tensor<?xi64>, %p: tensor<8xf32> {softmax.role = "inout"}, %rate: f32) -> (tensor<f32>, tensor<8xf32>) {
  %o = tensor.empty() : tensor<f32>
  %l = softmax.cross_entropy axis(1) reduction(mean) ignore_index(3) {label_smoothing = 1.0e-01, z_loss = 2.0e-03} ins(%x, %t : tensor<?x8xf32>, tensor<?xi64>) weight(%p : tensor<8xf32>) outs(%o : tensor<f32>) -> tensor<f32>
  %q = softmax.sgd ins(%p, %rate : tensor<8xf32>, f32) outs(%p : tensor<8xf32>) -> tensor<8xf32>
  return %l, %q : tensor<f32>, tensor<8xf32>
}
