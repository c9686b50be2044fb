// RUN: softmax-opt %s -softmax-lower-math -cse | FileCheck %s
// RUN: softmax-opt %s -softmax-lower-math=fma=false | FileCheck %s --check-prefix=PLAIN
// RUN: softmax-opt %s -softmax-lower-math=scalef=true | FileCheck %s --check-prefix=SCALEF
// RUN: softmax-opt %s -softmax-lower-math=fast=true | FileCheck %s --check-prefix=FAST
// RUN: softmax-opt %s -softmax-lower-math="native-half=true keep-signaling=true" | FileCheck %s --check-prefix=NATIVE

// Without FMA no math.fma may remain, it would call the C library.
// PLAIN-NOT: math.fma
// FAST-NOT: math.exp

// CHECK-LABEL: func @exp_nonpositive(
// CHECK-SAME:      %[[X:.*]]: vector<8xf32>)
// CHECK-DAG:     %[[LOWEST:.*]] = arith.constant dense<-1.040000e+02>
// CHECK-DAG:     %[[SMALL:.*]] = arith.cmpf olt, %[[X]], %[[LOWEST]]
// CHECK-DAG:     %[[CLAMPED:.*]] = arith.select %[[SMALL]], %[[LOWEST]], %[[X]]
// CHECK-DAG:     %[[LOG2E:.*]] = arith.constant dense<1.44269502>
// 1.5 * 2^23 + 127 + 64
// CHECK-DAG:     %[[MAGIC:.*]] = arith.constant dense<0x4B4000BF>
// CHECK:         %[[BIASED:.*]] = math.fma %[[CLAMPED]], %[[LOG2E]], %[[MAGIC]]
// CHECK:         %[[N:.*]] = arith.subf %[[BIASED]], %[[MAGIC]]
// CHECK:         %[[HI:.*]] = math.fma %[[N]], %{{.*}}, %[[CLAMPED]]
// CHECK:         %[[R:.*]] = math.fma %[[N]], %{{.*}}, %[[HI]]
// CHECK:         %[[BITS:.*]] = arith.bitcast %[[BIASED]] : vector<8xf32> to vector<8xi32>
// CHECK:         %[[SHIFTED:.*]] = arith.shli %[[BITS]]
// CHECK:         %[[POWER:.*]] = arith.bitcast %[[SHIFTED]] : vector<8xi32> to vector<8xf32>
// CHECK-COUNT-6: math.fma {{.*}}%[[R]]
// CHECK:         %[[RESULT:.*]] = arith.mulf %{{.*}}, %[[POWER]]
// CHECK-NEXT:    return %[[RESULT]]

// One constant of ln 2 and one coefficient less.
// FAST-LABEL: func @exp_nonpositive(
// FAST-COUNT-7: math.fma
// FAST-NOT:     math.fma
// FAST:         return
func.func @exp_nonpositive(%x: vector<8xf32>) -> vector<8xf32> {
  %0 = row.exp_nonpositive %x : vector<8xf32>
  return %0 : vector<8xf32>
}

// Two factors, since n can overflow the exponent at either end.
// CHECK-LABEL: func @exp_of_any_argument(
// CHECK-SAME:      %[[X:.*]]: f64)
// CHECK-NOT:     math.exp
// CHECK:         arith.cmpf olt, %[[X]]
// CHECK:         arith.cmpf ogt
// CHECK:         arith.shrui %{{.*}} : i64
// CHECK:         arith.mulf
// CHECK:         %[[RESULT:.*]] = arith.mulf
// CHECK-NEXT:    return %[[RESULT]] : f64
func.func @exp_of_any_argument(%x: f64) -> f64 {
  %0 = math.exp %x : f64
  return %0 : f64
}

// CHECK-LABEL: func @scalable(
// CHECK-COUNT-9: math.fma {{.*}} : vector<[4]xf32>
// CHECK-NOT:     math.fma
// CHECK:         return
func.func @scalable(%x: vector<[4]xf32>) -> vector<[4]xf32> {
  %0 = row.exp_nonpositive %x : vector<[4]xf32>
  return %0 : vector<[4]xf32>
}

// SCALEF-LABEL: func @scalef_f32(
// SCALEF-DAG:     %[[ALL:.*]] = arith.constant -1 : i16
// SCALEF-DAG:     %[[CURRENT:.*]] = arith.constant 4 : i32
// SCALEF:         llvm.call_intrinsic "llvm.x86.avx512.mask.scalef.ps.512"(%[[P:.*]], %{{.*}}, %[[P]], %[[ALL]], %[[CURRENT]])
// SCALEF-NOT:     arith.shli
// SCALEF:         return

// CHECK-LABEL: func @scalef_f32(
// CHECK-NOT:     llvm.call_intrinsic
// CHECK:         return
func.func @scalef_f32(%x: vector<16xf32>) -> vector<16xf32> {
  %0 = math.exp %x : vector<16xf32>
  return %0 : vector<16xf32>
}

// SCALEF-LABEL: func @scalef_f64(
// SCALEF:         arith.constant -1 : i8
// SCALEF:         llvm.call_intrinsic "llvm.x86.avx512.mask.scalef.pd.512"
// SCALEF:         return
func.func @scalef_f64(%x: vector<8xf64>) -> vector<8xf64> {
  %0 = row.exp_nonpositive %x : vector<8xf64>
  return %0 : vector<8xf64>
}

