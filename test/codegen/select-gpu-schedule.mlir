// RUN: softmax-opt %s --softmax-select-gpu-schedule=target=sm_80 | FileCheck %s --check-prefixes=CHECK,NVIDIA,A100
// RUN: softmax-opt %s --softmax-select-gpu-schedule=target=sm_90 | FileCheck %s --check-prefixes=CHECK,NVIDIA,H200
// RUN: softmax-opt %s --softmax-select-gpu-schedule=target=sm_100 | FileCheck %s --check-prefixes=CHECK,NVIDIA,B200
// RUN: softmax-opt %s --softmax-select-gpu-schedule=target=gfx90a | FileCheck %s --check-prefixes=CHECK,AMD,MI250
// RUN: softmax-opt %s --softmax-select-gpu-schedule=target=gfx942 | FileCheck %s --check-prefixes=CHECK,AMD,MI300
// RUN: softmax-opt %s --softmax-select-gpu-schedule=target=spirv | FileCheck %s --check-prefixes=CHECK,VULKAN
// What the cost model decides for each kind of row, and what wins over it. A
// field with its default value (threads = 32, block = 128, steps = 1) is not
// printed. After a change of the model: are these still what one would want?
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#all = affine_map<(d0, d1) -> (d0, d1)>
#rows = affine_map<(d0, d1) -> (d0)>

// CHECK-LABEL: func @short_rows_share_a_block(
// A100-SAME: <residence = registers, threads = 8, vector = 4, blocks = 1728>
// H200-SAME: <residence = registers, threads = 8, vector = 4, blocks = 2112>
// B200-SAME: <residence = registers, threads = 8, vector = 4, blocks = 2368>
// MI250-SAME: <isa = rocdl, residence = registers, threads = 8, vector = 4, blocks = 1760>
// MI300-SAME: <isa = rocdl, residence = registers, threads = 8, vector = 4, blocks = 4096>
// VULKAN-SAME: <isa = spirv, residence = registers, threads = 8, vector = 4>
func.func @short_rows_share_a_block(%x: memref<64x20xf32>) {
  row.program axis(1) maps [#all, #all] ins(%x : memref<64x20xf32>) outs(%x : memref<64x20xf32>) {
  ^bb0(%r0: !row.elements<f32>):
    %sum = row.reduce add(%r0 : !row.elements<f32>) {
    ^bb0(%e0: f32):
      row.yield %e0 : f32
    } -> f32
    %m = row.map(%r0 : !row.elements<f32>) {
    ^bb0(%e0: f32):
      %d = arith.divf %e0, %sum : f32
      row.yield %d : f32
    } -> !row.elements<f32>
    row.yield %m : !row.elements<f32>
  }
  return
}

// CHECK-LABEL: func @rows_take_lanes_of_a_warp(
// A100-SAME: <residence = registers, vector = 4, steps = 8, blocks = 1728>
// H200-SAME: <residence = registers, vector = 4, steps = 8, blocks = 2112>
// B200-SAME: <residence = registers, vector = 4, steps = 8, blocks = 2368>
// MI250-SAME: <isa = rocdl, residence = registers, vector = 4, steps = 8, blocks = 1760>
// MI300-SAME: <isa = rocdl, residence = registers, vector = 4, steps = 8, blocks = 4096>
// VULKAN-SAME: <isa = spirv, residence = registers, vector = 4, steps = 8>
func.func @rows_take_lanes_of_a_warp(%x: memref<?x1000xf32>) {
  row.program axis(1) maps [#all, #all] ins(%x : memref<?x1000xf32>) outs(%x : memref<?x1000xf32>) {
  ^bb0(%r0: !row.elements<f32>):
    %sum = row.reduce add(%r0 : !row.elements<f32>) {
    ^bb0(%e0: f32):
      row.yield %e0 : f32
    } -> f32
    %m = row.map(%r0 : !row.elements<f32>) {
    ^bb0(%e0: f32):
      %d = arith.divf %e0, %sum : f32
      row.yield %d : f32
    } -> !row.elements<f32>
    row.yield %m : !row.elements<f32>
  }
  return
}

