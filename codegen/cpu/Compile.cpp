// From a module with one public function to machine code.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "codegen/cpu/Compile.h"

#include "codegen/Emit.h"
#include "codegen/Passes.h"
#include "codegen/cpu/Pipelines.h"
#include "codegen/gpu/Compile.h"
#include "codegen/gpu/Launcher.h"

#include "mlir/Dialect/Arith/Transforms/BufferizableOpInterfaceImpl.h"
#include "mlir/Dialect/Bufferization/Transforms/FuncBufferizableOpInterfaceImpl.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Dialect/Func/Extensions/InlinerExtension.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/LLVMIR/ROCDLDialect.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Linalg/Transforms/BufferizableOpInterfaceImpl.h"
#include "mlir/Dialect/Linalg/Transforms/SubsetInsertionOpInterfaceImpl.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/MemRef/Transforms/AllocationOpInterfaceImpl.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/SCF/Transforms/BufferizableOpInterfaceImpl.h"
#include "mlir/Dialect/SPIRV/IR/SPIRVDialect.h"
#include "mlir/Dialect/Tensor/IR/TensorInferTypeOpInterfaceImpl.h"
#include "mlir/Dialect/Tensor/Transforms/BufferizableOpInterfaceImpl.h"
#include "mlir/Dialect/Tensor/Transforms/SubsetInsertionOpInterfaceImpl.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/GPU/GPUToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/NVVM/NVVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/ROCDL/ROCDLToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "mlir/Transforms/Passes.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"

using namespace mlir;
using namespace mlir::softmax;

void softmax::registerCompilerDialects(DialectRegistry &registry) {
  registry.insert<row::RowDialect, SoftmaxDialect, arith::ArithDialect,
                  bufferization::BufferizationDialect, cf::ControlFlowDialect,
                  func::FuncDialect, gpu::GPUDialect, linalg::LinalgDialect,
                  LLVM::LLVMDialect, math::MathDialect, memref::MemRefDialect,
                  NVVM::NVVMDialect, ROCDL::ROCDLDialect, scf::SCFDialect,
                  spirv::SPIRVDialect, tensor::TensorDialect,
                  vector::VectorDialect>();
  row::registerBufferizableOpInterfaceExternalModels(registry);
  func::registerInlinerExtension(registry);
  arith::registerBufferizableOpInterfaceExternalModels(registry);
  bufferization::func_ext::registerBufferizableOpInterfaceExternalModels(
      registry);
  linalg::registerBufferizableOpInterfaceExternalModels(registry);
  linalg::registerSubsetOpInterfaceExternalModels(registry);
  scf::registerBufferizableOpInterfaceExternalModels(registry);
  tensor::registerBufferizableOpInterfaceExternalModels(registry);
  tensor::registerInferTypeOpInterfaceExternalModels(registry);
  tensor::registerSubsetOpInterfaceExternalModels(registry);
  memref::registerAllocationOpInterfaceExternalModels(registry);
  registerBuiltinDialectTranslation(registry);
  registerLLVMDialectTranslation(registry);
  registerGPUDialectTranslation(registry);
  registerNVVMDialectTranslation(registry);
  registerROCDLDialectTranslation(registry);
}

/// Runs one stage of the pipeline and keeps its result when asked to.
static llvm::Error runStage(ModuleOp module, StringRef stage, unsigned number,
                            const CompileOptions &options, StringRef kernel,
                            function_ref<void(OpPassManager &)> build) {
  PassManager pm(module.getContext());
  pm.enableVerifier(true);
  build(pm);
  if (failed(pm.run(module)))
    return llvm::createStringError("stage '" + stage + "' failed");
  if (options.saveTemps.empty())
    return llvm::Error::success();
  llvm::SmallString<128> path(options.saveTemps);
  llvm::sys::path::append(path, kernel + "." + Twine(number) + "-" + stage +
                                    ".mlir");
  std::error_code error;
  llvm::raw_fd_ostream file(path, error);
  if (error)
    return llvm::createStringError("cannot write '" + path.str() + "': " +
                                   error.message());
  file << module;
  return llvm::Error::success();
}

/// The facts of the variants that selection has decided, and their symbols.
static std::vector<std::pair<std::string, CPUTarget>>
readVariants(ModuleOp module, const CompileOptions &options, KernelInfo &info) {
  std::vector<std::pair<std::string, CPUTarget>> variants;
  for (const CPUTarget &target : options.targets) {
    std::string symbol = info.name + "__" + target.symbolSuffix();
    auto function = module.lookupSymbol<func::FuncOp>(symbol);
    std::string schedule;
    if (CPUScheduleAttr attribute = getCPUSchedule(function))
      llvm::raw_string_ostream(schedule) << attribute;
    info.variants.push_back(
        {target.name, target.name == "host" ? target.cpu : target.name,
         schedule});
    variants.emplace_back(symbol, target);
  }
  return variants;
}

