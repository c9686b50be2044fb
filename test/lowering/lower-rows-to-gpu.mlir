// RUN: softmax-opt %s --softmax-lower-rows-to-gpu --canonicalize --cse | FileCheck %s
// Kernels of row programs: who takes which rows and columns, how threads of a
// row combine their sums, and what the host decides before it launches.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#all = affine_map<(d0, d1) -> (d0, d1)>
#rows = affine_map<(d0, d1) -> (d0)>
#none = affine_map<(d0, d1) -> ()>

// A warp keeps a row: 8 accesses of 32 * 4 columns, of which the last one may
// exceed the row and then reads from inside of it.
// CHECK: gpu.module @registers_hold_a_row_device
// CHECK-LABEL: gpu.func @registers_hold_a_row_0(%{{.*}}: i64, %{{.*}}: i64) kernel
// CHECK-SAME: known_block_size = array<i32: 128, 1, 1>
// CHECK-DAG: %[[LAST:.*]] = arith.constant 996 : index
// CHECK-DAG: %[[ROWS:.*]] = arith.constant 64 : index
// CHECK-DAG: %[[LANES:.*]] = arith.constant 32 : index
// CHECK-DAG: %[[THREAD:.*]] = gpu.thread_id
// CHECK: arith.remui %[[THREAD]], %[[LANES]]
// CHECK: arith.divui %[[THREAD]], %[[LANES]]
// CHECK: scf.for %{{.*}} = %{{.*}} to %[[ROWS]] step %[[ROWS]]
// CHECK: scf.if
// CHECK-COUNT-7: vector.load %{{.*}} : memref<?xf32, #gpu.address_space<global>>, vector<4xf32>
// CHECK: arith.minui %{{.*}}, %[[LAST]]
// CHECK: vector.load
// CHECK-NOT: vector.load
// The columns past the end count as 0.
// CHECK: arith.select %{{.*}} : vector<4xi1>, vector<4xf32>
// CHECK-COUNT-5: gpu.shuffle xor
// CHECK-NOT: gpu.barrier
// CHECK: scf.if
// CHECK: memref.store %{{.*}} : memref<?xf32, #gpu.address_space<global>>

// Where rows do not begin at multiples of 16 bytes, both words of 16 bytes that
// hold a thread's columns are read, and shifted once all reads are on their way.
// Elements are read where a word is not all the tensor's: at its two ends.
// CHECK-LABEL: gpu.func @registers_hold_a_row_1(
// CHECK: %[[LOW:.*]] = arith.andi %[[AT:.*]], %{{.*}} : i64
// CHECK: %[[WORD:.*]] = arith.subi %[[AT]], %[[LOW]] : i64
// CHECK: %[[WORDS:.*]] = builtin.unrealized_conversion_cast %[[WORD]] : i64 to memref<?xf32
// CHECK: scf.if %{{.*}} -> (vector<4xf32>, vector<4xf32>) {
// CHECK-COUNT-4: memref.load %
// CHECK: else
// CHECK-COUNT-14: vector.load %[[WORDS]]
// CHECK: scf.if %{{.*}} -> (vector<4xf32>, vector<4xf32>) {
// CHECK-COUNT-4: memref.load %
// CHECK: else
// CHECK-COUNT-2: vector.load %[[WORDS]]
// CHECK-NOT: .load
// Two words of four, shifted by 2 and by 1.
// CHECK-COUNT-9: arith.select %{{.*}} : f32
// CHECK: vector.from_elements %{{.*}} : vector<4xf32>
// CHECK: gpu.return

