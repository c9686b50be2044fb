// Machine code of GPU kernels: PTX, cubin, code objects, SPIR-V.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "codegen/gpu/DeviceCode.h"

#include "codegen/Emit.h"
#include "codegen/cpu/ObjectCode.h"
#include "codegen/gpu/DeviceTools.h"
#include "codegen/gpu/Pipelines.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/SPIRV/IR/SPIRVOps.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "mlir/Target/SPIRV/Serialization.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Module.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Target/TargetMachine.h"

using namespace mlir;
using namespace mlir::softmax;

/// Vulkan promises 128 bytes of push constants; a parameter takes 8.
static constexpr unsigned kMaxPushConstants = 16;

/// PTX of the oldest version that knows the processor: drivers from CUDA 12.0
/// on read it, for sm_100 those that know the processor at all.
static StringRef featuresOf(const GPUTarget &target) {
  if (target.isa != GPUIsa::NVVM)
    return "";
  return target.chip == "sm_100" ? "+ptx86" : "+ptx80";
}

/// The code of an LLVM module, as text or as an object.
static llvm::Expected<std::string> generate(llvm::Module &module,
                                            const GPUTarget &target) {
  bool nvidia = target.isa == GPUIsa::NVVM;
  llvm::Triple triple(nvidia ? "nvptx64-nvidia-cuda" : "amdgcn-amd-amdhsa");
  std::string problem;
  const llvm::Target *backend =
      llvm::TargetRegistry::lookupTarget(triple, problem);
  if (!backend)
    return llvm::createStringError("LLVM has no code generator for " +
                                   triple.str() + ": " + problem);
  llvm::TargetOptions options;
  // Products and sums are rounded where the elementary functions say so.
  options.AllowFPOpFusion = llvm::FPOpFusion::Strict;
  std::unique_ptr<llvm::TargetMachine> machine(backend->createTargetMachine(
      triple, target.chip, featuresOf(target), options, llvm::Reloc::PIC_,
      std::nullopt, llvm::CodeGenOptLevel::Aggressive));
  module.setTargetTriple(triple);
  module.setDataLayout(machine->createDataLayout());
  for (llvm::Function &function : module)
    function.addFnAttr(llvm::Attribute::NoUnwind);

  optimize(module, *machine);

  llvm::SmallVector<char, 0> buffer;
  llvm::raw_svector_ostream stream(buffer);
  llvm::legacy::PassManager passes;
  if (machine->addPassesToEmitFile(passes, stream, nullptr,
                                   nvidia ? llvm::CodeGenFileType::AssemblyFile
                                          : llvm::CodeGenFileType::ObjectFile))
    return llvm::createStringError("LLVM cannot write code for " +
                                   triple.str());
  passes.run(module);
  return std::string(buffer.data(), buffer.size());
}

static void initializeTargets() {
  static bool once = [] {
    llvm::InitializeAllTargetInfos();
    llvm::InitializeAllTargets();
    llvm::InitializeAllTargetMCs();
    llvm::InitializeAllAsmPrinters();
    return true;
  }();
  (void)once;
}

llvm::Expected<DeviceCode> softmax::compileKernels(gpu::GPUModuleOp kernels,
                                                   const GPUTarget &target,
                                                   bool needsBinary) {
  DeviceCode code{target, "", "", "", {}};
  for (auto kernel : kernels.getOps<gpu::GPUFuncOp>()) {
    code.functions.push_back({kernel.getName().str()});
    if (unsigned count = kernel.getNumArguments();
        target.isa == GPUIsa::SPIRV && count > kMaxPushConstants)
      return llvm::make_error<EmitError>(
          ExitCode::WrongRequest,
          "the kernel needs " + std::to_string(count) +
              " parameters, and Vulkan devices are sure to take " +
              std::to_string(kMaxPushConstants) +
              " of 8 bytes; give fewer dynamic extents, or no --strided");
  }
  MLIRContext *context = kernels.getContext();
  OwningOpRef<ModuleOp> own(ModuleOp::create(kernels.getLoc()));
  own->getBody()->push_back(kernels->clone());
  PassManager pm(context);
  buildKernelsToDevice(pm, target);
  if (failed(pm.run(*own)))
    return llvm::createStringError("lowering for " + target.name + " failed");

  if (target.isa == GPUIsa::SPIRV) {
    auto shaders = *own->getOps<spirv::ModuleOp>().begin();
    SmallVector<uint32_t, 0> words;
    if (failed(spirv::serialize(shaders, words)))
      return llvm::createStringError("serialization to SPIR-V failed");
    code.binary.assign(reinterpret_cast<const char *>(words.data()),
                       words.size() * sizeof(uint32_t));
    return code;
  }

  initializeTargets();
  llvm::LLVMContext llvmContext;
  auto module = *own->getOps<gpu::GPUModuleOp>().begin();
  std::unique_ptr<llvm::Module> llvmModule =
      translateModuleToLLVMIR(module, llvmContext, kernels.getName());
  if (!llvmModule)
    return llvm::createStringError("translation to LLVM IR failed");
  auto generated = generate(*llvmModule, target);
  if (!generated)
    return generated.takeError();
  if (target.isa == GPUIsa::ROCDL) {
    auto linked = linkCodeObject(*generated);
    if (!linked)
      return linked.takeError();
    code.binary = std::move(*linked);
    return code;
  }
  code.text = std::move(*generated);
  std::string ptxas = findPtxas();
  if (ptxas.empty()) {
    if (needsBinary)
      return llvm::make_error<EmitError>(
          ExitCode::MissingTool,
          "--emit=cubin needs ptxas of the CUDA toolkit, which was not found "
          "on "
          "PATH, in CUDA_HOME or in CUDA_PATH; --emit=ptx works without");
    return code;
  }
  auto assembled = assemblePtx(ptxas, code.text, target.chip);
  if (!assembled)
    return assembled.takeError();
  code.binary = std::move(assembled->binary);
  code.report = std::move(assembled->report);
  return code;
}
