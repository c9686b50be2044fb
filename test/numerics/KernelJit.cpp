// Compiles element functions for the instruction sets of this machine.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "test/numerics/KernelJit.h"

#include "mlir/Conversion/Passes.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Target/TargetMachine.h"
#include "llvm/TargetParser/Host.h"

using namespace mlir;
using namespace mlir::softmax;
using namespace mlir::softmax::test;

static std::vector<InstructionSet> allInstructionSets() {
  MathOptions plain, fma, avx512;
  plain.fma = false;
  avx512.scalef = true;
#if defined(__x86_64__)
  return {
      {"scalar", "x86-64", {}, 0, plain},
      {"SSE2", "x86-64", {}, 16, plain},
      {"scalar FMA", "x86-64-v3", {"avx2", "fma"}, 0, fma},
      {"AVX2", "x86-64-v3", {"avx2", "fma"}, 32, fma},
      {"AVX-512",
       "x86-64-v4",
       {"avx512f", "avx512dq", "avx512bw", "avx512vl", "avx512cd"},
       64,
       avx512},
  };
#else
  std::string host = llvm::sys::getHostCPUName().str();
  return {{"scalar without FMA", host, {}, 0, plain},
          {"scalar", host, {}, 0, fma},
          {"16-byte vectors", host, {}, 16, fma}};
#endif
}

std::vector<InstructionSet> test::hostInstructionSets() {
  llvm::StringMap<bool> features = llvm::sys::getHostCPUFeatures();
  std::vector<InstructionSet> supported;
  for (const InstructionSet &isa : allInstructionSets()) {
    if (llvm::all_of(isa.needs, [&](const std::string &feature) {
          return features.lookup(feature);
        }))
      supported.push_back(isa);
    else
      llvm::errs() << "skipped: this machine has no " << isa.name << "\n";
  }
  return supported;
}

Type test::elementType(MLIRContext *context, Element element) {
  switch (element) {
  case Element::F16:
    return Float16Type::get(context);
  case Element::BF16:
    return BFloat16Type::get(context);
  case Element::F32:
    return Float32Type::get(context);
  case Element::F64:
    return Float64Type::get(context);
  }
  llvm_unreachable("unknown element type");
}

/// func @kernel(x, y, n): a loop over vectors.
static OwningOpRef<ModuleOp> buildLoop(MLIRContext &context,
                                       const InstructionSet &isa, Element from,
                                       Element to, const BuildFunction &build) {
  Type narrow = elementType(&context, from), wide = elementType(&context, to);
  Type pointer = LLVM::LLVMPointerType::get(&context);
  int64_t widest =
      std::max(narrow.getIntOrFloatBitWidth(), wide.getIntOrFloatBitWidth()) /
      8;
  int64_t lanes = isa.vectorBytes ? isa.vectorBytes / widest : 1;
  Type input = narrow;
  if (isa.vectorBytes)
    input = VectorType::get({lanes}, narrow);

  Location loc = UnknownLoc::get(&context);
  OwningOpRef<ModuleOp> module = ModuleOp::create(loc);
  ImplicitLocOpBuilder b(loc, module->getBodyRegion());
  Type index = b.getI64Type();
  auto function = func::FuncOp::create(
      b, "kernel", b.getFunctionType({pointer, pointer, index}, {}));
  b.setInsertionPointToStart(function.addEntryBlock());
  Value x = function.getArgument(0), y = function.getArgument(1);
  Value first = arith::ConstantOp::create(b, b.getI64IntegerAttr(0));
  Value step = arith::ConstantOp::create(b, b.getI64IntegerAttr(lanes));
  auto loop = scf::ForOp::create(b, first, function.getArgument(2), step);
  func::ReturnOp::create(b);

  b.setInsertionPointToStart(loop.getBody());
  Value i = loop.getInductionVar();
  Value source = LLVM::GEPOp::create(b, pointer, narrow, x, ValueRange{i});
  Value value = LLVM::LoadOp::create(b, input, source,
                                     narrow.getIntOrFloatBitWidth() / 8);
  Value result = build(b, value, isa.options);
  Value destination = LLVM::GEPOp::create(b, pointer, wide, y, ValueRange{i});
  LLVM::StoreOp::create(b, result, destination,
                        wide.getIntOrFloatBitWidth() / 8);
  return module;
}

