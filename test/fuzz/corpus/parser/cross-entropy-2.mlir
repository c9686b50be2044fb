func.func @loss_of_images_on_memrefs(%x: memref<2x19x4x4xf64>, %t: memref<2x4x4xi32>, %o: memref<f64>) {
  softmax.cross_entropy axis(1) reduction(sum) ins(%x, %t : memref<2x19x4x4xf64>, memref<2x4x4xi32>) outs(%o : memref<f64>)
  return
}
