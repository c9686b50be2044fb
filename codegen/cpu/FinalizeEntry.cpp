// softmax-finalize-entry: checked C entries around kernels.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "codegen/Passes.h"
#include "codegen/Target.h"
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

namespace {

struct EntryOptions {
  ArrayRef<CPUTarget> targets;
  bool hook, strided, inPlace;
  std::string description;

  bool hasWeakSymbols() const {
    return llvm::none_of(targets, [](const CPUTarget &target) {
      return target.isa == Isa::SIMD128;
    });
  }
};

/// A tensor argument as the entry sees it.
struct Buffer {
  unsigned argument; ///< of the kernel
  MemRefType type;
  bool isWritten;
  Value pointer;
  SmallVector<Value> extents, strides; ///< i64
  Value elements, bytes;               ///< i64
  Value memref;
};

class Entry {
public:
  Entry(func::FuncOp kernel, const EntryOptions &options)
      : kernel(kernel), options(options), module(kernel->getParentOfType<ModuleOp>()),
        name(kernel.getName().str()), b(kernel.getLoc(), kernel.getContext()) {}

  LogicalResult run();

private:
  void createVariants();
  void createSignature();
  void checkExtents();
  void checkPointers();
  void checkOverlap();
  void checkLabels();
  void createMemRef(Buffer &buffer);
  void callKernel();

  Value constant(int64_t value) {
    return arith::ConstantOp::create(b, b.getI64IntegerAttr(value));
  }
  /// Returns `status` from the entry when `condition` holds.
  void failIf(Value condition, int32_t status, Value index);
  void failIf(Value condition, int32_t status, int64_t index) {
    failIf(condition, status, constant(index));
  }
  bool mayBeEqual(const Buffer &x, const Buffer &y) const {
    return options.inPlace && x.type == y.type;
  }

  func::FuncOp kernel;
  const EntryOptions &options;
  ModuleOp module;
  std::string name;
  ImplicitLocOpBuilder b;

  func::FuncOp entry;
  SmallVector<func::FuncOp> variants;
  SmallVector<Value> arguments; ///< of the kernel
  SmallVector<Buffer> buffers;
  SmallVector<Value> extents; ///< dynamic, by number
  Value hook;
};

} // namespace

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
  createVariants();
  createSignature();
  if (failed(addFailFunction(module, name, options.hasWeakSymbols())) ||
      failed(addLogFunctions(module, name, options.description,
                             options.hasWeakSymbols())))
    return failure();
  bool dispatches = llvm::any_of(
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
  if (!options.strided)
    checkOverlap();
  for (Buffer &buffer : buffers)
    createMemRef(buffer);
  checkLabels();
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
}

void Entry::failIf(Value condition, int32_t status, Value index) {
  Block *current = b.getInsertionBlock();
  Block *failed = b.createBlock(&entry.getBody());
  Value code = arith::ConstantOp::create(b, b.getI32IntegerAttr(status));
  auto fail = LLVM::CallOp::create(b, TypeRange{b.getI32Type()}, name + "__fail",
                                   ValueRange{code, index});
  func::ReturnOp::create(b, fail.getResult());
  Block *next = b.createBlock(&entry.getBody());
  b.setInsertionPointToEnd(current);
  cf::CondBranchOp::create(b, condition, failed, next);
  b.setInsertionPointToStart(next);
}

/// Extents are not negative, and the bytes of a tensor are countable.
void Entry::checkExtents() {
  Value zero = constant(0);
  for (Value extent : extents) {
    Value negative =
        arith::CmpIOp::create(b, arith::CmpIPredicate::slt, extent, zero);
    failIf(negative, SMX_E_EXTENT, -1);
  }
  for (Buffer &buffer : buffers) {
    auto ids = kernel.getArgAttrOfType<DenseI64ArrayAttr>(buffer.argument,
                                                          kExtentsName);
    int64_t known = llvm::divideCeil(buffer.type.getElementTypeBitWidth(), 8);
    int64_t knownElements = 1;
    SmallVector<Value> unknown;
    for (int64_t dim = 0; dim < buffer.type.getRank(); ++dim) {
      bool isDynamic = buffer.type.isDynamicDim(dim);
      int64_t id = ids && isDynamic ? ids[dim] : -1;
      Value extent = isDynamic ? extents[id]
                               : constant(buffer.type.getDimSize(dim));
      buffer.extents.push_back(extent);
      if (isDynamic)
        unknown.push_back(extent);
      else
        knownElements *= buffer.type.getDimSize(dim);
    }
    buffer.elements = constant(knownElements);
    buffer.bytes = constant(knownElements * known);
    for (Value extent : unknown) {
      buffer.elements = arith::MulIOp::create(b, buffer.elements, extent);
      auto product = arith::MulUIExtendedOp::create(b, buffer.bytes, extent);
      Value overflow = arith::CmpIOp::create(b, arith::CmpIPredicate::ne,
                                             product.getHigh(), zero);
      Value top = arith::CmpIOp::create(b, arith::CmpIPredicate::slt,
                                        product.getLow(), zero);
      failIf(arith::OrIOp::create(b, overflow, top), SMX_E_EXTENT,
             buffer.argument);
      buffer.bytes = product.getLow();
    }
  }
}

