// RUN: softmax-opt %s --split-input-file --verify-diagnostics
// One case per rule of the verifiers of the operations in a row program.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#all = affine_map<(d0, d1) -> (d0, d1)>
#rows = affine_map<(d0, d1) -> (d0)>
func.func @skip_if_before_reading(%x: memref<4x8xf32>, %l: memref<4xf32>) {
  row.program axis(1) maps [#all, #rows]
      ins(%x : memref<4x8xf32>) outs(%l : memref<4xf32>) {
  ^bb0(%row: !row.elements<f32>):
    %c = arith.constant true
    %s = row.reduce add(%row : !row.elements<f32>) {
    ^bb0(%e: f32):
      row.yield %e : f32
    } -> f32
    // expected-error@+1 {{'row.skip_if' op expected at most one, before every operation that reads elements}}
    row.skip_if %c values(%s : f32)
    row.yield %s : f32
  }
  return
}

// -----

#all = affine_map<(d0, d1) -> (d0, d1)>
#rows = affine_map<(d0, d1) -> (d0)>
func.func @skip_if_once(%x: memref<4x8xf32>, %l: memref<4xf32>) {
  row.program axis(1) maps [#all, #rows]
      ins(%x : memref<4x8xf32>) outs(%l : memref<4xf32>) {
  ^bb0(%row: !row.elements<f32>):
    %c = arith.constant true
    %s = arith.constant 0.0 : f32
    row.skip_if %c values(%s : f32)
    // expected-error@+1 {{'row.skip_if' op expected at most one, before every operation that reads elements}}
    row.skip_if %c values(%s : f32)
    row.yield %s : f32
  }
  return
}

// -----

#all = affine_map<(d0, d1) -> (d0, d1)>
#rows = affine_map<(d0, d1) -> (d0)>
func.func @skip_if_one_value_per_output(%x: memref<4x8xf32>, %l: memref<4xf32>) {
  row.program axis(1) maps [#all, #rows]
      ins(%x : memref<4x8xf32>) outs(%l : memref<4xf32>) {
  ^bb0(%row: !row.elements<f32>):
    %c = arith.constant true
    %s = arith.constant 0.0 : f32
    // expected-error@+1 {{'row.skip_if' op expected one value per output (1), got 2}}
    row.skip_if %c values(%s, %s : f32, f32)
    row.yield %s : f32
  }
  return
}

// -----

#all = affine_map<(d0, d1) -> (d0, d1)>
#rows = affine_map<(d0, d1) -> (d0)>
func.func @skip_if_type(%x: memref<4x8xf32>, %l: memref<4xf32>) {
  row.program axis(1) maps [#all, #rows]
      ins(%x : memref<4x8xf32>) outs(%l : memref<4xf32>) {
  ^bb0(%row: !row.elements<f32>):
    %c = arith.constant true
    %s = arith.constant 0.0 : f32
    %d = arith.constant 0.0 : f64
    // expected-error@+1 {{'row.skip_if' op expected value #0 to have type 'f32', got 'f64'}}
    row.skip_if %c values(%d : f64)
    row.yield %s : f32
  }
  return
}

// -----

#all = affine_map<(d0, d1) -> (d0, d1)>
#none = affine_map<(d0, d1) -> ()>
func.func @skip_if_of_a_total(%x: memref<4x8xf32>, %t: memref<f64>) {
  row.program axis(1) maps [#all, #none]
      ins(%x : memref<4x8xf32>) outs(%t : memref<f64>) {
  ^bb0(%row: !row.elements<f32>):
    %c = arith.constant true
    %s = arith.constant 0.0 : f64
    %d = arith.constant 0 : i64
    // expected-error@+1 {{'row.skip_if' op expected value #0 to have type 'f64', got 'i64'}}
    row.skip_if %c values(%d : i64)
    row.yield %s : f64
  }
  return
}

// -----

#all = affine_map<(d0, d1) -> (d0, d1)>
#rows = affine_map<(d0, d1) -> (d0)>
func.func @bodies_without_side_effects(%x: memref<4x8xf32>, %l: memref<4xf32>) {
  row.program axis(1) maps [#all, #rows]
      ins(%x : memref<4x8xf32>) outs(%l : memref<4xf32>) {
  ^bb0(%row: !row.elements<f32>):
    %i = arith.constant 0 : index
    %s = arith.constant 0.0 : f32
    // expected-error@+1 {{'memref.store' op expected an operation without side effects in a row program}}
    memref.store %s, %l[%i] : memref<4xf32>
    row.yield %s : f32
  }
  return
}

// -----

#all = affine_map<(d0, d1) -> (d0, d1)>
#rows = affine_map<(d0, d1) -> (d0)>
func.func @rows_are_inputs(%x: memref<4x8xf32>, %l: memref<4xf32>) {
  row.program axis(1) maps [#all, #rows]
      ins(%x : memref<4x8xf32>) outs(%l : memref<4xf32>) {
  ^bb0(%row: !row.elements<f32>):
    %m = row.map(%row : !row.elements<f32>) {
    ^bb0(%e: f32):
      row.yield %e : f32
    } -> !row.elements<f32>
    // expected-error@+1 {{'row.reduce' op expected rows to be inputs of the program}}
    %s = row.reduce add(%m : !row.elements<f32>) {
    ^bb0(%e: f32):
      row.yield %e : f32
    } -> f32
    row.yield %s : f32
  }
  return
}

// -----

#all = affine_map<(d0, d1) -> (d0, d1)>
#rows = affine_map<(d0, d1) -> (d0)>
func.func @one_region_argument_per_row(%x: memref<4x8xf32>, %l: memref<4xf32>) {
  row.program axis(1) maps [#all, #rows]
      ins(%x : memref<4x8xf32>) outs(%l : memref<4xf32>) {
  ^bb0(%row: !row.elements<f32>):
    %c = arith.constant 0.0 : f32
    // expected-error@+1 {{'row.reduce' op expected one region argument per row (1), got 0}}
    %s = row.reduce add(%row : !row.elements<f32>) {
      row.yield %c : f32
    } -> f32
    row.yield %s : f32
  }
  return
}

// -----

#all = affine_map<(d0, d1) -> (d0, d1)>
#rows = affine_map<(d0, d1) -> (d0)>
func.func @region_argument_type(%x: memref<4x8xf32>, %l: memref<4xf32>) {
  row.program axis(1) maps [#all, #rows]
      ins(%x : memref<4x8xf32>) outs(%l : memref<4xf32>) {
  ^bb0(%row: !row.elements<f32>):
    // expected-error@+1 {{'row.reduce' op expected region argument of type 'f32', got 'f64'}}
    %s = row.reduce add(%row : !row.elements<f32>) {
    ^bb0(%e: f64):
      row.yield %e : f64
    } -> f64
    %n = arith.truncf %s : f64 to f32
    row.yield %n : f32
  }
  return
}

// -----

#all = affine_map<(d0, d1) -> (d0, d1)>
#rows = affine_map<(d0, d1) -> (d0)>
func.func @elementwise_regions(%x: memref<4x8xf32>, %l: memref<4xf32>) {
  row.program axis(1) maps [#all, #rows]
      ins(%x : memref<4x8xf32>) outs(%l : memref<4xf32>) {
  ^bb0(%row: !row.elements<f32>):
    %s = row.reduce add(%row : !row.elements<f32>) {
    ^bb0(%e: f32):
      // expected-error@+1 {{'row.extent' op expected an elementwise operation in an element region}}
      %n = row.extent
      row.yield %e : f32
    } -> f32
    row.yield %s : f32
  }
  return
}

// -----

#all = affine_map<(d0, d1) -> (d0, d1)>
#rows = affine_map<(d0, d1) -> (d0)>
func.func @regions_yield_one_value(%x: memref<4x8xf32>, %l: memref<4xf32>) {
  row.program axis(1) maps [#all, #rows]
      ins(%x : memref<4x8xf32>) outs(%l : memref<4xf32>) {
  ^bb0(%row: !row.elements<f32>):
    // expected-error@+1 {{'row.reduce' op expected the region to yield one value}}
    %s = row.reduce add(%row : !row.elements<f32>) {
    ^bb0(%e: f32):
      row.yield %e, %e : f32, f32
    } -> f32
    row.yield %s : f32
  }
  return
}

// -----

#all = affine_map<(d0, d1) -> (d0, d1)>
#rows = affine_map<(d0, d1) -> (d0)>
func.func @logsumexp_has_three_results(%x: memref<4x8xf32>, %l: memref<4xf32>) {
  row.program axis(1) maps [#all, #rows]
      ins(%x : memref<4x8xf32>) outs(%l : memref<4xf32>) {
  ^bb0(%row: !row.elements<f32>):
    // expected-error@+1 {{'row.reduce' op expected 3 or 5 results for 'logsumexp', got 1}}
    %s = row.reduce logsumexp(%row : !row.elements<f32>) {
    ^bb0(%e: f32):
      row.yield %e : f32
    } -> f32
    row.yield %s : f32
  }
  return
}

// -----

#all = affine_map<(d0, d1) -> (d0, d1)>
#rows = affine_map<(d0, d1) -> (d0)>
func.func @other_monoids_have_one_result(%x: memref<4x8xf32>, %l: memref<4xf32>) {
  row.program axis(1) maps [#all, #rows]
      ins(%x : memref<4x8xf32>) outs(%l : memref<4xf32>) {
  ^bb0(%row: !row.elements<f32>):
    // expected-error@+1 {{'row.reduce' op expected 1 result for 'max', got 2}}
    %s:2 = row.reduce max(%row : !row.elements<f32>) {
    ^bb0(%e: f32):
      row.yield %e : f32
    } -> f32, f32
    row.yield %s#0 : f32
  }
  return
}

// -----

#all = affine_map<(d0, d1) -> (d0, d1)>
#none = affine_map<(d0, d1) -> ()>
func.func @reduce_result_type(%x: memref<4x8xf32>, %t: memref<f64>) {
  row.program axis(1) maps [#all, #none]
      ins(%x : memref<4x8xf32>) outs(%t : memref<f64>) {
  ^bb0(%row: !row.elements<f32>):
    // expected-error@+1 {{'row.reduce' op expected results of the yielded type 'f32', got 'f64'}}
    %s = row.reduce add(%row : !row.elements<f32>) {
    ^bb0(%e: f32):
      row.yield %e : f32
    } -> f64
    row.yield %s : f64
  }
  return
}

// -----

#all = affine_map<(d0, d1) -> (d0, d1)>
#none = affine_map<(d0, d1) -> ()>
func.func @reductions_accumulate_in_single_or_double(%h: memref<4x8xf16>, %t: memref<f64>) {
  row.program axis(1) maps [#all, #none]
      ins(%h : memref<4x8xf16>) outs(%t : memref<f64>) {
  ^bb0(%row: !row.elements<f16>):
    // expected-error@+1 {{'row.reduce' op result #0 must be variadic of 32-bit float or 64-bit float, but got 'f16'}}
    %s = row.reduce add(%row : !row.elements<f16>) {
    ^bb0(%e: f16):
      row.yield %e : f16
    } -> f16
    row.yield %s : f16
  }
  return
}

// -----

#all = affine_map<(d0, d1) -> (d0, d1)>
func.func @map_result_type(%x: memref<4x8xf32>, %h: memref<4x8xf16>) {
  row.program axis(1) maps [#all, #all]
      ins(%x : memref<4x8xf32>) outs(%h : memref<4x8xf16>) {
  ^bb0(%row: !row.elements<f32>):
    // expected-error@+1 {{'row.map' op expected a result with elements of the yielded type 'f32', got 'f16'}}
    %m = row.map(%row : !row.elements<f32>) {
    ^bb0(%e: f32):
      row.yield %e : f32
    } -> !row.elements<f16>
    row.yield %m : !row.elements<f16>
  }
  return
}

// -----

#all = affine_map<(d0, d1) -> (d0, d1)>
func.func @map_value_type(%x: memref<4x8xf32>, %y: memref<4x8xf32>) {
  row.program axis(1) maps [#all, #all]
      ins(%x : memref<4x8xf32>) outs(%y : memref<4x8xf32>) {
  ^bb0(%row: !row.elements<f32>):
    %i = arith.constant 0 : index
    %d = arith.constant 0.0 : f64
    // expected-error@+1 {{'row.map' op expected the value at the column to have type 'f32', got 'f64'}}
    %m = row.map(%row : !row.elements<f32>) at(%i, %d : f64) {
    ^bb0(%e: f32):
      row.yield %e : f32
    } -> !row.elements<f32>
    row.yield %m : !row.elements<f32>
  }
  return
}

// -----

#all = affine_map<(d0, d1) -> (d0, d1)>
func.func @map_with_a_column_only(%x: memref<4x8xf32>, %y: memref<4x8xf32>) {
  row.program axis(1) maps [#all, #all]
      ins(%x : memref<4x8xf32>) outs(%y : memref<4x8xf32>) {
  ^bb0(%row: !row.elements<f32>):
    %i = arith.constant 0 : index
    // expected-error@+1 {{'row.map' op expected a column and a value, or neither}}
    %m = "row.map"(%row, %i) <{operandSegmentSizes = array<i32: 1, 1, 0, 0, 0>}> ({
    ^bb0(%e: f32):
      row.yield %e : f32
    }) : (!row.elements<f32>, index) -> !row.elements<f32>
    row.yield %m : !row.elements<f32>
  }
  return
}

// -----

func.func @extent_may_stand_anywhere_but_at_may_not(%row: !row.elements<f32>, %i: index) {
  // expected-error@+1 {{'row.at' op expects parent op 'row.program'}}
  %e = row.at %row[%i] : !row.elements<f32>
  return
}

// -----

func.func @column_outside_of_an_element_region() -> index {
  // expected-error@+1 {{'row.column' op expects parent op to be one of 'row.reduce, row.map'}}
  %c = row.column
  return %c : index
}

// -----

#all = affine_map<(d0, d1) -> (d0, d1)>
#rows = affine_map<(d0, d1) -> (d0)>
func.func @five_results_need_two_values(%x: memref<4x8xf32>, %l: memref<4xf32>) {
  row.program axis(1) maps [#all, #rows]
      ins(%x : memref<4x8xf32>) outs(%l : memref<4xf32>) {
  ^bb0(%row: !row.elements<f32>):
    %c = arith.constant 2.0 : f32
    %d = arith.constant 2.0 : f64
    // expected-error@+1 {{'row.reduce' op expected the region to yield two values}}
    %s:5 = row.reduce logsumexp(%row : !row.elements<f32>) {
    ^bb0(%e: f32):
      row.yield %e : f32
    } -> f32, f32, f32, f32, f32
    row.yield %c : f32
  }
  return
}

// -----

#all = affine_map<(d0, d1) -> (d0, d1)>
#rows = affine_map<(d0, d1) -> (d0)>
func.func @three_results_need_one_value(%x: memref<4x8xf32>, %l: memref<4xf32>) {
  row.program axis(1) maps [#all, #rows]
      ins(%x : memref<4x8xf32>) outs(%l : memref<4xf32>) {
  ^bb0(%row: !row.elements<f32>):
    %c = arith.constant 2.0 : f32
    %d = arith.constant 2.0 : f64
    // expected-error@+1 {{'row.reduce' op expected the region to yield one value}}
    %s:3 = row.reduce logsumexp(%row : !row.elements<f32>) {
    ^bb0(%e: f32):
      row.yield %e, %e : f32, f32
    } -> f32, f32, f32
    row.yield %c : f32
  }
  return
}

// -----

#all = affine_map<(d0, d1) -> (d0, d1)>
#rows = affine_map<(d0, d1) -> (d0)>
func.func @scale_of_a_sum(%x: memref<4x8xf32>, %l: memref<4xf32>) {
  row.program axis(1) maps [#all, #rows]
      ins(%x : memref<4x8xf32>) outs(%l : memref<4xf32>) {
  ^bb0(%row: !row.elements<f32>):
    %c = arith.constant 2.0 : f32
    %d = arith.constant 2.0 : f64
    // expected-error@+1 {{'row.reduce' op expected a scale for 'logsumexp' only}}
    %s = row.reduce add(%row : !row.elements<f32>) scale(%c : f32) {
    ^bb0(%e: f32):
      row.yield %e : f32
    } -> f32
    row.yield %c : f32
  }
  return
}

// -----

#all = affine_map<(d0, d1) -> (d0, d1)>
#rows = affine_map<(d0, d1) -> (d0)>
func.func @scale_of_another_type(%x: memref<4x8xf32>, %l: memref<4xf32>) {
  row.program axis(1) maps [#all, #rows]
      ins(%x : memref<4x8xf32>) outs(%l : memref<4xf32>) {
  ^bb0(%row: !row.elements<f32>):
    %c = arith.constant 2.0 : f32
    %d = arith.constant 2.0 : f64
    // expected-error@+1 {{'row.reduce' op expected a scale of type 'f32', got 'f64'}}
    %s:3 = row.reduce logsumexp(%row : !row.elements<f32>) scale(%d : f64) {
    ^bb0(%e: f32):
      row.yield %e : f32
    } -> f32, f32, f32
    row.yield %c : f32
  }
  return
}

// -----

#all = affine_map<(d0, d1) -> (d0, d1)>
#rows = affine_map<(d0, d1) -> (d0)>
func.func @zero_times_inf_without_weights(%x: memref<4x8xf32>, %l: memref<4xf32>) {
  row.program axis(1) maps [#all, #rows]
      ins(%x : memref<4x8xf32>) outs(%l : memref<4xf32>) {
  ^bb0(%row: !row.elements<f32>):
    %c = arith.constant 2.0 : f32
    %d = arith.constant 2.0 : f64
    // expected-error@+1 {{'row.reduce' op expected 'zero_times_inf' with two yielded values only}}
    %s:3 = row.reduce logsumexp {zero_times_inf}(%row : !row.elements<f32>) {
    ^bb0(%e: f32):
      row.yield %e : f32
    } -> f32, f32, f32
    row.yield %c : f32
  }
  return
}

// -----

#all = affine_map<(d0, d1) -> (d0, d1)>
#rows = affine_map<(d0, d1) -> (d0)>
func.func @values_of_two_types(%x: memref<4x8xf32>, %l: memref<4xf32>) {
  row.program axis(1) maps [#all, #rows]
      ins(%x : memref<4x8xf32>) outs(%l : memref<4xf32>) {
  ^bb0(%row: !row.elements<f32>):
    %c = arith.constant 2.0 : f32
    %d = arith.constant 2.0 : f64
    // expected-error@+1 {{'row.reduce' op expected yielded values of one type, got 'f32' and 'f64'}}
    %s:5 = row.reduce logsumexp(%row : !row.elements<f32>) {
    ^bb0(%e: f32):
      row.yield %e, %d : f32, f64
    } -> f32, f32, f32, f32, f32
    row.yield %c : f32
  }
  return
}

// -----

#all = affine_map<(d0, d1) -> (d0, d1)>
func.func @otherwise_of_another_type(%x: memref<4x8xf32>) {
  row.program axis(1) maps [#all, #all] ins(%x : memref<4x8xf32>) outs(%x : memref<4x8xf32>) {
  ^bb0(%row: !row.elements<f32>):
    %i = row.index 0
    %d = arith.constant 2.0 : f64
    // expected-error@+1 {{'row.map' op expected the value from column 'until' on to have type 'f32', got 'f64'}}
    %m = row.map(%row : !row.elements<f32>) until(%i, %d : f64) {
    ^bb0(%e: f32):
      row.yield %e : f32
    } -> !row.elements<f32>
    row.yield %m : !row.elements<f32>
  }
  return
}

// -----

#all = affine_map<(d0, d1) -> (d0, d1)>
func.func @index_of_the_class_axis(%x: memref<4x8xf32>) {
  row.program axis(1) maps [#all, #all] ins(%x : memref<4x8xf32>) outs(%x : memref<4x8xf32>) {
  ^bb0(%row: !row.elements<f32>):
    // expected-error@+1 {{'row.index' op expected a row dimension of the iteration space, got 1}}
    %i = row.index 1
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
func.func @rows_with_different_limits(%x: memref<4x8xf32>, %y: memref<4x8xf32>) {
  // expected-error@+1 {{'row.program' op expected all yielded rows to have the same 'until'}}
  row.program axis(1) maps [#all, #all, #all] ins(%x : memref<4x8xf32>) outs(%x, %y : memref<4x8xf32>, memref<4x8xf32>) {
  ^bb0(%row: !row.elements<f32>):
    %i = row.index 0
    %c = arith.constant 0.0 : f32
    %m = row.map(%row : !row.elements<f32>) until(%i, %c : f32) {
    ^bb0(%e: f32):
      row.yield %e : f32
    } -> !row.elements<f32>
    %n = row.map(%row : !row.elements<f32>) {
    ^bb0(%e: f32):
      row.yield %e : f32
    } -> !row.elements<f32>
    row.yield %m, %n : !row.elements<f32>, !row.elements<f32>
  }
  return
}

// -----

#all = affine_map<(d0, d1) -> (d0, d1)>
#rows = affine_map<(d0, d1) -> (d0)>
func.func @monotone_sum(%x: memref<4x8xf32>, %l: memref<4xf32>) {
  row.program axis(1) maps [#all, #rows]
      ins(%x : memref<4x8xf32>) outs(%l : memref<4xf32>) {
  ^bb0(%row: !row.elements<f32>):
    // expected-error@+1 {{'row.reduce' op expected 'monotone' for 'logsumexp' only}}
    %s = row.reduce add {monotone}(%row : !row.elements<f32>) {
    ^bb0(%e: f32):
      row.yield %e : f32
    } -> f32
    row.yield %s : f32
  }
  return
}
