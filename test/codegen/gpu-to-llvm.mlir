// RUN: softmax-opt %s --softmax-gpu-to-llvm | FileCheck %s --check-prefixes=CHECK,NVIDIA
// RUN: softmax-opt %s --softmax-gpu-to-llvm="isa=rocdl chip=gfx90a" | FileCheck %s --check-prefixes=CHECK,AMD
// RUN: not softmax-opt %s --softmax-gpu-to-llvm="isa=rocdl chip=sm_90" 2>&1 | FileCheck %s --check-prefix=CHIP
// Memory of the device and of a block, exchange between threads, barriers.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// CHIP: error: 'sm_90' is no AMD GPU

gpu.module @kernels {
  // CHECK-DAG: llvm.mlir.global external @__dynamic_shmem__{{.*}} : !llvm.array<0 x i8>
  // CHECK-DAG: llvm.mlir.global private @shared() {addr_space = 3 : i32} : !llvm.array<4 x f32>
  memref.global "private" @shared : memref<4xf32, #gpu.address_space<workgroup>> = uninitialized

  // CHECK-LABEL: llvm.func @vectors_are_aligned_to_16_bytes(%{{.*}}: i64, %{{.*}}: i64)
  // NVIDIA-SAME: nvvm.kernel, nvvm.maxntid = array<i32: 128, 1, 1>
  // AMD-SAME: rocdl.flat_work_group_size = "128,128", rocdl.kernel, rocdl.reqd_work_group_size = array<i32: 128, 1, 1>
  // CHECK: %[[X:.*]] = llvm.inttoptr %{{.*}} : i64 to !llvm.ptr<1>
  // CHECK: llvm.getelementptr inbounds %[[X]]
  // CHECK: llvm.load %{{.*}} {alignment = 16 : i64} : !llvm.ptr<1> -> vector<4xf32>
  // CHECK: llvm.store %{{.*}} {alignment = 16 : i64} : vector<4xf32>, !llvm.ptr<1>
  gpu.func @vectors_are_aligned_to_16_bytes(%a: i64, %i: i64) kernel attributes {known_block_size = array<i32: 128, 1, 1>} {
    %x = builtin.unrealized_conversion_cast %a : i64 to memref<?xf32, #gpu.address_space<global>>
    %at = arith.index_cast %i : i64 to index
    %v = vector.load %x[%at] : memref<?xf32, #gpu.address_space<global>>, vector<4xf32>
    vector.store %v, %x[%at] : memref<?xf32, #gpu.address_space<global>>, vector<4xf32>
    gpu.return
  }

  // CHECK-LABEL: llvm.func @short_vectors_are_aligned_to_their_size
  // CHECK: llvm.load %{{.*}} {alignment = 4 : i64} : !llvm.ptr<1> -> vector<2xf16>
  gpu.func @short_vectors_are_aligned_to_their_size(%a: i64, %i: i64) kernel attributes {known_block_size = array<i32: 128, 1, 1>} {
    %x = builtin.unrealized_conversion_cast %a : i64 to memref<?xf16, #gpu.address_space<global>>
    %at = arith.index_cast %i : i64 to index
    %v = vector.load %x[%at] : memref<?xf16, #gpu.address_space<global>>, vector<2xf16>
    vector.store %v, %x[%at] : memref<?xf16, #gpu.address_space<global>>, vector<2xf16>
    gpu.return
  }

  // CHECK-LABEL: llvm.func @elements_are_aligned_as_such
  // CHECK: llvm.load %{{.*}} {alignment = 8 : i64} : !llvm.ptr<1> -> f64
  // CHECK: llvm.store %{{.*}} {alignment = 8 : i64} : f64, !llvm.ptr<1>
  gpu.func @elements_are_aligned_as_such(%a: i64, %i: i64) kernel attributes {known_block_size = array<i32: 128, 1, 1>} {
    %x = builtin.unrealized_conversion_cast %a : i64 to memref<?xf64, #gpu.address_space<global>>
    %at = arith.index_cast %i : i64 to index
    %v = memref.load %x[%at] : memref<?xf64, #gpu.address_space<global>>
    memref.store %v, %x[%at] : memref<?xf64, #gpu.address_space<global>>
    gpu.return
  }

  // CHECK-LABEL: llvm.func @threads_exchange_words
  // CHECK: llvm.store %{{.*}} : f32, !llvm.ptr<3>
  // NVIDIA: nvvm.barrier0
  // NVIDIA: nvvm.shfl.sync bfly
  // AMD: rocdl.barrier
  // AMD: rocdl.ds_bpermute
  // A maximum is an instruction, not the call of a device library.
  // CHECK: llvm.intr.maxnum
  // CHECK-NOT: llvm.call
  gpu.func @threads_exchange_words(%a: i64) kernel attributes {known_block_size = array<i32: 128, 1, 1>} {
    %x = builtin.unrealized_conversion_cast %a : i64 to memref<?xf32, #gpu.address_space<global>>
    %t = gpu.thread_id x
    %e = memref.load %x[%t] : memref<?xf32, #gpu.address_space<global>>
    %s = memref.get_global @shared : memref<4xf32, #gpu.address_space<workgroup>>
    memref.store %e, %s[%t] : memref<4xf32, #gpu.address_space<workgroup>>
    gpu.barrier
    %one = arith.constant 1 : i32
    %width = arith.constant 32 : i32
    %other, %valid = gpu.shuffle xor %e, %one, %width : f32
    %m = arith.maxnumf %e, %other : f32
    memref.store %m, %x[%t] : memref<?xf32, #gpu.address_space<global>>
    gpu.return
  }

  // What the launch asks for begins behind the kernel's own: an array without
  // a size that is defined elsewhere. (As an internal variable NVIDIA's backend
  // gave it one byte.)
  // CHECK-LABEL: llvm.func @the_launch_says_how_much
  // CHECK: llvm.mlir.addressof @__dynamic_shmem__
  // CHECK: llvm.store %{{.*}} : vector<4xf32>, !llvm.ptr<3>
  gpu.func @the_launch_says_how_much(%a: i64) kernel attributes {known_block_size = array<i32: 128, 1, 1>} {
    %x = builtin.unrealized_conversion_cast %a : i64 to memref<?xf32, #gpu.address_space<global>>
    %t = gpu.thread_id x
    %v = vector.load %x[%t] : memref<?xf32, #gpu.address_space<global>>, vector<4xf32>
    %all = gpu.dynamic_shared_memory : memref<?xi8, #gpu.address_space<workgroup>>
    %zero = arith.constant 0 : index
    %kept = memref.view %all[%zero][] : memref<?xi8, #gpu.address_space<workgroup>> to memref<256xvector<4xf32>, #gpu.address_space<workgroup>>
    memref.store %v, %kept[%t] : memref<256xvector<4xf32>, #gpu.address_space<workgroup>>
    gpu.return
  }
  // 2^x that may lose subnormal results is one instruction for each element.
  // CHECK-LABEL: llvm.func @exponentials
  // NVIDIA: llvm.intr.exp2
  // NVIDIA-COUNT-2: llvm.call_intrinsic "llvm.nvvm.ex2.approx.ftz.f32"
  // AMD: llvm.intr.exp2
  // AMD-COUNT-2: llvm.call_intrinsic "llvm.amdgcn.exp2.f32"
  gpu.func @exponentials(%a: i64) kernel attributes {known_block_size = array<i32: 128, 1, 1>} {
    %x = builtin.unrealized_conversion_cast %a : i64 to memref<?xf32, #gpu.address_space<global>>
    %t = gpu.thread_id x
    %v = vector.load %x[%t] : memref<?xf32, #gpu.address_space<global>>, vector<2xf32>
    %kept = math.exp2 %v : vector<2xf32>
    %lost = math.exp2 %kept fastmath<afn> : vector<2xf32>
    vector.store %lost, %x[%t] : memref<?xf32, #gpu.address_space<global>>, vector<2xf32>
    gpu.return
  }
}