static void lowerToLLVM(ModuleOp module) {
  PassManager pm(module.getContext());
  pm.addPass(createSCFToControlFlowPass());
  pm.addPass(createConvertMathToLLVMPass());
  pm.addPass(createArithToLLVMConversionPass());
  pm.addPass(createConvertControlFlowToLLVMPass());
  pm.addPass(createConvertFuncToLLVMPass());
  pm.addPass(createReconcileUnrealizedCastsPass());
  if (failed(verify(module)) || failed(pm.run(module)))
    llvm::report_fatal_error("the kernel does not lower to LLVM");
}

/// Level 3, but scalar code is to stay scalar.
static void optimize(llvm::Module &module, llvm::TargetMachine &target) {
  llvm::PipelineTuningOptions tuning;
  tuning.LoopVectorization = tuning.SLPVectorization = false;
  llvm::PassBuilder builder(&target, tuning);
  llvm::LoopAnalysisManager loops;
  llvm::FunctionAnalysisManager functions;
  llvm::CGSCCAnalysisManager components;
  llvm::ModuleAnalysisManager modules;
  builder.registerModuleAnalyses(modules);
  builder.registerCGSCCAnalyses(components);
  builder.registerFunctionAnalyses(functions);
  builder.registerLoopAnalyses(loops);
  builder.crossRegisterProxies(loops, functions, components, modules);
  builder.buildPerModuleDefaultPipeline(llvm::OptimizationLevel::O3)
      .run(module, modules);
}

Kernel test::compile(const InstructionSet &isa, Element from, Element to,
                     const BuildFunction &build) {
  static bool initialized = !llvm::InitializeNativeTarget() &&
                            !llvm::InitializeNativeTargetAsmPrinter();
  if (!initialized)
    llvm::report_fatal_error("no code generator for this machine");
  llvm::ExitOnError check("KernelJit: ");

  MLIRContext context;
  context.loadDialect<arith::ArithDialect, func::FuncDialect, LLVM::LLVMDialect,
                      math::MathDialect, scf::SCFDialect>();
  registerBuiltinDialectTranslation(context);
  registerLLVMDialectTranslation(context);
  OwningOpRef<ModuleOp> module = buildLoop(context, isa, from, to, build);
  lowerToLLVM(*module);

  auto llvmContext = std::make_unique<llvm::LLVMContext>();
  std::unique_ptr<llvm::Module> llvmModule =
      translateModuleToLLVMIR(*module, *llvmContext);
  llvm::orc::JITTargetMachineBuilder machine{
      llvm::Triple(llvm::sys::getProcessTriple())};
  machine.setCPU(isa.cpu);
  machine.setCodeGenOptLevel(llvm::CodeGenOptLevel::Aggressive);
  auto target = check(machine.createTargetMachine());
  llvmModule->setDataLayout(target->createDataLayout());
  llvmModule->setTargetTriple(target->getTargetTriple());
  optimize(*llvmModule, *target);

  std::shared_ptr<llvm::orc::LLJIT> jit =
      check(llvm::orc::LLJITBuilder()
                .setJITTargetMachineBuilder(std::move(machine))
                .create());
  check(jit->addIRModule({std::move(llvmModule), std::move(llvmContext)}));
  auto *entry =
      check(jit->lookup("kernel")).toPtr<void(const void *, void *, int64_t)>();
  return {isa.name,
          [jit, entry](const void *x, void *y, int64_t n) { entry(x, y, n); }};
}

bool test::exhaustive() {
  const char *value = std::getenv("SOFTMAX_EXHAUSTIVE");
  return value && *value;
}
