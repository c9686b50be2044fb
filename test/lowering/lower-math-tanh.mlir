// RUN: softmax-opt %s -softmax-lower-math -cse | FileCheck %s
// RUN: softmax-opt %s -softmax-lower-math=fma=false | FileCheck %s --check-prefix=PLAIN
// RUN: softmax-opt %s -softmax-lower-math=scalef=true | FileCheck %s --check-prefix=SCALEF
// RUN: softmax-opt %s -softmax-lower-math=fast=true -cse | FileCheck %s --check-prefix=FAST
// The hyperbolic tangent and its derivative become arithmetic.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// Without FMA no math.fma may remain, it would call the C library.
// PLAIN-NOT: math.fma
// Scalars have no such instruction, and are to give the same bits as vectors.
// SCALEF-NOT: llvm.call_intrinsic

// CHECK-LABEL: func @tanh(
// CHECK-SAME:      %[[X:.*]]: vector<8xf32>)
// CHECK-DAG:     %[[MINUS_TWO:.*]] = arith.constant dense<-2.000000e+00>
// CHECK-DAG:     %[[LOWEST:.*]] = arith.constant dense<-1.060000e+02>
// CHECK-DAG:     %[[MAGNITUDE:.*]] = math.absf %[[X]]
// CHECK-DAG:     %[[Y:.*]] = arith.mulf %[[MAGNITUDE]], %[[MINUS_TWO]]
// CHECK-DAG:     %[[SMALL:.*]] = arith.cmpf olt, %[[Y]], %[[LOWEST]]
// CHECK-DAG:     %[[CLAMPED:.*]] = arith.select %[[SMALL]], %[[LOWEST]], %[[Y]]
// 1.5 * 2^23 + 126
// CHECK-DAG:     %[[MAGIC:.*]] = arith.constant dense<0x4B40007E>
// CHECK:         %[[BIASED:.*]] = math.fma %[[CLAMPED]], %{{.*}}, %[[MAGIC]]
// CHECK:         %[[N:.*]] = arith.subf %[[BIASED]], %[[MAGIC]]
// CHECK:         %[[HI:.*]] = math.fma %[[N]], %{{.*}}, %[[CLAMPED]]
// CHECK:         %[[R:.*]] = math.fma %[[N]], %{{.*}}, %[[HI]]
// CHECK-COUNT-4: math.fma {{.*}}%[[R]]
// CHECK:         %[[SQUARE:.*]] = arith.mulf %[[R]], %[[R]]
// CHECK:         %[[Q:.*]] = math.fma %[[SQUARE]], %{{.*}}, %[[R]]
// The exponent is kept from leaving its field.
// CHECK:         arith.cmpf olt, %[[BIASED]]
// CHECK:         %[[KEPT:.*]] = arith.select {{.*}}, %[[BIASED]]
// CHECK:         %[[BITS:.*]] = arith.bitcast %[[KEPT]] : vector<8xf32> to vector<8xi32>
// CHECK:         %[[SHIFTED:.*]] = arith.shli %[[BITS]]
// CHECK:         %[[POWER:.*]] = arith.bitcast %[[SHIFTED]] : vector<8xi32> to vector<8xf32>
// CHECK:         %[[HALF:.*]] = math.fma %[[POWER]], %[[Q]], %[[POWER]]
// CHECK:         %[[MEAN:.*]] = arith.addf %[[HALF]]
// CHECK:         %[[T:.*]] = arith.divf %{{.*}}, %[[MEAN]]
// CHECK-NOT:     arith.divf
// CHECK:         %[[RESULT:.*]] = math.copysign %{{.*}}, %[[X]]
// CHECK-NEXT:    return %[[RESULT]]

// ln 2 in one part, and the quotient is the result.
// FAST-LABEL: func @tanh(
// FAST-COUNT-9: math.fma
// FAST-NOT:     math.fma
// FAST:         %[[QUOTIENT:.*]] = arith.divf
// FAST-NEXT:    math.copysign %[[QUOTIENT]]
func.func @tanh(%x: vector<8xf32>) -> vector<8xf32> {
  %0 = math.tanh %x : vector<8xf32>
  return %0 : vector<8xf32>
}

// CHECK-LABEL: func @sech_squared(
// CHECK-NOT:     row.sech_squared
// CHECK:         arith.shli
// The head room of the exponent, 32 * 2^23.
// CHECK:         arith.addi %{{.*}}, %{{.*}} : i32
// CHECK:         %[[RESULT:.*]] = arith.divf
// CHECK-NEXT:    return %[[RESULT]] : f32
func.func @sech_squared(%x: f32) -> f32 {
  %0 = row.sech_squared %x : f32
  return %0 : f32
}

// Both of one argument share what comes before the fractions: one reduction
// and one polynomial.
// CHECK-LABEL: func @both(
// CHECK-COUNT-1: math.absf
// CHECK-COUNT-13: math.fma {{.*}} : vector<[2]xf64>
// CHECK:         arith.mulf %[[R:.*]], %[[R]]
// CHECK-NOT:     math.absf
// CHECK-COUNT-2: arith.divf
// CHECK-NOT:     arith.divf
// CHECK:         return
func.func @both(%x: vector<[2]xf64>) -> (vector<[2]xf64>, vector<[2]xf64>) {
  %0 = math.tanh %x : vector<[2]xf64>
  %1 = row.sech_squared %x : vector<[2]xf64>
  return %0, %1 : vector<[2]xf64>, vector<[2]xf64>
}

// SCALEF-LABEL: func @scalef(
// SCALEF:         return
func.func @scalef(%x: vector<16xf32>) -> (vector<16xf32>, vector<16xf32>) {
  %0 = math.tanh %x : vector<16xf32>
  %1 = row.sech_squared %x : vector<16xf32>
  return %0, %1 : vector<16xf32>, vector<16xf32>
}

// Evaluated in f32 and rounded once.
// CHECK-LABEL: func @bf16(
// CHECK-SAME:      %[[X:.*]]: bf16)
// CHECK:         arith.bitcast %[[X]] : bf16 to i16
// CHECK:         arith.divf {{.*}} : f32
// CHECK:         math.copysign {{.*}} : f32
// CHECK:         arith.bitcast %{{.*}} : i16 to bf16
func.func @bf16(%x: bf16) -> bf16 {
  %0 = math.tanh %x : bf16
  return %0 : bf16
}

// CHECK-LABEL: func @tensor(
// CHECK:         math.tanh %{{.*}} : tensor<4xf32>
// CHECK:         row.sech_squared %{{.*}} : tensor<4xf32>
func.func @tensor(%t: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>) {
  %0 = math.tanh %t : tensor<4xf32>
  %1 = row.sech_squared %t : tensor<4xf32>
  return %0, %1 : tensor<4xf32>, tensor<4xf32>
}
