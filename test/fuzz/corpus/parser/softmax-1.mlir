func.func @softmax_on_memrefs(%x: memref<4x8xf32>, %o: memref<4x8xf32>) {
  softmax.softmax axis(0) ins(%x : memref<4x8xf32>) outs(%o : memref<4x8xf32>)
  return
}
