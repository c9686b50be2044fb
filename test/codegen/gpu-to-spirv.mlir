// RUN: softmax-opt %s --softmax-gpu-to-spirv | FileCheck %s
// Kernels as Vulkan compute shaders. The gpu.module stays for its launches.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// CHECK: spirv.module @__spv__kernels PhysicalStorageBuffer64 GLSL450
// CHECK-DAG: spirv.GlobalVariable @shared : !spirv.ptr<!spirv.array<4 x f32>, Workgroup>
// CHECK-DAG: spirv.GlobalVariable @parameters_parameters_are_push_constants : !spirv.ptr<!spirv.struct<(i64 [0], i64 [8])>, PushConstant>
gpu.module @kernels {
  memref.global "private" @shared : memref<4xf32, #gpu.address_space<workgroup>> = uninitialized

  // CHECK-LABEL: spirv.func @parameters_are_push_constants() "None"
  // CHECK: %[[BASE:.*]] = spirv.Load "PushConstant" %{{.*}} : i64
  // CHECK: %[[INDEX:.*]] = spirv.Load "PushConstant" %{{.*}} : i64
  // Memory is reached by address, in 64 bits.
  // CHECK: %[[SIZE:.*]] = spirv.Constant 4 : i64
  // CHECK: %[[OFFSET:.*]] = spirv.IMul %[[INDEX]], %[[SIZE]] : i64
  // CHECK: %[[ADDRESS:.*]] = spirv.IAdd %[[BASE]], %[[OFFSET]] : i64
  // CHECK: %[[POINTER:.*]] = spirv.ConvertUToPtr %[[ADDRESS]] : i64 to !spirv.ptr<vector<4xf32>, PhysicalStorageBuffer>
  // CHECK: spirv.Load "PhysicalStorageBuffer" %[[POINTER]] ["Aligned", 16] : vector<4xf32>
  // CHECK: spirv.Store "PhysicalStorageBuffer" %{{.*}} ["Aligned", 16] : vector<4xf32>
  gpu.func @parameters_are_push_constants(%a: i64, %i: i64) kernel attributes {known_block_size = array<i32: 128, 1, 1>} {
    %x = builtin.unrealized_conversion_cast %a : i64 to memref<?xf32, #gpu.address_space<global>>
    %at = arith.index_cast %i : i64 to index
    %v = vector.load %x[%at] : memref<?xf32, #gpu.address_space<global>>, vector<4xf32>
    vector.store %v, %x[%at] : memref<?xf32, #gpu.address_space<global>>, vector<4xf32>
    gpu.return
  }

  // CHECK-LABEL: spirv.func @halves_take_two_bytes
  // CHECK: spirv.Constant 2 : i64
  // CHECK: spirv.Load "PhysicalStorageBuffer" %{{.*}} ["Aligned", 2] : i16
  gpu.func @halves_take_two_bytes(%a: i64, %i: i64) kernel attributes {known_block_size = array<i32: 64, 1, 1>} {
    %x = builtin.unrealized_conversion_cast %a : i64 to memref<?xi16, #gpu.address_space<global>>
    %at = arith.index_cast %i : i64 to index
    %v = memref.load %x[%at] : memref<?xi16, #gpu.address_space<global>>
    memref.store %v, %x[%at] : memref<?xi16, #gpu.address_space<global>>
    gpu.return
  }

  // A loop without iterations yields what it starts with.
  // CHECK-LABEL: spirv.func @loop_results_are_defined
  // CHECK: %[[START:.*]] = spirv.Constant 1.000000e+00 : f32
  // CHECK: spirv.mlir.loop
  // CHECK: spirv.mlir.merge
  // CHECK: %[[FOUND:.*]] = spirv.Load "Function"
  // CHECK: %[[RUNS:.*]] = spirv.SGreaterThan
  // CHECK: spirv.Select %[[RUNS]], %[[FOUND]], %[[START]] : i1, f32
  gpu.func @loop_results_are_defined(%a: i64, %n: i64) kernel attributes {known_block_size = array<i32: 64, 1, 1>} {
    %x = builtin.unrealized_conversion_cast %a : i64 to memref<?xf32, #gpu.address_space<global>>
    %zero = arith.constant 0 : index
    %step = arith.constant 1 : index
    %start = arith.constant 1.0 : f32
    %end = arith.index_cast %n : i64 to index
    %found = scf.for %i = %zero to %end step %step iter_args(%sum = %start) -> f32 {
      %e = memref.load %x[%i] : memref<?xf32, #gpu.address_space<global>>
      %next = arith.addf %sum, %e : f32
      scf.yield %next : f32
    }
    memref.store %found, %x[%zero] : memref<?xf32, #gpu.address_space<global>>
    gpu.return
  }

  // Drivers may not contract products and sums, or drop NaN.
  // CHECK-LABEL: spirv.func @arithmetic_stays_as_written
  // CHECK: spirv.Store "Workgroup"
  // CHECK: spirv.ControlBarrier <Workgroup>, <Workgroup>, <AcquireRelease|WorkgroupMemory>
  // CHECK: spirv.GroupNonUniformShuffleXor <Subgroup>
  // CHECK: spirv.GroupNonUniformShuffleUp <Subgroup>
  // CHECK: spirv.FMul %{{.*}} {no_contraction}
  // CHECK: spirv.FAdd %{{.*}} {no_contraction}
  gpu.func @arithmetic_stays_as_written(%a: i64) kernel attributes {known_block_size = array<i32: 32, 1, 1>} {
    %x = builtin.unrealized_conversion_cast %a : i64 to memref<?xf32, #gpu.address_space<global>>
    %t = gpu.thread_id x
    %e = memref.load %x[%t] : memref<?xf32, #gpu.address_space<global>>
    %s = memref.get_global @shared : memref<4xf32, #gpu.address_space<workgroup>>
    memref.store %e, %s[%t] : memref<4xf32, #gpu.address_space<workgroup>>
    gpu.barrier
    %one = arith.constant 1 : i32
    %width = arith.constant 8 : i32
    %other, %valid = gpu.shuffle xor %e, %one, %width : f32
    %before, %validBefore = gpu.shuffle up %other, %one, %width : f32
    %p = arith.mulf %e, %before : f32
    %q = arith.addf %p, %other : f32
    memref.store %q, %x[%t] : memref<?xf32, #gpu.address_space<global>>
    gpu.return
  }

  // CHECK-DAG: spirv.EntryPoint "GLCompute" @parameters_are_push_constants
  // CHECK-DAG: spirv.ExecutionMode @parameters_are_push_constants "LocalSize", 128, 1, 1
  // CHECK-DAG: spirv.EntryPoint "GLCompute" @halves_take_two_bytes
  // CHECK-DAG: spirv.ExecutionMode @halves_take_two_bytes "LocalSize", 64, 1, 1
  // CHECK-DAG: spirv.EntryPoint "GLCompute" @arithmetic_stays_as_written
  // CHECK-DAG: spirv.ExecutionMode @arithmetic_stays_as_written "LocalSize", 32, 1, 1
  // CHECK-DAG: spirv.ExecutionMode @arithmetic_stays_as_written "SignedZeroInfNanPreserve", 32
  // CHECK: gpu.module @kernels
}
