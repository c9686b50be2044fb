// softmax-lower-tasks: parallel task loops become calls of the OpenMP library
// or of the caller's parallel-for hook.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "lowering/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/IR/Matchers.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Transforms/RegionUtils.h"

namespace mlir::softmax {
#define GEN_PASS_DEF_SOFTMAXLOWERTASKSPASS
#include "lowering/Passes.h.inc"
} // namespace mlir::softmax

using namespace mlir;
using namespace mlir::softmax;

namespace {

/// Moves the body of one task loop into a worker function
///     void worker(void *closure, int64_t begin, int64_t end)
/// and has it run over all tasks.
class TaskOutliner {
public:
  TaskOutliner(scf::ParallelOp loop, func::FuncOp kernel, unsigned number)
      : loop(loop), kernel(kernel), module(kernel->getParentOfType<ModuleOp>()),
        b(loop.getLoc(), loop.getContext()),
        name((kernel.getName() + ".tasks" + Twine(number)).str()),
        pointer(LLVM::LLVMPointerType::get(b.getContext())) {}

  LogicalResult run(Threads threads);

private:
  void captureValues();
  Type storageOf(Type type);
  func::FuncOp createFunction(StringRef suffix, ArrayRef<Type> arguments);
  void createWorker();
  Value createClosure();
  Value addressOf(func::FuncOp function);
  void callOpenMP(Value closure, Value tasks);
  LogicalResult callHook(Value closure, Value tasks);
  LLVM::LLVMFuncOp declare(StringRef symbol, Type result,
                           ArrayRef<Type> arguments);
  Value field(Value record, Type type, unsigned index);
  Value toI64(Value value) {
    return arith::IndexCastOp::create(b, b.getI64Type(), value);
  }

  scf::ParallelOp loop;
  func::FuncOp kernel;
  ModuleOp module;
  ImplicitLocOpBuilder b;
  std::string name;
  LLVM::LLVMPointerType pointer;
  SetVector<Value> captured;
  LLVM::LLVMStructType closureType;
  func::FuncOp worker;
};

} // namespace

/// The type in which a closure keeps a value; a memref is its descriptor.
Type TaskOutliner::storageOf(Type type) {
  if (type.isIndex())
    return b.getI64Type();
  auto memref = dyn_cast<MemRefType>(type);
  if (!memref)
    return type;
  SmallVector<Type> fields = {pointer, pointer, b.getI64Type()};
  if (memref.getRank() > 0)
    fields.append(2, LLVM::LLVMArrayType::get(b.getI64Type(), memref.getRank()));
  return LLVM::LLVMStructType::getLiteral(b.getContext(), fields);
}

void TaskOutliner::captureValues() {
  // Constants go along instead of through the closure.
  b.setInsertionPointToStart(loop.getBody());
  SetVector<Value> used;
  getUsedValuesDefinedAbove(loop.getRegion(), used);
  for (Value value : used) {
    Operation *constant = value.getDefiningOp();
    if (constant && matchPattern(constant, m_Constant())) {
      Value copy = b.clone(*constant)->getResult(0);
      replaceAllUsesInRegionWith(value, copy, loop.getRegion());
    } else {
      captured.insert(value);
    }
  }
  SmallVector<Type> fields;
  for (Value value : captured)
    fields.push_back(storageOf(value.getType()));
  closureType = LLVM::LLVMStructType::getLiteral(b.getContext(), fields);
}

func::FuncOp TaskOutliner::createFunction(StringRef suffix,
                                          ArrayRef<Type> arguments) {
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPoint(kernel);
  auto function = func::FuncOp::create(b, (name + suffix).str(),
                                       b.getFunctionType(arguments, {}));
  function.setPrivate();
  function->setAttr("llvm.linkage",
                    LLVM::LinkageAttr::get(b.getContext(),
                                           LLVM::Linkage::Internal));
  // The body is compiled as the kernel is.
  for (StringRef attribute :
       {SoftmaxDialect::kScheduleName, SoftmaxDialect::kTargetName})
    if (Attribute value = kernel->getAttr(attribute))
      function->setAttr(attribute, value);
  function.addEntryBlock();
  return function;
}

Value TaskOutliner::field(Value record, Type type, unsigned index) {
  return LLVM::GEPOp::create(b, pointer, type, record,
                             ArrayRef<LLVM::GEPArg>{0, int32_t(index)});
}

