func.func @gradients_from_the_result(%dy: tensor<4x8xf32>, %y: tensor<4x8xf32>, %o: tensor<4x8xf32>, %m: memref<?x8xf32>) -> tensor<4x8xf32> {
  %dx = softmax.softmax_grad axis(1) ins(%dy, %y : tensor<4x8xf32>, tensor<4x8xf32>) outs(%o : tensor<4x8xf32>) -> tensor<4x8xf32>
  softmax.log_softmax_grad axis(0) ins(%m, %m : memref<?x8xf32>, memref<?x8xf32>) outs(%m : memref<?x8xf32>)
  return %dx : tensor<4x8xf32>
}