/// A schedule's instructions are among those of the target.
static llvm::Error checkSchedule(const CompileOptions &options) {
  if (!options.schedule)
    return llvm::Error::success();
  Isa wanted = options.schedule.getIsa();
  const CPUTarget &target = options.targets.front();
  auto isX86 = [](Isa isa) {
    return isa == Isa::SSE2 || isa == Isa::AVX2 || isa == Isa::AVX512;
  };
  bool fits = wanted == Isa::Scalar || wanted == target.isa ||
              (isX86(wanted) && isX86(target.isa) && wanted < target.isa) ||
              (wanted == Isa::NEON && target.isa == Isa::SVE);
  if (fits)
    return llvm::Error::success();
  return llvm::make_error<EmitError>(
      ExitCode::WrongRequest,
      ("the schedule is for '" + stringifyIsa(wanted) + "', which target " +
       target.name + " ('" + stringifyIsa(target.isa) +
       "') does not have; name another --target-cpu or schedule")
          .str());
}

/// Gives the launcher of CUDA and HIP to an object that calls it.
static llvm::Error linkDeviceLauncher(llvm::Module &module,
                                      const CompileOptions &options) {
  if (!module.getFunction("smx_gpu_launch"))
    return llvm::Error::success();
  llvm::Expected<llvm::DataLayout> layout =
      getDataLayout(options.targets.front());
  if (!layout)
    return layout.takeError();
  module.setTargetTriple(llvm::Triple(options.targets.front().triple));
  module.setDataLayout(*layout);
  return linkLauncher(module);
}

llvm::Expected<CompiledKernel>
softmax::compileKernel(ModuleOp module, const CompileOptions &options,
                       KernelInfo &info) {
  bool hook = options.threads == Threads::Hook;
  unsigned number = 0;
  auto stage = [&](StringRef name, function_ref<void(OpPassManager &)> build) {
    return runStage(module, name, number++, options, info.name, build);
  };
  if (llvm::Error error = checkSchedule(options))
    return error;
  // One function is the kernel: what it calls becomes part of it.
  if (llvm::Error error = stage("inlined", [](OpPassManager &pm) {
        pm.addPass(createInlinerPass());
        pm.addPass(createSymbolDCEPass());
      }))
    return error;
  for (auto function : module.getOps<func::FuncOp>())
    if (function.getName() != info.name) {
      function.emitError("function @")
          << function.getName() << " cannot be inlined into the kernel @"
          << info.name;
      return llvm::createStringError("stage 'inlined' failed");
    }
  if (llvm::Error error = stage("rows", buildToRows))
    return error;
  if (llvm::Error error = stage("entry", [](OpPassManager &pm) {
        pm.addPass(createSoftmaxPrepareEntryPass());
      }))
    return error;
  if (llvm::Error error = stage("buffers", [&](OpPassManager &pm) {
        buildToBuffers(pm, options.strided);
      }))
    return error;
  auto kernel = module.lookupSymbol<func::FuncOp>(info.name);
  info.allocates =
      kernel.walk([](memref::AllocOp) { return WalkResult::interrupt(); })
          .wasInterrupted();
  info.parameters = readParameters(kernel, options.strided, hook);
  // GPU entries are made from the same function, once the CPU's is finished.
  OwningOpRef<func::FuncOp> onDevice =
      options.gpuTargets.empty() ? func::FuncOp() : kernel.clone();
  if (options.schedule)
    kernel->setAttr(SoftmaxDialect::kScheduleName, options.schedule);

  if (llvm::Error error = stage("finalized", [&](OpPassManager &pm) {
        SoftmaxFinalizeEntryPassOptions entry;
        for (const CPUTarget &target : options.targets)
          entry.targets.push_back(target.name);
        entry.hook = hook;
        entry.strided = options.strided;
        entry.inPlace = options.inPlace;
        entry.description = options.description;
        pm.addPass(createSoftmaxFinalizeEntryPass(entry));
      }))
    return error;
  std::vector<DeviceCode> devices;
  std::vector<Variant> deviceVariants;
  if (onDevice) {
    auto added = addDeviceEntries(module, *onDevice, options, info);
    if (!added)
      return added.takeError();
    devices = std::move(*added);
    std::swap(deviceVariants, info.variants); // after those of the CPU
  }
  CPUPipelineOptions pipeline;
  pipeline.threads = options.threads;
  pipeline.accuracy = options.accuracy;
  if (llvm::Error error = stage("loops", [&](OpPassManager &pm) {
        buildToLoops(pm, pipeline);
      }))
    return error;
  auto variants = readVariants(module, options, info);
  llvm::append_range(info.variants, deviceVariants);
  if (llvm::Error error = stage("llvm", buildToLLVM))
    return error;

  // Decisions are spent; LLVM IR knows none of our attributes.
  for (Operation &op : *module.getBody())
    for (NamedAttribute attribute : llvm::to_vector(op.getDiscardableAttrs()))
      if (attribute.getName().strref().starts_with("softmax."))
        op.removeAttr(attribute.getName());
  auto llvmContext = std::make_unique<llvm::LLVMContext>();
  std::unique_ptr<llvm::Module> llvmModule =
      translateModuleToLLVMIR(module, *llvmContext, info.name);
  if (!llvmModule)
    return llvm::createStringError("translation to LLVM IR failed");
  if (llvm::Error error = linkDeviceLauncher(*llvmModule, options))
    return error;
  auto host = ObjectCode::create(std::move(llvmContext), std::move(llvmModule),
                                 variants);
  if (!host)
    return host.takeError();
  return CompiledKernel{std::move(*host), std::move(devices)};
}