void TaskOutliner::createWorker() {
  Type i64 = b.getI64Type();
  worker = createFunction("", {pointer, i64, i64});
  Block &entry = worker.getBody().front();
  b.setInsertionPointToStart(&entry);
  for (auto [i, value] : llvm::enumerate(captured)) {
    Type type = closureType.getBody()[i];
    Value loaded = LLVM::LoadOp::create(
        b, type, field(entry.getArgument(0), closureType, i));
    if (value.getType().isIndex())
      loaded = arith::IndexCastOp::create(b, b.getIndexType(), loaded);
    else if (isa<MemRefType>(value.getType()))
      loaded = UnrealizedConversionCastOp::create(b, value.getType(), loaded)
                   .getResult(0);
    replaceAllUsesInRegionWith(value, loaded, loop.getRegion());
  }
  Value begin = arith::IndexCastOp::create(b, b.getIndexType(),
                                           entry.getArgument(1));
  Value end = arith::IndexCastOp::create(b, b.getIndexType(),
                                         entry.getArgument(2));
  Value one = arith::ConstantIndexOp::create(b, 1);
  auto tasks = scf::ForOp::create(b, begin, end, one);
  func::ReturnOp::create(b);
  Block *body = loop.getBody();
  body->getTerminator()->erase();
  Operation *yield = tasks.getBody()->getTerminator();
  yield->getBlock()->getOperations().splice(
      yield->getIterator(), body->getOperations());
  body->getArgument(0).replaceAllUsesWith(tasks.getInductionVar());

  // Buffers on the stack stay in the function that uses them.
  worker.walk([&](memref::AllocaOp op) {
    if (op->getBlock() != &entry && op.getDynamicSizes().empty())
      op->moveBefore(&entry, entry.begin());
  });
}

Value TaskOutliner::createClosure() {
  Value one = arith::ConstantOp::create(b, b.getI64IntegerAttr(1));
  OpBuilder::InsertionGuard guard(b);
  Value closure = LLVM::AllocaOp::create(b, pointer, closureType, one);
  for (auto [i, value] : llvm::enumerate(captured)) {
    Value stored = value;
    if (value.getType().isIndex())
      stored = toI64(value);
    else if (isa<MemRefType>(value.getType()))
      stored = UnrealizedConversionCastOp::create(
                   b, closureType.getBody()[i], value)
                   .getResult(0);
    LLVM::StoreOp::create(b, stored, field(closure, closureType, i));
  }
  return closure;
}

Value TaskOutliner::addressOf(func::FuncOp function) {
  Value constant =
      func::ConstantOp::create(b, function.getFunctionType(),
                               FlatSymbolRefAttr::get(function));
  return UnrealizedConversionCastOp::create(b, pointer, constant).getResult(0);
}

LLVM::LLVMFuncOp TaskOutliner::declare(StringRef symbol, Type result,
                                       ArrayRef<Type> arguments) {
  if (auto known = module.lookupSymbol<LLVM::LLVMFuncOp>(symbol))
    return known;
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(module.getBody());
  return LLVM::LLVMFuncOp::create(
      b, symbol, LLVM::LLVMFunctionType::get(result, arguments));
}

