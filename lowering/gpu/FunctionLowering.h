// A function on device memory on its way to launches.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef LOWERING_GPU_FUNCTIONLOWERING_H
#define LOWERING_GPU_FUNCTIONLOWERING_H

#include "lowering/gpu/RowKernel.h"
#include "mlir/Dialect/Arith/IR/Arith.h"

namespace mlir::softmax {

/// Turns a function on device memory into one that launches kernels only.
class FunctionLowering {
public:
  FunctionLowering(func::FuncOp function, GPUScheduleAttr schedule)
      : function(function), schedule(schedule),
        host(function.getLoc(), function.getContext()),
        workspace(workspaceArgument()) {}

  LogicalResult run();

private:
  //===--- The function (LowerRows.cpp) -----------------------------------===//

  Value workspaceArgument();
  std::string nextName() {
    return (function.getName() + "_" + Twine(kernels++)).str();
  }
  LogicalResult lower(row::ProgramOp program);
  void launchFinish(row::ProgramOp program, Value blocks,
                    ArrayRef<unsigned> totals, ArrayRef<int64_t> partials);
  void lowerStores(ArrayRef<memref::StoreOp> stores);
  LogicalResult eraseHostWork();

  //===--- One program (Launches.cpp) -------------------------------------===//

  std::optional<Slices> cutRows(row::ProgramOp program);
  /// Each returns how many blocks have left sums of totals.
  Value launchEither(row::ProgramOp program, Value rows,
                     ArrayRef<int64_t> partials, bool wide);
  Value launchWhole(row::ProgramOp program, Value rows,
                    ArrayRef<int64_t> partials, bool wide);
  Value launchSplit(row::ProgramOp program, Value rows,
                    ArrayRef<int64_t> partials, bool wide);
  Value readsWholeVectors(row::ProgramOp program);
  /// Emits both ways, or the one that is known to be taken.
  Value either(Value condition, function_ref<Value()> then,
               function_ref<Value()> otherwise);
  Value constant(int64_t value) {
    return arith::ConstantIndexOp::create(host, value);
  }
  func::FuncOp function;
  GPUScheduleAttr schedule;
  ImplicitLocOpBuilder host;
  Workspace workspace;
  gpu::GPUModuleOp module;
  llvm::DenseMap<Value, int64_t> scratch;
  std::optional<Slices> slices; ///< of the program at hand
  int64_t sharedBytes = 0;
  unsigned kernels = 0;
};

} // namespace mlir::softmax

#endif // LOWERING_GPU_FUNCTIONLOWERING_H
