// softmax-finalize-entry: checked C entries around kernels.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "codegen/Passes.h"
#include "codegen/cpu/Entry.h"
#include "codegen/cpu/EntrySupport.h"
#include "runtime/smx_abi.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace mlir::softmax {
#define GEN_PASS_DEF_SOFTMAXFINALIZEENTRYPASS
#include "codegen/Passes.h.inc"
} // namespace mlir::softmax

using namespace mlir;
using namespace mlir::softmax;

LogicalResult Entry::run() {
  for (BlockArgument argument : kernel.getArguments()) {
    auto type = dyn_cast<MemRefType>(argument.getType());
    auto ids = kernel.getArgAttrOfType<DenseI64ArrayAttr>(
        argument.getArgNumber(), kExtentsName);
    if (type && type.getNumDynamicDims() > 0 &&
        (!ids || ids.size() != type.getRank()))
      return kernel.emitOpError("expected '")
             << kExtentsName << "' on dynamic argument #"
             << argument.getArgNumber() << "; softmax-prepare-entry adds it";
  }
  if (options.device)
    kernel.setName(name + "__kernel");
  else
    createVariants();
  createSignature();
  if (failed(addFailFunction(module, name, options.hasWeakSymbols())) ||
      failed(addLogFunctions(module, name, options.description,
                             options.hasWeakSymbols())))
    return failure();
  bool dispatches = !options.device && llvm::any_of(
      options.targets, [](const CPUTarget &target) { return target.level > 0; });
  if (dispatches) {
    bool x86 = options.targets.front().isX86();
    bool lowers = options.targets.size() > 1;
    if (failed(x86 ? addX86LevelFunction(module, name, lowers)
                   : addAArch64LevelFunction(module, name, lowers)))
      return failure();
  }
  checkExtents();
  checkPointers();
  checkOverlap();
  for (Buffer &buffer : buffers)
    createMemRef(buffer);
  if (options.device) {
    // Labels lie on the device, which reports wrong ones itself.
    returnIfEmpty();
    callDevice();
    kernel.erase();
    return success();
  }
  checkLabels();
  returnIfEmpty();
  callKernel();
  return success();
}

/// One internal kernel per target; the first is the function itself.
void Entry::createVariants() {
  auto internal = LLVM::LinkageAttr::get(b.getContext(), LLVM::Linkage::Internal);
  if (options.hook) {
    // The parallel loop finds the hook and where its failure goes here.
    auto pointer = LLVM::LLVMPointerType::get(b.getContext());
    for (StringRef what : {"hook", "status"})
      (void)kernel.insertArgument(
          kernel.getNumArguments(), pointer,
          b.getDictionaryAttr(b.getNamedAttr(kRoleName, b.getStringAttr(what))),
          kernel.getLoc());
  }
  kernel.setPrivate();
  kernel->setAttr("llvm.linkage", internal);
  kernel.setName(name + "__kernel");
  variants.push_back(kernel);
  if (options.targets.empty())
    return;
  variants.clear();
  for (const CPUTarget &target : options.targets) {
    func::FuncOp variant = kernel;
    if (&target != &options.targets.back()) {
      b.setInsertionPoint(kernel);
      variant = cast<func::FuncOp>(b.clone(*kernel));
    }
    variant.setName(name + "__" + target.symbolSuffix());
    variant->setAttr(SoftmaxDialect::kTargetName, b.getStringAttr(target.name));
    variants.push_back(variant);
  }
}

void Entry::createSignature() {
  auto pointer = LLVM::LLVMPointerType::get(b.getContext());
  Type i64 = b.getI64Type();
  SmallVector<Type> types;
  unsigned dynamicExtents = 0;
  unsigned own = kernel.getNumArguments() - (options.hook ? 2 : 0);
  for (unsigned i = 0; i < own; ++i) {
    auto type = dyn_cast<MemRefType>(kernel.getArgument(i).getType());
    if (!type) {
      types.push_back(kernel.getArgument(i).getType());
      continue;
    }
    types.push_back(pointer);
    if (options.strided)
      types.append(type.getRank(), i64);
    if (auto ids = kernel.getArgAttrOfType<DenseI64ArrayAttr>(i, kExtentsName))
      for (int64_t id : ids.asArrayRef())
        dynamicExtents = std::max<int64_t>(dynamicExtents, id + 1);
  }
  types.append(dynamicExtents, i64);
  if (options.hook)
    types.push_back(pointer);
  if (options.device)
    types.append(options.device->hasWorkspace ? 2 : 1, pointer);
  b.setInsertionPointAfter(kernel);
  entry = func::FuncOp::create(
      b, name, b.getFunctionType(types, b.getI32Type()));
  Block *block = entry.addEntryBlock();
  b.setInsertionPointToStart(block);

  unsigned next = 0;
  for (unsigned i = 0; i < own; ++i) {
    auto type = dyn_cast<MemRefType>(kernel.getArgument(i).getType());
    Value argument = block->getArgument(next++);
    arguments.push_back(argument);
    if (!type)
      continue;
    auto role = kernel.getArgAttrOfType<StringAttr>(i, kRoleName);
    Buffer buffer{i, type, role != nullptr, argument, {}, {}, {}, {}, {}};
    if (options.strided)
      for (int64_t dim = 0; dim < type.getRank(); ++dim)
        buffer.strides.push_back(block->getArgument(next++));
    buffers.push_back(buffer);
  }
  for (unsigned i = 0; i < dynamicExtents; ++i)
    extents.push_back(block->getArgument(next++));
  if (options.hook)
    hook = block->getArgument(next);
  if (options.device) {
    if (options.device->hasWorkspace)
      workspace = block->getArgument(next++);
    stream = block->getArgument(next);
  }
}

