#all = affine_map<(d0, d1) -> (d0, d1)>
#rows = affine_map<(d0, d1) -> (d0)>
func.func @other_monoids_have_one_result(%x: memref<4x8xf32>, %l: memref<4xf32>) {
  row.program axis(1) maps [#all, #rows]
      ins(%x : memref<4x8xf32>) outs(%l : memref<4xf32>) {
  ^bb0(%row: !row.elements<f32>):
    %s:2 = row.reduce max(%row : !row.elements<f32>) {
    ^bb0(%e: f32):
      row.yield %e : f32
    } -> f32, f32
    row.yield %s#0 : f32
  }
  return
}