// The instruction is used at its own width only.
// SCALEF-LABEL: func @scalef_other_widths(
// SCALEF-NOT:     llvm.call_intrinsic
// SCALEF:         return
func.func @scalef_other_widths(%x: vector<8xf32>, %y: vector<[16]xf32>,
                               %z: vector<2x8xf32>)
    -> (vector<8xf32>, vector<[16]xf32>, vector<2x8xf32>) {
  %0 = math.exp %x : vector<8xf32>
  %1 = math.exp %y : vector<[16]xf32>
  %2 = math.exp %z : vector<2x8xf32>
  return %0, %1, %2 : vector<8xf32>, vector<[16]xf32>, vector<2x8xf32>
}

// f32 logarithms are evaluated in f64 and rounded once.
// CHECK-LABEL: func @log_f32(
// CHECK-SAME:      %[[X:.*]]: vector<4xf32>)
// CHECK:         arith.extf %[[X]] : vector<4xf32> to vector<4xf64>
// CHECK-NOT:     arith.divf
// CHECK-COUNT-12: math.fma {{.*}} : vector<4xf64>
// CHECK:         %[[RESULT:.*]] = arith.truncf %{{.*}} : vector<4xf64> to vector<4xf32>
// CHECK-NEXT:    return %[[RESULT]]
func.func @log_f32(%x: vector<4xf32>) -> vector<4xf32> {
  %0 = math.log %x : vector<4xf32>
  return %0 : vector<4xf32>
}

// CHECK-LABEL: func @log1p_f64(
// CHECK-NOT:     math.log1p
// CHECK:         arith.divf
// CHECK:         return
func.func @log1p_f64(%x: f64) -> f64 {
  %0 = math.log1p %x : f64
  return %0 : f64
}

// Evaluated in f32, where the NaN of a widened bf16 need not be quieted.
// CHECK-LABEL: func @log1p_bf16(
// CHECK-SAME:      %[[X:.*]]: bf16)
// CHECK:         %[[BITS:.*]] = arith.bitcast %[[X]] : bf16 to i16
// CHECK:         %[[WIDE:.*]] = arith.extui %[[BITS]] : i16 to i32
// CHECK:         %[[SHIFTED:.*]] = arith.shli %[[WIDE]]
// CHECK:         %[[F32:.*]] = arith.bitcast %[[SHIFTED]] : i32 to f32
// CHECK-NEXT:    arith.extf %[[F32]] : f32 to f64
// CHECK:         arith.bitcast %{{.*}} : i16 to bf16
func.func @log1p_bf16(%x: bf16) -> bf16 {
  %0 = math.log1p %x : bf16
  return %0 : bf16
}

// CHECK-LABEL: func @extend(
// CHECK-NOT:     arith.extf {{.*}} : vector<8xf16>
// CHECK-NOT:     arith.extf {{.*}} : vector<8xbf16>
// CHECK:         return

// NATIVE-LABEL: func @extend(
// NATIVE-SAME:      %[[H:.*]]: vector<8xf16>, %[[B:.*]]: vector<8xbf16>)
// NATIVE:         %[[WIDE_H:.*]] = arith.extf %[[H]] : vector<8xf16> to vector<8xf32>
// NATIVE:         %[[SHIFTED:.*]] = arith.shli
// NATIVE-NEXT:    %[[WIDE_B:.*]] = arith.bitcast %[[SHIFTED]] : vector<8xi32> to vector<8xf32>
// NATIVE-NEXT:    return %[[WIDE_H]], %[[WIDE_B]]
func.func @extend(%h: vector<8xf16>, %b: vector<8xbf16>)
    -> (vector<8xf32>, vector<8xf32>) {
  %0 = arith.extf %h : vector<8xf16> to vector<8xf32>
  %1 = arith.extf %b : vector<8xbf16> to vector<8xf32>
  return %0, %1 : vector<8xf32>, vector<8xf32>
}

// CHECK-LABEL: func @truncate(
// CHECK-NOT:     arith.truncf
// CHECK:         return

// NATIVE-LABEL: func @truncate(
// NATIVE:         arith.truncf %{{.*}} : vector<8xf32> to vector<8xf16>
// NATIVE-NOT:     arith.truncf
// NATIVE:         return
func.func @truncate(%h: vector<8xf32>, %b: vector<8xf32>)
    -> (vector<8xf16>, vector<8xbf16>) {
  %0 = arith.truncf %h : vector<8xf32> to vector<8xf16>
  %1 = arith.truncf %b : vector<8xf32> to vector<8xbf16>
  return %0, %1 : vector<8xf16>, vector<8xbf16>
}

// The first of two roundings goes to odd: hardware would round twice.
// NATIVE-LABEL: func @truncate_f64(
// NATIVE-SAME:      %[[X:.*]]: f64)
// NATIVE:         %[[NEAREST:.*]] = arith.truncf %[[X]] : f64 to f32
// NATIVE:         %[[BACK:.*]] = arith.extf %[[NEAREST]] : f32 to f64
// NATIVE:         arith.cmpf one, %[[BACK]], %[[X]]
// NATIVE:         %[[ODD:.*]] = arith.bitcast %{{.*}} : i32 to f32
// NATIVE-NEXT:    arith.truncf %[[ODD]] : f32 to f16
func.func @truncate_f64(%x: f64) -> f16 {
  %0 = arith.truncf %x : f64 to f16
  return %0 : f16
}

// CHECK-LABEL: func @left_alone(
// CHECK:         math.exp %{{.*}} : tensor<4xf32>
// CHECK:         arith.extf %{{.*}} : f32 to f64
// CHECK:         arith.truncf %{{.*}} toward_zero : f32 to bf16
func.func @left_alone(%t: tensor<4xf32>, %x: f32)
    -> (tensor<4xf32>, f64, bf16) {
  %0 = math.exp %t : tensor<4xf32>
  %1 = arith.extf %x : f32 to f64
  %2 = arith.truncf %x toward_zero : f32 to bf16
  return %0, %1, %2 : tensor<4xf32>, f64, bf16
}
