// Every operator, in half, single and double precision and with a dynamic row.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

func.func @softmax(%x: memref<4x?xf16>, %y: memref<4x?xf32>) {
  softmax.softmax axis(1) ins(%x : memref<4x?xf16>) outs(%y : memref<4x?xf32>)
  return
}
func.func @log_softmax(%x: memref<?x?xf32>) {
  softmax.log_softmax axis(1) ins(%x : memref<?x?xf32>) outs(%x : memref<?x?xf32>)
  return
}
func.func @logsumexp(%x: memref<4x?xf64>, %o: memref<4xf64>) {
  softmax.logsumexp axis(1) ins(%x : memref<4x?xf64>) outs(%o : memref<4xf64>)
  return
}
func.func @softmax_grad(%dy: memref<4x?xf32>, %y: memref<4x?xf32>) {
  softmax.softmax_grad axis(1) ins(%dy, %y : memref<4x?xf32>, memref<4x?xf32>) outs(%dy : memref<4x?xf32>)
  return
}
func.func @log_softmax_grad(%dy: memref<4x?xbf16>, %y: memref<4x?xbf16>) {
  softmax.log_softmax_grad axis(1) ins(%dy, %y : memref<4x?xbf16>, memref<4x?xbf16>) outs(%dy : memref<4x?xbf16>)
  return
}
func.func @cross_entropy(%x: memref<?x?xf32>, %t: memref<?xi64>, %l: memref<f32>, %lse: memref<?xf32>) {
  softmax.cross_entropy axis(1) reduction(mean) ins(%x, %t : memref<?x?xf32>, memref<?xi64>) outs(%l, %lse : memref<f32>, memref<?xf32>)
  return
}
func.func @cross_entropy_grad(%g: memref<f32>, %x: memref<?x?xf32>, %t: memref<?xi32>, %lse: memref<?xf32>) {
  softmax.cross_entropy_grad axis(1) reduction(mean) ins(%g, %x, %t : memref<f32>, memref<?x?xf32>, memref<?xi32>) outs(%x : memref<?x?xf32>)
  softmax.cross_entropy_grad axis(1) reduction(sum) ins(%g, %x, %t, %lse : memref<f32>, memref<?x?xf32>, memref<?xi32>, memref<?xf32>) outs(%x : memref<?x?xf32>)
  return
}
func.func @cross_entropy_with_grad(%x: memref<?x?xf32>, %t: memref<?xi8>, %l: memref<?xf32>) {
  softmax.cross_entropy_with_grad axis(1) reduction(none) ins(%x, %t : memref<?x?xf32>, memref<?xi8>) outs(%l, %x : memref<?xf32>, memref<?x?xf32>)
  return
}
func.func @sgd(%g: memref<?xf32>, %rate: f32, %p: memref<?xf32>) {
  softmax.sgd ins(%g, %rate : memref<?xf32>, f32) outs(%p : memref<?xf32>)
  return
}
