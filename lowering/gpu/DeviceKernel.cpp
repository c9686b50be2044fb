// A kernel function under construction, and what it needs from the host.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "lowering/gpu/DeviceKernel.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/IR/TypeUtilities.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace mlir::softmax;

int64_t Workspace::take(int64_t bytes) {
  int64_t offset = next;
  next = llvm::alignTo(next + bytes, 64);
  return offset;
}

bool softmax::needsWorkspace(func::FuncOp function) {
  for (unsigned i = 0; i < function.getNumArguments(); ++i)
    if (function.getArgAttr(i, "softmax.labels"))
      return true;
  if (GPUScheduleAttr schedule = getGPUSchedule(function);
      schedule && schedule.getSlices() > 1)
    return true;
  return function
      .walk([](Operation *op) {
        bool needs = isa<memref::AllocaOp, memref::AllocOp>(op);
        if (auto program = dyn_cast<row::ProgramOp>(op))
          for (unsigned i = 0, e = program.getOutputs().size(); i < e; ++i)
            needs |= program.getOutputMap(i).getNumResults() == 0;
        return needs ? WalkResult::interrupt() : WalkResult::advance();
      })
      .wasInterrupted();
}

bool softmax::isScratch(Value memref) {
  return memref.getDefiningOp<memref::AllocaOp>() ||
         memref.getDefiningOp<memref::AllocOp>();
}

bool softmax::dependsOnMemory(Value scalar) {
  Operation *op = scalar.getDefiningOp();
  if (!op || isa<memref::DimOp>(op))
    return false;
  return isa<memref::LoadOp>(op) ||
         llvm::any_of(op->getOperands(), dependsOnMemory);
}

DeviceKernel::DeviceKernel(gpu::GPUModuleOp module, StringRef name,
                           GPUScheduleAttr schedule, ImplicitLocOpBuilder &host,
                           Workspace &workspace,
                           llvm::DenseMap<Value, int64_t> &scratch)
    : module(module), schedule(schedule), b(host.getLoc(), host.getContext()),
      host(host), workspace(workspace), scratch(scratch) {
  b.setInsertionPointToEnd(module.getBody());
  kernel = gpu::GPUFuncOp::create(b, name, b.getFunctionType({}, {}));
  kernel->setAttr(gpu::GPUDialect::getKernelFuncAttrName(), b.getUnitAttr());
  kernel->setAttr(SoftmaxDialect::kScheduleName, schedule);
  b.setInsertionPointToStart(&kernel.getBody().front());
}

Value DeviceKernel::atBegin(function_ref<Value()> emit) {
  OpBuilder::InsertionGuard guard(b);
  Block *entry = &kernel.getBody().front();
  if (lastAtBegin)
    b.setInsertionPointAfter(lastAtBegin);
  else
    b.setInsertionPointToStart(entry);
  Value value = emit();
  // What was emitted last is the definition.
  if (Operation *op = value.getDefiningOp())
    lastAtBegin = op;
  return value;
}

Value DeviceKernel::index(int64_t value) {
  return arith::ConstantIndexOp::create(b, value);
}

Value DeviceKernel::argument(Value passed) {
  operands.push_back(passed);
  return kernel.getBody().front().addArgument(b.getI64Type(), b.getLoc());
}

/// A number as an i64 on the host, and back in the kernel.
Value DeviceKernel::pass(Value scalar) {
  Type type = scalar.getType(), i64 = b.getI64Type();
  unsigned width = type.isIndex() ? 64 : type.getIntOrFloatBitWidth();
  Type bits = b.getIntegerType(width);
  Value sent = scalar;
  if (type.isIndex())
    sent = arith::IndexCastOp::create(host, i64, sent);
  else if (isa<FloatType>(type))
    sent = arith::BitcastOp::create(host, bits, sent);
  if (sent.getType() != i64)
    sent = arith::ExtUIOp::create(host, i64, sent);
  Value received = argument(sent);
  return atBegin([&] {
    Value value = received;
    if (type.isIndex())
      return arith::IndexCastOp::create(b, type, value).getResult();
    if (width != 64)
      value = arith::TruncIOp::create(b, bits, value);
    if (isa<FloatType>(type))
      value = arith::BitcastOp::create(b, type, value);
    return value;
  });
}

