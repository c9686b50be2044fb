// RUN: softmax-opt %s --softmax-lower-rows --canonicalize --cse | FileCheck %s
// Lanes are neighbouring rows.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#inner = #softmax.cpu_schedule<traversal = inner, isa = avx512, lanes = 16, unroll = 2, block = 32>
#all = affine_map<(d0, d1) -> (d0, d1)>
#rows = affine_map<(d0, d1) -> (d1)>
#all4 = affine_map<(d0, d1, d2, d3) -> (d0, d1, d2, d3)>

// Whole steps of two vectors, then single masked ones.
// CHECK-LABEL: func @steps_and_a_tail
func.func @steps_and_a_tail(%x: memref<8x?xf32>) attributes {softmax.schedule = #inner} {
  // CHECK: scf.for {{.*}} step %c32
  // CHECK: scf.for {{.*}} to %c8
  // CHECK: vector.load {{.*}} : memref<32xf32, strided<[1], offset: ?>>, vector<32xf32>
  // CHECK: vector.store {{.*}} vector<32xf32>
  // CHECK: scf.for {{.*}} step %c16
  // CHECK: vector.create_mask {{.*}} : vector<16xi1>
  // CHECK: vector.maskedload
  // CHECK: vector.maskedstore
  // CHECK-NOT: vector.gather
  row.program axis(0) maps [#all, #all] ins(%x : memref<8x?xf32>) outs(%x : memref<8x?xf32>) {
  ^bb0(%row: !row.elements<f32>):
    %m = row.map(%row : !row.elements<f32>) {
    ^bb0(%e: f32):
      %d = arith.addf %e, %e : f32
      row.yield %d : f32
    } -> !row.elements<f32>
    row.yield %m : !row.elements<f32>
  }
  return
}

// The element at a column of each row's own is gathered, inside the row only.
// CHECK-LABEL: func @at_gathers
func.func @at_gathers(%x: memref<4x?xf32>, %t: memref<?xi64>, %o: memref<?xf32>) attributes {softmax.schedule = #inner} {
  // CHECK: %[[LABELS:.*]] = vector.load {{.*}} vector<32xi64>
  // CHECK: %[[COLUMNS:.*]] = arith.index_cast %[[LABELS]]
  // CHECK: %[[INSIDE:.*]] = arith.cmpi ult, %[[COLUMNS]]
  // CHECK: vector.gather {{.*}}, %[[INSIDE]],
  row.program axis(0) maps [#all, #rows, #rows] ins(%x, %t : memref<4x?xf32>, memref<?xi64>) outs(%o : memref<?xf32>) {
  ^bb0(%row: !row.elements<f32>, %label: i64):
    %column = arith.index_cast %label : i64 to index
    %e = row.at %row[%column] : !row.elements<f32>
    row.yield %e : f32
  }
  return
}

// A step all of whose rows are skipped reads none of them.
// CHECK-LABEL: func @skipped_rows
func.func @skipped_rows(%x: memref<4x?xf32>, %t: memref<?xi64>) attributes {softmax.schedule = #inner} {
  // CHECK: arith.cmpi eq
  // CHECK: %[[SKIP:.*]] = arith.trunci {{.*}} : vector<32xi8> to vector<32xi1>
  // CHECK: %[[ANY:.*]] = vector.reduction <or>
  // CHECK: scf.if %[[ANY]] {
  // CHECK: vector.load
  // CHECK: arith.select %[[SKIP]],
  // CHECK: } else {
  // CHECK-NOT: vector.load
  // CHECK: vector.store
  // CHECK: }
  row.program axis(0) maps [#all, #rows, #all] ins(%x, %t : memref<4x?xf32>, memref<?xi64>) outs(%x : memref<4x?xf32>) {
  ^bb0(%row: !row.elements<f32>, %label: i64):
    %c7 = arith.constant 7 : i64
    %zero = arith.constant 0.0 : f32
    %skip = arith.cmpi eq, %label, %c7 : i64
    row.skip_if %skip values(%zero : f32)
    %m = row.map(%row : !row.elements<f32>) {
    ^bb0(%e: f32):
      %d = arith.addf %e, %e : f32
      row.yield %d : f32
    } -> !row.elements<f32>
    row.yield %m : !row.elements<f32>
  }
  return
}

