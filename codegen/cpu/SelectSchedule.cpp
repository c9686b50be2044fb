// softmax-select-cpu-schedule: the only writer of CPU schedules.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "codegen/Passes.h"
#include "codegen/Target.h"
#include "lowering/cpu/Stream.h"

#include "mlir/IR/Remarks.h"

namespace mlir::softmax {
#define GEN_PASS_DEF_SOFTMAXSELECTCPUSCHEDULEPASS
#include "codegen/Passes.h.inc"
} // namespace mlir::softmax

using namespace mlir;
using namespace mlir::softmax;

namespace {

/// What selection has to know of a function.
struct Kernel {
  SmallVector<row::ProgramOp> programs; ///< those that traverse rows
  bool isDouble = false;                ///< accumulates in f64
};

Kernel inspect(func::FuncOp function) {
  Kernel kernel;
  function.walk([&](row::ProgramOp program) {
    if (!program.traversesRows())
      return;
    kernel.programs.push_back(program);
    for (Value operand : program->getOperands())
      if (auto type = dyn_cast<ShapedType>(operand.getType()))
        kernel.isDouble |= type.getRank() > 0 && type.getElementType().isF64();
  });
  return kernel;
}

/// One row of the table per ISA. A block is 8 KiB of f32: it stays in L1 from
/// its maxima to its sums, while the block after it is read ahead. Measured on
/// Zen 4, cross-entropy 64x128256: without reading ahead 1.9 times the time of a
/// read sweep, with it level with one. AVX2 spills its 16 registers when four
/// exponentials are in flight: cross-entropy with gradient 64x128256 takes 1.36
/// ns per element with four and 0.93 with two.
struct Row {
  Isa isa;
  int64_t unroll;
  int64_t block;    ///< columns
  int64_t prefetch; ///< bytes
};
constexpr Row kTable[] = {
    {Isa::SSE2, 4, 2048, 8192}, {Isa::AVX2, 2, 2048, 8192},
    {Isa::AVX512, 4, 2048, 8192}, {Isa::NEON, 4, 2048, 8192},
    {Isa::SVE, 2, 2048, 0},     {Isa::RVV, 2, 2048, 0},
    {Isa::SIMD128, 4, 2048, 0}};

/// Rows per task of a parallel loop: about 16k elements, so that starting a
/// task costs little, from the static extents; 1 for long rows.
int64_t chooseRowsPerTask(row::ProgramOp program) {
  auto [operand, position] = program.getBound(program.getAxis());
  int64_t columns = cast<ShapedType>(operand.getType()).getDimSize(position);
  constexpr int64_t kTaskElements = 16384;
  if (ShapedType::isDynamic(columns))
    return 16;
  return std::clamp<int64_t>(kTaskElements / std::max<int64_t>(columns, 1), 1,
                             4096);
}

struct SoftmaxSelectCPUSchedule
    : softmax::impl::SoftmaxSelectCPUSchedulePassBase<SoftmaxSelectCPUSchedule> {
  using Base::Base;

  void runOnOperation() override {
    func::FuncOp function = getOperation();
    if (function->hasAttr(SoftmaxDialect::kScheduleName))
      return;
    Kernel kernel = inspect(function);
    if (kernel.programs.empty())
      return;
    std::string name = target;
    if (auto attr =
            function->getAttrOfType<StringAttr>(SoftmaxDialect::kTargetName))
      name = attr.str();
    llvm::Expected<CPUTarget> parsed = parseCPUTarget(name);
    if (!parsed) {
      function.emitError(llvm::toString(parsed.takeError()));
      return signalPassFailure();
    }

    std::optional<std::string> reason;
    for (row::ProgramOp program : kernel.programs)
      if (!reason)
        reason = StreamTraversal::whyNot(program);
    CPUScheduleAttr schedule = choose(*parsed, kernel, !reason);
    function->setAttr(SoftmaxDialect::kScheduleName, schedule);
    auto options = remark::RemarkOpts::name("schedule")
                       .category("schedule")
                       .function(function.getName());
    if (reason)
      remark::missed(function.getLoc(), options)
          << "reference traversal: " + *reason;
    else
      remark::passed(function.getLoc(), options)
          << "stream traversal for " + name + ": contiguous rows, " +
                 std::to_string(schedule.getLanes()) + " lanes x " +
                 std::to_string(schedule.getUnroll());
  }

  CPUScheduleAttr choose(const CPUTarget &machine, const Kernel &kernel,
                         bool contiguous) {
    int64_t rowsPerTask = chooseRowsPerTask(kernel.programs.front());
    if (!contiguous)
      return CPUScheduleAttr::get(&getContext(), Traversal::Reference,
                                  Isa::Scalar, /*lanes=*/1, /*unroll=*/1,
                                  /*block=*/4096, /*prefetch=*/0,
                                  /*nontemporal=*/-1, rowsPerTask, threads,
                                  accuracy);
    const Row &row = *llvm::find_if(
        kTable, [&](const Row &row) { return row.isa == machine.isa; });
    int64_t lanes = machine.vectorBits / (kernel.isDouble ? 64 : 32);
    return CPUScheduleAttr::get(
        &getContext(), Traversal::Stream, row.isa, lanes, row.unroll,
        row.block, row.prefetch, machine.nontemporalBytes, rowsPerTask, threads,
        accuracy);
  }
};

} // namespace