// CHECK-LABEL: func.func @registers_hold_a_row(
// CHECK-SAME: softmax.workspace = 0 : i64
// CHECK-DAG: %[[BLOCKS:.*]] = arith.constant 16 : index
// CHECK-DAG: %[[THREADS:.*]] = arith.constant 128 : index
// CHECK-DAG: %[[MASK:.*]] = arith.constant 15 : i64
// CHECK: %[[LOW:.*]] = arith.andi %{{.*}}, %[[MASK]] : i64
// CHECK: %[[WIDE:.*]] = arith.cmpi eq, %[[LOW]]
// CHECK: scf.if %[[WIDE]]
// CHECK: gpu.launch_func @registers_hold_a_row_device::@registers_hold_a_row_0 blocks in (%[[BLOCKS]], %{{.*}}) threads in (%[[THREADS]],
// CHECK: else
// CHECK: gpu.launch_func @registers_hold_a_row_device::@registers_hold_a_row_1 blocks in (%[[BLOCKS]], %{{.*}}) threads in (%[[THREADS]],
func.func @registers_hold_a_row(%x: memref<64x1000xf32>, %s: memref<64xf32>) attributes {softmax.schedule = #softmax.gpu_schedule<residence = registers, threads = 32, vector = 4, steps = 8>} {
  row.program axis(1) maps [#all, #rows] ins(%x : memref<64x1000xf32>) outs(%s : memref<64xf32>) {
  ^bb0(%row: !row.elements<f32>):
    %sum = row.reduce add(%row : !row.elements<f32>) {
    ^bb0(%e: f32):
      row.yield %e : f32
    } -> f32
    row.yield %sum : f32
  }
  return
}

// Rows of an odd length: a thread gets the last word of 16 bytes of the thread
// before, shifts, and stores what fills a word; the columns that do not, at the
// ends of the row and of what a warp owns, go element by element.
// CHECK-LABEL: gpu.func @rows_of_odd_length_store_whole_words_0(
// CHECK: vector.load %{{.*}} : memref<?xi32, #gpu.address_space<global>>, vector<4xi32>
// CHECK-COUNT-4: gpu.shuffle up
// CHECK: vector.store %{{.*}} : memref<?xi32, #gpu.address_space<global>>, vector<4xi32>
// CHECK-COUNT-8: memref.store %{{.*}} : memref<?xf16, #gpu.address_space<global>>
// CHECK-NOT: memref.store
// CHECK: gpu.return
// CHECK-NOT: gpu.func
// CHECK-LABEL: func.func @rows_of_odd_length_store_whole_words(
func.func @rows_of_odd_length_store_whole_words(%x: memref<64x255xf16>, %y: memref<64x255xf16>) attributes {softmax.schedule = #softmax.gpu_schedule<residence = registers, threads = 32, vector = 8, steps = 1>} {
  row.program axis(1) maps [#all, #all] ins(%x : memref<64x255xf16>) outs(%y : memref<64x255xf16>) {
  ^bb0(%row: !row.elements<f16>):
    %m = row.map(%row : !row.elements<f16>) {
    ^bb0(%e: f16):
      row.yield %e : f16
    } -> !row.elements<f16>
    row.yield %m : !row.elements<f16>
  }
  return
}

// The column that a map overrides is stored once more by the thread that has
// stored its word, which may be the one after its owner.
// CHECK-LABEL: gpu.func @the_storer_overrides_a_column_0(
// CHECK: %[[RANK:.*]] = arith.remui %thread_id_x
// CHECK: vector.store
// CHECK: %[[OFFSET:.*]] = arith.index_castui
// CHECK-NEXT: %[[AT:.*]] = arith.addi %{{.*}}, %[[OFFSET]]
// CHECK-NEXT: %[[UNIT:.*]] = arith.divui %[[AT]]
// CHECK-NEXT: %[[NEXT:.*]] = arith.remui %[[UNIT]]
// CHECK: %[[STORER:.*]] = arith.select %{{.*}}, %[[NEXT]], %{{.*}} : index
// CHECK: %[[MINE:.*]] = arith.cmpi eq, %[[STORER]], %[[RANK]]
// CHECK: arith.andi %{{.*}}, %[[MINE]]
// CHECK: memref.store
// CHECK: gpu.return
func.func @the_storer_overrides_a_column(%x: memref<64x255xf32>, %c: memref<64xindex>, %y: memref<64x255xf32>) attributes {softmax.schedule = #softmax.gpu_schedule<residence = registers, threads = 32, vector = 4, steps = 2>} {
  row.program axis(1) maps [#all, #rows, #all] ins(%x, %c : memref<64x255xf32>, memref<64xindex>) outs(%y : memref<64x255xf32>) {
  ^bb0(%row: !row.elements<f32>, %column: index):
    %one = arith.constant 1.0 : f32
    %m = row.map(%row : !row.elements<f32>) at(%column, %one : f32) {
    ^bb0(%e: f32):
      row.yield %e : f32
    } -> !row.elements<f32>
    row.yield %m : !row.elements<f32>
  }
  return
}