/// One contiguous range of tasks per thread. GOMP_parallel is offered by GCC's
/// and by LLVM's library.
void TaskOutliner::callOpenMP(Value closure, Value tasks) {
  Type i32 = b.getI32Type(), i64 = b.getI64Type();
  Type none = LLVM::LLVMVoidType::get(b.getContext());
  auto threadNumber = declare("omp_get_thread_num", i32, {});
  auto threadCount = declare("omp_get_num_threads", i32, {});
  auto threadLimit = declare("omp_get_max_threads", i32, {});
  auto parallel =
      declare("GOMP_parallel", none, {pointer, pointer, i32, i32});
  auto recordType =
      LLVM::LLVMStructType::getLiteral(b.getContext(), {pointer, i64});

  func::FuncOp member = createFunction(".team", {pointer});
  {
    OpBuilder::InsertionGuard guard(b);
    Block &entry = member.getBody().front();
    b.setInsertionPointToStart(&entry);
    Value record = entry.getArgument(0);
    Value inner =
        LLVM::LoadOp::create(b, pointer, field(record, recordType, 0));
    Value count = LLVM::LoadOp::create(b, i64, field(record, recordType, 1));
    auto wide = [&](LLVM::LLVMFuncOp function) -> Value {
      Value number = LLVM::CallOp::create(b, function, ValueRange()).getResult();
      return arith::ExtSIOp::create(b, i64, number);
    };
    Value thread = wide(threadNumber), team = wide(threadCount);
    Value one = arith::ConstantOp::create(b, b.getI64IntegerAttr(1));
    auto cut = [&](Value position) -> Value {
      Value scaled = arith::MulIOp::create(b, count, position);
      return arith::DivUIOp::create(b, scaled, team);
    };
    Value begin = cut(thread);
    Value end = cut(arith::AddIOp::create(b, thread, one));
    func::CallOp::create(b, worker, ValueRange{inner, begin, end});
    func::ReturnOp::create(b);
  }

  // No more threads than tasks, and no team for a single one.
  Value zero = arith::ConstantOp::create(b, b.getI64IntegerAttr(0));
  Value one = arith::ConstantOp::create(b, b.getI64IntegerAttr(1));
  Value limit = arith::ExtSIOp::create(
      b, i64, LLVM::CallOp::create(b, threadLimit, ValueRange()).getResult());
  Value team = arith::MinSIOp::create(b, tasks, limit);
  Value alone =
      arith::CmpIOp::create(b, arith::CmpIPredicate::sle, team, one);
  Value record = LLVM::AllocaOp::create(b, pointer, recordType, one);
  auto branch = scf::IfOp::create(b, TypeRange(), alone, true);
  b.setInsertionPointToStart(&branch.getThenRegion().front());
  func::CallOp::create(b, worker, ValueRange{closure, zero, tasks});
  b.setInsertionPointToStart(&branch.getElseRegion().front());
  LLVM::StoreOp::create(b, closure, field(record, recordType, 0));
  LLVM::StoreOp::create(b, tasks, field(record, recordType, 1));
  Value flags = arith::ConstantOp::create(b, b.getI32IntegerAttr(0));
  Value threads = arith::TruncIOp::create(b, i32, team);
  LLVM::CallOp::create(
      b, parallel, ValueRange{addressOf(member), record, threads, flags});
  b.setInsertionPointAfter(branch);
}

/// hook->run(hook->context, tasks, worker, closure); its failure is kept.
LogicalResult TaskOutliner::callHook(Value closure, Value tasks) {
  Value hook, status;
  for (BlockArgument argument : kernel.getArguments())
    if (auto role = kernel.getArgAttrOfType<StringAttr>(
            argument.getArgNumber(), "softmax.role")) {
      if (role.getValue() == "hook")
        hook = argument;
      if (role.getValue() == "status")
        status = argument;
    }
  if (!hook || !status)
    return kernel.emitError("expected arguments of role 'hook' and 'status' "
                            "for a schedule with threads = hook; "
                            "softmax-finalize-entry{hook} adds them");
  Type i32 = b.getI32Type();
  auto hookType =
      LLVM::LLVMStructType::getLiteral(b.getContext(), {pointer, pointer});
  Value run = LLVM::LoadOp::create(b, pointer, field(hook, hookType, 0));
  Value context = LLVM::LoadOp::create(b, pointer, field(hook, hookType, 1));
  auto type = LLVM::LLVMFunctionType::get(
      i32, {pointer, b.getI64Type(), pointer, pointer});
  Value code = LLVM::CallOp::create(
                   b, type,
                   ValueRange{run, context, tasks, addressOf(worker), closure})
                   .getResult();
  Value before = LLVM::LoadOp::create(b, i32, status);
  Value both = arith::OrIOp::create(b, before, code);
  LLVM::StoreOp::create(b, both, status);
  return success();
}

LogicalResult TaskOutliner::run(Threads threads) {
  Value tasks = loop.getUpperBound().front();
  captureValues();
  createWorker();
  b.setInsertionPoint(loop);
  Value count = toI64(tasks);
  Value closure = createClosure();
  LogicalResult result = success();
  if (threads == Threads::OpenMP)
    callOpenMP(closure, count);
  else
    result = callHook(closure, count);
  loop.erase();
  return result;
}

namespace {

struct SoftmaxLowerTasks
    : softmax::impl::SoftmaxLowerTasksPassBase<SoftmaxLowerTasks> {
  using Base::Base;

  void runOnOperation() override {
    for (auto kernel :
         llvm::to_vector(getOperation().getOps<func::FuncOp>())) {
      CPUScheduleAttr schedule = getCPUSchedule(kernel);
      if (!schedule || schedule.getThreads() == Threads::None)
        continue;
      SmallVector<scf::ParallelOp> loops;
      kernel.walk([&](scf::ParallelOp loop) {
        if (loop->hasAttr("row.tasks"))
          loops.push_back(loop);
      });
      for (auto [number, loop] : llvm::enumerate(loops))
        if (failed(TaskOutliner(loop, kernel, number)
                       .run(schedule.getThreads())))
          return signalPassFailure();
    }
  }
};

} // namespace
