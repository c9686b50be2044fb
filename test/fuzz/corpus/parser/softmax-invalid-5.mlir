func.func @sgd_c1_gradient(%g: memref<4xf32>, %rate: f32, %p: memref<5xf32>) {
  softmax.sgd ins(%g, %rate : memref<4xf32>, f32) outs(%p : memref<5xf32>)
  return
}
