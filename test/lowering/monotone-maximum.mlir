// RUN: softmax-opt %s --softmax-lower-rows | FileCheck %s
// The maximum of a monotone function is the function of the maximum: once for a
// block, not once for an element.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#all = affine_map<(d0, d1) -> (d0, d1)>
#rows = affine_map<(d0, d1) -> (d0)>
// CHECK-LABEL: func @one_hyperbolic_tangent_for_the_maxima_of_a_block
func.func @one_hyperbolic_tangent_for_the_maxima_of_a_block(%x: memref<4x64xf32>, %l: memref<4xf32>) attributes {softmax.schedule = #softmax.cpu_schedule<traversal = stream, isa = avx2, lanes = 8, unroll = 2>} {
  // CHECK: arith.cmpf ogt, %{{.*}}, %{{.*}} : vector<8xf32>
  // CHECK-NOT: math.tanh %{{.*}} : vector
  // CHECK: %[[LARGEST:.*]] = vector.extract %{{.*}}[0] : f32 from vector<1xf32>
  // CHECK: math.tanh %[[LARGEST]] : f32
  // CHECK: math.tanh %{{.*}} : vector<8xf32>
  // CHECK: row.exp_nonpositive %{{.*}} : vector<8xf32>
  row.program axis(1) maps [#all, #rows] ins(%x : memref<4x64xf32>) outs(%l : memref<4xf32>) {
  ^bb0(%row: !row.elements<f32>):
    %max, %sum, %tail = row.reduce logsumexp {monotone}(%row : !row.elements<f32>) {
    ^bb0(%e: f32):
      %t = math.tanh %e : f32
      row.yield %t : f32
    } -> f32, f32, f32
    row.yield %tail : f32
  }
  return
}
