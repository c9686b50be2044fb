// The host's side of GPU kernels: launches become calls.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "codegen/gpu/HostCode.h"

#include "codegen/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

using namespace mlir;
using namespace mlir::softmax;

std::string softmax::kernelSymbol(StringRef entry) {
  return (entry + "__kernel_data").str();
}
std::string softmax::variantsSymbol(StringRef entry) {
  return (entry + "__variants").str();
}
std::string softmax::programSymbol(StringRef entry) {
  return (entry + "__program").str();
}

void softmax::addLaunchArguments(func::FuncOp function, Launcher launcher) {
  Builder b(function.getContext());
  auto pointer = LLVM::LLVMPointerType::get(b.getContext());
  auto add = [&](StringRef role, Type type) {
    (void)function.insertArgument(
        function.getNumArguments(), type,
        b.getDictionaryAttr(b.getNamedAttr(kRoleName, b.getStringAttr(role))),
        function.getLoc());
  };
  add("workspace", b.getI64Type());
  if (launcher == Launcher::Driver)
    add("code", pointer);
  add("stream", pointer);
  add("status", pointer);
}

LaunchArguments softmax::getLaunchArguments(func::FuncOp function) {
  LaunchArguments arguments;
  for (BlockArgument argument : function.getArguments()) {
    auto role = function.getArgAttrOfType<StringAttr>(argument.getArgNumber(),
                                                      kRoleName);
    StringRef name = role ? role.getValue() : "";
    if (name == "code")
      arguments.code = argument;
    else if (name == "stream")
      arguments.stream = argument;
    else if (name == "status")
      arguments.status = argument;
  }
  return arguments;
}

namespace {

class LaunchLowering {
public:
  LaunchLowering(func::FuncOp function, Launcher launcher, StringRef entry,
                 DeviceCode &code)
      : function(function), launcher(launcher), entry(entry), code(code),
        b(function.getLoc(), function.getContext()),
        pointer(LLVM::LLVMPointerType::get(b.getContext())),
        arguments(getLaunchArguments(function)) {}

  void run();

private:
  void lower(gpu::LaunchFuncOp launch);
  Value callDriver(gpu::LaunchFuncOp launch);
  Value callVulkan(gpu::LaunchFuncOp launch);
  /// Memory on the stack, for the whole call.
  Value slots(Type type, int64_t count);
  void store(Value value, Value base, Type type, int64_t position);
  Value i32(int64_t value) {
    return arith::ConstantOp::create(b, b.getI32IntegerAttr(value));
  }
  LLVM::LLVMFuncOp declare(StringRef name, ArrayRef<Type> types);

  func::FuncOp function;
  Launcher launcher;
  StringRef entry;
  DeviceCode &code;
  ImplicitLocOpBuilder b;
  Type pointer;
  LaunchArguments arguments;
};

} // namespace

LLVM::LLVMFuncOp LaunchLowering::declare(StringRef name, ArrayRef<Type> types) {
  auto module = function->getParentOfType<ModuleOp>();
  if (auto known = module.lookupSymbol<LLVM::LLVMFuncOp>(name))
    return known;
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToEnd(module.getBody());
  return LLVM::LLVMFuncOp::create(
      b, name, LLVM::LLVMFunctionType::get(b.getI32Type(), types));
}

Value LaunchLowering::slots(Type type, int64_t count) {
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(&function.getBody().front());
  Value number = arith::ConstantOp::create(b, b.getI64IntegerAttr(count));
  return LLVM::AllocaOp::create(b, pointer, type, number);
}

void LaunchLowering::store(Value value, Value base, Type type,
                           int64_t position) {
  Value address = LLVM::GEPOp::create(
      b, pointer, type, base, ArrayRef<LLVM::GEPArg>{int32_t(position)});
  LLVM::StoreOp::create(b, value, address);
}

