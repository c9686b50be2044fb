#all = affine_map<(d0, d1) -> (d0, d1)>
func.func @map_result_type(%x: memref<4x8xf32>, %h: memref<4x8xf16>) {
  row.program axis(1) maps [#all, #all]
      ins(%x : memref<4x8xf32>) outs(%h : memref<4x8xf16>) {
  ^bb0(%row: !row.elements<f32>):
    %m = row.map(%row : !row.elements<f32>) {
    ^bb0(%e: f32):
      row.yield %e : f32
    } -> !row.elements<f16>
    row.yield %m : !row.elements<f16>
  }
  return
}
