// RUN: softmax-opt %s --softmax-lower-rows-to-gpu --canonicalize --cse --split-input-file | FileCheck %s
// Rows that several blocks share: those of a cluster, in one launch, and those
// of slices, with a launch for each sweep. Rows in shared memory.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#all = affine_map<(d0, d1) -> (d0, d1)>

// A block arrives when it begins a row, loads, and waits before it sends its
// first value; the barrier behind that is passed before the values are read.
// CHECK-LABEL: gpu.func @cluster_0(
// CHECK: gpu.cluster_block_id
// CHECK: scf.for
// CHECK: nvvm.cluster.arrive
// CHECK: vector.load
// CHECK-NOT: nvvm.mapa
// CHECK: nvvm.cluster.wait
// Ahead of the branch: the rank of a block that is there, in every lane.
// CHECK: %[[RANK:.*]] = arith.andi
// CHECK: %[[PEER:.*]] = arith.index_cast %[[RANK]] : index to i32
// CHECK: scf.if
// CHECK: nvvm.mapa %{{.*}}, %[[PEER]] : !llvm.ptr<3> -> !llvm.ptr<7>
// CHECK: llvm.store %{{.*}} : f32, !llvm.ptr<7>
// CHECK: nvvm.cluster.arrive
// CHECK-NEXT: nvvm.cluster.wait
// CHECK: memref.load %{{.*}} : memref<32xf32, #gpu.address_space<workgroup>>
// CHECK-NOT: gpu.barrier
// CHECK-NOT: nvvm.cluster
// CHECK: vector.store
// CHECK-LABEL: func.func @cluster(
// CHECK-DAG: %[[BLOCKS:.*]] = arith.constant 256 : index
// CHECK-DAG: %[[CLUSTER:.*]] = arith.constant 4 : index
// CHECK: gpu.launch_func @cluster_device::@cluster_0 clusters in (%[[CLUSTER]], {{.*}}) blocks in (%[[BLOCKS]],
func.func @cluster(%x: memref<64x16384xf32>) attributes {softmax.schedule = #softmax.gpu_schedule<residence = registers, threads = 256, block = 256, vector = 4, steps = 4, cluster = 4>} {
  row.program axis(1) maps [#all, #all] ins(%x : memref<64x16384xf32>) outs(%x : memref<64x16384xf32>) {
  ^bb0(%row: !row.elements<f32>):
    %sum = row.reduce add(%row : !row.elements<f32>) {
    ^bb0(%e: f32):
      row.yield %e : f32
    } -> f32
    %m = row.map(%row : !row.elements<f32>) {
    ^bb0(%e: f32):
      %q = arith.divf %e, %sum : f32
      row.yield %q : f32
    } -> !row.elements<f32>
    row.yield %m : !row.elements<f32>
  }
  return
}

// -----

#all = affine_map<(d0, d1) -> (d0, d1)>

// Few rows: launch 0 leaves a sum for each of the 8 slices, launch 1 folds those
// of its row, thread i the i-th, and writes its own slice.
// CHECK-LABEL: gpu.func @few_rows_0(
// CHECK: vector.load
// CHECK: memref.store %{{.*}} : memref<?xf32, #gpu.address_space<global>>
// CHECK-NOT: vector.store
// CHECK-LABEL: gpu.func @few_rows_1(
// CHECK: memref.load %{{.*}} : memref<?xf32, #gpu.address_space<global>>
// CHECK: gpu.shuffle
// CHECK: vector.load
// CHECK: vector.store
// CHECK-LABEL: func.func @few_rows(
// CHECK-SAME: softmax.workspace = {{[1-9][0-9]*}} : i64
// CHECK-DAG: %[[UNITS:.*]] = arith.constant 24 : index
// CHECK: gpu.launch_func @few_rows_device::@few_rows_0 blocks in (%[[UNITS]],
// CHECK: gpu.launch_func @few_rows_device::@few_rows_1 blocks in (%[[UNITS]],
func.func @few_rows(%x: memref<3x32768xf32>) attributes {softmax.schedule = #softmax.gpu_schedule<threads = 128, vector = 4, steps = 4, slices = 8>} {
  row.program axis(1) maps [#all, #all] ins(%x : memref<3x32768xf32>) outs(%x : memref<3x32768xf32>) {
  ^bb0(%row: !row.elements<f32>):
    %sum = row.reduce add(%row : !row.elements<f32>) {
    ^bb0(%e: f32):
      row.yield %e : f32
    } -> f32
    %m = row.map(%row : !row.elements<f32>) {
    ^bb0(%e: f32):
      %q = arith.divf %e, %sum : f32
      row.yield %q : f32
    } -> !row.elements<f32>
    row.yield %m : !row.elements<f32>
  }
  return
}

// -----

#all = affine_map<(d0, d1) -> (d0, d1)>

// The host chooses when the number of rows is known at run time only.
// CHECK-LABEL: func.func @any_rows(
// CHECK: %[[FEW:.*]] = arith.cmpi ule
// CHECK: scf.if %[[FEW]]
// CHECK: gpu.launch_func @any_rows_device::@any_rows_0
// CHECK: gpu.launch_func @any_rows_device::@any_rows_1
// CHECK: else
// CHECK: gpu.launch_func @any_rows_device::@any_rows_2
func.func @any_rows(%x: memref<?x32768xf32>) attributes {softmax.schedule = #softmax.gpu_schedule<threads = 128, slices = 8>} {
  row.program axis(1) maps [#all, #all] ins(%x : memref<?x32768xf32>) outs(%x : memref<?x32768xf32>) {
  ^bb0(%row: !row.elements<f32>):
    %sum = row.reduce add(%row : !row.elements<f32>) {
    ^bb0(%e: f32):
      row.yield %e : f32
    } -> f32
    %m = row.map(%row : !row.elements<f32>) {
    ^bb0(%e: f32):
      %q = arith.divf %e, %sum : f32
      row.yield %q : f32
    } -> !row.elements<f32>
    row.yield %m : !row.elements<f32>
  }
  return
}

// -----

#all = affine_map<(d0, d1) -> (d0, d1)>

// The sum's sweep reads memory and leaves the row in shared memory, where the
// results' sweep finds it.
// CHECK-LABEL: gpu.func @kept_0(
// CHECK: gpu.dynamic_shared_memory
// CHECK: %[[KEPT:.*]] = memref.view %{{.*}} to memref<2048xvector<4xf32>, #gpu.address_space<workgroup>>
// CHECK: %[[LOADED:.*]] = vector.load
// CHECK: memref.store %[[LOADED]], %[[KEPT]]
// CHECK: memref.load %[[KEPT]]
// CHECK-NOT: vector.load
// CHECK: vector.store
// CHECK-LABEL: func.func @kept(
// CHECK: gpu.launch_func @kept_device::@kept_0 {{.*}} dynamic_shared_memory_size %c32768_i32
func.func @kept(%x: memref<64x8192xf32>) attributes {softmax.schedule = #softmax.gpu_schedule<residence = shared, threads = 256, block = 256, vector = 4>} {
  row.program axis(1) maps [#all, #all] ins(%x : memref<64x8192xf32>) outs(%x : memref<64x8192xf32>) {
  ^bb0(%row: !row.elements<f32>):
    %sum = row.reduce add(%row : !row.elements<f32>) {
    ^bb0(%e: f32):
      row.yield %e : f32
    } -> f32
    %m = row.map(%row : !row.elements<f32>) {
    ^bb0(%e: f32):
      %q = arith.divf %e, %sum : f32
      row.yield %q : f32
    } -> !row.elements<f32>
    row.yield %m : !row.elements<f32>
  }
  return
}
