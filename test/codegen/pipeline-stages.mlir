// RUN: split-file %s %t
// RUN: softmax-opt %t/rows.mlir --softmax-stage-rows | FileCheck %s --check-prefix=ROWS
// RUN: softmax-opt %t/buffers.mlir --softmax-stage-buffers | FileCheck %s --check-prefix=BUFFERS
// RUN: softmax-opt %t/loops.mlir --softmax-stage-loops=target=x86-64-v3 | FileCheck %s --check-prefix=LOOPS
// RUN: softmax-opt %t/llvm.mlir --softmax-stage-llvm | FileCheck %s --check-prefix=LLVM
// Each stage on the shape of the one before it.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

//--- rows.mlir
// ROWS-NOT: softmax.softmax
// ROWS: row.program {{.*}} outs(%{{.*}} : tensor<4x8xf32>)
// ROWS-NOT: softmax.softmax
func.func @operators_become_row_programs(%x: tensor<4x8xf32>, %o: tensor<4x8xf32>) -> tensor<4x8xf32> {
  %y = softmax.softmax axis(1) ins(%x : tensor<4x8xf32>) outs(%o : tensor<4x8xf32>) -> tensor<4x8xf32>
  return %y : tensor<4x8xf32>
}

//--- buffers.mlir
// BUFFERS: func.func @tensors_become_buffers(%[[X:.*]]: memref<4x8xf32>, %[[Y:.*]]: memref<4x8xf32>)
// BUFFERS: linalg.generic
// BUFFERS-NOT: tensor<
// BUFFERS: row.program axis(1) {{.*}} outs(%[[Y]] : memref<4x8xf32>)
#all = affine_map<(d0, d1) -> (d0, d1)>
func.func @tensors_become_buffers(%x: tensor<4x8xf32>, %y: tensor<4x8xf32> {bufferization.writable = true}) {
  %a = arith.mulf %x, %x : tensor<4x8xf32>
  %o = tensor.empty() : tensor<4x8xf32>
  %r = row.program axis(1) maps [#all, #all] ins(%a : tensor<4x8xf32>) outs(%o : tensor<4x8xf32>) {
  ^bb0(%row: !row.elements<f32>):
    %m = row.map(%row : !row.elements<f32>) {
    ^bb0(%e: f32):
      row.yield %e : f32
    } -> !row.elements<f32>
    row.yield %m : !row.elements<f32>
  } -> tensor<4x8xf32>
  %w = bufferization.materialize_in_destination %r in %y : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<4x8xf32>
  return
}

//--- loops.mlir
// LOOPS: func.func @programs_become_loops
// LOOPS-SAME: softmax.schedule = #softmax.cpu_schedule<traversal = stream, isa = avx2
// LOOPS-NOT: row.program
// LOOPS: scf.for
// LOOPS: vector.load %{{.*}}, vector<8xf32>
// LOOPS: vector.store
// LOOPS-NOT: row.program
#all = affine_map<(d0, d1) -> (d0, d1)>
func.func @programs_become_loops(%x: memref<4x64xf32>, %y: memref<4x64xf32>) {
  row.program axis(1) maps [#all, #all] ins(%x : memref<4x64xf32>) outs(%y : memref<4x64xf32>) {
  ^bb0(%row: !row.elements<f32>):
    %m = row.map(%row : !row.elements<f32>) {
    ^bb0(%e: f32):
      %n = row.exp_nonpositive %e : f32
      row.yield %n : f32
    } -> !row.elements<f32>
    row.yield %m : !row.elements<f32>
  }
  return
}
func.func private @with_a_schedule() attributes {softmax.schedule = #softmax.cpu_schedule<>}

//--- llvm.mlir
// LLVM-LABEL: llvm.func @loops_become_llvm
// LLVM-NOT: {{(scf|vector|memref|arith|math|cf|func|row|softmax)[.]}}
// LLVM: llvm.intr.masked.store
// LLVM-NOT: {{(scf|vector|memref|arith|math|cf|func|row|softmax)[.]}}
// LLVM: llvm.return
// No elementary function is left to the C library.
// LLVM-NOT: llvm.call
// LLVM-NOT: llvm.intr.exp
func.func @loops_become_llvm(%x: memref<64xf32>, %n: index) {
  %c0 = arith.constant 0 : index
  %c8 = arith.constant 8 : index
  scf.for %i = %c0 to %n step %c8 {
    %v = vector.load %x[%i] : memref<64xf32>, vector<8xf32>
    %e = row.exp_nonpositive %v : vector<8xf32>
    %f = math.log1p %e : vector<8xf32>
    %left = arith.subi %n, %i : index
    %mask = vector.create_mask %left : vector<8xi1>
    vector.maskedstore %x[%i], %mask, %f : memref<64xf32>, vector<8xi1>, vector<8xf32>
  }
  return
}
