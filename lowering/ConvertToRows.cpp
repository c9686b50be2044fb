// softmax-to-rows: operators become row programs.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "lowering/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/PatternMatch.h"

namespace mlir::softmax {
#define GEN_PASS_DEF_SOFTMAXTOROWSPASS
#include "lowering/Passes.h.inc"
} // namespace mlir::softmax

using namespace mlir;
using namespace mlir::softmax;

namespace {

struct SoftmaxToRows : softmax::impl::SoftmaxToRowsPassBase<SoftmaxToRows> {
  using Base::Base;

  void runOnOperation() override {
    SmallVector<RowOpInterface> ops;
    getOperation()->walk([&](RowOpInterface op) { ops.push_back(op); });
    IRRewriter rewriter(&getContext());
    for (RowOpInterface op : ops) {
      ImplicitLocOpBuilder builder(op.getLoc(), rewriter);
      builder.setInsertionPoint(op);
      FailureOr<SmallVector<Value>> results = op.buildRows(builder);
      if (failed(results)) {
        op.emitError("cannot be written as row programs");
        return signalPassFailure();
      }
      rewriter.replaceOp(op, *results);
    }
  }
};

} // namespace
