// LLVM's part: optimisation of a module and its object, assembly or IR.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "codegen/cpu/ObjectCode.h"

#include "llvm/IR/LegacyPassManager.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Support/raw_ostream.h"
#include "llvm/Transforms/Utils/Cloning.h"

using namespace mlir;
using namespace mlir::softmax;

/// Dispatch and checks run on any CPU of the architecture.
static std::pair<StringRef, StringRef> baseline(const CPUTarget &target) {
  switch (target.isa) {
  case Isa::RVV:
    return {"generic-rv64", "+m,+a,+f,+d,+c"};
  case Isa::SIMD128:
    return {"generic", ""};
  case Isa::NEON:
  case Isa::SVE:
    return {"generic", "+neon"};
  default:
    return {"x86-64", ""};
  }
}

static void initializeTargets() {
  static bool once = [] {
    llvm::InitializeAllTargetInfos();
    llvm::InitializeAllTargets();
    llvm::InitializeAllTargetMCs();
    llvm::InitializeAllAsmPrinters();
    llvm::InitializeAllAsmParsers();
    return true;
  }();
  (void)once;
}

static llvm::Expected<std::unique_ptr<llvm::TargetMachine>>
createMachine(const CPUTarget &target) {
  initializeTargets();
  llvm::Triple triple(target.triple);
  std::string error;
  const llvm::Target *backend =
      llvm::TargetRegistry::lookupTarget(triple, error);
  if (!backend)
    return llvm::createStringError("LLVM has no code generator for " +
                                   target.triple + ": " + error);
  auto [cpu, features] = baseline(target);
  llvm::TargetOptions options;
  // Never merge a multiplication and an addition on our behalf: the elementary
  // functions say where they want an FMA.
  options.AllowFPOpFusion = llvm::FPOpFusion::Strict;
  return std::unique_ptr<llvm::TargetMachine>(backend->createTargetMachine(
      triple, cpu, features, options, llvm::Reloc::PIC_, std::nullopt,
      llvm::CodeGenOptLevel::Default));
}

llvm::Expected<llvm::DataLayout>
softmax::getDataLayout(const CPUTarget &target) {
  auto machine = createMachine(target);
  if (!machine)
    return machine.takeError();
  return (*machine)->createDataLayout();
}

void softmax::optimize(llvm::Module &module, llvm::TargetMachine &machine) {
  // Vectors, unrolling and accumulators are the schedule's business; LLVM only
  // cleans up and allocates registers.
  llvm::PipelineTuningOptions tuning;
  tuning.LoopVectorization = false;
  tuning.SLPVectorization = false;
  tuning.LoopUnrolling = false;
  tuning.LoopInterleaving = false;
  llvm::LoopAnalysisManager loops;
  llvm::FunctionAnalysisManager functions;
  llvm::CGSCCAnalysisManager graphs;
  llvm::ModuleAnalysisManager modules;
  llvm::PassBuilder builder(&machine, tuning);
  builder.registerModuleAnalyses(modules);
  builder.registerCGSCCAnalyses(graphs);
  builder.registerFunctionAnalyses(functions);
  builder.registerLoopAnalyses(loops);
  builder.crossRegisterProxies(loops, functions, graphs, modules);
  builder.buildPerModuleDefaultPipeline(llvm::OptimizationLevel::O2)
      .run(module, modules);
}

llvm::Expected<ObjectCode> ObjectCode::create(
    std::unique_ptr<llvm::LLVMContext> context,
    std::unique_ptr<llvm::Module> module,
    llvm::ArrayRef<std::pair<std::string, CPUTarget>> variants) {
  const CPUTarget &first = variants.front().second;
  auto machine = createMachine(first);
  if (!machine)
    return machine.takeError();
  auto [cpu, features] = baseline(first);
  ObjectCode code;
  code.context = std::move(context);
  code.module = std::move(module);
  code.machine = std::move(*machine);
  code.module->setTargetTriple(code.machine->getTargetTriple());
  code.module->setDataLayout(code.machine->createDataLayout());
  code.module->setPICLevel(llvm::PICLevel::BigPIC);

  for (llvm::Function &function : *code.module) {
    if (function.isDeclaration())
      continue;
    const CPUTarget *own = nullptr;
    for (const auto &[name, variant] : variants)
      if (function.getName() == name ||
          function.getName().starts_with(name + ".")) // its tasks
        own = &variant;
    StringRef functionCpu = own ? StringRef(own->cpu) : cpu;
    StringRef functionFeatures = own ? StringRef(own->features) : features;
    function.addFnAttr("target-cpu", functionCpu);
    if (!functionFeatures.empty())
      function.addFnAttr("target-features", functionFeatures);
    if (own && own->vectorBits == 512) {
      function.addFnAttr("prefer-vector-width", "512");
      function.addFnAttr("min-legal-vector-width", "512");
    }
    function.addFnAttr(llvm::Attribute::NoUnwind);
  }

  optimize(*code.module, *code.machine);
  return code;
}

llvm::Expected<llvm::SmallVector<char, 0>>
ObjectCode::emit(llvm::CodeGenFileType type) const {
  llvm::SmallVector<char, 0> buffer;
  llvm::raw_svector_ostream stream(buffer);
  // Code generation changes the module; keep ours for further kinds of output.
  std::unique_ptr<llvm::Module> copy = llvm::CloneModule(*module);
  llvm::legacy::PassManager passes;
  if (machine->addPassesToEmitFile(passes, stream, nullptr, type))
    return llvm::createStringError("LLVM cannot write this kind of file for " +
                                   machine->getTargetTriple().str());
  passes.run(*copy);
  return buffer;
}

std::string ObjectCode::ir() const {
  std::string text;
  llvm::raw_string_ostream stream(text);
  module->print(stream, nullptr);
  return text;
}