void Entry::createMemRef(Buffer &buffer) {
  // The descriptor of a memref, as the conversion to LLVM defines it.
  MLIRContext *context = b.getContext();
  int64_t rank = buffer.type.getRank();
  Type i64 = b.getI64Type();
  auto pointer = LLVM::LLVMPointerType::get(context);
  SmallVector<Type> fields = {pointer, pointer, i64};
  if (rank > 0)
    fields.append(2, LLVM::LLVMArrayType::get(i64, rank));
  auto type = LLVM::LLVMStructType::getLiteral(context, fields);
  Value descriptor = LLVM::PoisonOp::create(b, type);
  auto insert = [&](Value value, ArrayRef<int64_t> position) {
    descriptor = LLVM::InsertValueOp::create(b, descriptor, value, position);
  };
  insert(buffer.pointer, {0});
  insert(buffer.pointer, {1});
  insert(constant(0), {2});
  Value stride = constant(1);
  for (int64_t dim = rank - 1; dim >= 0; --dim) {
    insert(buffer.extents[dim], {3, dim});
    insert(options.strided ? buffer.strides[dim] : stride, {4, dim});
    stride = arith::MulIOp::create(b, stride, buffer.extents[dim]);
  }
  buffer.memref = UnrealizedConversionCastOp::create(
                      b, TypeRange{buffer.type}, ValueRange{descriptor})
                      .getResult(0);
  arguments[buffer.argument] = buffer.memref;
}

void Entry::callKernel() {
  MLIRContext *context = b.getContext();
  auto pointer = LLVM::LLVMPointerType::get(context);
  Value zero32 = arith::ConstantOp::create(b, b.getI32IntegerAttr(0));
  Value status;
  if (options.hook) {
    status = LLVM::AllocaOp::create(b, pointer, b.getI32Type(), constant(1));
    LLVM::StoreOp::create(b, zero32, status);
    arguments.append({hook, status});
  }
  Value bytes = constant(0);
  for (Buffer &buffer : buffers)
    bytes = arith::AddIOp::create(b, bytes, buffer.bytes);
  Value begin = LLVM::CallOp::create(b, TypeRange{b.getI64Type()},
                                     name + "__begin", ValueRange())
                    .getResult();

  // The best variant first; without levels there is one and it always runs.
  auto levelOf = [&](size_t i) {
    return options.targets.empty() ? 0 : options.targets[i].level;
  };
  auto ordered = llvm::to_vector(llvm::seq<size_t>(0, variants.size()));
  llvm::sort(ordered, [&](size_t x, size_t y) {
    return std::pair(-levelOf(x), x) < std::pair(-levelOf(y), y);
  });
  Block *done = b.createBlock(&entry.getBody());
  b.setInsertionPointToEnd(done->getPrevNode());
  Value level;
  bool unconditional = false;
  for (size_t i : ordered) {
    int64_t needed = levelOf(i);
    func::FuncOp variant = variants[i];
    if (needed == 0) {
      func::CallOp::create(b, variant, arguments);
      cf::BranchOp::create(b, done);
      unconditional = true;
      break;
    }
    if (!level)
      level = LLVM::CallOp::create(b, TypeRange{b.getI32Type()},
                                   name + "__level", ValueRange())
                  .getResult();
    Value enough = arith::CmpIOp::create(
        b, arith::CmpIPredicate::sge, level,
        arith::ConstantOp::create(b, b.getI32IntegerAttr(needed)));
    Block *current = b.getInsertionBlock();
    Block *call = b.createBlock(done);
    func::CallOp::create(b, variant, arguments);
    cf::BranchOp::create(b, done);
    Block *next = b.createBlock(done);
    b.setInsertionPointToEnd(current);
    cf::CondBranchOp::create(b, enough, call, next);
    b.setInsertionPointToStart(next);
  }
  if (!unconditional) {
    Value code = arith::ConstantOp::create(b, b.getI32IntegerAttr(SMX_E_CPU));
    auto fail = LLVM::CallOp::create(b, TypeRange{b.getI32Type()},
                                     name + "__fail",
                                     ValueRange{code, constant(-1)});
    func::ReturnOp::create(b, fail.getResult());
  }

  b.setInsertionPointToStart(done);
  LLVM::CallOp::create(b, TypeRange(), name + "__end",
                       ValueRange{begin, bytes});
  if (status) {
    Value code = LLVM::LoadOp::create(b, b.getI32Type(), status);
    Value failed =
        arith::CmpIOp::create(b, arith::CmpIPredicate::ne, code, zero32);
    failIf(failed, SMX_E_THREAD, -1);
  }
  func::ReturnOp::create(b, zero32);
}

namespace {

struct SoftmaxFinalizeEntry
    : softmax::impl::SoftmaxFinalizeEntryPassBase<SoftmaxFinalizeEntry> {
  using Base::Base;

  void runOnOperation() override {
    SmallVector<CPUTarget> machines;
    for (const std::string &name : targets) {
      llvm::Expected<CPUTarget> machine = parseCPUTarget(name);
      if (!machine) {
        getOperation().emitError(llvm::toString(machine.takeError()));
        return signalPassFailure();
      }
      machines.push_back(*machine);
    }
    EntryOptions options{machines, hook, strided, inPlace, description, nullptr};
    SmallVector<func::FuncOp> kernels;
    for (auto function : getOperation().getOps<func::FuncOp>())
      if (function.isPublic() && !function.isExternal())
        kernels.push_back(function);
    for (func::FuncOp function : kernels)
      if (failed(Entry(function, options).run()))
        return signalPassFailure();
  }
};

} // namespace
