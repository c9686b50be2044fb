// softmax-select-gpu-schedule: the only writer of GPU schedules.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "codegen/Passes.h"
#include "codegen/gpu/CostModel.h"
#include "lowering/Sweeps.h"

#include "mlir/IR/Remarks.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/MathExtras.h"

namespace mlir::softmax {
#define GEN_PASS_DEF_SOFTMAXSELECTGPUSCHEDULEPASS
#include "codegen/Passes.h.inc"
} // namespace mlir::softmax

using namespace mlir;
using namespace mlir::softmax;

namespace {

int64_t countRows(row::ProgramOp program) {
  int64_t rows = 1;
  for (int64_t dim = 0; dim < program.getSpaceRank(); ++dim) {
    if (dim == program.getAxis())
      continue;
    auto [operand, position] = program.getBound(dim);
    int64_t size = cast<ShapedType>(operand.getType()).getDimSize(position);
    if (ShapedType::isDynamic(size))
      return ShapedType::kDynamic;
    if (llvm::MulOverflow(rows, size, rows)) // of a tensor without elements
      return ShapedType::kDynamic;
  }
  return rows;
}

std::optional<GPUWork> inspect(func::FuncOp function) {
  std::optional<GPUWork> found;
  function.walk([&](row::ProgramOp program) {
    if (!sweepsColumns(program))
      return;
    GPUWork work;
    work.program = program;
    work.reads = work.readBytes = work.writeBytes = 0;
    work.narrowest = 64;
    work.widest = 0;
    for (OpOperand &operand : program->getOpOperands()) {
      auto type = dyn_cast<MemRefType>(operand.get().getType());
      AffineMap map = program.getMap(operand);
      if (!type || !program.hasAxis(map))
        continue;
      unsigned bits = type.getElementTypeBitWidth();
      bool isInput = operand.getOperandNumber() < program.getInputs().size();
      (isInput ? work.readBytes : work.writeBytes) += bits / 8;
      work.reads += isInput;
      work.narrowest = std::min(work.narrowest, bits);
      work.widest = std::max(work.widest, bits);
      auto last = cast<AffineDimExpr>(map.getResults().back());
      work.innermost &= last.getPosition() == program.getAxis();
      work.contiguous &= work.innermost && type.getLayout().isIdentity();
    }
    auto [operand, position] = program.getBound(program.getAxis());
    work.columns = cast<ShapedType>(operand.getType()).getDimSize(position);
    work.rows = countRows(program);
    work.sweeps = sweepsOf(program).size();
    // The program over the whole tensor decides, not one over class weights.
    if (!found || program.getSpaceRank() >= found->program.getSpaceRank())
      found = work;
  });
  return found;
}

/// Elements of one row operand that a thread keeps in registers where the cost
/// model is not asked.
constexpr int64_t kHeldElements = 32;

/// Threads of the shortest rows.
constexpr int64_t kFewestThreads = 8;

/// Slices of a row whose number of rows is known at run time only: few enough
/// for all lanes of a block to fold, many enough for one row to keep a device
/// busy.
constexpr int64_t kSlices = 16;

struct Choice {
  GPUScheduleAttr schedule;
  std::string reason;
};

class Selection {
public:
  Selection(MLIRContext *context, const GPUTarget &machine, const GPUWork &work,
            Accuracy accuracy)
      : context(context), machine(machine), work(work) {
    base.isa = machine.isa;
    base.blocks = machine.blocks;
    base.accuracy = accuracy;
    // Arithmetic on 16-bit data is what would keep a kernel from the speed of
    // memory, and their rounding hides some ULP of f32.
    if (machine.isa == GPUIsa::SPIRV || work.widest == 64)
      return;
    bool isNarrow = work.widest <= 16;
    bool rounds = roundsResults(work.program);
    if (rounds || (isNarrow && work.writeBytes > 0))
      base.exp = Exponential::Product;
    else if (isNarrow || accuracy == Accuracy::Fast)
      base.exp = Exponential::Hardware;
  }

