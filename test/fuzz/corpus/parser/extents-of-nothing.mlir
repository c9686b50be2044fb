func.func @f(%a0: tensor<1x5x9223372036854775807x0x8x?x2x3xbf16>, %a1: tensor<1x5x9223372036854775807x0x8x?x2x3xbf16>, %a2: tensor<1x5x9223372036854775807x0x8x?x2x3xi8>, %a3: tensor<1x5x9223372036854775807x0x8x?x2x3xbf16>) -> (tensor<1x5x9223372036854775807x0x8x?x2x3xbf16>) {
  %r:1 = "softmax.log_softmax_grad"(%a0, %a1, %a2, %a3) <{axis = -3 : i64, operandSegmentSizes = array<i32: 1, 1, 0, 1, 1>, scale = 1.0 : f64}> : (tensor<1x5x9223372036854775807x0x8x?x2x3xbf16>, tensor<1x5x9223372036854775807x0x8x?x2x3xbf16>, tensor<1x5x9223372036854775807x0x8x?x2x3xi8>, tensor<1x5x9223372036854775807x0x8x?x2x3xbf16>) -> (tensor<1x5x9223372036854775807x0x8x?x2x3xbf16>)
  return %r#0 : tensor<1x5x9223372036854775807x0x8x?x2x3xbf16>
}