// Groups of fewer threads than a subgroup do not meet in the loop of a row in
// memory: elements are stored one by one.
// CHECK-LABEL: gpu.func @groups_that_do_not_meet_store_elements_0(
// CHECK: vector.load %{{.*}} : memref<?xi32, #gpu.address_space<global>>, vector<4xi32>
// CHECK-NOT: gpu.shuffle
// CHECK-COUNT-8: memref.store %{{.*}} : memref<?xf16, #gpu.address_space<global>>
// CHECK-NOT: vector.store
// CHECK: gpu.return
func.func @groups_that_do_not_meet_store_elements(%x: memref<64x255xf16>, %y: memref<64x255xf16>) attributes {softmax.schedule = #softmax.gpu_schedule<threads = 16, vector = 8, steps = 1>} {
  row.program axis(1) maps [#all, #all] ins(%x : memref<64x255xf16>) outs(%y : memref<64x255xf16>) {
  ^bb0(%row: !row.elements<f16>):
    %m = row.map(%row : !row.elements<f16>) {
    ^bb0(%e: f16):
      row.yield %e : f16
    } -> !row.elements<f16>
    row.yield %m : !row.elements<f16>
  }
  return
}

// Warps combine through one word each of shared memory.
// CHECK: memref.global {{.*}} : memref<4xf32, #gpu.address_space<workgroup>>
// CHECK-LABEL: gpu.func @a_block_combines_through_shared_memory_0(
// CHECK: vector.load
// CHECK-COUNT-5: gpu.shuffle xor
// CHECK: memref.store %{{.*}} : memref<4xf32, #gpu.address_space<workgroup>>
// CHECK: gpu.barrier
// CHECK: memref.load %{{.*}} : memref<4xf32, #gpu.address_space<workgroup>>
// CHECK-COUNT-2: gpu.shuffle xor
// CHECK: memref.store %{{.*}} : memref<?xf32, #gpu.address_space<global>>
// The next row's words must not overwrite this one's.
// CHECK: gpu.barrier
// CHECK: gpu.return
func.func @a_block_combines_through_shared_memory(%x: memref<64x512xf32>, %s: memref<64xf32>) attributes {softmax.schedule = #softmax.gpu_schedule<residence = registers, threads = 128, vector = 4, steps = 1>} {
  row.program axis(1) maps [#all, #rows] ins(%x : memref<64x512xf32>) outs(%s : memref<64xf32>) {
  ^bb0(%row: !row.elements<f32>):
    %sum = row.reduce add(%row : !row.elements<f32>) {
    ^bb0(%e: f32):
      row.yield %e : f32
    } -> f32
    row.yield %sum : f32
  }
  return
}

// With residence = memory the row is walked in a loop; rows past the last one
// have no columns, and no access leaves the tensor.
// CHECK-LABEL: gpu.func @memory_is_read_in_a_loop_0(
// CHECK-DAG: %[[ZERO:.*]] = arith.constant 0 : index
// CHECK-DAG: %[[CHUNK:.*]] = arith.constant 256 : index
// CHECK: %[[ACTIVE:.*]] = arith.cmpi ult
// CHECK: %[[END:.*]] = arith.select %[[ACTIVE]], %[[N:.*]], %[[ZERO]] : index
// CHECK: scf.for %{{.*}} = %[[ZERO]] to %[[END]] step %[[CHUNK]]
// CHECK-COUNT-2: vector.load %{{.*}} : memref<?xf16, #gpu.address_space<global>>, vector<2xf16>
// CHECK: scf.if %[[ACTIVE]]
// CHECK: arith.cmpi ult, %{{.*}}, %[[N]]
// CHECK: vector.store
// CHECK: gpu.return
// The extent decides too whether whole vectors are read.
// CHECK-LABEL: func.func @memory_is_read_in_a_loop(
// CHECK: memref.dim
// CHECK: scf.if
func.func @memory_is_read_in_a_loop(%x: memref<4x?xf16>, %y: memref<4x?xf16>) attributes {softmax.schedule = #softmax.gpu_schedule<threads = 64, vector = 2, steps = 2>} {
  row.program axis(1) maps [#all, #all] ins(%x : memref<4x?xf16>) outs(%y : memref<4x?xf16>) {
  ^bb0(%row: !row.elements<f16>):
    %m = row.map(%row : !row.elements<f16>) {
    ^bb0(%e: f16):
      row.yield %e : f16
    } -> !row.elements<f16>
    row.yield %m : !row.elements<f16>
  }
  return
}

