// RUN: softmax-opt %s --split-input-file --verify-diagnostics
// One case per rule of the verifiers of row.program.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#all = affine_map<(d0, d1) -> (d0, d1)>
func.func @one_map_per_operand(%x: memref<4x8xf32>, %y: memref<4x8xf32>) {
  // expected-error@+1 {{'row.program' op expected one indexing map per operand (2), got 1}}
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

// -----

#all = affine_map<(d0, d1) -> (d0, d1)>
func.func @axis_outside_the_space(%x: memref<4x8xf32>, %y: memref<4x8xf32>) {
  // expected-error@+1 {{'row.program' op expected 'axis' in [0, 2), got 2}}
  row.program axis(2) maps [#all, #all]
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

// -----

#all = affine_map<(d0, d1) -> (d0, d1)>
func.func @negative_axis(%x: memref<4x8xf32>, %y: memref<4x8xf32>) {
  // expected-error@+1 {{'row.program' op expected 'axis' in [0, 2), got -1}}
  row.program axis(-1) maps [#all, #all]
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

// -----

#all = affine_map<(d0, d1) -> (d0, d1)>
func.func @maps_of_the_same_space(%x: memref<4x8xf32>, %y: memref<4x8xf32>) {
  // expected-error@+1 {{expected indexing map #1 to have 2 dimensions and no symbols, got affine_map<(d0, d1, d2) -> (d0, d1)>}}
  row.program axis(1) maps [#all, affine_map<(d0, d1, d2) -> (d0, d1)>]
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

// -----

#all = affine_map<(d0, d1) -> (d0, d1)>
func.func @maps_without_symbols(%x: memref<4x8xf32>, %y: memref<4x8xf32>) {
  // expected-error@+1 {{expected indexing map #1 to have 2 dimensions and no symbols}}
  row.program axis(1) maps [#all, affine_map<(d0, d1)[s0] -> (d0, d1)>]
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

// -----

#all = affine_map<(d0, d1) -> (d0, d1)>
func.func @maps_that_permute(%x: memref<4x8xf32>, %y: memref<4x8xf32>) {
  // expected-error@+1 {{expected indexing map #0 to be a projected permutation, got affine_map<(d0, d1) -> (d0, d0 + d1)>}}
  row.program axis(1) maps [affine_map<(d0, d1) -> (d0, d0 + d1)>, #all]
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

// -----

#all = affine_map<(d0, d1) -> (d0, d1)>
func.func @ranked_operands(%u: memref<*xf32>, %y: memref<4x8xf32>) {
  // expected-error@+1 {{expected operand #0 to be ranked, got 'memref<*xf32>'}}
  row.program axis(1) maps [#all, #all]
      ins(%u : memref<*xf32>) outs(%y : memref<4x8xf32>) {
  ^bb0(%row: !row.elements<f32>):
    %m = row.map(%row : !row.elements<f32>) {
    ^bb0(%e: f32):
      row.yield %e : f32
    } -> !row.elements<f32>
    row.yield %m : !row.elements<f32>
  }
  return
}

// -----

#all = affine_map<(d0, d1) -> (d0, d1)>
#rows = affine_map<(d0, d1) -> (d0)>
func.func @map_results_of_the_rank(%x: memref<4x8xf32>, %y: memref<4x8xf32>) {
  // expected-error@+1 {{expected indexing map #0 to have 2 results, got 1}}
  row.program axis(1) maps [#rows, #all]
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

// -----

#all = affine_map<(d0, d1) -> (d0, d1)>
#rows = affine_map<(d0, d1) -> (d0)>
func.func @no_map_results_for_a_scalar(%s: f32, %y: memref<4x8xf32>) {
  // expected-error@+1 {{expected indexing map #0 to have 0 results, got 1}}
  row.program axis(1) maps [#rows, #all]
      ins(%s : f32) outs(%y : memref<4x8xf32>) {
  ^bb0(%row: !row.elements<f32>):
    %m = row.map(%row : !row.elements<f32>) {
    ^bb0(%e: f32):
      row.yield %e : f32
    } -> !row.elements<f32>
    row.yield %m : !row.elements<f32>
  }
  return
}

// -----

#all = affine_map<(d0, d1) -> (d0, d1)>
func.func @equal_extents_of_a_dimension(%x: memref<4x8xf32>, %z: memref<4x9xf32>) {
  // expected-error@+1 {{expected extent 8 for dimension 1 of the iteration space, got 9 in operand #1}}
  row.program axis(1) maps [#all, #all]
      ins(%x : memref<4x8xf32>) outs(%z : memref<4x9xf32>) {
  ^bb0(%row: !row.elements<f32>):
    %m = row.map(%row : !row.elements<f32>) {
    ^bb0(%e: f32):
      row.yield %e : f32
    } -> !row.elements<f32>
    row.yield %m : !row.elements<f32>
  }
  return
}

// -----

#columns = affine_map<(d0, d1) -> (d1)>
#none = affine_map<(d0, d1) -> ()>
func.func @dimensions_bound_by_an_operand(%w: memref<8xf32>, %t: memref<f64>) {
  // expected-error@+1 {{expected dimension 0 to be bound by an operand}}
  row.program axis(1) maps [#columns, #none]
      ins(%w : memref<8xf32>) outs(%t : memref<f64>) {
  ^bb0(%row: !row.elements<f32>):
    %s = row.reduce add(%row : !row.elements<f32>) {
    ^bb0(%e: f32):
      row.yield %e : f32
    } -> f32
    row.yield %s : f32
  }
  return
}

// -----

#all = affine_map<(d0, d1) -> (d0, d1)>
#none = affine_map<(d0, d1) -> ()>
func.func @shaped_outputs(%x: memref<4x8xf32>, %o: f32) {
  // expected-error@+1 {{expected output #0 to be a ranked tensor or memref, got 'f32'}}
  row.program axis(1) maps [#all, #none]
      ins(%x : memref<4x8xf32>) outs(%o : f32) {
  ^bb0(%row: !row.elements<f32>):
    %s = row.reduce add(%row : !row.elements<f32>) {
    ^bb0(%e: f32):
      row.yield %e : f32
    } -> f32
    row.yield %s : f32
  }
  return
}

// -----

#all = affine_map<(d0, d1) -> (d0, d1)>
#columns = affine_map<(d0, d1) -> (d1)>
func.func @outputs_of_all_row_dimensions_or_none(%x: memref<4x8xf32>, %w: memref<8xf32>) {
  // expected-error@+1 {{expected the map of output #0 to have all row dimensions or none, got affine_map<(d0, d1) -> (d1)>}}
  row.program axis(1) maps [#all, #columns]
      ins(%x : memref<4x8xf32>) outs(%w : memref<8xf32>) {
  ^bb0(%row: !row.elements<f32>):
    %m = row.map(%row : !row.elements<f32>) {
    ^bb0(%e: f32):
      row.yield %e : f32
    } -> !row.elements<f32>
    row.yield %m : !row.elements<f32>
  }
  return
}

// -----

#all = affine_map<(d0, d1) -> (d0, d1)>
func.func @one_result_per_tensor_output(%a: tensor<4x8xf32>, %b: tensor<4x8xf32>) {
  // expected-error@+1 {{'row.program' op expected one result of the type of each tensor output}}
  row.program axis(1) maps [#all, #all]
      ins(%a : tensor<4x8xf32>) outs(%b : tensor<4x8xf32>) {
  ^bb0(%row: !row.elements<f32>):
    %m = row.map(%row : !row.elements<f32>) {
    ^bb0(%e: f32):
      row.yield %e : f32
    } -> !row.elements<f32>
    row.yield %m : !row.elements<f32>
  }
  return
}

// -----

#all = affine_map<(d0, d1) -> (d0, d1)>
func.func @one_block_argument_per_input(%x: memref<4x8xf32>, %y: memref<4x8xf32>) {
  // expected-error@+1 {{expected one block argument per input (1), got 2}}
  row.program axis(1) maps [#all, #all]
      ins(%x : memref<4x8xf32>) outs(%y : memref<4x8xf32>) {
  ^bb0(%row: !row.elements<f32>, %more: f32):
    %m = row.map(%row : !row.elements<f32>) {
    ^bb0(%e: f32):
      row.yield %e : f32
    } -> !row.elements<f32>
    row.yield %m : !row.elements<f32>
  }
  return
}

// -----

#all = affine_map<(d0, d1) -> (d0, d1)>
#rows = affine_map<(d0, d1) -> (d0)>
func.func @block_arguments_are_rows(%x: memref<4x8xf32>, %l: memref<4xf32>) {
  // expected-error@+1 {{expected block argument #0 to have type '!row.elements<f32>', got 'f32'}}
  row.program axis(1) maps [#all, #rows]
      ins(%x : memref<4x8xf32>) outs(%l : memref<4xf32>) {
  ^bb0(%row: f32):
    row.yield %row : f32
  }
  return
}

// -----

#all = affine_map<(d0, d1) -> (d0, d1)>
#rows = affine_map<(d0, d1) -> (d0)>
func.func @one_yielded_value_per_output(%x: memref<4x8xf32>, %l: memref<4xf32>, %k: memref<4xf32>) {
  // expected-error@+1 {{expected 'row.yield' with one value per output}}
  row.program axis(1) maps [#all, #rows, #rows]
      ins(%x : memref<4x8xf32>) outs(%l, %k : memref<4xf32>, memref<4xf32>) {
  ^bb0(%row: !row.elements<f32>):
    %s = row.reduce add(%row : !row.elements<f32>) {
    ^bb0(%e: f32):
      row.yield %e : f32
    } -> f32
    row.yield %s : f32
  }
  return
}

// -----

#all = affine_map<(d0, d1) -> (d0, d1)>
#none = affine_map<(d0, d1) -> ()>
func.func @totals_of_floats(%x: memref<4x8xf32>, %n: memref<i64>) {
  // expected-error@+1 {{expected a floating-point total for output #0, got 'i64'}}
  row.program axis(1) maps [#all, #none]
      ins(%x : memref<4x8xf32>) outs(%n : memref<i64>) {
  ^bb0(%row: !row.elements<f32>):
    %c = arith.constant 1 : i64
    row.yield %c : i64
  }
  return
}

// -----

#all = affine_map<(d0, d1) -> (d0, d1)>
#rows = affine_map<(d0, d1) -> (d0)>
func.func @yielded_type(%x: memref<4x8xf32>, %l: memref<4xf32>) {
  // expected-error@+1 {{expected yielded value #0 to have type 'f32', got 'f64'}}
  row.program axis(1) maps [#all, #rows]
      ins(%x : memref<4x8xf32>) outs(%l : memref<4xf32>) {
  ^bb0(%row: !row.elements<f32>):
    %c = arith.constant 1.0 : f64
    row.yield %c : f64
  }
  return
}

// -----

#all = affine_map<(d0, d1) -> (d0, d1)>
func.func @yielded_rows_are_mapped(%x: memref<4x8xf32>, %y: memref<4x8xf32>) {
  // expected-error@+1 {{expected yielded row #0 to be the result of 'row.map'}}
  row.program axis(1) maps [#all, #all]
      ins(%x : memref<4x8xf32>) outs(%y : memref<4x8xf32>) {
  ^bb0(%row: !row.elements<f32>):
    row.yield %row : !row.elements<f32>
  }
  return
}

// -----

#all = affine_map<(d0, d1) -> (d0, d1)>
func.func @at_least_one_output(%x: memref<4x8xf32>) {
  // expected-error@+1 {{'row.program' op expected at least one output, got none}}
  "row.program"(%x) <{axis = 1 : i64, indexing_maps = [#all], operandSegmentSizes = array<i32: 1, 0>}> ({
  ^bb0(%row: !row.elements<f32>):
    row.yield
  }) : (memref<4x8xf32>) -> ()
  return
}
