// RUN: softmax-opt %s | softmax-opt | FileCheck %s
// Schedules on functions: defaults are elided, every field has a printed form.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// CHECK-LABEL: func private @reference_by_default()
// CHECK-SAME: softmax.schedule = #softmax.cpu_schedule<>
func.func private @reference_by_default() attributes {softmax.schedule = #softmax.cpu_schedule<traversal = reference, lanes = 1>}

// CHECK-LABEL: func private @every_field()
// CHECK-SAME: softmax.schedule = #softmax.cpu_schedule<traversal = stream, isa = avx512, lanes = 16, unroll = 4, block = 2048, prefetch = 1024, nontemporal = 4194304, rows_per_task = 8, threads = openmp, accuracy = fast>
func.func private @every_field() attributes {softmax.schedule = #softmax.cpu_schedule<accuracy = fast, threads = openmp, traversal = stream, isa = avx512, lanes = 16, unroll = 4, block = 2048, prefetch = 1024, nontemporal = 4194304, rows_per_task = 8>}

// CHECK-LABEL: func private @neighbouring_rows()
// CHECK-SAME: #softmax.cpu_schedule<traversal = inner, isa = avx2, lanes = 8, unroll = 2, block = 16, tile = 512>
func.func private @neighbouring_rows() attributes {softmax.schedule = #softmax.cpu_schedule<traversal = inner, isa = avx2, lanes = 8, unroll = 2, block = 16, tile = 512>}

// CHECK-LABEL: func private @scalable_vectors()
// CHECK-SAME: #softmax.cpu_schedule<traversal = stream, isa = sve, lanes = 4, unroll = 2, threads = hook>
func.func private @scalable_vectors() attributes {softmax.schedule = #softmax.cpu_schedule<traversal = stream, isa = sve, lanes = 4, unroll = 2, threads = hook>}

// CHECK-LABEL: func private @named_target()
// CHECK-SAME: softmax.target = "x86-64-v3"
func.func private @named_target() attributes {softmax.target = "x86-64-v3"}