// CHECK-LABEL: func @eight_halves_in_an_access(
// A100-SAME: <residence = registers, threads = 16, vector = 8, steps = 8, blocks = 1728, exp = product>
// H200-SAME: <residence = registers, threads = 16, vector = 8, steps = 8, blocks = 2112, exp = product>
// B200-SAME: <residence = registers, vector = 8, steps = 4, blocks = 2368, exp = product>
// MI250-SAME: <isa = rocdl, residence = registers, threads = 16, vector = 8, steps = 8, blocks = 1760, exp = product>
// MI300-SAME: <isa = rocdl, residence = registers, threads = 16, vector = 8, steps = 8, blocks = 4096, exp = product>
// VULKAN-SAME: <isa = spirv, residence = registers, threads = 16, vector = 4, steps = 16>
func.func @eight_halves_in_an_access(%x: memref<32768x1024xbf16>) {
  row.program axis(1) maps [#all, #all] ins(%x : memref<32768x1024xbf16>) outs(%x : memref<32768x1024xbf16>) {
  ^bb0(%r0: !row.elements<bf16>):
    %sum = row.reduce add(%r0 : !row.elements<bf16>) {
    ^bb0(%e0: bf16):
      %w = arith.extf %e0 : bf16 to f32
      row.yield %w : f32
    } -> f32
    %m = row.map(%r0 : !row.elements<bf16>) {
    ^bb0(%e0: bf16):
      %w = arith.extf %e0 : bf16 to f32
      %q = arith.divf %w, %sum : f32
      %d = arith.truncf %q : f32 to bf16
      row.yield %d : bf16
    } -> !row.elements<bf16>
    row.yield %m : !row.elements<bf16>
  }
  return
}

// CHECK-LABEL: func @long_rows_take_a_block_or_a_cluster(
// A100-SAME: <residence = shared, threads = 256, block = 256, vector = 4, steps = 4, blocks = 1728>
// H200-SAME: <residence = registers, threads = 256, block = 256, vector = 4, steps = 8, blocks = 2112, cluster = 2>
// B200-SAME: <residence = registers, threads = 128, vector = 4, steps = 4, blocks = 2368, cluster = 8>
// MI250-SAME: <isa = rocdl, residence = registers, threads = 512, block = 512, vector = 4, steps = 8, blocks = 1760>
// MI300-SAME: <isa = rocdl, residence = registers, threads = 512, block = 512, vector = 4, steps = 8, blocks = 4096>
// VULKAN-SAME: <isa = spirv, threads = 128, vector = 4, steps = 4>
func.func @long_rows_take_a_block_or_a_cluster(%x: memref<32768x16384xf32>) {
  row.program axis(1) maps [#all, #all] ins(%x : memref<32768x16384xf32>) outs(%x : memref<32768x16384xf32>) {
  ^bb0(%r0: !row.elements<f32>):
    %sum = row.reduce add(%r0 : !row.elements<f32>) {
    ^bb0(%e0: f32):
      row.yield %e0 : f32
    } -> f32
    %m = row.map(%r0 : !row.elements<f32>) {
    ^bb0(%e0: f32):
      %d = arith.divf %e0, %sum : f32
      row.yield %d : f32
    } -> !row.elements<f32>
    row.yield %m : !row.elements<f32>
  }
  return
}

// CHECK-LABEL: func @rows_that_no_block_holds(
// A100-SAME: <residence = shared, threads = 512, block = 512, vector = 8, steps = 2, blocks = 1728, exp = product>
// H200-SAME: <residence = shared, threads = 256, block = 256, vector = 8, steps = 2, blocks = 2112, cluster = 2, exp = product>
// B200-SAME: <threads = 256, block = 256, vector = 8, steps = 2, blocks = 2368, exp = product>
// MI250-SAME: <isa = rocdl, threads = 128, vector = 8, steps = 2, blocks = 1760, exp = product>
// MI300-SAME: <isa = rocdl, threads = 128, vector = 8, steps = 2, blocks = 4096, exp = product>
// VULKAN-SAME: <isa = spirv, threads = 128, vector = 4, steps = 4>
func.func @rows_that_no_block_holds(%x: memref<32768x65536xbf16>) {
  row.program axis(1) maps [#all, #all] ins(%x : memref<32768x65536xbf16>) outs(%x : memref<32768x65536xbf16>) {
  ^bb0(%r0: !row.elements<bf16>):
    %sum = row.reduce add(%r0 : !row.elements<bf16>) {
    ^bb0(%e0: bf16):
      %w = arith.extf %e0 : bf16 to f32
      row.yield %w : f32
    } -> f32
    %m = row.map(%r0 : !row.elements<bf16>) {
    ^bb0(%e0: bf16):
      %w = arith.extf %e0 : bf16 to f32
      %q = arith.divf %w, %sum : f32
      %d = arith.truncf %q : f32 to bf16
      row.yield %d : bf16
    } -> !row.elements<bf16>
    row.yield %m : !row.elements<bf16>
  }
  return
}

