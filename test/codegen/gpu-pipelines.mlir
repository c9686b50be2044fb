// RUN: softmax-opt %s --softmax-gpu-pipeline=target=sm_90 | FileCheck %s --check-prefixes=CHECK,NVIDIA
// RUN: softmax-opt %s --softmax-gpu-pipeline=target=gfx942 | FileCheck %s --check-prefixes=CHECK,AMD
// RUN: softmax-opt %s --softmax-gpu-pipeline=target=spirv | FileCheck %s --check-prefixes=CHECK,VULKAN
// RUN: softmax-opt %s --softmax-gpu-pipeline="target=sm_90 accuracy=fast" | FileCheck %s --check-prefixes=CHECK,NVIDIA
// RUN: not softmax-opt %s --softmax-gpu-pipeline=target=sm_35 2>&1 | FileCheck %s --check-prefix=TARGET
// All stages at once, for each kind of GPU: kernels in the words of the target,
// and a host function that launches them.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// TARGET: unknown GPU target 'sm_35'; expected one of sm_80

// NVIDIA: gpu.module @operators_become_device_code_device
// NVIDIA: llvm.func @operators_become_device_code_0
// NVIDIA-SAME: nvvm.kernel
// AMD: gpu.module @operators_become_device_code_device
// AMD: llvm.func @operators_become_device_code_0
// AMD-SAME: rocdl.kernel
// VULKAN: spirv.module {{.*}} requires #spirv.vce<
// VULKAN: spirv.func @operators_become_device_code_0
// No function is left to a device library; 2^x is an instruction.
// NVIDIA-NOT: llvm.{{call|intr.exp[(]}}
// AMD-NOT: llvm.{{call|intr.exp[(]}}
// VULKAN-NOT: spirv.{{GL|CL}}.{{[Ee]xp}}
// CHECK-LABEL: func.func @operators_become_device_code(
// CHECK-SAME: softmax.schedule = #softmax.gpu_schedule<
// CHECK-NOT: row.program
// CHECK: gpu.launch_func @operators_become_device_code_device::@operators_become_device_code_0
func.func @operators_become_device_code(%x: tensor<?x1000xf32>) -> tensor<?x1000xf32> {
  %c0 = arith.constant 0 : index
  %rows = tensor.dim %x, %c0 : tensor<?x1000xf32>
  %o = tensor.empty(%rows) : tensor<?x1000xf32>
  %y = softmax.softmax axis(1) ins(%x : tensor<?x1000xf32>) outs(%o : tensor<?x1000xf32>) -> tensor<?x1000xf32>
  return %y : tensor<?x1000xf32>
}
