#all = affine_map<(d0, d1) -> (d0, d1)>
#rows = affine_map<(d0, d1) -> (d0)>
func.func @skip_if_type(%x: memref<4x8xf32>, %l: memref<4xf32>) {
  row.program axis(1) maps [#all, #rows]
      ins(%x : memref<4x8xf32>) outs(%l : memref<4xf32>) {
  ^bb0(%row: !row.elements<f32>):
    %c = arith.constant true
    %s = arith.constant 0.0 : f32
    %d = arith.constant 0.0 : f64
    row.skip_if %c values(%d : f64)
    row.yield %s : f32
  }
  return
}
