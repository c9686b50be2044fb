// How the C entry of a GPU kernel calls the variant for the device at hand.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "codegen/cpu/Entry.h"
#include "runtime/smx_abi.h"

#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace mlir::softmax;

/// The entry enqueues and returns: the run-time log tells of the call, not of
/// the time that the kernels take.
void Entry::callDevice() {
  const DeviceVariants &device = *options.device;
  auto pointer = LLVM::LLVMPointerType::get(b.getContext());
  Type i32 = b.getI32Type();
  Value zero = arith::ConstantOp::create(b, b.getI32IntegerAttr(0));
  SmallVector<Value> passed = arguments;
  if (device.hasWorkspace) {
    Value address = LLVM::PtrToIntOp::create(b, b.getI64Type(), workspace);
    failIf(arith::CmpIOp::create(b, arith::CmpIPredicate::eq, address,
                                 constant(0)),
           SMX_E_WORKSPACE, -1);
    passed.push_back(address);
  } else {
    passed.push_back(constant(0));
  }
  Value status = LLVM::AllocaOp::create(b, pointer, i32, constant(1));
  LLVM::StoreOp::create(b, zero, status);
  auto returnStatus = [&](Value code) { func::ReturnOp::create(b, code); };
  if (device.launcher == Launcher::Vulkan) {
    passed.append({stream, status});
    func::CallOp::create(b, device.functions.front(), passed);
    returnStatus(LLVM::LoadOp::create(b, i32, status));
    return;
  }

  if (!module.lookupSymbol("smx_gpu_open")) {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToEnd(module.getBody());
    LLVM::LLVMFuncOp::create(
        b, "smx_gpu_open",
        LLVM::LLVMFunctionType::get(i32, {pointer, pointer, pointer}));
  }
  Value slot = LLVM::AllocaOp::create(b, pointer, pointer, constant(1));
  Value data = LLVM::AddressOfOp::create(b, pointer, kernelSymbol(name));
  Value opened = LLVM::CallOp::create(b, TypeRange{i32}, "smx_gpu_open",
                                      ValueRange{data, stream, slot})
                     .getResult();
  // The launcher has reported its failures itself.
  Block *current = b.getInsertionBlock();
  Block *failed = b.createBlock(&entry.getBody());
  returnStatus(opened);
  Block *next = b.createBlock(&entry.getBody());
  b.setInsertionPointToEnd(current);
  Value isFailure =
      arith::CmpIOp::create(b, arith::CmpIPredicate::ne, opened, zero);
  cf::CondBranchOp::create(b, isFailure, failed, next);
  b.setInsertionPointToStart(next);

  Value code = LLVM::LoadOp::create(b, pointer, slot);
  Value image = LLVM::LoadOp::create(b, i32, code); // its first member
  Value table = LLVM::AddressOfOp::create(b, pointer, variantsSymbol(name));
  Value where = LLVM::GEPOp::create(b, pointer, i32, table,
                                    ArrayRef<LLVM::GEPArg>{image});
  Value variant = LLVM::LoadOp::create(b, i32, where);
  passed.append({code, stream, status});
  for (auto [i, function] : llvm::enumerate(device.functions)) {
    Value number = arith::ConstantOp::create(b, b.getI32IntegerAttr(i));
    auto isThis = scf::IfOp::create(
        b, arith::CmpIOp::create(b, arith::CmpIPredicate::eq, variant, number));
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(&isThis.getThenRegion().front());
    func::CallOp::create(b, function, passed);
  }
  returnStatus(LLVM::LoadOp::create(b, i32, status));
}
