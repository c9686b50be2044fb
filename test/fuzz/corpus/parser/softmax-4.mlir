func.func @strided_memrefs(%x: memref<4x8xf64, strided<[?, ?], offset: ?>>, %o: memref<8xf64, strided<[2]>>) {
  softmax.logsumexp axis(0) ins(%x : memref<4x8xf64, strided<[?, ?], offset: ?>>) outs(%o : memref<8xf64, strided<[2]>>)
  return
}
