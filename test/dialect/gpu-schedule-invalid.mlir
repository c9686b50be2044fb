// RUN: softmax-opt %s --split-input-file --verify-diagnostics
// One case per constraint of #softmax.gpu_schedule.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// expected-error@+1 {{expected 'threads' and 'block' to be powers of two with 1 <= threads <= block <= 1024, got 24 and 128}}
func.func private @g1_threads() attributes {softmax.schedule = #softmax.gpu_schedule<threads = 24>}

// -----

// expected-error@+1 {{got 0 and 128}}
func.func private @g1_no_thread() attributes {softmax.schedule = #softmax.gpu_schedule<threads = 0>}

// -----

// expected-error@+1 {{got 8 and 100}}
func.func private @g1_block() attributes {softmax.schedule = #softmax.gpu_schedule<threads = 8, block = 100>}

// -----

// expected-error@+1 {{got 8 and 2048}}
func.func private @g1_block_too_large() attributes {softmax.schedule = #softmax.gpu_schedule<threads = 8, block = 2048>}

// -----

// expected-error@+1 {{got 256 and 128}}
func.func private @g1_more_threads_than_the_block() attributes {softmax.schedule = #softmax.gpu_schedule<threads = 256>}

// -----

// expected-error@+1 {{expected 'vector' to be a power of two in [1, 8] for 'nvvm', got 3}}
func.func private @g2_no_power() attributes {softmax.schedule = #softmax.gpu_schedule<vector = 3>}

// -----

// expected-error@+1 {{in [1, 8] for 'nvvm', got 16}}
func.func private @g2_too_wide() attributes {softmax.schedule = #softmax.gpu_schedule<vector = 16>}

// -----

// expected-error@+1 {{in [1, 4] for 'spirv', got 8}}
func.func private @g2_too_wide_for_spirv() attributes {softmax.schedule = #softmax.gpu_schedule<isa = spirv, vector = 8>}

// -----

// expected-error@+1 {{expected 'steps' in [1, 64], got 0}}
func.func private @g3_none() attributes {softmax.schedule = #softmax.gpu_schedule<steps = 0>}

// -----

// expected-error@+1 {{expected 'steps' in [1, 64], got 65}}
func.func private @g3_too_many() attributes {softmax.schedule = #softmax.gpu_schedule<steps = 65>}

// -----

// expected-error@+1 {{expected 'blocks' in [1, 65535], got 0}}
func.func private @g4_none() attributes {softmax.schedule = #softmax.gpu_schedule<blocks = 0>}

// -----

// expected-error@+1 {{expected 'blocks' in [1, 65535], got 65536}}
func.func private @g4_too_many() attributes {softmax.schedule = #softmax.gpu_schedule<blocks = 65536>}

// -----

// expected-error@+2 {{expected one of [nvvm, rocdl, spirv]}}
// expected-error@+1 {{failed to parse Softmax_GPUScheduleAttr parameter 'isa'}}
func.func private @unknown_isa() attributes {softmax.schedule = #softmax.gpu_schedule<isa = metal>}

// -----

// expected-error@+1 {{expected 'cluster' to be a power of two in [1, 16], got 3}}
func.func private @g6_no_power() attributes {softmax.schedule = #softmax.gpu_schedule<threads = 128, cluster = 3>}

// -----

// expected-error@+1 {{in [1, 16], got 32}}
func.func private @g6_too_many() attributes {softmax.schedule = #softmax.gpu_schedule<threads = 128, cluster = 32>}

// -----

// expected-error@+1 {{expected clusters for 'nvvm' only, with threads = block >= 32}}
func.func private @g6_other_vendor() attributes {softmax.schedule = #softmax.gpu_schedule<isa = rocdl, threads = 128, cluster = 2>}

// -----

// expected-error@+1 {{expected clusters for 'nvvm' only, with threads = block >= 32}}
func.func private @g6_several_rows() attributes {softmax.schedule = #softmax.gpu_schedule<threads = 64, cluster = 2>}

// -----

// expected-error@+1 {{expected 'slices' in [1, 64], got 65}}
func.func private @g7_too_many() attributes {softmax.schedule = #softmax.gpu_schedule<threads = 128, slices = 65>}

// -----

// expected-error@+1 {{expected slices for residence = memory without clusters, with slices <= threads = block}}
func.func private @g7_in_registers() attributes {softmax.schedule = #softmax.gpu_schedule<residence = registers, threads = 128, slices = 2>}

// -----

// expected-error@+1 {{expected slices for residence = memory without clusters, with slices <= threads = block}}
func.func private @g7_more_than_threads() attributes {softmax.schedule = #softmax.gpu_schedule<threads = 16, block = 16, slices = 32>}
