func.func @gradient_with_and_without_lse(%g: memref<f32>, %x: memref<4x8xf32>, %t: memref<4xi64>, %lse: memref<4xf32>) {
  softmax.cross_entropy_grad axis(1) reduction(mean) ins(%g, %x, %t : memref<f32>, memref<4x8xf32>, memref<4xi64>) outs(%x : memref<4x8xf32>)
  softmax.cross_entropy_grad axis(1) reduction(none) ignore_index(0) ins(%lse, %x, %t, %lse : memref<4xf32>, memref<4x8xf32>, memref<4xi64>, memref<4xf32>) outs(%x : memref<4x8xf32>)
  return
}
