// RUN: softmax-opt %s --softmax-finalize-entry=targets=x86-64,x86-64-v4,x86-64-v3 | FileCheck %s --check-prefix=FAT
// RUN: softmax-opt %s --softmax-finalize-entry=targets=aarch64+sve,aarch64 | FileCheck %s --check-prefix=ARM
// RUN: softmax-opt %s --softmax-finalize-entry="targets=x86-64-v4" | FileCheck %s --check-prefix=SINGLE
// RUN: softmax-opt %s --softmax-finalize-entry="targets=x86-64 strided" | FileCheck %s --check-prefix=STRIDED
// RUN: softmax-opt %s --softmax-finalize-entry="targets=x86-64 in-place" | FileCheck %s --check-prefix=INPLACE
// RUN: softmax-opt %s --softmax-finalize-entry="targets=x86-64 hook description=words" | FileCheck %s --check-prefix=HOOK
// RUN: softmax-opt %s --softmax-finalize-entry="targets=wasm32" | FileCheck %s --check-prefix=WASM
// RUN: not softmax-opt %s --softmax-finalize-entry="targets=vax" 2>&1 | FileCheck %s --check-prefix=VAX
// Run-time dispatch, and the other forms of an entry.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// The best variant first, the baseline last and unconditionally.
// FAT: func.func @kernel(
// FAT: %[[LEVEL:.*]] = llvm.call @kernel__level()
// FAT: %[[V4:.*]] = arith.cmpi sge, %[[LEVEL]], %{{.*}}
// FAT: cf.cond_br %[[V4]]
// FAT: call @kernel__x86_64_v4(
// FAT: %[[V3:.*]] = arith.cmpi sge, %[[LEVEL]], %{{.*}}
// FAT: cf.cond_br %[[V3]]
// FAT: call @kernel__x86_64_v3(
// FAT-NOT: cf.cond_br
// FAT: call @kernel__x86_64(
// FAT: llvm.mlir.global internal constant @kernel__variable("SMX_TARGET\00")
// FAT: llvm.inline_asm {{.*}}"cpuid"
// FAT: llvm.inline_asm {{.*}}"xgetbv"

// ARM: call @kernel__aarch64_sve(
// ARM: call @kernel__aarch64(
// ARM: llvm.call @getauxval(

// A CPU without the instructions gets SMX_E_CPU, not SIGILL.
// SINGLE: call @kernel__x86_64_v4(
// SINGLE: %[[CPU:.*]] = arith.constant 6 : i32
// SINGLE: llvm.call @kernel__fail(%[[CPU]],

// STRIDED: func.func @kernel(%{{.*}}: !llvm.ptr, %{{.*}}: i64, %{{.*}}: i64, %[[Y:.*]]: !llvm.ptr, %[[S0:.*]]: i64, %[[S1:.*]]: i64, %[[D:.*]]: i64) -> i32
// STRIDED: arith.cmpi eq, %[[S0]], %{{.*}} : i64
// STRIDED: arith.constant 3 : i32
// STRIDED: arith.cmpi eq, %[[S1]], %{{.*}} : i64
// Where a tensor ends follows from its strides. Views that lie in each other's
// gaps are told apart modulo a stride.
// STRIDED: llvm.ptrtoint %[[Y]]
// STRIDED: arith.muli %[[S0]], %{{.*}} : i64
// STRIDED: arith.minsi
// STRIDED: arith.maxsi
// STRIDED: scf.if %{{.*}} -> (i1) {
// STRIDED: arith.remsi
// STRIDED: arith.constant 4 : i32
// STRIDED: llvm.insertvalue %[[S1]], %{{.*}}[4, 1]
// STRIDED: llvm.insertvalue %[[S0]], %{{.*}}[4, 0]

// INPLACE: llvm.ptrtoint
// INPLACE: llvm.ptrtoint
// INPLACE: %[[SAME:.*]] = llvm.icmp "eq" %{{.*}}, %{{.*}} : !llvm.ptr
// INPLACE: %[[ALLOWED:.*]] = arith.andi %[[SAME]], %{{.*}} : i1
// INPLACE: arith.xori %[[ALLOWED]], %{{.*}} : i1
// INPLACE: arith.constant 4 : i32

// HOOK: func.func @kernel(%{{.*}}: !llvm.ptr, %{{.*}}: !llvm.ptr, %{{.*}}: i64, %[[HOOK:.*]]: !llvm.ptr) -> i32
// HOOK: llvm.icmp "eq" %[[HOOK]], %{{.*}} : !llvm.ptr
// HOOK: arith.constant 7 : i32
// HOOK: %[[STATUS:.*]] = llvm.alloca
// HOOK: call @kernel__x86_64(%{{.*}}, %{{.*}}, %[[HOOK]], %[[STATUS]])
// HOOK: arith.constant 8 : i32
// HOOK: llvm.mlir.global internal constant @kernel__text("words\00")

// WASM: func.func @kernel(
// WASM-NOT: extern_weak
// WASM: llvm.func internal @kernel__fail(

// VAX: error: unknown target 'vax'
func.func @kernel(%x: memref<?x8xf32> {softmax.extents = array<i64: 0, -1>}, %y: memref<?x8xf32> {softmax.extents = array<i64: 0, -1>, softmax.role = "output"}) {
  return
}