// CHECK-LABEL: func @rows_that_nothing_holds_are_read_again(
// A100-SAME: <threads = 128, vector = 4, steps = 4, blocks = 1728, slices = 16>
// H200-SAME: <threads = 128, vector = 4, steps = 4, blocks = 2112, slices = 16>
// B200-SAME: <threads = 128, vector = 4, steps = 4, blocks = 2368, slices = 16>
// MI250-SAME: <isa = rocdl, threads = 128, vector = 4, steps = 4, blocks = 1760, slices = 16>
// MI300-SAME: <isa = rocdl, threads = 128, vector = 4, steps = 4, blocks = 4096, slices = 16>
// VULKAN-SAME: <isa = spirv, threads = 128, vector = 4, steps = 4, slices = 16>
func.func @rows_that_nothing_holds_are_read_again(%x: memref<8192x1048576xf32>) {
  row.program axis(1) maps [#all, #all] ins(%x : memref<8192x1048576xf32>) outs(%x : memref<8192x1048576xf32>) {
  ^bb0(%r0: !row.elements<f32>):
    %sum = row.reduce add(%r0 : !row.elements<f32>) {
    ^bb0(%e0: f32):
      row.yield %e0 : f32
    } -> f32
    %m = row.map(%r0 : !row.elements<f32>) {
    ^bb0(%e0: f32):
      %d = arith.divf %e0, %sum : f32
      row.yield %d : f32
    } -> !row.elements<f32>
    row.yield %m : !row.elements<f32>
  }
  return
}

// CHECK-LABEL: func @few_rows_spread_over_blocks(
// A100-SAME: <threads = 128, vector = 4, steps = 4, blocks = 1728, slices = 64>
// H200-SAME: <threads = 256, block = 256, vector = 4, steps = 4, blocks = 2112, slices = 64>
// B200-SAME: <threads = 256, block = 256, vector = 4, steps = 4, blocks = 2368, slices = 64>
// MI250-SAME: <isa = rocdl, threads = 128, vector = 4, steps = 4, blocks = 1760, slices = 32>
// MI300-SAME: <isa = rocdl, threads = 256, block = 256, vector = 4, steps = 4, blocks = 4096, slices = 64>
// VULKAN-SAME: <isa = spirv, threads = 128, vector = 4, steps = 4, slices = 16>
func.func @few_rows_spread_over_blocks(%x: memref<4x1048576xf32>) {
  row.program axis(1) maps [#all, #all] ins(%x : memref<4x1048576xf32>) outs(%x : memref<4x1048576xf32>) {
  ^bb0(%r0: !row.elements<f32>):
    %sum = row.reduce add(%r0 : !row.elements<f32>) {
    ^bb0(%e0: f32):
      row.yield %e0 : f32
    } -> f32
    %m = row.map(%r0 : !row.elements<f32>) {
    ^bb0(%e0: f32):
      %d = arith.divf %e0, %sum : f32
      row.yield %d : f32
    } -> !row.elements<f32>
    row.yield %m : !row.elements<f32>
  }
  return
}

// CHECK-LABEL: func @rows_of_unknown_length_have_slices(
// A100-SAME: <threads = 128, vector = 4, steps = 4, blocks = 1728, slices = 16>
// H200-SAME: <threads = 256, block = 256, vector = 4, steps = 4, blocks = 2112, slices = 16>
// B200-SAME: <threads = 256, block = 256, vector = 4, steps = 4, blocks = 2368, slices = 32>
// MI250-SAME: <isa = rocdl, threads = 256, block = 256, vector = 4, steps = 4, blocks = 1760>
// MI300-SAME: <isa = rocdl, threads = 128, vector = 4, steps = 4, blocks = 4096, slices = 16>
// VULKAN-SAME: <isa = spirv, threads = 128, vector = 4, steps = 4>
func.func @rows_of_unknown_length_have_slices(%x: memref<64x?xf32>) {
  row.program axis(1) maps [#all, #all] ins(%x : memref<64x?xf32>) outs(%x : memref<64x?xf32>) {
  ^bb0(%r0: !row.elements<f32>):
    %sum = row.reduce add(%r0 : !row.elements<f32>) {
    ^bb0(%e0: f32):
      row.yield %e0 : f32
    } -> f32
    %m = row.map(%r0 : !row.elements<f32>) {
    ^bb0(%e0: f32):
      %d = arith.divf %e0, %sum : f32
      row.yield %d : f32
    } -> !row.elements<f32>
    row.yield %m : !row.elements<f32>
  }
  return
}

