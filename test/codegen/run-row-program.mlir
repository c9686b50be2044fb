// REQUIRES: mlir-runner
// RUN: softmax-opt %s --softmax-cpu-pipeline=target=x86-64 | sed "s/ attributes {softmax[^}]*}//" | mlir-runner -e main --entry-point-result=void --shared-libs=%runner_libs | FileCheck %s
// RUN: softmax-opt %s --softmax-cpu-pipeline=target=host | sed "s/ attributes {softmax[^}]*}//" | mlir-runner -e main --entry-point-result=void --shared-libs=%runner_libs | FileCheck %s
// What no operator uses of row programs, compiled and run in both traversals.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#all = affine_map<(d0, d1) -> (d0, d1)>
#rows = affine_map<(d0, d1) -> (d0)>

func.func private @printMemrefF32(tensor<*xf32>)

func.func @column_is_counted_from_the_begin_of_the_row(%x: tensor<2x11xf32>) {
  %o = tensor.empty() : tensor<2x11xf32>
  %y = row.program axis(1) maps [#all, #all] ins(%x : tensor<2x11xf32>) outs(%o : tensor<2x11xf32>) {
  ^bb0(%row: !row.elements<f32>):
    %m = row.map(%row : !row.elements<f32>) {
    ^bb0(%e: f32):
      %column = row.column
      %integer = arith.index_cast %column : index to i32
      %number = arith.sitofp %integer : i32 to f32
      %sum = arith.addf %e, %number : f32
      row.yield %sum : f32
    } -> !row.elements<f32>
    row.yield %m : !row.elements<f32>
  } -> tensor<2x11xf32>
  %printed = tensor.cast %y : tensor<2x11xf32> to tensor<*xf32>
  func.call @printMemrefF32(%printed) : (tensor<*xf32>) -> ()
  return
}

func.func @column_along_the_other_axis(%x: tensor<2x11xf32>) {
  %o = tensor.empty() : tensor<2x11xf32>
  %y = row.program axis(0) maps [#all, #all] ins(%x : tensor<2x11xf32>) outs(%o : tensor<2x11xf32>) {
  ^bb0(%row: !row.elements<f32>):
    %m = row.map(%row : !row.elements<f32>) {
    ^bb0(%e: f32):
      %column = row.column
      %integer = arith.index_cast %column : index to i32
      %number = arith.sitofp %integer : i32 to f32
      %sum = arith.addf %e, %number : f32
      row.yield %sum : f32
    } -> !row.elements<f32>
    row.yield %m : !row.elements<f32>
  } -> tensor<2x11xf32>
  %printed = tensor.cast %y : tensor<2x11xf32> to tensor<*xf32>
  func.call @printMemrefF32(%printed) : (tensor<*xf32>) -> ()
  return
}

// The element behind the row is the first one of the next row.
func.func @column_outside_the_row_is_zero(%x: tensor<2x11xf32>) {
  %o = tensor.empty() : tensor<2xf32>
  %outside = arith.constant 11 : index
  %y = row.program axis(1) maps [#all, #rows] ins(%x : tensor<2x11xf32>) outs(%o : tensor<2xf32>) {
  ^bb0(%row: !row.elements<f32>):
    %e = row.at %row[%outside] : !row.elements<f32>
    row.yield %e : f32
  } -> tensor<2xf32>
  %printed = tensor.cast %y : tensor<2xf32> to tensor<*xf32>
  func.call @printMemrefF32(%printed) : (tensor<*xf32>) -> ()
  return
}

func.func @main() {
  %x = arith.constant dense<100.0> : tensor<2x11xf32>
  // CHECK: sizes = [2, 11]
  // CHECK: {{\[\[}}100,   101,   102,   103,   104,   105,   106,   107,   108,   109,   110],
  // CHECK-NEXT: [100,   101,   102,   103,   104,   105,   106,   107,   108,   109,   110]]
  call @column_is_counted_from_the_begin_of_the_row(%x) : (tensor<2x11xf32>) -> ()
  // CHECK: sizes = [2, 11]
  // CHECK: {{\[\[}}100,   100,   100,   100,   100,   100,   100,   100,   100,   100,   100],
  // CHECK-NEXT: [101,   101,   101,   101,   101,   101,   101,   101,   101,   101,   101]]
  call @column_along_the_other_axis(%x) : (tensor<2x11xf32>) -> ()
  // CHECK: sizes = [2]
  // CHECK: [0,  0]
  call @column_outside_the_row_is_zero(%x) : (tensor<2x11xf32>) -> ()
  return
}
