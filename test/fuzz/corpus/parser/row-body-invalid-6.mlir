func.func @extent_may_stand_anywhere_but_at_may_not(%row: !row.elements<f32>, %i: index) {
  %e = row.at %row[%i] : !row.elements<f32>
  return
}