// CHECK-LABEL: func @any_number_of_long_rows_has_slices(
// A100-SAME: <threads = 128, vector = 4, steps = 4, blocks = 1728, slices = 16>
// H200-SAME: <residence = shared, threads = 512, block = 512, vector = 4, steps = 4, blocks = 2112, cluster = 16>
// B200-SAME: <threads = 128, vector = 4, steps = 4, blocks = 2368, slices = 16>
// MI250-SAME: <isa = rocdl, threads = 128, vector = 4, steps = 4, blocks = 1760, slices = 16>
// MI300-SAME: <isa = rocdl, threads = 128, vector = 4, steps = 4, blocks = 4096, slices = 16>
// VULKAN-SAME: <isa = spirv, threads = 128, vector = 4, steps = 4, slices = 16>
func.func @any_number_of_long_rows_has_slices(%x: memref<?x600000xf32>) {
  row.program axis(1) maps [#all, #all] ins(%x : memref<?x600000xf32>) outs(%x : memref<?x600000xf32>) {
  ^bb0(%r0: !row.elements<f32>):
    %sum = row.reduce add(%r0 : !row.elements<f32>) {
    ^bb0(%e0: f32):
      row.yield %e0 : f32
    } -> f32
    %m = row.map(%r0 : !row.elements<f32>) {
    ^bb0(%e0: f32):
      %d = arith.divf %e0, %sum : f32
      row.yield %d : f32
    } -> !row.elements<f32>
    row.yield %m : !row.elements<f32>
  }
  return
}

// CHECK-LABEL: func @two_operands(
// A100-SAME: <residence = registers, vector = 4, steps = 8, blocks = 1728>
// H200-SAME: <residence = registers, vector = 4, steps = 8, blocks = 2112>
// B200-SAME: <residence = registers, vector = 4, steps = 8, blocks = 2368>
// MI250-SAME: <isa = rocdl, residence = registers, vector = 4, steps = 8, blocks = 1760>
// MI300-SAME: <isa = rocdl, residence = registers, vector = 4, steps = 8, blocks = 4096>
// VULKAN-SAME: <isa = spirv, residence = registers, vector = 4, steps = 8>
func.func @two_operands(%x: memref<4096x1000xf32>, %y: memref<4096x1000xf32>) {
  row.program axis(1) maps [#all, #all, #all] ins(%x, %y : memref<4096x1000xf32>, memref<4096x1000xf32>) outs(%x : memref<4096x1000xf32>) {
  ^bb0(%r0: !row.elements<f32>, %r1: !row.elements<f32>):
    %sum = row.reduce add(%r0, %r1 : !row.elements<f32>, !row.elements<f32>) {
    ^bb0(%e0: f32, %e1: f32):
      row.yield %e0 : f32
    } -> f32
    %m = row.map(%r0, %r1 : !row.elements<f32>, !row.elements<f32>) {
    ^bb0(%e0: f32, %e1: f32):
      %d = arith.divf %e0, %sum : f32
      row.yield %d : f32
    } -> !row.elements<f32>
    row.yield %m : !row.elements<f32>
  }
  return
}

// CHECK-LABEL: func @doubles(
// A100-SAME: <residence = registers, vector = 2, steps = 8, blocks = 1728>
// H200-SAME: <residence = registers, vector = 2, steps = 8, blocks = 2112>
// B200-SAME: <residence = registers, threads = 64, vector = 2, steps = 4, blocks = 2368>
// MI250-SAME: <isa = rocdl, residence = registers, vector = 2, steps = 8, blocks = 1760>
// MI300-SAME: <isa = rocdl, residence = registers, vector = 2, steps = 8, blocks = 4096>
// VULKAN-SAME: <isa = spirv, residence = registers, vector = 2, steps = 8>
func.func @doubles(%x: memref<4096x512xf64>) {
  row.program axis(1) maps [#all, #all] ins(%x : memref<4096x512xf64>) outs(%x : memref<4096x512xf64>) {
  ^bb0(%r0: !row.elements<f64>):
    %sum = row.reduce add(%r0 : !row.elements<f64>) {
    ^bb0(%e0: f64):
      row.yield %e0 : f64
    } -> f64
    %m = row.map(%r0 : !row.elements<f64>) {
    ^bb0(%e0: f64):
      %d = arith.divf %e0, %sum : f64
      row.yield %d : f64
    } -> !row.elements<f64>
    row.yield %m : !row.elements<f64>
  }
  return
}

