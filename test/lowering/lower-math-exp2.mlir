// RUN: softmax-opt %s --softmax-lower-math=hardware-exp2 | FileCheck %s
// RUN: softmax-opt %s --softmax-lower-math | FileCheck %s --check-prefix=POLYNOMIAL
// Exponentials by a GPU's instruction for 2^x.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// What the product with log2 e loses comes back as a factor. Infinities are kept
// out of it.
// CHECK-LABEL: func @checked(
// CHECK:       %[[X:.*]] = arith.maximumf
// CHECK:       %[[PRODUCT:.*]] = arith.mulf %[[X]]
// CHECK:       %[[HIGH:.*]] = math.fma %[[PRODUCT]], %{{.*}}, %[[X]]
// CHECK:       %[[LOST:.*]] = math.fma %[[PRODUCT]], %{{.*}}, %[[HIGH]]
// CHECK:       %[[POWER:.*]] = math.exp2 %[[PRODUCT]] : f32
// CHECK:       math.fma %[[POWER]], %[[LOST]], %[[POWER]]
func.func @checked(%x: f32) -> f32 {
  %y = row.exp_nonpositive %x : f32
  return %y : f32
}

// Whoever looks at the result needs no guard.
// CHECK-LABEL: func @unchecked(
// CHECK-NOT:   arith.maximumf
// CHECK:       math.exp2 %{{.*}} fastmath<afn> : vector<8xf32>
// CHECK:       math.fma
func.func @unchecked(%x: vector<8xf32>) -> vector<8xf32> {
  %y = row.exp_nonpositive %x {unchecked} : vector<8xf32>
  return %y : vector<8xf32>
}

// CHECK-LABEL: func @rounded(
// CHECK:       %[[HALF:.*]] = arith.mulf
// CHECK:       %[[ROOT:.*]] = math.exp2 %[[HALF]] fastmath<afn> : f32
// CHECK-NEXT:  %[[POWER:.*]] = arith.mulf %[[ROOT]], %[[ROOT]]
// CHECK-NEXT:  return %[[POWER]]
func.func @rounded(%x: f32) -> f32 {
  %y = row.exp_nonpositive %x {rounded} : f32
  return %y : f32
}

// Without a bound for the argument: infinities come out right.
// CHECK-LABEL: func @rounded_of_any_argument(
// CHECK:       %[[HALF:.*]] = arith.mulf
// CHECK:       %[[ROOT:.*]] = math.exp2 %[[HALF]] fastmath<afn> : f32
// CHECK-NEXT:  arith.mulf %[[ROOT]], %[[ROOT]]
// POLYNOMIAL-LABEL: func @rounded_of_any_argument(
// POLYNOMIAL-NOT: math.exp
func.func @rounded_of_any_argument(%x: f32) -> f32 {
  %y = math.exp %x fastmath<afn> : f32
  return %y : f32
}
