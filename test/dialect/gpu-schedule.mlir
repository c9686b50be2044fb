// RUN: softmax-opt %s | softmax-opt | FileCheck %s
// Schedules of GPUs in text: defaults are left out, every field is read again.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// CHECK: @defaults_are_left_out() attributes {softmax.schedule = #softmax.gpu_schedule<>}
func.func private @defaults_are_left_out() attributes {softmax.schedule = #softmax.gpu_schedule<isa = nvvm, residence = memory, threads = 32, block = 128, vector = 1, steps = 1, blocks = 2048, accuracy = accurate>}

// CHECK: @every_field() attributes {softmax.schedule = #softmax.gpu_schedule<isa = rocdl, residence = registers, threads = 64, block = 256, vector = 8, steps = 16, blocks = 65535, accuracy = fast>}
func.func private @every_field() attributes {softmax.schedule = #softmax.gpu_schedule<isa = rocdl, residence = registers, threads = 64, block = 256, vector = 8, steps = 16, blocks = 65535, accuracy = fast>}

// CHECK: @the_largest_of_spirv() attributes {softmax.schedule = #softmax.gpu_schedule<isa = spirv, threads = 1024, block = 1024, vector = 4, steps = 64>}
func.func private @the_largest_of_spirv() attributes {softmax.schedule = #softmax.gpu_schedule<isa = spirv, threads = 1024, block = 1024, vector = 4, steps = 64>}

// CHECK: @clusters() attributes {softmax.schedule = #softmax.gpu_schedule<residence = shared, threads = 256, block = 256, cluster = 16>}
func.func private @clusters() attributes {softmax.schedule = #softmax.gpu_schedule<residence = shared, threads = 256, block = 256, cluster = 16, slices = 1>}

// CHECK: @slices() attributes {softmax.schedule = #softmax.gpu_schedule<threads = 256, block = 256, slices = 64>}
func.func private @slices() attributes {softmax.schedule = #softmax.gpu_schedule<threads = 256, block = 256, cluster = 1, slices = 64>}
