#all = affine_map<(d0, d1) -> (d0, d1)>
#rows = affine_map<(d0, d1) -> (d0)>
#columns = affine_map<(d0, d1) -> (d1)>
#none = affine_map<(d0, d1) -> ()>
func.func @every_monoid_and_kind_of_output(%x: memref<?x8xf32>, %w: memref<8xf32>, %t: memref<?xi64>, %s: f32, %lse: memref<?xf32>, %total: memref<f64>, %y: memref<?x8xf16>) {
  row.program axis(1) maps [#all, #columns, #rows, #none, #rows, #none, #all]
      ins(%x, %w, %t, %s : memref<?x8xf32>, memref<8xf32>, memref<?xi64>, f32)
      outs(%lse, %total, %y : memref<?xf32>, memref<f64>, memref<?x8xf16>) {
  ^bb0(%row: !row.elements<f32>, %weight: !row.elements<f32>, %label: i64, %scalar: f32):
    %c0 = arith.constant 0 : i64
    %zero = arith.constant 0.0 : f32
    %half = arith.constant 0.0 : f16
    %ignored = arith.cmpi eq, %label, %c0 : i64
    row.skip_if %ignored values(%zero, %zero, %half : f32, f32, f16)
    %extent = row.extent
    %column = arith.index_cast %label : i64 to index
    %picked = row.at %row[%column] : !row.elements<f32>
    %max, %sum, %tail = row.reduce logsumexp(%row : !row.elements<f32>) {
    ^bb0(%e: f32):
      row.yield %e : f32
    } -> f32, f32, f32
    %dot = row.reduce add(%row, %weight : !row.elements<f32>, !row.elements<f32>) {
    ^bb0(%e: f32, %f: f32):
      %p = arith.mulf %e, %f : f32
      row.yield %p : f32
    } -> f32
    %largest = row.reduce max(%row : !row.elements<f32>) {
    ^bb0(%e: f32):
      row.yield %e : f32
    } -> f32
    %mapped = row.map(%row : !row.elements<f32>) at(%column, %half : f16) {
    ^bb0(%e: f32):
      %here = row.column
      %n = row.exp_nonpositive %e : f32
      %narrow = arith.truncf %n : f32 to f16
      row.yield %narrow : f16
    } -> !row.elements<f16>
    row.yield %max, %dot, %mapped : f32, f32, !row.elements<f16>
  }
  return
}
