// RUN: softmax-opt %s --softmax-select-gpu-schedule=target=sm_80 | FileCheck %s --check-prefixes=CHECK,NVIDIA
// RUN: softmax-opt %s --softmax-select-gpu-schedule=target=sm_90 | FileCheck %s --check-prefixes=CHECK,NVIDIA
// RUN: softmax-opt %s --softmax-select-gpu-schedule=target=sm_100 | FileCheck %s --check-prefixes=CHECK,NVIDIA
// RUN: softmax-opt %s --softmax-select-gpu-schedule=target=gfx90a | FileCheck %s --check-prefixes=CHECK,AMD
// RUN: softmax-opt %s --softmax-select-gpu-schedule=target=gfx942 | FileCheck %s --check-prefixes=CHECK,AMD
// RUN: softmax-opt %s --softmax-select-gpu-schedule=target=spirv | FileCheck %s --check-prefixes=CHECK,VULKAN
// Each rule of the selection, and what wins over it. A field with its default
// value (threads = 32, block = 128, steps = 1) is not printed.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#all = affine_map<(d0, d1) -> (d0, d1)>

// CHECK-LABEL: func @short_rows_share_a_block(
// NVIDIA-SAME: <residence = registers, threads = 8, vector = 4, blocks =
// AMD-SAME: <isa = rocdl, residence = registers, threads = 8, vector = 4, blocks =
// VULKAN-SAME: <isa = spirv, residence = registers, threads = 8, vector = 4>
func.func @short_rows_share_a_block(%x: memref<64x20xf32>) {
  row.program axis(1) maps [#all, #all] ins(%x : memref<64x20xf32>) outs(%x : memref<64x20xf32>) {
  ^bb0(%row: !row.elements<f32>):
    %m = row.map(%row : !row.elements<f32>) {
    ^bb0(%e: f32):
      row.yield %e : f32
    } -> !row.elements<f32>
    row.yield %m : !row.elements<f32>
  }
  return
}

// CHECK-LABEL: func @longer_rows_take_a_warp(
// NVIDIA-SAME: <residence = registers, vector = 4, steps = 8, blocks =
// AMD-SAME: <isa = rocdl, residence = registers, vector = 4, steps = 8, blocks =
// VULKAN-SAME: <isa = spirv, residence = registers, vector = 4, steps = 8>
func.func @longer_rows_take_a_warp(%x: memref<64x1000xf32>) {
  row.program axis(1) maps [#all, #all] ins(%x : memref<64x1000xf32>) outs(%x : memref<64x1000xf32>) {
  ^bb0(%row: !row.elements<f32>):
    %m = row.map(%row : !row.elements<f32>) {
    ^bb0(%e: f32):
      row.yield %e : f32
    } -> !row.elements<f32>
    row.yield %m : !row.elements<f32>
  }
  return
}

// CHECK-LABEL: func @long_rows_take_a_block(
// NVIDIA-SAME: <residence = registers, threads = 512, block = 512, vector = 4, steps = 8, blocks =
// AMD-SAME: <isa = rocdl, residence = registers, threads = 512, block = 512, vector = 4, steps = 8, blocks =
// VULKAN-SAME: <isa = spirv, threads = 128, vector = 4, steps = 4>
func.func @long_rows_take_a_block(%x: memref<64x16384xf32>) {
  row.program axis(1) maps [#all, #all] ins(%x : memref<64x16384xf32>) outs(%x : memref<64x16384xf32>) {
  ^bb0(%row: !row.elements<f32>):
    %m = row.map(%row : !row.elements<f32>) {
    ^bb0(%e: f32):
      row.yield %e : f32
    } -> !row.elements<f32>
    row.yield %m : !row.elements<f32>
  }
  return
}

// CHECK-LABEL: func @rows_that_no_block_holds_are_read_again(
// NVIDIA-SAME: <threads = 256, block = 256, vector = 4, steps = 4, blocks =
// AMD-SAME: <isa = rocdl, threads = 256, block = 256, vector = 4, steps = 4, blocks =
// VULKAN-SAME: <isa = spirv, threads = 128, vector = 4, steps = 4>
func.func @rows_that_no_block_holds_are_read_again(%x: memref<64x32769xf32>) {
  row.program axis(1) maps [#all, #all] ins(%x : memref<64x32769xf32>) outs(%x : memref<64x32769xf32>) {
  ^bb0(%row: !row.elements<f32>):
    %m = row.map(%row : !row.elements<f32>) {
    ^bb0(%e: f32):
      row.yield %e : f32
    } -> !row.elements<f32>
    row.yield %m : !row.elements<f32>
  }
  return
}

