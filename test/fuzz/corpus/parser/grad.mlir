func.func @f(%dy: tensor<2x?x8xbf16>, %y: tensor<2x?x8xbf16>, %x: tensor<2x?x8xbf16>, %o: tensor<2x?x8xbf16>) -> tensor<2x?x8xbf16> {
  %d = softmax.softmax_grad axis(2) {causal, softcap = 2.0, scale = -1.0} ins(%dy, %y : tensor<2x?x8xbf16>, tensor<2x?x8xbf16>) input(%x : tensor<2x?x8xbf16>) outs(%o : tensor<2x?x8xbf16>) -> tensor<2x?x8xbf16>
  return %d : tensor<2x?x8xbf16>
}
