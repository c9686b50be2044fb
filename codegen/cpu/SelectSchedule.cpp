// softmax-select-cpu-schedule: the only writer of CPU schedules.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "codegen/Passes.h"
#include "codegen/Target.h"
#include "lowering/cpu/Layout.h"
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
/// Zen 4, cross-entropy 64x128256: without reading ahead 1.9 times the time of
/// a read sweep, with it level with one. AVX2 spills its 16 registers when four
/// exponentials are in flight: cross-entropy with gradient 64x128256 takes 1.36
/// ns per element with four and 0.93 with two.
struct Row {
  Isa isa;
  int64_t unroll;
  int64_t block;    ///< columns
  int64_t prefetch; ///< bytes
};
constexpr Row kStream[] = {
    {Isa::SSE2, 4, 2048, 8192},   {Isa::AVX2, 2, 2048, 8192},
    {Isa::AVX512, 4, 2048, 8192}, {Isa::NEON, 4, 2048, 8192},
    {Isa::SVE, 2, 2048, 0},       {Isa::RVV, 2, 2048, 0},
    {Isa::SIMD128, 4, 2048, 0}};

/// The same for vectors of neighbouring rows. 16 columns of a tile of 512 f32
/// rows are 32 KiB: they stay in L2 from their maxima to their sums. Softmax of
/// 1024x2048xf32 along axis 0 with AVX2, in ns per element: 1.4 with these, 1.5
/// with blocks of 32 or of 8 columns, 1.7 with tiles of 256 or 1024 rows, 3.8
/// with one step after the other.
constexpr int64_t kInnerTile = 512;
constexpr Row kInner[] = {{Isa::SSE2, 4, 16, 0},   {Isa::AVX2, 2, 16, 0},
                          {Isa::AVX512, 4, 16, 0}, {Isa::NEON, 4, 16, 0},
                          {Isa::SVE, 1, 16, 0},    {Isa::RVV, 1, 16, 0},
                          {Isa::SIMD128, 4, 16, 0}};
/// A step of so many columns stays in L1: they are one block.
constexpr int64_t kInnerSmall = 64;
/// Factors between blocks of f64 are no more accurate than the elements: few,
/// long blocks, and few rows at once.
constexpr int64_t kInnerBlockOfDoubles = 1024, kInnerTileOfDoubles = 64;

/// Extent of the class axis, or dynamic.
int64_t columnsOf(row::ProgramOp program) {
  auto [operand, position] = program.getBound(program.getAxis());
  return cast<ShapedType>(operand.getType()).getDimSize(position);
}

/// Rows per task of a parallel loop: about 16k elements, so that starting a
/// task costs little, from the static extents; 1 for long rows.
int64_t chooseRowsPerTask(int64_t columns) {
  constexpr int64_t kTaskElements = 16384;
  if (ShapedType::isDynamic(columns))
    return 16;
  return std::clamp<int64_t>(kTaskElements / std::max<int64_t>(columns, 1), 1,
                             4096);
}

