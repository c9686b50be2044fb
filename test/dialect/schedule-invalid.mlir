// RUN: softmax-opt %s --split-input-file --verify-diagnostics
// One case per constraint of #softmax.cpu_schedule, and where it may stand.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// expected-error@+1 {{expected 'lanes' to be a power of two in [1, 64], got 3}}
func.func private @schedule_c1() attributes {softmax.schedule = #softmax.cpu_schedule<traversal = stream, isa = avx2, lanes = 3>}

// -----

// expected-error@+1 {{expected 'lanes' to be a power of two in [1, 64], got 128}}
func.func private @schedule_c1_too_many() attributes {softmax.schedule = #softmax.cpu_schedule<traversal = stream, isa = avx2, lanes = 128>}

// -----

// expected-error@+1 {{expected 'unroll' in [1, 8], got 0}}
func.func private @schedule_c2() attributes {softmax.schedule = #softmax.cpu_schedule<traversal = stream, isa = avx2, lanes = 8, unroll = 0>}

// -----

// expected-error@+1 {{expected 'block' to be a multiple of 2 * lanes * unroll (= 64) in [1, 65536], got 96}}
func.func private @schedule_c3() attributes {softmax.schedule = #softmax.cpu_schedule<traversal = stream, isa = avx2, lanes = 8, unroll = 4, block = 96>}

// -----

// expected-error@+1 {{in [1, 65536], got 131072}}
func.func private @schedule_c3_too_large() attributes {softmax.schedule = #softmax.cpu_schedule<traversal = stream, isa = avx2, lanes = 8, unroll = 4, block = 131072>}

// -----

// expected-error@+1 {{in [1, 65536], got 0}}
func.func private @schedule_c3_empty() attributes {softmax.schedule = #softmax.cpu_schedule<traversal = stream, isa = avx2, lanes = 8, block = 0>}

// -----

// expected-error@+1 {{expected 'block' to be a multiple of 8 in [1, 65536], got 36}}
func.func private @schedule_c3_inner() attributes {softmax.schedule = #softmax.cpu_schedule<traversal = inner, isa = avx2, lanes = 8, block = 36>}

// -----

// expected-error@+1 {{expected 'prefetch' in [0, 65536], got -1}}
func.func private @schedule_c4() attributes {softmax.schedule = #softmax.cpu_schedule<traversal = stream, isa = avx2, lanes = 8, prefetch = -1>}

// -----

// expected-error@+1 {{expected 'nontemporal' to be -1 for 'neon', got 64}}
func.func private @schedule_c5() attributes {softmax.schedule = #softmax.cpu_schedule<traversal = stream, isa = neon, lanes = 4, nontemporal = 64>}

// -----

// expected-error@+1 {{expected 'tile' in [1, 4096] for 'inner' and 1 for other traversals, got 64}}
func.func private @schedule_c8_stream() attributes {softmax.schedule = #softmax.cpu_schedule<traversal = stream, isa = avx2, lanes = 8, tile = 64>}

// -----

// expected-error@+1 {{expected 'tile' in [1, 4096] for 'inner' and 1 for other traversals, got 8192}}
func.func private @schedule_c8_too_large() attributes {softmax.schedule = #softmax.cpu_schedule<traversal = inner, isa = avx2, lanes = 8, tile = 8192>}

// -----

// expected-error@+1 {{expected 'rows_per_task' to be positive, got 0}}
func.func private @schedule_c6() attributes {softmax.schedule = #softmax.cpu_schedule<rows_per_task = 0>}

// -----

// expected-error@+1 {{expected vectors for traversal 'reference': one lane and the 'scalar' ISA, got 8 and 'scalar'}}
func.func private @schedule_c7_vectors_for_reference() attributes {softmax.schedule = #softmax.cpu_schedule<lanes = 8>}

// -----

// expected-error@+1 {{expected vectors for traversal 'stream': more than one lane and a vector ISA, got 1 and 'avx2'}}
func.func private @schedule_c7_one_lane_for_stream() attributes {softmax.schedule = #softmax.cpu_schedule<traversal = stream, isa = avx2>}

// -----

// expected-error@+1 {{expected 'softmax.schedule' on a function, got 'builtin.module'}}
module attributes {softmax.schedule = #softmax.cpu_schedule<>} {}

// -----

// expected-error@+1 {{expected 'softmax.schedule' to be a schedule, got "fast"}}
func.func private @schedule_of_another_type() attributes {softmax.schedule = "fast"}

// -----

// expected-error@+1 {{expected 'softmax.target' to be a string on a function}}
func.func private @target_of_another_type() attributes {softmax.target = 3 : i64}

// -----

// expected-error@+1 {{expected 'softmax.target' to be a string on a function}}
module attributes {softmax.target = "host"} {}

// -----

// expected-error@+1 {{expected 'softmax.schedule' or 'softmax.target', got 'softmax.shedule'}}
func.func private @misspelt() attributes {softmax.shedule = #softmax.cpu_schedule<>}

// -----

// expected-error@+2 {{expected one of [scalar, sse2, avx2, avx512, neon, sve, rvv, simd128]}}
// expected-error@+1 {{failed to parse Softmax_CPUScheduleAttr parameter 'isa'}}
func.func private @unknown_isa() attributes {softmax.schedule = #softmax.cpu_schedule<isa = altivec>}
