// softmax-lower-rows-to-gpu: row programs become kernels and their launches.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "lowering/Passes.h"
#include "lowering/gpu/RowKernel.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Transforms/RegionUtils.h"

namespace mlir::softmax {
#define GEN_PASS_DEF_SOFTMAXLOWERROWSTOGPUPASS
#include "lowering/Passes.h.inc"
} // namespace mlir::softmax

using namespace mlir;
using namespace mlir::softmax;

namespace {

/// Threads of the kernels that add up the blocks' sums.
constexpr int64_t kFinishThreads = 256;

/// Turns a function on device memory into one that launches kernels only.
class FunctionLowering {
public:
  FunctionLowering(func::FuncOp function, GPUScheduleAttr schedule)
      : function(function), schedule(schedule),
        host(function.getLoc(), function.getContext()),
        workspace(workspaceArgument()) {}

  LogicalResult run();

private:
  Value workspaceArgument();
  std::string nextName() {
    return (function.getName() + "_" + Twine(kernels++)).str();
  }
  LogicalResult lower(row::ProgramOp program);
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
  void launchFinish(row::ProgramOp program, Value blocks,
                    ArrayRef<unsigned> totals, ArrayRef<int64_t> partials);
  void lowerStores(ArrayRef<memref::StoreOp> stores);
  LogicalResult eraseHostWork();

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

} // namespace

Value FunctionLowering::workspaceArgument() {
  if (!needsWorkspace(function))
    return {};
  for (BlockArgument argument : function.getArguments())
    if (auto role = function.getArgAttrOfType<StringAttr>(
            argument.getArgNumber(), "softmax.role"))
      if (role.getValue() == "workspace")
        return argument;
  unsigned number = function.getNumArguments();
  (void)function.insertArgument(
      number, host.getI64Type(),
      host.getDictionaryAttr(
          host.getNamedAttr("softmax.role", host.getStringAttr("workspace"))),
      function.getLoc());
  return function.getArgument(number);
}

LogicalResult FunctionLowering::run() {
  if (!function.getBody().hasOneBlock())
    return function.emitOpError("expected a single block in a GPU kernel");
  ImplicitLocOpBuilder b(function.getLoc(), function.getContext());
  b.setInsertionPoint(function);
  module = gpu::GPUModuleOp::create(b, (function.getName() + "_device").str());
  function->getParentOfType<ModuleOp>()->setAttr(
      gpu::GPUDialect::getContainerModuleAttrName(), b.getUnitAttr());
  bool looksUpLabels = false;
  for (unsigned i = 0; i < function.getNumArguments(); ++i)
    looksUpLabels |= function.getArgAttr(i, "softmax.labels") != nullptr;
  if (looksUpLabels)
    workspace.take(Workspace::kErrorBytes);

  SmallVector<memref::StoreOp> stores;
  Block &body = function.getBody().front();
  for (Operation &op : llvm::make_early_inc_range(body)) {
    host.setInsertionPoint(&op);
    if (auto store = dyn_cast<memref::StoreOp>(op)) {
      stores.push_back(store);
      continue;
    }
    auto program = dyn_cast<row::ProgramOp>(op);
    if (!program && !isa<func::ReturnOp>(op))
      continue;
    lowerStores(stores);
    stores.clear();
    if (program && failed(lower(program)))
      return failure();
  }
  if (failed(eraseHostWork()))
    return failure();
  function->setAttr(SoftmaxDialect::kWorkspaceName,
                    b.getI64IntegerAttr(workspace.size()));
  return success();
}

LogicalResult FunctionLowering::lower(row::ProgramOp program) {
  for (Value operand : program->getOperands()) {
    auto type = dyn_cast<MemRefType>(operand.getType());
    if (isa<TensorType>(operand.getType()))
      return program.emitOpError("expected memrefs, bufferize first");
    if (type && !isa<BlockArgument>(operand) && !isScratch(operand))
      return program.emitOpError(
          "cannot run on a GPU: an operand is neither an "
          "argument of the function nor its temporary");
    if (type && isScratch(operand) && !type.hasStaticShape())
      return program.emitOpError("cannot run on a GPU: a temporary tensor has "
                                 "no static shape");
  }
  auto [axisOperand, position] = program.getBound(program.getAxis());
  bool isStatic =
      !axisOperand ||
      !cast<MemRefType>(axisOperand.getType()).isDynamicDim(position);
  if (schedule.getResidence() != Residence::Memory && !isStatic)
    return program.emitOpError("cannot keep rows of unknown length in ")
           << stringifyResidence(schedule.getResidence())
           << (schedule.getResidence() == Residence::Shared ? " memory" : "")
           << "; choose residence = memory";
  if (schedule.getResidence() == Residence::Registers && axisOperand) {
    int64_t columns =
        cast<MemRefType>(axisOperand.getType()).getDimSize(position);
    int64_t held = schedule.getThreads() * schedule.getCluster() *
                   schedule.getVector() * schedule.getSteps();
    if (columns > held)
      return program.emitOpError("cannot keep rows of ")
             << columns
             << " columns in registers: threads * cluster * vector * steps is "
             << held;
  }

  Value rows = arith::ConstantIndexOp::create(host, 1);
  for (int64_t dim = 0; dim < program.getSpaceRank(); ++dim) {
    if (dim == program.getAxis())
      continue;
    auto [operand, where] = program.getBound(dim);
    rows = host.createOrFold<arith::MulIOp>(
        rows, host.createOrFold<memref::DimOp>(operand, where));
  }
  SmallVector<unsigned> totals;
  SmallVector<int64_t> partials;
  for (unsigned i = 0, e = program.getOutputs().size(); i < e; ++i)
    if (program.getOutputMap(i).getNumResults() == 0) {
      totals.push_back(i);
      partials.push_back(workspace.take(8 * schedule.getBlocks()));
    }

  slices = cutRows(program);
  Value blocks;
  if (Value whole = readsWholeVectors(program)) {
    blocks = either(
        whole, [&] { return launchEither(program, rows, partials, true); },
        [&] { return launchEither(program, rows, partials, false); });
  } else {
    blocks = launchEither(program, rows, partials, /*wide=*/false);
  }
  int64_t limit = DeviceKernel::maxSharedBytes(schedule.getIsa());
  if (sharedBytes > limit)
    return program.emitOpError("cannot keep rows of ")
           << sharedBytes << " bytes in shared memory: a block has at most "
           << limit << " for them";
  if (!totals.empty())
    launchFinish(program, blocks, totals, partials);
  program.erase();
  return success();
}

/// An i1 of the host: every row of every operand begins at an address and ends
/// at a column that whole vectors fit. Null when they never do.
Value FunctionLowering::readsWholeVectors(row::ProgramOp program) {
  int64_t vector = schedule.getVector();
  if (vector == 1 || RowKernel::threadsPerRow(program, schedule) == 1)
    return {};
  Value bits = arith::ConstantOp::create(host, host.getI64IntegerAttr(0));
  Value extent;
  for (OpOperand &operand : program->getOpOperands()) {
    auto type = dyn_cast<MemRefType>(operand.get().getType());
    AffineMap map = program.getMap(operand);
    if (!type || !program.hasAxis(map))
      continue;
    auto last = cast<AffineDimExpr>(map.getResults().back());
    // Strides that are known at run time only are not looked at.
    if (last.getPosition() != program.getAxis() ||
        !type.getLayout().isIdentity())
      return {};
    int64_t columns = type.getShape().back();
    if (!ShapedType::isDynamic(columns) && columns % vector != 0)
      return {};
    if (isScratch(operand.get()))
      continue; // begins at a multiple of 64 bytes
    // A vector of wide elements is several accesses of 16 bytes.
    int64_t bytes =
        std::min<int64_t>(16, vector * type.getElementTypeBitWidth() / 8);
    Value address = arith::IndexCastOp::create(
        host, host.getI64Type(),
        memref::ExtractAlignedPointerAsIndexOp::create(host, operand.get()));
    Value mask =
        arith::ConstantOp::create(host, host.getI64IntegerAttr(bytes - 1));
    bits = arith::OrIOp::create(host, bits,
                                arith::AndIOp::create(host, address, mask));
    if (ShapedType::isDynamic(columns))
      extent = memref::DimOp::create(host, operand.get(), type.getRank() - 1);
  }
  if (extent) {
    Value columns = arith::IndexCastOp::create(host, host.getI64Type(), extent);
    Value mask =
        arith::ConstantOp::create(host, host.getI64IntegerAttr(vector - 1));
    bits = arith::OrIOp::create(host, bits,
                                arith::AndIOp::create(host, columns, mask));
  }
  Value zero = arith::ConstantOp::create(host, host.getI64IntegerAttr(0));
  return arith::CmpIOp::create(host, arith::CmpIPredicate::eq, bits, zero);
}

Value FunctionLowering::either(Value condition, function_ref<Value()> then,
                               function_ref<Value()> otherwise) {
  if (auto known = condition.getDefiningOp<arith::ConstantOp>())
    return cast<BoolAttr>(known.getValue()).getValue() ? then() : otherwise();
  auto choice = scf::IfOp::create(host, TypeRange{host.getIndexType()},
                                  condition, /*withElseRegion=*/true);
  OpBuilder::InsertionGuard guard(host);
  host.setInsertionPointToStart(&choice.getThenRegion().front());
  scf::YieldOp::create(host, then());
  host.setInsertionPointToStart(&choice.getElseRegion().front());
  scf::YieldOp::create(host, otherwise());
  return choice.getResult(0);
}

std::optional<Slices> FunctionLowering::cutRows(row::ProgramOp program) {
  if (schedule.getSlices() == 1 ||
      RowKernel::threadsPerRow(program, schedule) == 1)
    return std::nullopt;
  auto [operand, position] = program.getBound(program.getAxis());
  Value extent = host.createOrFold<memref::DimOp>(operand, position);
  Value chunk = constant(schedule.getThreads() * schedule.getVector() *
                         schedule.getSteps());
  Value width = host.createOrFold<arith::CeilDivUIOp>(
      extent, constant(schedule.getSlices()));
  width = host.createOrFold<arith::MaxUIOp>(width, constant(1));
  width = host.createOrFold<arith::MulIOp>(
      host.createOrFold<arith::CeilDivUIOp>(width, chunk), chunk);
  return Slices{width, host.createOrFold<arith::CeilDivUIOp>(extent, width)};
}

Value FunctionLowering::launchEither(row::ProgramOp program, Value rows,
                                     ArrayRef<int64_t> partials, bool wide) {
  if (!slices || !RowKernel::canSplit(program))
    return launchWhole(program, rows, partials, wide);
  // By the schedule's number of slices, not by that of the row at hand: rows
  // that fill the device should not be read twice because they are short.
  Value units =
      host.createOrFold<arith::MulIOp>(rows, constant(schedule.getSlices()));
  Value fits = host.createOrFold<arith::CmpIOp>(
      arith::CmpIPredicate::ule, units, constant(schedule.getBlocks()));
  Value several = host.createOrFold<arith::CmpIOp>(arith::CmpIPredicate::ugt,
                                                   slices->count, constant(1));
  return either(
      host.createOrFold<arith::AndIOp>(fits, several),
      [&] { return launchSplit(program, rows, partials, wide); },
      [&] { return launchWhole(program, rows, partials, wide); });
}

Value FunctionLowering::launchWhole(row::ProgramOp program, Value rows,
                                    ArrayRef<int64_t> partials, bool wide) {
  int64_t together =
      schedule.getBlock() / RowKernel::threadsPerRow(program, schedule);
  int64_t cluster = RowKernel::blocksPerRow(program, schedule);
  Value blocks =
      host.createOrFold<arith::CeilDivUIOp>(rows, constant(together));
  blocks = host.createOrFold<arith::MinUIOp>(
      blocks, constant(std::max<int64_t>(1, schedule.getBlocks() / cluster)));
  blocks = host.createOrFold<arith::MulIOp>(blocks, constant(cluster));
  DeviceKernel kernel(module, nextName(), schedule, host, workspace, scratch);
  RowKernel(program, kernel, blocks, wide, partials, slices).emit();
  kernel.launch(blocks, schedule.getBlock(), cluster);
  sharedBytes = std::max(sharedBytes, kernel.largeSharedBytes());
  return blocks;
}

Value FunctionLowering::launchSplit(row::ProgramOp program, Value rows,
                                    ArrayRef<int64_t> partials, bool wide) {
  int64_t bytes = 0, lookups = 0;
  for (ArrayRef<row::ReduceOp> sweep : RowKernel::sweepsOf(program))
    bytes += RowKernel::stateBytes(sweep);
  for (row::AtOp at : program.getBodyBlock()->getOps<row::AtOp>()) {
    (void)at;
    ++lookups;
  }
  SplitLaunch split;
  split.states = workspace.take(bytes * schedule.getBlocks());
  split.lookups = workspace.take(8 * lookups * schedule.getBlocks());
  unsigned launches = RowKernel::launchesWhenSplit(program);
  Value blocks;
  for (split.number = 0; split.number < launches; ++split.number) {
    split.isLast = split.number + 1 == launches;
    blocks = rows;
    if (!split.isLast || RowKernel::writesColumns(program))
      blocks = host.createOrFold<arith::MulIOp>(rows, slices->count);
    DeviceKernel kernel(module, nextName(), schedule, host, workspace, scratch);
    RowKernel(program, kernel, blocks, wide,
              split.isLast ? partials : ArrayRef<int64_t>(), slices, split)
        .emit();
    kernel.launch(blocks, schedule.getBlock());
  }
  return blocks;
}

/// One block adds up what the blocks of a program have left, in an order that
/// depends on their number only.
void FunctionLowering::launchFinish(row::ProgramOp program, Value blocks,
                                    ArrayRef<unsigned> totals,
                                    ArrayRef<int64_t> partials) {
  DeviceKernel kernel(module, nextName(), schedule, host, workspace, scratch);
  ImplicitLocOpBuilder &b = kernel.b;
  Group everyone(kernel, kFinishThreads, kFinishThreads);
  Value count = kernel.value(blocks);
  Value zero = arith::ConstantOp::create(b, b.getF64FloatAttr(0));
  for (auto [output, offset] : llvm::zip(totals, partials)) {
    Value memory = kernel.workspaceMemory(offset, b.getF64Type());
    auto loop = scf::ForOp::create(b, everyone.rank(), count,
                                   kernel.index(kFinishThreads), zero);
    {
      OpBuilder::InsertionGuard guard(b);
      b.setInsertionPointToStart(loop.getBody());
      Value partial = memref::LoadOp::create(b, memory, loop.getInductionVar());
      Value sum =
          arith::AddFOp::create(b, loop.getRegionIterArgs()[0], partial);
      scf::YieldOp::create(b, sum);
    }
    Value sum = everyone.sum(loop.getResult(0));
    Value destination = program.getOutputs()[output];
    Value target = kernel.memory(destination);
    Type type = cast<MemRefType>(destination.getType()).getElementType();
    auto stores = scf::IfOp::create(b, everyone.isFirst());
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(&stores.getThenRegion().front());
    if (!type.isF64())
      sum = arith::TruncFOp::create(b, type, sum);
    Type stored = cast<MemRefType>(target.getType()).getElementType();
    if (stored != sum.getType())
      sum = arith::BitcastOp::create(b, stored, sum);
    memref::StoreOp::create(b, sum, target, ValueRange{kernel.index(0)});
  }
  kernel.launch(arith::ConstantIndexOp::create(host, 1), kFinishThreads);
}

/// Scalars that the function stores, such as a mean, are computed by a kernel
/// of one thread.
void FunctionLowering::lowerStores(ArrayRef<memref::StoreOp> stores) {
  if (stores.empty())
    return;
  DeviceKernel kernel(module, nextName(), schedule, host, workspace, scratch);
  ImplicitLocOpBuilder &b = kernel.b;
  for (memref::StoreOp store : stores) {
    Value scalar = kernel.value(store.getValue());
    Value target = kernel.memory(store.getMemref());
    Type stored = cast<MemRefType>(target.getType()).getElementType();
    b.setInsertionPointToEnd(&kernel.function().getBody().front());
    if (stored != scalar.getType())
      scalar = arith::BitcastOp::create(b, stored, scalar);
    memref::StoreOp::create(b, scalar, target, ValueRange{kernel.index(0)});
  }
  kernel.launch(arith::ConstantIndexOp::create(host, 1), 1);
  for (memref::StoreOp store : stores)
    store.erase();
}

/// What was computed on the host from device memory is computed in kernels now.
LogicalResult FunctionLowering::eraseHostWork() {
  bool changed = true;
  while (changed) {
    changed = false;
    for (Operation &op : llvm::make_early_inc_range(
             llvm::reverse(function.getBody().front().getOperations()))) {
      bool removable =
          isMemoryEffectFree(&op) ||
          isa<memref::LoadOp, memref::AllocaOp, memref::AllocOp, memref::DimOp>(
              op);
      auto dealloc = dyn_cast<memref::DeallocOp>(op);
      if ((removable && op.use_empty() && !isa<func::ReturnOp>(op)) ||
          (dealloc && isScratch(dealloc.getMemref()))) {
        op.erase();
        changed = true;
      }
    }
  }
  // Users know the work that is left, not the memory that was made for it.
  Operation *left = nullptr;
  for (Operation &op : function.getBody().front()) {
    bool works =
        op.getDialect()->getNamespace() == "linalg" || isa<memref::CopyOp>(op);
    if (works || (!left && isa<memref::LoadOp, memref::AllocaOp,
                               memref::AllocOp, memref::StoreOp>(op)))
      left = &op;
    if (works)
      break;
  }
  if (left)
    return left->emitOpError("cannot run on a GPU: only softmax operators and "
                             "scalars between them can");
  return success();
}

namespace {

struct SoftmaxLowerRowsToGPU
    : softmax::impl::SoftmaxLowerRowsToGPUPassBase<SoftmaxLowerRowsToGPU> {
  using Base::Base;

  void runOnOperation() override {
    SmallVector<func::FuncOp> functions;
    for (auto function : getOperation().getOps<func::FuncOp>())
      if (getGPUSchedule(function))
        functions.push_back(function);
    for (func::FuncOp function : functions) {
      GPUScheduleAttr schedule = getGPUSchedule(function);
      if (failed(FunctionLowering(function, schedule).run()))
        return signalPassFailure();
    }
  }
};

} // namespace
