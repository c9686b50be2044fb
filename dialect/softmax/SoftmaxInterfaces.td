// The interface between operators and everything that lowers them.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef DIALECT_SOFTMAX_SOFTMAXINTERFACES_TD
#define DIALECT_SOFTMAX_SOFTMAXINTERFACES_TD

include "mlir/IR/OpBase.td"

def Softmax_RowOpInterface : OpInterface<"RowOpInterface"> {
  let cppNamespace = "::mlir::softmax";
  let description = [{
    An operator that can be written as row programs. One function per operator
    does it; every schedule and target then has the operator.
  }];
  let methods = [
    InterfaceMethod<[{
      Writes the operator as row programs (and scalar operations around them)
      before itself and gives the values of its results. The builder stands at
      the operator.
    }], "::llvm::FailureOr<::llvm::SmallVector<::mlir::Value>>",
    "buildRows", (ins "::mlir::ImplicitLocOpBuilder &":$builder)>,
    InterfaceMethod<[{
      The class axis, counted from 0.
    }], "int64_t", "getClassAxis", (ins)>,
  ];
}

#endif // DIALECT_SOFTMAX_SOFTMAXINTERFACES_TD
