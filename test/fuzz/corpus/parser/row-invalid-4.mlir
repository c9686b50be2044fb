#all = affine_map<(d0, d1) -> (d0, d1)>
#columns = affine_map<(d0, d1) -> (d1)>
func.func @outputs_of_all_row_dimensions_or_none(%x: memref<4x8xf32>, %w: memref<8xf32>) {
  row.program axis(1) maps [#all, #columns]
      ins(%x : memref<4x8xf32>) outs(%w : memref<8xf32>) {
  ^bb0(%row: !row.elements<f32>):
    %m = row.map(%row : !row.elements<f32>) {
    ^bb0(%e: f32):
      row.yield %e : f32
    } -> !row.elements<f32>
    row.yield %m : !row.elements<f32>
  }
  return
}