struct SoftmaxSelectCPUSchedule
    : softmax::impl::SoftmaxSelectCPUSchedulePassBase<
          SoftmaxSelectCPUSchedule> {
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

    auto [traversal, reason] = chooseTraversal(kernel);
    CPUScheduleAttr schedule = choose(*parsed, kernel, traversal);
    function->setAttr(SoftmaxDialect::kScheduleName, schedule);
    auto options = remark::RemarkOpts::name("schedule")
                       .category("schedule")
                       .function(function.getName());
    std::string text = stringifyTraversal(traversal).str() + " traversal";
    if (traversal == Traversal::Reference)
      remark::missed(function.getLoc(), options) << text + ": " + reason;
    else
      remark::passed(function.getLoc(), options)
          << text + " for " + name + ": " + reason + ", " +
                 std::to_string(schedule.getLanes()) + " lanes x " +
                 std::to_string(schedule.getUnroll());
  }

  /// Vectors run along a dimension that is contiguous, if that is known, and
  /// along the innermost one where strides come at run time: which it is may
  /// not depend on them, because sums would then be taken in another order.
  static std::pair<Traversal, std::string>
  chooseTraversal(const Kernel &kernel) {
    auto all = [&](Traversal traversal, bool contiguous) {
      // A single row beside programs of many, such as class weights, is not
      // what the schedule is for.
      bool any = false;
      for (row::ProgramOp program : kernel.programs) {
        if (traversal == Traversal::Stream && StreamTraversal::whyNot(program))
          return false;
        std::optional<int64_t> dim = getVectorDimension(program, traversal);
        any |= dim.has_value();
        if (dim && contiguous && !hasUnitStrides(program, *dim))
          return false;
      }
      return any;
    };
    if (all(Traversal::Stream, true))
      return {Traversal::Stream, "contiguous rows"};
    if (all(Traversal::Inner, true))
      return {Traversal::Inner, "rows side by side"};
    if (all(Traversal::Stream, false))
      return {Traversal::Stream, "class axis last, strides at run time"};
    if (all(Traversal::Inner, false))
      return {Traversal::Inner, "class axis not last, strides at run time"};
    return {Traversal::Reference,
            "rows are neither contiguous nor side by side"};
  }

  CPUScheduleAttr choose(const CPUTarget &machine, const Kernel &kernel,
                         Traversal traversal) {
    int64_t columns = columnsOf(kernel.programs.front());
    int64_t rowsPerTask = chooseRowsPerTask(columns);
    if (traversal == Traversal::Reference)
      return CPUScheduleAttr::get(&getContext(), Traversal::Reference,
                                  Isa::Scalar, /*lanes=*/1, /*unroll=*/1,
                                  /*block=*/4096, /*prefetch=*/0,
                                  /*nontemporal=*/-1, rowsPerTask, /*tile=*/1,
                                  threads, accuracy);
    if (traversal == Traversal::Inner)
      return chooseInner(machine, kernel, columns, rowsPerTask);
    const Row &row = rowOf(kStream, machine.isa);
    return CPUScheduleAttr::get(&getContext(), traversal, row.isa,
                                lanesOf(machine, kernel), row.unroll, row.block,
                                row.prefetch, machine.nontemporalBytes,
                                rowsPerTask, /*tile=*/1, threads, accuracy);
  }

  CPUScheduleAttr chooseInner(const CPUTarget &machine, const Kernel &kernel,
                              int64_t columns, int64_t rowsPerTask) {
    const Row &row = rowOf(kInner, machine.isa);
    int64_t lanes = lanesOf(machine, kernel);
    int64_t block = kernel.isDouble ? kInnerBlockOfDoubles : row.block;
    int64_t tile = kernel.isDouble ? kInnerTileOfDoubles : kInnerTile;
    if (!ShapedType::isDynamic(columns) && columns <= kInnerSmall) {
      block = llvm::alignTo(std::max<int64_t>(columns, 1), 8);
      tile = 1;
    }
    // Whole tiles, but enough tasks for many threads.
    int64_t whole = 4 * lanes * row.unroll;
    if (threads == Threads::None)
      whole = std::max(whole, tile);
    return CPUScheduleAttr::get(
        &getContext(), Traversal::Inner, row.isa, lanes, row.unroll, block,
        row.prefetch, /*nontemporal=*/-1, llvm::alignTo(rowsPerTask, whole),
        tile, threads, accuracy);
  }

  static const Row &rowOf(ArrayRef<Row> table, Isa isa) {
    return *llvm::find_if(table,
                          [&](const Row &row) { return row.isa == isa; });
  }
  static int64_t lanesOf(const CPUTarget &machine, const Kernel &kernel) {
    return machine.vectorBits / (kernel.isDouble ? 64 : 32);
  }
};

} // namespace