Value DeviceKernel::value(Value scalar) {
  if (Value known = scalars.lookup(scalar))
    return known;
  Operation *op = scalar.getDefiningOp();
  Value device;
  if (op && op->hasTrait<OpTrait::ConstantLike>()) {
    device = atBegin([&] { return b.clone(*op)->getResult(0); });
  } else if (dependsOnMemory(scalar)) {
    IRMapping mapping;
    if (auto load = dyn_cast<memref::LoadOp>(op)) {
      Value from = memory(load.getMemref());
      Value element = atBegin([&]() -> Value {
        return memref::LoadOp::create(b, from, ValueRange{index(0)});
      });
      if (element.getType() != scalar.getType())
        element = atBegin([&]() -> Value {
          return arith::BitcastOp::create(b, scalar.getType(), element);
        });
      device = element;
    } else {
      for (Value operand : op->getOperands())
        mapping.map(operand, value(operand));
      unsigned number = cast<OpResult>(scalar).getResultNumber();
      device =
          atBegin([&] { return b.clone(*op, mapping)->getResult(number); });
    }
  } else {
    device = pass(scalar);
  }
  scalars[scalar] = device;
  return device;
}

/// An i64 of the host: where the elements of a memref lie on the device.
Value DeviceKernel::passAddress(Value memref) {
  if (!isScratch(memref)) {
    Value address =
        memref::ExtractAlignedPointerAsIndexOp::create(host, memref);
    return arith::IndexCastOp::create(host, b.getI64Type(), address);
  }
  auto type = cast<MemRefType>(memref.getType());
  auto known = scratch.find(memref);
  if (known == scratch.end()) {
    int64_t bytes = type.getNumElements() * type.getElementTypeBitWidth() / 8;
    known = scratch.try_emplace(memref, workspace.take(bytes)).first;
  }
  Value offset =
      arith::ConstantOp::create(host, host.getI64IntegerAttr(known->second));
  return arith::AddIOp::create(host, workspace.base, offset);
}

static Value asMemory(ImplicitLocOpBuilder &b, GPUScheduleAttr schedule,
                      Value address, Type element) {
  if (!schedule.hasHalfTypes() && (element.isF16() || element.isBF16()))
    element = b.getI16Type();
  auto space =
      gpu::AddressSpaceAttr::get(b.getContext(), gpu::AddressSpace::Global);
  auto type = MemRefType::get({ShapedType::kDynamic}, element,
                              MemRefLayoutAttrInterface(), space);
  return UnrealizedConversionCastOp::create(b, type, address).getResult(0);
}

Value DeviceKernel::memory(Value memref) {
  Value &known = memories[memref];
  if (known)
    return known;
  Value address = argument(passAddress(memref));
  Type element = cast<MemRefType>(memref.getType()).getElementType();
  return known =
             atBegin([&] { return asMemory(b, schedule, address, element); });
}

Value DeviceKernel::addressOf(Value memory) {
  return memory.getDefiningOp<UnrealizedConversionCastOp>().getOperand(0);
}

Value DeviceKernel::memoryAt(Value address, Type element) {
  return asMemory(b, schedule, address, element);
}

Value DeviceKernel::workspaceMemory(int64_t offset, Type element) {
  if (!workspaceBase)
    workspaceBase = argument(workspace.base);
  Value address = atBegin([&]() -> Value {
    Value bytes = arith::ConstantOp::create(b, b.getI64IntegerAttr(offset));
    return arith::AddIOp::create(b, workspaceBase, bytes);
  });
  return atBegin([&] { return asMemory(b, schedule, address, element); });
}

int64_t DeviceKernel::maxSharedBytes(GPUIsa isa) {
  switch (isa) {
  case GPUIsa::NVVM: // sm_90: 227 KiB, of which exchanges take some
    return 224 << 10;
  case GPUIsa::ROCDL:
    return 60 << 10;
  case GPUIsa::SPIRV: // 32 KiB are common
    return 28 << 10;
  }
  llvm_unreachable("unknown ISA");
}