// CHECK-LABEL: func @rows_of_unknown_length_are_read_again(
// NVIDIA-SAME: <threads = 128, vector = 4, steps = 4, blocks =
// AMD-SAME: <isa = rocdl, threads = 128, vector = 4, steps = 4, blocks =
// VULKAN-SAME: <isa = spirv, threads = 128, vector = 4, steps = 4>
func.func @rows_of_unknown_length_are_read_again(%x: memref<64x?xf32>) {
  row.program axis(1) maps [#all, #all] ins(%x : memref<64x?xf32>) outs(%x : memref<64x?xf32>) {
  ^bb0(%row: !row.elements<f32>):
    %m = row.map(%row : !row.elements<f32>) {
    ^bb0(%e: f32):
      row.yield %e : f32
    } -> !row.elements<f32>
    row.yield %m : !row.elements<f32>
  }
  return
}

// CHECK-LABEL: func @two_operands_halve_what_a_thread_holds(
// NVIDIA-SAME: <residence = registers, threads = 64, vector = 4, steps = 4, blocks =
// AMD-SAME: <isa = rocdl, residence = registers, threads = 64, vector = 4, steps = 4, blocks =
// VULKAN-SAME: <isa = spirv, residence = registers, threads = 64, vector = 4, steps = 4>
func.func @two_operands_halve_what_a_thread_holds(%x: memref<64x1024xf32>, %z: memref<64x1024xf32>, %y: memref<64x1024xf32>) {
  row.program axis(1) maps [#all, #all, #all] ins(%x, %z : memref<64x1024xf32>, memref<64x1024xf32>) outs(%y : memref<64x1024xf32>) {
  ^bb0(%a: !row.elements<f32>, %b: !row.elements<f32>):
    %m = row.map(%a, %b : !row.elements<f32>, !row.elements<f32>) {
    ^bb0(%e: f32, %f: f32):
      %g = arith.addf %e, %f : f32
      row.yield %g : f32
    } -> !row.elements<f32>
    row.yield %m : !row.elements<f32>
  }
  return
}

// CHECK-LABEL: func @doubles_halve_what_a_thread_holds(
// NVIDIA-SAME: <residence = registers, threads = 64, vector = 2, steps = 8, blocks =
// AMD-SAME: <isa = rocdl, residence = registers, threads = 64, vector = 2, steps = 8, blocks =
// VULKAN-SAME: <isa = spirv, residence = registers, threads = 64, vector = 2, steps = 8>
func.func @doubles_halve_what_a_thread_holds(%x: memref<64x1024xf64>) {
  row.program axis(1) maps [#all, #all] ins(%x : memref<64x1024xf64>) outs(%x : memref<64x1024xf64>) {
  ^bb0(%row: !row.elements<f64>):
    %m = row.map(%row : !row.elements<f64>) {
    ^bb0(%e: f64):
      row.yield %e : f64
    } -> !row.elements<f64>
    row.yield %m : !row.elements<f64>
  }
  return
}

// CHECK-LABEL: func @eight_halves_in_an_access(
// NVIDIA-SAME: <residence = registers, vector = 8, steps = 4, blocks =
// AMD-SAME: <isa = rocdl, residence = registers, vector = 8, steps = 4, blocks =
// VULKAN-SAME: <isa = spirv, residence = registers, vector = 4, steps = 8>
func.func @eight_halves_in_an_access(%x: memref<64x1024xf16>) {
  row.program axis(1) maps [#all, #all] ins(%x : memref<64x1024xf16>) outs(%x : memref<64x1024xf16>) {
  ^bb0(%row: !row.elements<f16>):
    %m = row.map(%row : !row.elements<f16>) {
    ^bb0(%e: f16):
      row.yield %e : f16
    } -> !row.elements<f16>
    row.yield %m : !row.elements<f16>
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
// NVIDIA-SAME: <residence = registers, steps = 32, blocks =
// AMD-SAME: <isa = rocdl, residence = registers, steps = 32, blocks =
// VULKAN-SAME: <isa = spirv, residence = registers, steps = 32>
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
// NVIDIA-SAME: threads = 128, vector = 4, steps = 8
// AMD-SAME: threads = 128, vector = 4, steps = 8
// VULKAN-SAME: threads = 128, vector = 4, steps = 8
#classes = affine_map<(d0) -> (d0)>
func.func @the_program_over_the_tensor_decides(%w: memref<7xf32>, %x: memref<64x4096xf32>) {
  row.program axis(0) maps [#classes, #classes] ins(%w : memref<7xf32>) outs(%w : memref<7xf32>) {
  ^bb0(%row: !row.elements<f32>):
    %m = row.map(%row : !row.elements<f32>) {
    ^bb0(%e: f32):
      row.yield %e : f32
    } -> !row.elements<f32>
    row.yield %m : !row.elements<f32>
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
