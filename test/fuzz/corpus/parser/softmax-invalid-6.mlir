func.func @sgd_c2_half_rate(%g: memref<4xf16>, %rate: f16) {
  softmax.sgd ins(%g, %rate : memref<4xf16>, f16) outs(%g : memref<4xf16>)
  return
}
