// GPU entries beside a kernel's CPU entry.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "codegen/gpu/Compile.h"

#include "codegen/Emit.h"
#include "codegen/Passes.h"
#include "codegen/cpu/Entry.h"
#include "codegen/gpu/Pipelines.h"
#include "lowering/gpu/DeviceKernel.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Pass/PassManager.h"

using namespace mlir;
using namespace mlir::softmax;

namespace {

class DeviceEntry {
public:
  DeviceEntry(ModuleOp module, func::FuncOp kernel, Launcher launcher,
              ArrayRef<GPUTarget> targets, const CompileOptions &options,
              KernelInfo &info)
      : module(module), kernel(kernel), launcher(launcher), targets(targets),
        options(options), info(info),
        name(info.name + (launcher == Launcher::Driver ? "_gpu" : "_vulkan")) {}

  llvm::Expected<std::vector<DeviceCode>> run();

private:
  func::FuncOp createVariant(const GPUTarget &target);
  llvm::Expected<DeviceCode> compile(func::FuncOp variant,
                                     const GPUTarget &target);
  void addWorkspaceFunction();

  ModuleOp module;
  func::FuncOp kernel;
  Launcher launcher;
  ArrayRef<GPUTarget> targets;
  const CompileOptions &options;
  KernelInfo &info;
  std::string name;
  DeviceVariants device;
  int64_t workspaceBytes = 0;
};

} // namespace

func::FuncOp DeviceEntry::createVariant(const GPUTarget &target) {
  OpBuilder b = OpBuilder::atBlockEnd(module.getBody());
  auto variant = cast<func::FuncOp>(b.clone(*kernel));
  variant.setName(name + "__" + target.symbolSuffix().str());
  variant.setPrivate();
  variant->setAttr(
      "llvm.linkage",
      LLVM::LinkageAttr::get(b.getContext(), LLVM::Linkage::Internal));
  variant->setAttr(SoftmaxDialect::kTargetName, b.getStringAttr(target.name));
  if (options.gpuSchedule)
    variant->setAttr(SoftmaxDialect::kScheduleName, options.gpuSchedule);
  addLaunchArguments(variant, launcher);
  return variant;
}

llvm::Expected<DeviceCode> DeviceEntry::compile(func::FuncOp variant,
                                                const GPUTarget &target) {
  if (options.gpuSchedule &&
      options.gpuSchedule.getCluster() > target.maxCluster)
    return llvm::make_error<EmitError>(
        ExitCode::WrongRequest,
        "the schedule does not fit the kernel: " + target.name +
            (target.maxCluster == 1
                 ? std::string(" has no clusters")
                 : " has clusters of at most " +
                       std::to_string(target.maxCluster) + " blocks"));
  // A module of its own: passes on it see nothing of the host's kernels.
  OwningOpRef<ModuleOp> own(ModuleOp::create(variant.getLoc()));
  variant->remove();
  own->getBody()->push_back(variant);
  PassManager pm(module.getContext());
  GPUPipelineOptions pipeline;
  pipeline.target = target.name;
  pipeline.accuracy = options.accuracy;
  buildToKernels(pm, pipeline);
  std::string problem;
  LogicalResult lowered = success();
  {
    ScopedDiagnosticHandler handler(module.getContext(),
                                    [&](Diagnostic &diagnostic) {
                                      if (problem.empty())
                                        problem = diagnostic.str();
                                      return failure(); // others hear of it too
                                    });
    lowered = pm.run(*own);
  }
  // What was selected fits; what a user wrote need not.
  if (failed(lowered) && options.gpuSchedule)
    return llvm::make_error<EmitError>(
        ExitCode::WrongRequest, "the schedule does not fit the kernel: " +
                                    StringRef(problem).split('\n').first.str());
  if (failed(lowered))
    return llvm::createStringError("stage 'kernels' failed");
  std::string schedule;
  if (GPUScheduleAttr attribute = getGPUSchedule(variant))
    llvm::raw_string_ostream(schedule) << attribute;
  info.variants.push_back({target.name, target.name, schedule});
  if (auto bytes =
          variant->getAttrOfType<IntegerAttr>(SoftmaxDialect::kWorkspaceName))
    workspaceBytes = std::max(workspaceBytes, bytes.getInt());

  gpu::GPUModuleOp kernels = *own->getOps<gpu::GPUModuleOp>().begin();
  auto code = compileKernels(kernels, target, options.needsCubin);
  if (!code)
    return code.takeError();
  // Back among the host's functions; what remains is for the CPU's lowering.
  variant->remove();
  module.push_back(variant);
  lowerLaunches(variant, launcher, name, *code);
  for (const DeviceFunction &function : code->functions)
    if (function.sharedBytes > target.blockSharedBytes)
      return llvm::make_error<EmitError>(
          ExitCode::WrongRequest,
          "the schedule does not fit the kernel: it keeps " +
              std::to_string(function.sharedBytes) +
              " bytes in shared memory, of which a block of " + target.name +
              " has " + std::to_string(target.blockSharedBytes));
  for (StringRef attribute :
       {SoftmaxDialect::kScheduleName, SoftmaxDialect::kTargetName,
        SoftmaxDialect::kWorkspaceName})
    variant->removeAttr(attribute);
  return code;
}