// CHECK-LABEL: func @sums_without_results(
// A100-SAME: <threads = 128, vector = 8, steps = 2, blocks = 1728, exp = hardware>
// H200-SAME: <threads = 128, vector = 8, steps = 2, blocks = 2112, exp = hardware>
// B200-SAME: <threads = 128, vector = 8, steps = 2, blocks = 2368, exp = hardware>
// MI250-SAME: <isa = rocdl, threads = 128, vector = 8, steps = 2, blocks = 1760, exp = hardware>
// MI300-SAME: <isa = rocdl, threads = 128, vector = 8, steps = 2, blocks = 4096, exp = hardware>
// VULKAN-SAME: <isa = spirv, threads = 128, vector = 4, steps = 4>
func.func @sums_without_results(%x: memref<8192x128256xbf16>, %s: memref<8192xf32>) {
  row.program axis(1) maps [#all, #rows] ins(%x : memref<8192x128256xbf16>) outs(%s : memref<8192xf32>) {
  ^bb0(%r0: !row.elements<bf16>):
    %sum = row.reduce add(%r0 : !row.elements<bf16>) {
    ^bb0(%e0: bf16):
      %w = arith.extf %e0 : bf16 to f32
      row.yield %w : f32
    } -> f32
    row.yield %sum : f32
  }
  return
}

// CHECK-LABEL: func @results_without_sums(
// A100-SAME: <threads = 128, vector = 8, steps = 2, blocks = 1728, exp = product>
// H200-SAME: <threads = 128, vector = 8, steps = 2, blocks = 2112, exp = product>
// B200-SAME: <threads = 128, vector = 8, steps = 2, blocks = 2368, exp = product>
// MI250-SAME: <isa = rocdl, threads = 128, vector = 8, steps = 2, blocks = 1760, exp = product>
// MI300-SAME: <isa = rocdl, threads = 128, vector = 8, steps = 2, blocks = 4096, exp = product>
// VULKAN-SAME: <isa = spirv, threads = 128, vector = 4, steps = 4>
func.func @results_without_sums(%x: memref<8192x128256xbf16>) {
  row.program axis(1) maps [#all, #all] ins(%x : memref<8192x128256xbf16>) outs(%x : memref<8192x128256xbf16>) {
  ^bb0(%r0: !row.elements<bf16>):
    %m = row.map(%r0 : !row.elements<bf16>) {
    ^bb0(%e0: bf16):
      row.yield %e0 : bf16
    } -> !row.elements<bf16>
    row.yield %m : !row.elements<bf16>
  }
  return
}

// CHECK-LABEL: func @neighbouring_rows_along_a_strided_axis(
// NVIDIA-SAME: <residence = registers, threads = 2, steps = 32, blocks =
// AMD-SAME: <isa = rocdl, residence = registers, threads = 2, steps = 32, blocks =
// VULKAN-SAME: <isa = spirv, residence = registers, threads = 2, steps = 32>
func.func @neighbouring_rows_along_a_strided_axis(%x: memref<64x1024xf32>) {
  row.program axis(0) maps [#all, #all] ins(%x : memref<64x1024xf32>) outs(%x : memref<64x1024xf32>) {
  ^bb0(%row: !row.elements<f32>):
    %m = row.map(%row : !row.elements<f32>) {
    ^bb0(%e: f32):
      row.yield %e : f32
    } -> !row.elements<f32>
    row.yield %m : !row.elements<f32>
  }
  return
}

// CHECK-LABEL: func @short_columns_stay_in_one_thread(
// NVIDIA-SAME: <residence = registers, threads = 1, steps = 19, blocks =
// AMD-SAME: <isa = rocdl, residence = registers, threads = 1, steps = 19, blocks =
// VULKAN-SAME: <isa = spirv, residence = registers, threads = 1, steps = 19>
func.func @short_columns_stay_in_one_thread(%x: memref<19x1024xf32>) {
  row.program axis(0) maps [#all, #all] ins(%x : memref<19x1024xf32>) outs(%x : memref<19x1024xf32>) {
  ^bb0(%row: !row.elements<f32>):
    %m = row.map(%row : !row.elements<f32>) {
    ^bb0(%e: f32):
      row.yield %e : f32
    } -> !row.elements<f32>
    row.yield %m : !row.elements<f32>
  }
  return
}