  Choice run();

private:
  struct Fields {
    GPUIsa isa;
    Residence residence = Residence::Memory;
    int64_t threads = 1, block = 128, vector = 1, steps = 1, blocks = 1,
            cluster = 1, slices = 1;
    Exponential exp = Exponential::Polynomial;
    Accuracy accuracy;
  };
  GPUScheduleAttr make(const Fields &fields) const {
    return GPUScheduleAttr::get(context, fields.isa, fields.residence,
                                fields.threads, fields.block, fields.vector,
                                fields.steps, fields.blocks, fields.cluster,
                                fields.slices, fields.exp, fields.accuracy);
  }
  void consider(const Fields &fields);
  void considerRegisters(int64_t vector);
  void considerShared(int64_t vector);
  void considerMemory(int64_t vector);
  Choice alongRows() const;
  std::string describe() const;

  MLIRContext *context;
  const GPUTarget &machine;
  const GPUWork &work;
  Fields base;
  unsigned considered = 0;
  GPUScheduleAttr best;
  GPUCost cost;
};

void Selection::consider(const Fields &fields) {
  GPUScheduleAttr schedule = make(fields);
  std::optional<GPUCost> estimated = estimateCost(machine, work, schedule);
  if (!estimated)
    return;
  ++considered;
  // Candidates come in the order of the threads that they take: more of them
  // have to be worth it.
  if (best && estimated->seconds > 0.98 * cost.seconds)
    return;
  best = schedule;
  cost = *estimated;
}

/// As few threads as hold the row, or more of them with less each.
void Selection::considerRegisters(int64_t vector) {
  Fields fields = base;
  fields.residence = Residence::Registers;
  fields.vector = vector;
  for (int64_t cluster = 1; cluster <= machine.maxCluster; cluster *= 2)
    for (int64_t threads = cluster > 1 ? 128 : kFewestThreads;
         threads <= machine.maxThreads; threads *= 2) {
      fields.threads = threads;
      fields.cluster = cluster;
      fields.block = cluster > 1 ? threads : std::max<int64_t>(threads, 128);
      fields.steps = std::max<int64_t>(
          1, llvm::divideCeil(work.columns, threads * cluster * vector));
      // Whole threads without a column are no better than fewer of them.
      bool idle = threads * cluster * vector > 2 * work.columns &&
                  threads > kFewestThreads;
      if (fields.steps * vector <= 64 && !idle)
        consider(fields);
    }
}

void Selection::considerShared(int64_t vector) {
  Fields fields = base;
  fields.residence = Residence::Shared;
  fields.vector = vector;
  fields.steps = std::max<int64_t>(1, 16 / vector);
  for (int64_t cluster = 1; cluster <= machine.maxCluster; cluster *= 2)
    for (int64_t threads = 128;
         threads <= std::min<int64_t>(machine.maxThreads, 512); threads *= 2) {
      fields.threads = fields.block = threads;
      fields.cluster = cluster;
      consider(fields);
    }
}

void Selection::considerMemory(int64_t vector) {
  Fields fields = base;
  fields.vector = vector;
  // 16 elements at a time; more would spill.
  fields.steps = std::max<int64_t>(1, 16 / vector);
  bool anyRows = ShapedType::isDynamic(work.rows);
  for (int64_t threads = 128;
       threads <= std::min<int64_t>(machine.maxThreads, 256); threads *= 2)
    for (int64_t slices : {int64_t(1), kSlices, 2 * kSlices, 4 * kSlices}) {
      // The order of a sum must not depend on the number of rows, so it is the
      // same for all of them.
      if (anyRows && slices != kSlices)
        continue;
      fields.threads = fields.block = threads;
      fields.slices = slices;
      consider(fields);
    }
}

/// 16 or 32 rows side by side fill an access, 32 bytes at least; several
/// threads share the columns, so that few rows keep a device busy. A table, not
/// the model: what it has to weigh is the number of inner positions.
Choice Selection::alongRows() const {
  int64_t largest = std::min<int64_t>(machine.maxThreads, 512);
  int64_t most = largest / 16;
  int64_t wide = work.widest == 64 ? 2 : 1;
  int64_t budget = kHeldElements / (wide * std::max<int64_t>(work.reads, 1));
  Fields fields = base;
  fields.threads = most / 2;
  fields.steps = 8;
  if (!ShapedType::isDynamic(work.columns)) {
    int64_t threads = llvm::PowerOf2Ceil(
        std::max<int64_t>(1, llvm::divideCeil(work.columns, budget)));
    if (threads <= most) {
      fields.residence = Residence::Registers;
      fields.threads = threads;
      fields.steps =
          std::max<int64_t>(1, llvm::divideCeil(work.columns, threads));
    }
  }
  fields.block = std::clamp<int64_t>(32 * fields.threads, 128, largest);
  return {make(fields),
          "the class axis is not innermost: neighbouring rows in neighbouring "
          "threads, " +
              std::to_string(fields.threads) + " for the columns of each" +
              (fields.residence == Residence::Registers
                   ? ", which they keep in registers"
                   : "")};
}

Choice Selection::run() {
  if (!work.innermost)
    return alongRows();
  // 16 bytes of the narrowest operand for each access. Elements of which only
  // strides are known come one by one.
  int64_t widest = machine.isa == GPUIsa::SPIRV ? 4 : 8;
  int64_t vector = work.contiguous
                       ? std::clamp<int64_t>(128 / work.narrowest, 1, widest)
                       : 1;
  // What no reduction reads is not worth keeping.
  if (!ShapedType::isDynamic(work.columns) && work.sweeps > 0) {
    considerRegisters(vector);
    considerShared(vector);
  }
  considerMemory(vector);
  return {best, describe()};
}

std::string Selection::describe() const {
  std::string text;
  llvm::raw_string_ostream out(text);
  if (ShapedType::isDynamic(work.columns))
    out << "a number of columns that is known at run time only";
  else
    out << work.columns << " columns";
  switch (best.getResidence()) {
  case Residence::Registers:
    out << " in registers";
    break;
  case Residence::Shared:
    out << " in shared memory";
    break;
  case Residence::Memory:
    out << " in memory";
    break;
  }
  out << " of ";
  if (best.getCluster() > 1)
    out << "a cluster of " << best.getCluster() << " x ";
  out << best.getThreads() << " threads";
  if (best.getSlices() > 1)
    out << ", in " << best.getSlices()
        << " slices that few rows spread over as many blocks";
  out << "; bound by " << cost.boundBy << ", "
      << llvm::format("%.2f", cost.seconds / cost.memorySeconds)
      << " of the time that memory takes, "
      << llvm::format("%.3g", cost.seconds * 1e6) << " us for ";
  if (ShapedType::isDynamic(work.rows))
    out << "many";
  else
    out << work.rows;
  out << " rows, about " << cost.registers << " registers, "
      << cost.blocksPerMultiprocessor
      << " blocks on a multiprocessor; cheapest of " << considered
      << " schedules by the cost model";
  return text;
}

struct SoftmaxSelectGPUSchedule
    : softmax::impl::SoftmaxSelectGPUSchedulePassBase<
          SoftmaxSelectGPUSchedule> {
  using Base::Base;

  void runOnOperation() override {
    func::FuncOp function = getOperation();
    if (function->hasAttr(SoftmaxDialect::kScheduleName))
      return;
    std::optional<GPUWork> work = inspect(function);
    if (!work)
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
    Choice choice = Selection(&getContext(), *machine, *work, accuracy).run();
    function->setAttr(SoftmaxDialect::kScheduleName, choice.schedule);
    remark::passed(function.getLoc(), remark::RemarkOpts::name("schedule")
                                          .category("schedule")
                                          .function(function.getName()))
        << name + ": " + choice.reason;
  }
};

} // namespace
