func.func @a_static_and_a_dynamic_extent_agree(%x: tensor<?x8xbf16>, %o: tensor<4x?xbf16>) -> tensor<4x?xbf16> {
  %y = softmax.log_softmax axis(1) ins(%x : tensor<?x8xbf16>) outs(%o : tensor<4x?xbf16>) -> tensor<4x?xbf16>
  return %y : tensor<4x?xbf16>
}
