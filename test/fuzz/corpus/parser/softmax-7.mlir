func.func @sgd_on_tensors_and_memrefs(%g: tensor<?xf16>, %rate: f32, %p: tensor<?xf16>, %mg: memref<4xf64>, %wide: f64, %mp: memref<4xf64>) -> tensor<?xf16> {
  %q = softmax.sgd ins(%g, %rate : tensor<?xf16>, f32) outs(%p : tensor<?xf16>) -> tensor<?xf16>
  softmax.sgd ins(%mg, %wide : memref<4xf64>, f64) outs(%mp : memref<4xf64>)
  return %q : tensor<?xf16>
}