// CHECK-LABEL: func @long_columns_are_read_again(
// NVIDIA-SAME: <threads = 16, block = 512, steps = 8, blocks =
// AMD-SAME: <isa = rocdl, threads = 16, block = 512, steps = 8, blocks =
// VULKAN-SAME: <isa = spirv, threads = 4, steps = 8>
func.func @long_columns_are_read_again(%x: memref<1025x1024xf32>) {
  row.program axis(0) maps [#all, #all] ins(%x : memref<1025x1024xf32>) outs(%x : memref<1025x1024xf32>) {
  ^bb0(%row: !row.elements<f32>):
    %m = row.map(%row : !row.elements<f32>) {
    ^bb0(%e: f32):
      row.yield %e : f32
    } -> !row.elements<f32>
    row.yield %m : !row.elements<f32>
  }
  return
}

// Strides known at run time only: neighbouring threads have neighbouring
// columns, which come one by one.
// CHECK-LABEL: func @the_last_axis_is_innermost_whatever_its_stride(
// CHECK-SAME: threads = 128, steps = 16
func.func @the_last_axis_is_innermost_whatever_its_stride(%x: memref<64x1024xf32, strided<[?, ?]>>) {
  row.program axis(1) maps [#all, #all] ins(%x : memref<64x1024xf32, strided<[?, ?]>>) outs(%x : memref<64x1024xf32, strided<[?, ?]>>) {
  ^bb0(%row: !row.elements<f32>):
    %m = row.map(%row : !row.elements<f32>) {
    ^bb0(%e: f32):
      row.yield %e : f32
    } -> !row.elements<f32>
    row.yield %m : !row.elements<f32>
  }
  return
}

// CHECK-LABEL: func @the_schedule_of_a_user_wins(
// CHECK-SAME: #softmax.gpu_schedule<threads = 64, steps = 7>
func.func @the_schedule_of_a_user_wins(%x: memref<64x1024xf32>) attributes {softmax.schedule = #softmax.gpu_schedule<threads = 64, steps = 7>} {
  row.program axis(1) maps [#all, #all] ins(%x : memref<64x1024xf32>) outs(%x : memref<64x1024xf32>) {
  ^bb0(%row: !row.elements<f32>):
    %m = row.map(%row : !row.elements<f32>) {
    ^bb0(%e: f32):
      row.yield %e : f32
    } -> !row.elements<f32>
    row.yield %m : !row.elements<f32>
  }
  return
}

// CHECK-LABEL: func @the_target_of_the_function_wins(
// CHECK-SAME: isa = rocdl
func.func @the_target_of_the_function_wins(%x: memref<64x1024xf32>) attributes {softmax.target = "gfx942"} {
  row.program axis(1) maps [#all, #all] ins(%x : memref<64x1024xf32>) outs(%x : memref<64x1024xf32>) {
  ^bb0(%row: !row.elements<f32>):
    %m = row.map(%row : !row.elements<f32>) {
    ^bb0(%e: f32):
      row.yield %e : f32
    } -> !row.elements<f32>
    row.yield %m : !row.elements<f32>
  }
  return
}

// CHECK-LABEL: func @the_program_over_the_tensor_decides(
// CHECK-SAME: vector = 4
#classes = affine_map<(d0) -> (d0)>
func.func @the_program_over_the_tensor_decides(%w: memref<7xf64>, %x: memref<64x4096xf32>) {
  row.program axis(0) maps [#classes, #classes] ins(%w : memref<7xf64>) outs(%w : memref<7xf64>) {
  ^bb0(%row: !row.elements<f64>):
    %m = row.map(%row : !row.elements<f64>) {
    ^bb0(%e: f64):
      row.yield %e : f64
    } -> !row.elements<f64>
    row.yield %m : !row.elements<f64>
  }
  row.program axis(1) maps [#all, #all] ins(%x : memref<64x4096xf32>) outs(%x : memref<64x4096xf32>) {
  ^bb0(%row: !row.elements<f32>):
    %m = row.map(%row : !row.elements<f32>) {
    ^bb0(%e: f32):
      row.yield %e : f32
    } -> !row.elements<f32>
    row.yield %m : !row.elements<f32>
  }
  return
}

// CHECK-LABEL: func @nothing_to_schedule()
// CHECK-NOT: softmax.schedule
func.func @nothing_to_schedule() {
  return
}