// The dimensions behind the class axis are one run of rows.
// CHECK-LABEL: func @dense_dimensions
func.func @dense_dimensions(%x: memref<3x8x7x5xf32>) attributes {softmax.schedule = #inner} {
  // CHECK: memref.collapse_shape %{{.*}} {{\[\[}}0], [1], [2, 3]] : memref<3x8x7x5xf32> into memref<3x8x35xf32>
  row.program axis(1) maps [#all4, #all4] ins(%x : memref<3x8x7x5xf32>) outs(%x : memref<3x8x7x5xf32>) {
  ^bb0(%row: !row.elements<f32>):
    %m = row.map(%row : !row.elements<f32>) {
    ^bb0(%e: f32):
      row.yield %e : f32
    } -> !row.elements<f32>
    row.yield %m : !row.elements<f32>
  }
  return
}

// One test of the strides for both versions.
// CHECK-LABEL: func @strides_at_run_time
func.func @strides_at_run_time(%x: memref<8x?xf32, strided<[?, ?], offset: ?>>) attributes {softmax.schedule = #inner} {
  // CHECK: %[[UNIT:.*]] = arith.cmpi eq, %{{.*}}, %c1
  // CHECK-NEXT: %[[BOTH:.*]] = arith.andi %[[UNIT]], %[[UNIT]]
  // CHECK-NEXT: scf.if %[[BOTH]] {
  // CHECK-NOT: vector.gather
  // CHECK: } else {
  // CHECK: vector.gather
  // CHECK: vector.scatter
  row.program axis(0) maps [#all, #all] ins(%x : memref<8x?xf32, strided<[?, ?], offset: ?>>) outs(%x : memref<8x?xf32, strided<[?, ?], offset: ?>>) {
  ^bb0(%row: !row.elements<f32>):
    %m = row.map(%row : !row.elements<f32>) {
    ^bb0(%e: f32):
      row.yield %e : f32
    } -> !row.elements<f32>
    row.yield %m : !row.elements<f32>
  }
  return
}

#tiled = #softmax.cpu_schedule<traversal = inner, isa = avx512, lanes = 16, unroll = 2, block = 16, tile = 64>

// The steps of a tile take turns at blocks of columns; what each has folded is
// kept in a buffer of the tile.
// CHECK-LABEL: func @steps_take_turns
func.func @steps_take_turns(%x: memref<?x?xf32>) attributes {softmax.schedule = #tiled} {
  // CHECK: %[[BUFFER:.*]] = memref.alloca() {alignment = 64 : i64} : memref<64xf64>
  // CHECK: scf.for {{.*}} step %c64
  // CHECK: scf.for {{.*}} step %c32
  // CHECK: vector.store {{.*}}, %[[BUFFER]]
  // CHECK: scf.for {{.*}} to %dim step %c16
  // CHECK: scf.for {{.*}} step %c32
  // CHECK: vector.load %[[BUFFER]]
  // CHECK: vector.store {{.*}}, %[[BUFFER]]
  // CHECK: scf.for {{.*}} step %c32
  // CHECK: %[[SUMS:.*]] = vector.load %[[BUFFER]]
  // CHECK: arith.truncf %[[SUMS]]
  // CHECK: scf.for {{.*}} to %dim step %c8
  // CHECK: scf.for {{.*}} step %c32
  // CHECK: arith.mulf
  row.program axis(0) maps [#all, #all] ins(%x : memref<?x?xf32>) outs(%x : memref<?x?xf32>) {
  ^bb0(%row: !row.elements<f32>):
    %sum = row.reduce add(%row : !row.elements<f32>) {
    ^bb0(%e: f32):
      row.yield %e : f32
    } -> f32
    %m = row.map(%row : !row.elements<f32>) {
    ^bb0(%e: f32):
      %d = arith.mulf %e, %sum : f32
      row.yield %d : f32
    } -> !row.elements<f32>
    row.yield %m : !row.elements<f32>
  }
  return
}