void Entry::checkPointers() {
  Value null = LLVM::ZeroOp::create(
      b, LLVM::LLVMPointerType::get(b.getContext()));
  Value zero = constant(0);
  for (Buffer &buffer : buffers) {
    Value isNull = LLVM::ICmpOp::create(b, LLVM::ICmpPredicate::eq,
                                        buffer.pointer, null);
    Value hasElements = arith::CmpIOp::create(b, arith::CmpIPredicate::ne,
                                              buffer.elements, zero);
    failIf(arith::AndIOp::create(b, isNull, hasElements), SMX_E_NULL,
           buffer.argument);
    if (!options.strided || !buffer.isWritten)
      continue;
    // A result with stride 0 would be written more than once.
    for (auto [extent, stride] : llvm::zip(buffer.extents, buffer.strides)) {
      Value broadcast =
          arith::CmpIOp::create(b, arith::CmpIPredicate::eq, stride, zero);
      Value several = arith::CmpIOp::create(b, arith::CmpIPredicate::sgt,
                                            extent, constant(1));
      failIf(arith::AndIOp::create(b, broadcast, several), SMX_E_STRIDE,
             buffer.argument);
    }
  }
  if (hook) {
    Value isNull =
        LLVM::ICmpOp::create(b, LLVM::ICmpPredicate::eq, hook, null);
    failIf(isNull, SMX_E_HOOK, -1);
    Value function = LLVM::LoadOp::create(
        b, LLVM::LLVMPointerType::get(b.getContext()), hook);
    Value noFunction =
        LLVM::ICmpOp::create(b, LLVM::ICmpPredicate::eq, function, null);
    failIf(noFunction, SMX_E_HOOK, -1);
  }
}

/// No result shares memory with another tensor, except when it was declared to
/// be the same buffer.
void Entry::checkOverlap() {
  auto begin = [&](Buffer &buffer) -> Value {
    return LLVM::PtrToIntOp::create(b, b.getI64Type(), buffer.pointer);
  };
  auto less = [&](Value x, Value y) -> Value {
    return arith::CmpIOp::create(b, arith::CmpIPredicate::ult, x, y);
  };
  for (auto [i, written] : llvm::enumerate(buffers)) {
    if (!written.isWritten)
      continue;
    for (auto [j, other] : llvm::enumerate(buffers)) {
      if (i == j || (other.isWritten && j < i))
        continue; // a pair of results is looked at once
      Value x = begin(written), y = begin(other);
      Value xEnd = arith::AddIOp::create(b, x, written.bytes);
      Value yEnd = arith::AddIOp::create(b, y, other.bytes);
      Value overlap = arith::AndIOp::create(b, less(x, yEnd), less(y, xEnd));
      // A tensor without elements overlaps nothing.
      Value bothSized = arith::AndIOp::create(b, less(x, xEnd), less(y, yEnd));
      overlap = arith::AndIOp::create(b, overlap, bothSized);
      if (mayBeEqual(written, other)) {
        Value differs =
            arith::CmpIOp::create(b, arith::CmpIPredicate::ne, x, y);
        overlap = arith::AndIOp::create(b, overlap, differs);
      }
      failIf(overlap, SMX_E_ALIAS, written.argument);
    }
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

/// Loops over the labels, dimension after dimension, and returns the number of
/// the first row whose label is outside [0, classes) and not the ignored one.
static Value firstBadLabel(ImplicitLocOpBuilder &b, Value labels,
                           ArrayRef<Value> extents, Value row, Value best,
                           Value classes, int64_t ignored,
                           SmallVectorImpl<Value> &indices) {
  Type i64 = b.getI64Type();
  if (indices.size() == extents.size()) {
    Value label = memref::LoadOp::create(b, labels, indices);
    if (label.getType().isInteger(8))
      label = arith::ExtUIOp::create(b, i64, label);
    else if (label.getType() != i64)
      label = arith::ExtSIOp::create(b, i64, label);
    Value ignore = arith::ConstantOp::create(b, b.getI64IntegerAttr(ignored));
    Value counts =
        arith::CmpIOp::create(b, arith::CmpIPredicate::ne, label, ignore);
    Value outside =
        arith::CmpIOp::create(b, arith::CmpIPredicate::uge, label, classes);
    Value bad = arith::AndIOp::create(b, counts, outside);
    Value earlier = arith::MinUIOp::create(b, best, row);
    return arith::SelectOp::create(b, bad, earlier, best);
  }
  Value extent = extents[indices.size()];
  Value zero = arith::ConstantIndexOp::create(b, 0);
  Value one = arith::ConstantIndexOp::create(b, 1);
  Value end = arith::IndexCastOp::create(b, b.getIndexType(), extent);
  auto loop = scf::ForOp::create(b, zero, end, one, ValueRange{best});
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(loop.getBody());
  indices.push_back(loop.getInductionVar());
  Value position =
      arith::IndexCastOp::create(b, i64, loop.getInductionVar());
  Value nextRow = arith::AddIOp::create(
      b, arith::MulIOp::create(b, row, extent), position);
  Value found =
      firstBadLabel(b, labels, extents, nextRow,
                    loop.getRegionIterArg(0), classes, ignored, indices);
  scf::YieldOp::create(b, found);
  indices.pop_back();
  return loop.getResult(0);
}

void Entry::checkLabels() {
  for (Buffer &buffer : buffers) {
    auto labels = kernel.getArgAttrOfType<DenseI64ArrayAttr>(buffer.argument,
                                                             kLabelsName);
    if (!labels)
      continue;
    int64_t ignored = labels[0], known = labels[1];
    Value classes;
    if (known >= 0) {
      classes = constant(known);
    } else {
      Buffer *logits = llvm::find_if(buffers, [&](const Buffer &other) {
        return other.argument == labels[2];
      });
      classes = logits->extents[labels[3]];
    }
    Value none = constant(-1); // the largest unsigned number
    SmallVector<Value> indices;
    Value first = firstBadLabel(b, buffer.memref, buffer.extents, constant(0),
                                none, classes, ignored, indices);
    Value found =
        arith::CmpIOp::create(b, arith::CmpIPredicate::ne, first, none);
    failIf(found, SMX_E_TARGET, first);
  }
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
    EntryOptions options{machines, hook, strided, inPlace, description};
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