Value LaunchLowering::callDriver(gpu::LaunchFuncOp launch) {
  Type i64 = b.getI64Type(), i32Type = b.getI32Type();
  auto operands = launch.getKernelOperands();
  int64_t count = std::max<int64_t>(operands.size(), 1);
  Value numbers = slots(i64, count), addresses = slots(pointer, count);
  for (auto [i, operand] : llvm::enumerate(operands)) {
    store(operand, numbers, i64, i);
    Value address = LLVM::GEPOp::create(b, pointer, i64, numbers,
                                        ArrayRef<LLVM::GEPArg>{int32_t(i)});
    store(address, addresses, pointer, i);
  }
  // struct smx_gpu_grid
  auto type = LLVM::LLVMStructType::getLiteral(
      b.getContext(), {i64, i32Type, i32Type, i32Type, i32Type});
  Value grid = slots(type, 1);
  Value blocks = arith::IndexCastOp::create(b, i64, launch.getGridSizeX());
  Value threads =
      arith::IndexCastOp::create(b, i32Type, launch.getBlockSizeX());
  auto called = llvm::find_if(code.functions, [&](const auto &function) {
    return function.name == launch.getKernelName().getValue();
  });
  // Both are constants: a schedule's, and the size of its rows.
  if (launch.hasClusterSize())
    called->cluster = *getConstantIntValue(launch.getClusterSizeX());
  if (Value bytes = launch.getDynamicSharedMemorySize())
    called->sharedBytes = *getConstantIntValue(bytes);
  Value fields[] = {blocks, i32(1), threads, i32(called->cluster),
                    i32(called->sharedBytes)};
  for (auto [i, field] : llvm::enumerate(fields)) {
    Value address = LLVM::GEPOp::create(b, pointer, type, grid,
                                        ArrayRef<LLVM::GEPArg>{0, int32_t(i)});
    LLVM::StoreOp::create(b, field, address);
  }
  int64_t number = called - code.functions.begin();
  auto callee = declare("smx_gpu_launch",
                        {pointer, pointer, i32Type, pointer, pointer, pointer});
  Value data = LLVM::AddressOfOp::create(b, pointer, kernelSymbol(entry));
  return LLVM::CallOp::create(b, callee,
                              ValueRange{data, arguments.code, i32(number),
                                         grid, addresses, arguments.stream})
      .getResult();
}

Value LaunchLowering::callVulkan(gpu::LaunchFuncOp launch) {
  Type i64 = b.getI64Type(), i32Type = b.getI32Type();
  auto operands = launch.getKernelOperands();
  Value push = slots(i64, std::max<int64_t>(operands.size(), 1));
  for (auto [i, operand] : llvm::enumerate(operands))
    store(operand, push, i64, i);
  Value groups = slots(i64, 3);
  Value one = arith::ConstantOp::create(b, b.getI64IntegerAttr(1));
  Value blocks = arith::IndexCastOp::create(b, i64, launch.getGridSizeX());
  Value sizes[] = {blocks, one, one};
  for (auto [i, size] : llvm::enumerate(sizes))
    store(size, groups, i64, i);
  // The name of the entry point, a constant beside the program.
  std::string kernel = launch.getKernelName().getValue().str();
  std::string symbol = kernel + "__name";
  auto module = function->getParentOfType<ModuleOp>();
  if (!module.lookupSymbol(symbol)) {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(module.getBody());
    std::string text = kernel + '\0';
    auto type = LLVM::LLVMArrayType::get(b.getI8Type(), text.size());
    LLVM::GlobalOp::create(b, type, /*isConstant=*/true,
                           LLVM::Linkage::Internal, symbol,
                           b.getStringAttr(text));
  }
  auto callee = declare("smx_vulkan_launch",
                        {pointer, pointer, pointer, pointer, pointer, i32Type});
  Value program = LLVM::AddressOfOp::create(b, pointer, programSymbol(entry));
  Value name = LLVM::AddressOfOp::create(b, pointer, symbol);
  return LLVM::CallOp::create(b, callee,
                              ValueRange{arguments.stream, program, name,
                                         groups, push,
                                         i32(8 * operands.size())})
      .getResult();
}

void LaunchLowering::lower(gpu::LaunchFuncOp launch) {
  b.setInsertionPoint(launch);
  Value zero = i32(0);
  Value before = LLVM::LoadOp::create(b, b.getI32Type(), arguments.status);
  Value fine = arith::CmpIOp::create(b, arith::CmpIPredicate::eq, before, zero);
  auto goesOn = scf::IfOp::create(b, fine);
  b.setInsertionPointToStart(&goesOn.getThenRegion().front());
  Value status =
      launcher == Launcher::Driver ? callDriver(launch) : callVulkan(launch);
  LLVM::StoreOp::create(b, status, arguments.status);
  launch.erase();
}

void LaunchLowering::run() {
  SmallVector<gpu::LaunchFuncOp> launches;
  function.walk([&](gpu::LaunchFuncOp op) { launches.push_back(op); });
  for (gpu::LaunchFuncOp launch : launches)
    lower(launch);
}

void softmax::lowerLaunches(func::FuncOp function, Launcher launcher,
                            StringRef entry, DeviceCode &code) {
  LaunchLowering(function, launcher, entry, code).run();
}
