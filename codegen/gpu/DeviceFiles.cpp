// What a request says of GPUs, and the files with their code.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "codegen/gpu/DeviceFiles.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/TargetParser/Triple.h"

using namespace mlir;
using namespace mlir::softmax;

static llvm::Error wrong(const llvm::Twine &message) {
  return llvm::make_error<EmitError>(ExitCode::WrongRequest, message.str());
}

namespace {

/// A kind of output that holds the code of one family of targets.
struct DeviceKind {
  llvm::StringLiteral kind;
  GPUIsa isa;
  llvm::StringLiteral example;
};
constexpr DeviceKind kDeviceKinds[] = {{"ptx", GPUIsa::NVVM, "sm_90"},
                                       {"cubin", GPUIsa::NVVM, "sm_90"},
                                       {"hsaco", GPUIsa::ROCDL, "gfx942"},
                                       {"spv", GPUIsa::SPIRV, "spirv"}};

} // namespace

llvm::Error softmax::resolveDevices(EmitOptions &options) {
  CompileOptions &compile = options.compile;
  for (const std::string &name : options.gpuTargetNames) {
    llvm::Expected<GPUTarget> target = parseGPUTarget(name);
    if (!target)
      return wrong(llvm::toString(target.takeError()));
    for (const GPUTarget &other : compile.gpuTargets)
      if (other.name == name)
        return wrong("GPU target '" + name + "' is named twice; name it once");
    compile.gpuTargets.push_back(*target);
  }
  for (const DeviceKind &kind : kDeviceKinds) {
    if (!llvm::is_contained(options.kinds, kind.kind))
      continue;
    if (llvm::none_of(compile.gpuTargets, [&](const GPUTarget &target) {
          return target.isa == kind.isa;
        }))
      return wrong("--emit=" + kind.kind +
                   " needs a GPU target of its kind; add "
                   "--target-gpu=" +
                   kind.example);
    compile.needsCubin |= kind.kind == "cubin";
  }
  if (compile.gpuTargets.empty())
    return llvm::Error::success();
  llvm::Triple triple(compile.targets.front().triple);
  if (!triple.isArch64Bit() || !(triple.isX86() || triple.isAArch64()) ||
      !triple.isOSLinux())
    return wrong("--target-gpu needs a host of x86-64 or AArch64, not " +
                 compile.targets.front().name);
  return llvm::Error::success();
}

llvm::Error softmax::takeDeviceSchedule(EmitOptions &options,
                                        GPUScheduleAttr schedule) {
  CompileOptions &compile = options.compile;
  if (compile.gpuTargets.size() != 1)
    return wrong(
        "--schedule holds a GPU's schedule and fits one GPU target, got " +
        llvm::Twine(compile.gpuTargets.size()) +
        "; name one with --target-gpu");
  const GPUTarget &target = compile.gpuTargets.front();
  if (schedule.getIsa() != target.isa)
    return wrong("the schedule is for '" + stringifyGPUIsa(schedule.getIsa()) +
                 "', target " + target.name + " is '" +
                 stringifyGPUIsa(target.isa) + "'; name another --target-gpu");
  compile.gpuSchedule = schedule;
  compile.accuracy = schedule.getAccuracy();
  return llvm::Error::success();
}

std::string softmax::noteOnDevices(llvm::ArrayRef<DeviceCode> codes) {
  for (const DeviceCode &code : codes)
    if (code.target.isa == GPUIsa::NVVM && code.binary.empty())
      return "no ptxas was found: NVIDIA's driver compiles the PTX in the "
             "object when the kernel is first called";
  return "";
}

std::vector<DeviceFile>
softmax::deviceFiles(llvm::ArrayRef<DeviceCode> codes,
                     llvm::ArrayRef<std::string> kinds) {
  std::vector<DeviceFile> files;
  for (const DeviceKind &kind : kDeviceKinds) {
    if (!llvm::is_contained(kinds, kind.kind))
      continue;
    SmallVector<const DeviceCode *> own;
    for (const DeviceCode &code : codes)
      if (code.target.isa == kind.isa)
        own.push_back(&code);
    for (const DeviceCode *code : own) {
      std::string prefix = own.size() > 1 ? "." + code->target.name : "";
      files.push_back(
          {(prefix.empty() ? kind.kind.str() : kind.kind.str() + prefix),
           prefix + "." + kind.kind.str(),
           kind.kind == "ptx" ? code->text : code->binary});
    }
  }
  return files;
}