// SPIR-V's 16-bit floats are integers in memory, and a subgroup may have 8
// threads only.
// CHECK-LABEL: gpu.func @halves_are_integers_for_spirv_0(
// CHECK: vector.load %{{.*}} : memref<?xi16, #gpu.address_space<global>>, vector<4xi16>
// CHECK: arith.bitcast %{{.*}} : vector<4xi16> to vector<4xf16>
// CHECK-COUNT-3: gpu.shuffle xor
// CHECK: memref.store %{{.*}} #gpu.address_space<workgroup>
func.func @halves_are_integers_for_spirv(%x: memref<64x128xf16>, %s: memref<64xf32>) attributes {softmax.schedule = #softmax.gpu_schedule<isa = spirv, residence = registers, threads = 32, vector = 4, steps = 1>} {
  row.program axis(1) maps [#all, #rows] ins(%x : memref<64x128xf16>) outs(%s : memref<64xf32>) {
  ^bb0(%row: !row.elements<f16>):
    %sum = row.reduce add(%row : !row.elements<f16>) {
    ^bb0(%e: f16):
      %f = arith.extf %e : f16 to f32
      row.yield %f : f32
    } -> f32
    row.yield %sum : f32
  }
  return
}

// Neighbouring rows in neighbouring threads: nothing is exchanged.
// CHECK-LABEL: gpu.func @a_thread_walks_a_strided_row_0(
// CHECK-NOT: gpu.shuffle
// CHECK-NOT: gpu.barrier
// CHECK: memref.load
// CHECK: gpu.return
// CHECK-NOT: gpu.func @a_thread_walks_a_strided_row_1
// CHECK-LABEL: func.func @a_thread_walks_a_strided_row(
func.func @a_thread_walks_a_strided_row(%x: memref<1000x64xf32>, %s: memref<64xf32>) attributes {softmax.schedule = #softmax.gpu_schedule<threads = 1, steps = 4>} {
  row.program axis(0) maps [#all, affine_map<(d0, d1) -> (d1)>] ins(%x : memref<1000x64xf32>) outs(%s : memref<64xf32>) {
  ^bb0(%row: !row.elements<f32>):
    %sum = row.reduce add(%row : !row.elements<f32>) {
    ^bb0(%e: f32):
      row.yield %e : f32
    } -> f32
    row.yield %sum : f32
  }
  return
}

// Four threads share a strided row, 32 threads apart: the 32 between them have
// neighbouring rows. They meet in shared memory, one word for each thread.
// CHECK: memref.global "private" @[[WORDS:.*]] : memref<128xf32, #gpu.address_space<workgroup>>
// CHECK-LABEL: gpu.func @threads_share_a_strided_row_0(
// CHECK-DAG: %[[ROWS:.*]] = arith.constant 32 : index
// CHECK: %[[THREAD:.*]] = gpu.thread_id
// CHECK: %[[ROW:.*]] = arith.remui %[[THREAD]], %[[ROWS]]
// CHECK: %[[RANK:.*]] = arith.divui %[[THREAD]], %[[ROWS]]
// CHECK: %[[FIRST:.*]] = arith.cmpi eq, %[[RANK]], %{{.*}}
// CHECK: %[[WRITES:.*]] = arith.andi %{{.*}}, %[[FIRST]]
// CHECK-NOT: gpu.shuffle
// CHECK: %[[START:.*]] = arith.muli %[[RANK]], %[[ROWS]]
// CHECK: %[[SLOT:.*]] = arith.addi %[[START]], %[[ROW]]
// CHECK: memref.store %{{.*}}[%[[SLOT]]] : memref<128xf32, #gpu.address_space<workgroup>>
// CHECK: gpu.barrier
// CHECK: memref.load %{{.*}}[%[[ROW]]] : memref<128xf32, #gpu.address_space<workgroup>>
// CHECK-COUNT-3: memref.load %{{.*}} : memref<128xf32, #gpu.address_space<workgroup>>
// CHECK-COUNT-3: arith.addf
// The thread of rank 0 writes; then the words are free for the next row.
// CHECK: scf.if %[[WRITES]]
// CHECK: memref.store %{{.*}} : memref<?xf32, #gpu.address_space<global>>
// CHECK: gpu.barrier
// CHECK: gpu.return
func.func @threads_share_a_strided_row(%x: memref<8x64xf32>, %s: memref<64xf32>) attributes {softmax.schedule = #softmax.gpu_schedule<residence = registers, threads = 4, steps = 2>} {
  row.program axis(0) maps [#all, affine_map<(d0, d1) -> (d1)>] ins(%x : memref<8x64xf32>) outs(%s : memref<64xf32>) {
  ^bb0(%row: !row.elements<f32>):
    %sum = row.reduce add(%row : !row.elements<f32>) {
    ^bb0(%e: f32):
      row.yield %e : f32
    } -> f32
    row.yield %sum : f32
  }
  return
}

