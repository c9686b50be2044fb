// softmax-lower-rows-to-gpu: row programs become kernels and their launches.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "lowering/Passes.h"
#include "lowering/gpu/FunctionLowering.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/LLVMIR/ROCDLDialect.h"
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

/// Threads of the kernels that add up the blocks' sums.
static constexpr int64_t kFinishThreads = 256;

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
