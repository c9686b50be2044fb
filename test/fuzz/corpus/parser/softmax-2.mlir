func.func @axis_from_the_end_and_another_result_type(%x: tensor<?x?x3xf16>, %o: tensor<?x?x3xf32>) -> tensor<?x?x3xf32> {
  %y = softmax.softmax axis(-1) ins(%x : tensor<?x?x3xf16>) outs(%o : tensor<?x?x3xf32>) -> tensor<?x?x3xf32>
  return %y : tensor<?x?x3xf32>
}
