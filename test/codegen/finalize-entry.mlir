// RUN: softmax-opt %s --softmax-finalize-entry=targets=x86-64 | FileCheck %s
// The checks of an entry, in order: extents, null pointers, overlap, labels.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// CHECK-LABEL: func.func private @kernel__x86_64(
// CHECK-SAME: llvm.linkage = #llvm.linkage<internal>
// CHECK-SAME: softmax.target = "x86-64"

// CHECK-LABEL: func.func @kernel(
// CHECK-SAME: %[[X:[a-z0-9]+]]: !llvm.ptr, %[[T:[a-z0-9]+]]: !llvm.ptr, %[[Y:[a-z0-9]+]]: !llvm.ptr, %[[D:[a-z0-9]+]]: i64) -> i32 {
// A negative extent:
// CHECK: %[[NEGATIVE:.*]] = arith.cmpi slt, %[[D]], %{{.*}} : i64
// CHECK: cf.cond_br %[[NEGATIVE]], ^[[FAILED:.*]], ^
// CHECK: ^[[FAILED]]:
// CHECK-NEXT: %[[EXTENT:.*]] = arith.constant 2 : i32
// CHECK-NEXT: %[[STATUS:.*]] = llvm.call @kernel__fail(%[[EXTENT]], %{{.*}})
// CHECK-NEXT: return %[[STATUS]]
// Bytes that do not fit into 63 bits:
// CHECK: %[[LOW:.*]], %[[HIGH:.*]] = arith.mului_extended %{{.*}}, %[[D]]
// CHECK: arith.cmpi ne, %[[HIGH]]
// CHECK: arith.cmpi slt, %[[LOW]]
// A null pointer to elements:
// CHECK: llvm.icmp "eq" %[[X]], %{{.*}} : !llvm.ptr
// CHECK: arith.constant 1 : i32
// A result that shares bytes with another tensor:
// CHECK: llvm.ptrtoint %[[Y]]
// CHECK: llvm.ptrtoint %[[X]]
// CHECK: arith.constant 4 : i32
// CHECK: llvm.ptrtoint %[[Y]]
// CHECK: llvm.ptrtoint %[[T]]
// A label outside the 8 classes that is not -100:
// CHECK-DAG: %[[IGNORE:.*]] = arith.constant -100 : i64
// CHECK-DAG: %[[LABEL:.*]] = memref.load
// CHECK: arith.cmpi ne, %[[LABEL]], %[[IGNORE]]
// CHECK: arith.cmpi uge, %[[LABEL]], %{{.*}} : i64
// CHECK: arith.constant 5 : i32
// CHECK: llvm.call @kernel__begin()
// CHECK-NEXT: call @kernel__x86_64(
// CHECK: llvm.call @kernel__end(
// CHECK: return %{{.*}} : i32

// CHECK-NOT: @kernel__level
func.func @kernel(%x: memref<?x8xf32> {softmax.extents = array<i64: 0, -1>}, %t: memref<?xi64> {softmax.extents = array<i64: 0>, softmax.labels = array<i64: -100, 8, 0, 1>}, %y: memref<?x8xf32> {softmax.extents = array<i64: 0, -1>, softmax.role = "output"}) {
  return
}
