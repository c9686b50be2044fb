#all = affine_map<(d0, d1) -> (d0, d1)>
#rows = affine_map<(d0, d1) -> (d0)>
#columns = affine_map<(d0, d1) -> (d1)>
#none = affine_map<(d0, d1) -> ()>
func.func @results_of_tensor_outputs(%x: tensor<3x?xf32>, %o: tensor<3x?xf32>) -> tensor<3x?xf32> {
  %y = row.program axis(1) maps [#all, #all] ins(%x : tensor<3x?xf32>) outs(%o : tensor<3x?xf32>) {
  ^bb0(%row: !row.elements<f32>):
    %seven = arith.constant 7.0 : f32
    %constant = row.map(%row : !row.elements<f32>) {
    ^bb0(%e: f32):
      row.yield %seven : f32
    } -> !row.elements<f32>
    row.yield %constant : !row.elements<f32>
  } -> tensor<3x?xf32>
  return %y : tensor<3x?xf32>
}
