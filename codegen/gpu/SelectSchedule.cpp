// softmax-select-gpu-schedule: the only writer of GPU schedules.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "codegen/Passes.h"
#include "codegen/gpu/Target.h"

#include "mlir/IR/Remarks.h"
#include "llvm/Support/MathExtras.h"

namespace mlir::softmax {
#define GEN_PASS_DEF_SOFTMAXSELECTGPUSCHEDULEPASS
#include "codegen/Passes.h.inc"
} // namespace mlir::softmax

using namespace mlir;
using namespace mlir::softmax;

namespace {

/// What selection has to know of a function: the longest rows that it sweeps.
struct Kernel {
  row::ProgramOp program;
  int64_t columns = 0;     ///< ShapedType::kDynamic when not known
  int64_t held = 1;        ///< row operands whose elements are read
  unsigned narrowest = 32; ///< bits of the narrowest of them
  unsigned widest = 32;
  bool innermost = true;  ///< class axis last in every operand
  bool contiguous = true; ///< and without strides known at run time only
};

std::optional<Kernel> inspect(func::FuncOp function) {
  std::optional<Kernel> found;
  function.walk([&](row::ProgramOp program) {
    bool sweeps = llvm::any_of(*program.getBodyBlock(), [](Operation &op) {
      return isa<row::ReduceOp, row::MapOp>(op);
    });
    if (!sweeps)
      return;
    Kernel kernel{program};
    kernel.held = 0;
    kernel.narrowest = 64;
    kernel.widest = 0;
    int64_t rank = 0;
    for (OpOperand &operand : program->getOpOperands()) {
      auto type = dyn_cast<MemRefType>(operand.get().getType());
      AffineMap map = program.getMap(operand);
      if (!type || !program.hasAxis(map))
        continue;
      rank = std::max<int64_t>(rank, type.getRank());
      kernel.held += operand.getOperandNumber() < program.getInputs().size();
      unsigned bits = type.getElementTypeBitWidth();
      kernel.narrowest = std::min(kernel.narrowest, bits);
      kernel.widest = std::max(kernel.widest, bits);
      auto last = cast<AffineDimExpr>(map.getResults().back());
      kernel.innermost &= last.getPosition() == program.getAxis();
      kernel.contiguous &= kernel.innermost && type.getLayout().isIdentity();
    }
    auto [operand, position] = program.getBound(program.getAxis());
    kernel.columns = cast<ShapedType>(operand.getType()).getDimSize(position);
    // The program over the whole tensor decides, not one over class weights.
    if (!found || program.getSpaceRank() >= found->program.getSpaceRank())
      found = kernel;
  });
  return found;
}

/// Elements of one row operand that a thread keeps in registers, at most:
/// beyond that fewer warps fit than are needed to keep memory busy.
constexpr int64_t kHeldElements = 32;

int64_t powerOfTwoAtLeast(int64_t value) {
  return value <= 1 ? 1 : int64_t(llvm::PowerOf2Ceil(value));
}

struct Choice {
  GPUScheduleAttr schedule;
  std::string reason;
};

Choice choose(MLIRContext *context, const GPUTarget &machine,
              const Kernel &kernel, Accuracy accuracy) {
  auto make = [&](Residence residence, int64_t threads, int64_t block,
                  int64_t vector, int64_t steps, std::string reason) {
    // Arithmetic on 16-bit data is what would keep a kernel from the speed of
    // memory, and their rounding hides an ULP of f32.
    bool isNarrow = kernel.widest <= 16 || accuracy == Accuracy::Fast;
    auto exp = isNarrow && machine.isa != GPUIsa::SPIRV
                   ? Exponential::Hardware
                   : Exponential::Polynomial;
    return Choice{GPUScheduleAttr::get(context, machine.isa, residence, threads,
                                       block, vector, steps, machine.blocks,
                                       exp, accuracy),
                  std::move(reason)};
  };
  int64_t lanes = machine.isa == GPUIsa::SPIRV ? 8 : 32;
  int64_t widestVector = machine.isa == GPUIsa::SPIRV ? 4 : 8;
  // 16 bytes of the narrowest operand for each access.
  int64_t vector = std::clamp<int64_t>(128 / kernel.narrowest, 1, widestVector);
  int64_t wide = kernel.widest == 64 ? 2 : 1;
  int64_t budget = kHeldElements / (wide * std::max<int64_t>(kernel.held, 1));
  if (!kernel.innermost) {
    // 16 or 32 rows side by side fill an access, 32 bytes at least; several
    // threads share the columns, so that few rows keep a device busy.
    auto along = [&](Residence residence, int64_t threads, int64_t steps) {
      int64_t block =
          std::clamp<int64_t>(32 * threads, 128, machine.maxThreads);
      return make(residence, threads, block, 1, steps,
                  "the class axis is not innermost: neighbouring rows in "
                  "neighbouring threads, " +
                      std::to_string(threads) + " for the columns of each" +
                      (residence == Residence::Registers
                           ? ", which they keep in registers"
                           : ""));
    };
    int64_t most = machine.maxThreads / 16;
    if (!ShapedType::isDynamic(kernel.columns)) {
      int64_t threads =
          powerOfTwoAtLeast(llvm::divideCeil(kernel.columns, budget));
      if (threads <= most)
        return along(
            Residence::Registers, threads,
            std::max<int64_t>(1, llvm::divideCeil(kernel.columns, threads)));
    }
    return along(Residence::Memory, most / 2, 8);
  }
  // Elements of which only strides are known come one by one.
  if (!kernel.contiguous)
    vector = 1;
  budget = std::max<int64_t>(budget, vector);
  if (!ShapedType::isDynamic(kernel.columns)) {
    // As few threads as hold the row: exchanges cost more than registers.
    int64_t threads =
        powerOfTwoAtLeast(llvm::divideCeil(kernel.columns, budget));
    threads = std::max(threads, std::min<int64_t>(8, lanes));
    if (threads <= machine.maxThreads) {
      int64_t steps = std::max<int64_t>(
          1, llvm::divideCeil(kernel.columns, threads * vector));
      int64_t block = std::max<int64_t>(threads, 128);
      return make(Residence::Registers, threads, block, vector, steps,
                  std::to_string(kernel.columns) + " columns in registers of " +
                      std::to_string(threads) + " threads");
    }
  }
  int64_t threads = ShapedType::isDynamic(kernel.columns) ? 128 : 256;
  threads = std::min(threads, machine.maxThreads);
  // 16 elements at a time; more would spill.
  return make(Residence::Memory, threads, threads, vector, 16 / vector,
              ShapedType::isDynamic(kernel.columns)
                  ? "the number of columns is known at run time only"
                  : "rows that no block holds in registers");
}

struct SoftmaxSelectGPUSchedule
    : softmax::impl::SoftmaxSelectGPUSchedulePassBase<
          SoftmaxSelectGPUSchedule> {
  using Base::Base;

  void runOnOperation() override {
    func::FuncOp function = getOperation();
    if (function->hasAttr(SoftmaxDialect::kScheduleName))
      return;
    std::optional<Kernel> kernel = inspect(function);
    if (!kernel)
      return;
    std::string name = target;
    if (auto attr =
            function->getAttrOfType<StringAttr>(SoftmaxDialect::kTargetName))
      name = attr.str();
    llvm::Expected<GPUTarget> machine = parseGPUTarget(name);
    if (!machine) {
      function.emitError(llvm::toString(machine.takeError()));
      return signalPassFailure();
    }
    Choice choice = choose(&getContext(), *machine, *kernel, accuracy);
    function->setAttr(SoftmaxDialect::kScheduleName, choice.schedule);
    remark::passed(function.getLoc(), remark::RemarkOpts::name("schedule")
                                          .category("schedule")
                                          .function(function.getName()))
        << name + ": " + choice.reason;
  }
};

} // namespace