// The blocks' sums go to the workspace, in f64, and a block of its own adds them
// up. 100 blocks at most leave 100 numbers of 8 bytes, in multiples of 64 bytes.
// CHECK-LABEL: gpu.func @totals_pass_through_the_workspace_0(
// CHECK: scf.for {{.*}} -> (f64, f64)
// CHECK: memref.store %{{.*}}[%block_id_x] : memref<?xf64, #gpu.address_space<global>>
// CHECK-LABEL: gpu.func @totals_pass_through_the_workspace_1(
// CHECK-LABEL: gpu.func @totals_pass_through_the_workspace_2(
// CHECK-SAME: known_block_size = array<i32: 256, 1, 1>
// CHECK: scf.for {{.*}} -> (f64)
// CHECK: memref.load %{{.*}} : memref<?xf64, #gpu.address_space<global>>
// CHECK: %[[SUM:.*]] = arith.truncf %{{.*}} : f64 to f32
// CHECK: memref.store %[[SUM]], %{{.*}} : memref<?xf32, #gpu.address_space<global>>
// CHECK-LABEL: func.func @totals_pass_through_the_workspace(
// CHECK-SAME: i64 {softmax.role = "workspace"}
// CHECK-SAME: softmax.workspace = 832 : i64
// CHECK-DAG: %[[MOST:.*]] = arith.constant 100 : index
// CHECK-DAG: %[[TOGETHER:.*]] = arith.constant 8 : index
// CHECK: %[[NEEDED:.*]] = arith.ceildivui %{{.*}}, %[[TOGETHER]] : index
// CHECK: %[[BLOCKS:.*]] = arith.minui %[[NEEDED]], %[[MOST]] : index
// CHECK: gpu.launch_func {{.*}}_0 blocks in (%[[BLOCKS]],
// CHECK: gpu.launch_func {{.*}}_1 blocks in (%[[BLOCKS]],
// CHECK: gpu.launch_func {{.*}}_2 blocks in (%[[ONE:[^,]*]], %[[ONE]], %[[ONE]])
func.func @totals_pass_through_the_workspace(%x: memref<?x64xf32>, %s: memref<f32>) attributes {softmax.schedule = #softmax.gpu_schedule<residence = registers, threads = 16, vector = 4, steps = 1, blocks = 100>} {
  row.program axis(1) maps [#all, #none] ins(%x : memref<?x64xf32>) outs(%s : memref<f32>) {
  ^bb0(%row: !row.elements<f32>):
    %sum = row.reduce add(%row : !row.elements<f32>) {
    ^bb0(%e: f32):
      row.yield %e : f32
    } -> f32
    row.yield %sum : f32
  }
  return
}

// CHECK-LABEL: func.func @without_a_schedule_nothing_changes(
// CHECK: row.program
func.func @without_a_schedule_nothing_changes(%x: memref<4x64xf32>, %s: memref<4xf32>) {
  row.program axis(1) maps [#all, #rows] ins(%x : memref<4x64xf32>) outs(%s : memref<4xf32>) {
  ^bb0(%row: !row.elements<f32>):
    %sum = row.reduce add(%row : !row.elements<f32>) {
    ^bb0(%e: f32):
      row.yield %e : f32
    } -> f32
    row.yield %sum : f32
  }
  return
}
