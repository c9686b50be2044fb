#all = affine_map<(d0, d1) -> (d0, d1)>
#rows = affine_map<(d0, d1) -> (d0)>
#none = affine_map<(d0, d1) -> ()>
func.func @f(%x: memref<?x?xf32>, %h: memref<?xi32>, %y: memref<?x?xf32>, %z: memref<f64>) attributes {softmax.schedule = #softmax.cpu_schedule<traversal = stream, isa = avx2, lanes = 8, unroll = 2, block = 64, nontemporal = 0, rows_per_task = 3>} {
  row.program axis(1) maps [#all, #rows, #all, #none] ins(%x, %h : memref<?x?xf32>, memref<?xi32>) outs(%y, %z : memref<?x?xf32>, memref<f64>) {
  ^bb0(%row: !row.elements<f32>, %n: i32):
    %half = arith.constant 5.0e-01 : f32
    %until = arith.index_cast %n : i32 to index
    %r = row.index 0
    %m, %s, %t, %mass, %gap = row.reduce logsumexp {zero_times_inf} (%row : !row.elements<f32>) scale(%half : f32) until(%until) {
    ^bb0(%e: f32):
      %w = math.absf %e : f32
      row.yield %e, %w : f32, f32
    } -> f32, f32, f32, f32, f32
    %at = row.at %row[%r] : !row.elements<f32>
    %p = row.map(%row : !row.elements<f32>) at(%r, %at : f32) until(%until, %half : f32) {
    ^bb0(%e: f32):
      %c = row.column
      %i = arith.index_cast %c : index to i32
      %f = arith.sitofp %i : i32 to f32
      %d = arith.subf %e, %m : f32
      %q = row.exp_nonpositive %d : f32
      %u = arith.addf %q, %f : f32
      row.yield %u : f32
    } -> !row.elements<f32>
    %wide = arith.extf %gap : f32 to f64
    row.yield %p, %wide : !row.elements<f32>, f64
  }
  return
}