static MemRefType sharedType(Type element, int64_t count) {
  auto space = gpu::AddressSpaceAttr::get(element.getContext(),
                                          gpu::AddressSpace::Workgroup);
  return MemRefType::get({count}, element, MemRefLayoutAttrInterface(), space);
}

memref::GlobalOp DeviceKernel::createShared(Type element, int64_t count) {
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPoint(kernel);
  auto global = memref::GlobalOp::create(
      b, "shared", b.getStringAttr("private"), sharedType(element, count),
      b.getUnitAttr(), /*constant=*/false, /*alignment=*/IntegerAttr());
  SymbolTable(module).insert(global);
  return global;
}

Value DeviceKernel::sharedMemory(memref::GlobalOp shared) {
  return memref::GetGlobalOp::create(b, shared.getType(), shared.getSymName());
}

Value DeviceKernel::largeSharedMemory(Type element, int64_t count) {
  Type scalar = getElementTypeOrSelf(element);
  int64_t bytes = count * scalar.getIntOrFloatBitWidth() / 8;
  if (auto vector = dyn_cast<VectorType>(element))
    bytes *= vector.getNumElements();
  Value offset = index(largeBytes);
  largeBytes = llvm::alignTo(largeBytes + bytes, 128);
  if (schedule.getIsa() == GPUIsa::SPIRV)
    return sharedMemory(element, count);
  Value all = gpu::DynamicSharedMemoryOp::create(
      b, sharedType(b.getI8Type(), ShapedType::kDynamic));
  return memref::ViewOp::create(b, sharedType(element, count), all, offset,
                                ValueRange());
}

SmallVector<Value> DeviceKernel::strides(Value memref) {
  auto type = cast<MemRefType>(memref.getType());
  SmallVector<Value> result(type.getRank());
  if (!type.getLayout().isIdentity()) {
    auto metadata = memref::ExtractStridedMetadataOp::create(host, memref);
    for (int64_t dim = 0; dim < type.getRank(); ++dim)
      result[dim] = pass(metadata.getStrides()[dim]);
    return result;
  }
  Value stride = atBegin([&] { return index(1); });
  for (int64_t dim = type.getRank() - 1; dim >= 0; --dim) {
    result[dim] = stride;
    if (dim == 0)
      break;
    Value size;
    if (type.isDynamicDim(dim))
      size = value(host.createOrFold<memref::DimOp>(memref, dim));
    stride = atBegin([&]() -> Value {
      Value extent = size ? size : index(type.getDimSize(dim));
      return arith::MulIOp::create(b, stride, extent);
    });
  }
  return result;
}

void DeviceKernel::launch(Value blocks, int64_t threads, int64_t cluster) {
  b.setInsertionPointToEnd(&kernel.getBody().front());
  gpu::ReturnOp::create(b);
  kernel.setType(b.getFunctionType(kernel.getBody().front().getArgumentTypes(),
                                   TypeRange()));
  kernel.setKnownBlockSize(
      SmallVector<int32_t>{static_cast<int32_t>(threads), 1, 1});
  Value one = arith::ConstantIndexOp::create(host, 1);
  Value size = arith::ConstantIndexOp::create(host, threads);
  std::optional<gpu::KernelDim3> clusters;
  if (cluster > 1)
    clusters = gpu::KernelDim3{arith::ConstantIndexOp::create(host, cluster),
                               one, one};
  Value bytes;
  if (largeBytes > 0 && schedule.getIsa() != GPUIsa::SPIRV)
    bytes = arith::ConstantOp::create(host, host.getI32IntegerAttr(largeBytes));
  gpu::LaunchFuncOp::create(host, kernel, gpu::KernelDim3{blocks, one, one},
                            gpu::KernelDim3{size, one, one}, bytes, operands,
                            /*asyncTokenType=*/Type(), /*asyncDeps=*/{},
                            clusters);
}