/// `int64_t NAME_gpu_workspace(<extents>)`: bytes, for all targets.
void DeviceEntry::addWorkspaceFunction() {
  ImplicitLocOpBuilder b(module.getLoc(), module.getContext());
  b.setInsertionPointToEnd(module.getBody());
  int64_t extents = 0;
  for (const Parameter &parameter : info.parameters)
    extents += parameter.role == "extent";
  auto function = func::FuncOp::create(
      b, name + "_workspace",
      b.getFunctionType(SmallVector<Type>(extents, b.getI64Type()),
                        b.getI64Type()));
  b.setInsertionPointToStart(function.addEntryBlock());
  Value bytes =
      arith::ConstantOp::create(b, b.getI64IntegerAttr(workspaceBytes));
  func::ReturnOp::create(b, bytes);
}

llvm::Expected<std::vector<DeviceCode>> DeviceEntry::run() {
  device.launcher = launcher;
  std::vector<DeviceCode> codes;
  for (const GPUTarget &target : targets) {
    func::FuncOp variant = createVariant(target);
    auto code = compile(variant, target);
    if (!code)
      return code.takeError();
    codes.push_back(std::move(*code));
    device.functions.push_back(variant);
  }
  // Schedules need one as well as kernels do, and selection is each target's.
  device.hasWorkspace = workspaceBytes > 0;
  embedCode(module, launcher, name, codes);
  OpBuilder b = OpBuilder::atBlockEnd(module.getBody());
  auto shape = cast<func::FuncOp>(b.clone(*kernel));
  shape.setName(name);
  EntryOptions entry{options.targets,
                     /*hook=*/false,
                     options.strided,
                     options.inPlace,
                     "gpu" + StringRef(options.description).drop_front(3).str(),
                     &device};
  if (failed(Entry(shape, entry).run()))
    return llvm::createStringError("the entry of " + name + " failed");
  addWorkspaceFunction();
  DeviceEntryInfo described;
  described.name = name;
  described.isVulkan = launcher == Launcher::Vulkan;
  described.workspaceBytes = workspaceBytes;
  described.hasWorkspace = device.hasWorkspace;
  for (const GPUTarget &target : targets)
    described.targets.push_back(target.name);
  info.devices.push_back(described);
  return codes;
}

llvm::Expected<std::vector<DeviceCode>>
softmax::addDeviceEntries(ModuleOp module, func::FuncOp kernel,
                          const CompileOptions &options, KernelInfo &info) {
  SmallVector<GPUTarget> driver, vulkan;
  for (const GPUTarget &target : options.gpuTargets)
    (target.isa == GPUIsa::SPIRV ? vulkan : driver).push_back(target);
  std::vector<DeviceCode> all;
  auto add = [&](Launcher launcher,
                 ArrayRef<GPUTarget> targets) -> llvm::Error {
    if (targets.empty())
      return llvm::Error::success();
    auto codes =
        DeviceEntry(module, kernel, launcher, targets, options, info).run();
    if (!codes)
      return codes.takeError();
    for (DeviceCode &code : *codes)
      all.push_back(std::move(code));
    return llvm::Error::success();
  };
  if (llvm::Error error = add(Launcher::Driver, driver))
    return error;
  if (llvm::Error error = add(Launcher::Vulkan, vulkan))
    return error;
  return all;
}
