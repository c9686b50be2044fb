func.func @result_of_a_memref(%x: memref<8xf32>) {
  %y = softmax.softmax axis(0) ins(%x : memref<8xf32>) outs(%x : memref<8xf32>) -> tensor<8xf32>
  return
}
