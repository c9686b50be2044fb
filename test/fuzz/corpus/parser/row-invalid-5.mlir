#all = affine_map<(d0, d1) -> (d0, d1)>
#rows = affine_map<(d0, d1) -> (d0)>
func.func @block_arguments_are_rows(%x: memref<4x8xf32>, %l: memref<4xf32>) {
  row.program axis(1) maps [#all, #rows]
      ins(%x : memref<4x8xf32>) outs(%l : memref<4xf32>) {
  ^bb0(%row: f32):
    row.yield %row : f32
  }
  return
}
