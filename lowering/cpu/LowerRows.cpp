// softmax-lower-rows: row programs become the loops their schedule asks for.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "lowering/Passes.h"
#include "lowering/cpu/Inner.h"
#include "lowering/cpu/Layout.h"
#include "lowering/cpu/Stream.h"
#include "lowering/reference/Reference.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

namespace mlir::softmax {
#define GEN_PASS_DEF_SOFTMAXLOWERROWSPASS
#include "lowering/Passes.h.inc"
} // namespace mlir::softmax

using namespace mlir;
using namespace mlir::softmax;

namespace {

std::unique_ptr<RowTraversal> createTraversal(row::ProgramOp program,
                                              CPUScheduleAttr schedule,
                                              RewriterBase &rewriter) {
  // Programs over scalars only (counting labels) have nothing to vectorize.
  if (program.traversesRows())
    switch (schedule.getTraversal()) {
    case Traversal::Stream:
      return std::make_unique<StreamTraversal>(program, schedule, rewriter);
    case Traversal::Inner:
      // Beside the program that the schedule is for, a function may sum up
      // class weights, which are one row.
      if (!InnerTraversal::laneDimension(program))
        break;
      return std::make_unique<InnerTraversal>(program, schedule, rewriter);
    case Traversal::Reference:
      break;
    }
  return std::make_unique<ReferenceTraversal>(program, schedule, rewriter);
}

struct SoftmaxLowerRows : softmax::impl::SoftmaxLowerRowsPassBase<SoftmaxLowerRows> {
  using Base::Base;

  void runOnOperation() override {
    CPUScheduleAttr schedule = getCPUSchedule(getOperation());
    if (!schedule)
      schedule = CPUScheduleAttr::getReference(&getContext());
    SmallVector<row::ProgramOp> programs;
    getOperation().walk([&](row::ProgramOp op) { programs.push_back(op); });
    IRRewriter rewriter(&getContext());
    programs = specialize(programs, schedule.getTraversal(), rewriter);
    for (row::ProgramOp program : programs)
      if (failed(createTraversal(program, schedule, rewriter)->run()))
        return signalPassFailure();
  }
};

} // namespace
