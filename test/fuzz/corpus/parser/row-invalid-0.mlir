#all = affine_map<(d0, d1) -> (d0, d1)>
func.func @one_map_per_operand(%x: memref<4x8xf32>, %y: memref<4x8xf32>) {
  row.program axis(1) maps [#all]
      ins(%x : memref<4x8xf32>) outs(%y : memref<4x8xf32>) {
  ^bb0(%row: !row.elements<f32>):
    %m = row.map(%row : !row.elements<f32>) {
    ^bb0(%e: f32):
      row.yield %e : f32
    } -> !row.elements<f32>
    row.yield %m : !row.elements<f32>
  }
  return
}
