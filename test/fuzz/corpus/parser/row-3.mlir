func.func @sech_squared_of_vectors(%v: vector<[4]xf32>, %d: f64) -> (vector<[4]xf32>, f64) {
  %e = row.sech_squared %v : vector<[4]xf32>
  %f = row.sech_squared %d : f64
  return %e, %f : vector<[4]xf32>, f64
}