// The column that a map overrides is stored once more behind the sweep, by the
// lanes whose row has it and is not skipped.
// CHECK-LABEL: func @override_is_scattered
func.func @override_is_scattered(%x: memref<4x?xf32>, %t: memref<?xi64>) attributes {softmax.schedule = #inner} {
  // CHECK: vector.store
  // CHECK: %[[INSIDE:.*]] = arith.cmpi ult
  // CHECK: %[[COUNTS:.*]] = arith.andi %[[INSIDE]]
  // CHECK: vector.scatter {{.*}}, %[[COUNTS]],
  row.program axis(0) maps [#all, #rows, #all] ins(%x, %t : memref<4x?xf32>, memref<?xi64>) outs(%x : memref<4x?xf32>) {
  ^bb0(%row: !row.elements<f32>, %label: i64):
    %c7 = arith.constant 7 : i64
    %zero = arith.constant 0.0 : f32
    %skip = arith.cmpi eq, %label, %c7 : i64
    row.skip_if %skip values(%zero : f32)
    %column = arith.index_cast %label : i64 to index
    %m = row.map(%row : !row.elements<f32>) at(%column, %zero : f32) {
    ^bb0(%e: f32):
      %d = arith.addf %e, %e : f32
      row.yield %d : f32
    } -> !row.elements<f32>
    row.yield %m : !row.elements<f32>
  }
  return
}

// Rows that lie one behind the other, by a schedule of the user's: only where
// they have one column are neighbours side by side.
// CHECK-LABEL: func @rows_one_behind_the_other
// CHECK: memref.reinterpret_cast %{{.*}} to offset: [0], sizes: [3, %{{.*}}], strides: [1, 1]
// CHECK: vector.maskedload
// CHECK: } else {
// CHECK: vector.gather
func.func @rows_one_behind_the_other(%x: memref<3x?xf32>) attributes {softmax.schedule = #inner} {
  row.program axis(1) maps [#all, #all] ins(%x : memref<3x?xf32>) outs(%x : memref<3x?xf32>) {
  ^bb0(%row: !row.elements<f32>):
    %m = row.map(%row : !row.elements<f32>) {
    ^bb0(%e: f32):
      row.yield %e : f32
    } -> !row.elements<f32>
    row.yield %m : !row.elements<f32>
  }
  return
}

// A total may be skipped with another type than a row adds to it.
// CHECK-LABEL: func @skipped_totals
// CHECK: arith.select {{.*}} : vector<32xi1>, vector<32xf64>
func.func @skipped_totals(%x: memref<4x?xf32>, %t: memref<?xi64>, %o: memref<f16>) attributes {softmax.schedule = #inner} {
  row.program axis(0) maps [#all, #rows, affine_map<(d0, d1) -> ()>] ins(%x, %t : memref<4x?xf32>, memref<?xi64>) outs(%o : memref<f16>) {
  ^bb0(%row: !row.elements<f32>, %label: i64):
    %c7 = arith.constant 7 : i64
    %zero = arith.constant 0.0 : f16
    %skip = arith.cmpi eq, %label, %c7 : i64
    row.skip_if %skip values(%zero : f16)
    %sum = row.reduce add(%row : !row.elements<f32>) {
    ^bb0(%e: f32):
      row.yield %e : f32
    } -> f32
    %wide = arith.extf %sum : f32 to f64
    row.yield %wide : f64
  }
  return
}
