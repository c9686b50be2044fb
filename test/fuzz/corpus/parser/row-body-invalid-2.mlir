#all = affine_map<(d0, d1) -> (d0, d1)>
#rows = affine_map<(d0, d1) -> (d0)>
func.func @rows_are_inputs(%x: memref<4x8xf32>, %l: memref<4xf32>) {
  row.program axis(1) maps [#all, #rows]
      ins(%x : memref<4x8xf32>) outs(%l : memref<4xf32>) {
  ^bb0(%row: !row.elements<f32>):
    %m = row.map(%row : !row.elements<f32>) {
    ^bb0(%e: f32):
      row.yield %e : f32
    } -> !row.elements<f32>
    %s = row.reduce add(%m : !row.elements<f32>) {
    ^bb0(%e: f32):
      row.yield %e : f32
    } -> f32
    row.yield %s : f32
  }
  return
}
