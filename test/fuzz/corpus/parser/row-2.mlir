func.func @exp_nonpositive_of_vectors(%v: vector<[4]xf32>, %d: f64) -> (vector<[4]xf32>, f64) {
  %e = row.exp_nonpositive %v : vector<[4]xf32>
  %f = row.exp_nonpositive %d : f64
  return %e, %f : vector<[4]xf32>, f64
}
