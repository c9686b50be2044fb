// The loop over kernels and cases.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "verify/Verify.h"

#include "verify/Check.h"
#include "verify/Invariance.h"
#include "verify/VulkanKernel.h"

#include <chrono>

using namespace mlir::softmax::verify;
using llvm::Expected;

static KernelReport describe(const Manifest &manifest, const Options &options) {
  KernelReport report;
  report.name = manifest.entry().str();
  report.op = getName(manifest.op).str();
  report.seed = options.limits.seed;
  if (manifest.op == Operation::Other)
    report.skipped = "made from an IR file, for which there is no formula";
  else
    report.type = getName(manifest.type).str();
  return report;
}

static llvm::Error runCases(const Manifest &manifest, const Options &options,
                            Call call, KernelReport &report) {
  auto begin = std::chrono::steady_clock::now();
  for (const Case &test : makeCases(manifest, options.limits)) {
    Expected<std::unique_ptr<Problem>> problem =
        Problem::create(manifest, test);
    if (!problem)
      return problem.takeError();
    CallResult result = call(**problem);
    std::string fault = checkCall(manifest, test, **problem, result, report);
    if (fault.empty())
      fault = checkInvariance(manifest, test, call, **problem);
    ++report.cases;
    if (fault.empty())
      continue;
    ++report.failedCases;
    if (report.failures.size() < options.shownFailures)
      report.failures.push_back({test.describe(), fault});
  }
  std::chrono::duration<double> time = std::chrono::steady_clock::now() - begin;
  report.seconds = time.count();
  return llvm::Error::success();
}

Expected<KernelReport>
mlir::softmax::verify::verifyKernel(const Manifest &manifest,
                                    const Options &options) {
  KernelReport report = describe(manifest, options);
  if (!report.skipped.empty())
    return report;
  Expected<Kernel> kernel = Kernel::load(manifest);
  if (!kernel)
    return kernel.takeError();
  report.file = kernel->getFile().str();
  auto call = [&](Problem &problem) { return kernel->call(problem.arguments); };
  if (llvm::Error error = runCases(manifest, options, call, report))
    return std::move(error);
  return report;
}

Expected<KernelReport>
mlir::softmax::verify::verifyCalls(const Manifest &manifest, Call call,
                                   const Options &options) {
  KernelReport report = describe(manifest, options);
  if (!report.skipped.empty())
    return report;
  if (llvm::Error error = runCases(manifest, options, call, report))
    return std::move(error);
  return report;
}

Expected<KernelReport> mlir::softmax::verify::verifyDevice(
    const Manifest &manifest, const Device &device, const Options &options) {
  const Manifest own = manifest.onDevice(device);
  KernelReport report = describe(own, options);
  if (!report.skipped.empty())
    return report;
  Expected<Kernel> kernel = Kernel::load(own);
  if (!kernel)
    return kernel.takeError();
  report.file = kernel->getFile().str();
  auto vulkan = VulkanKernel::open(own, *kernel);
  if (!vulkan) {
    report.skipped = "no Vulkan device: " + report.name + " not verified (" +
                     llvm::toString(vulkan.takeError()) + ")";
    return report;
  }
  report.device = (*vulkan)->getDeviceName().str();
  auto call = [&](Problem &problem) { return (*vulkan)->call(problem); };
  if (llvm::Error error = runCases(own, options, call, report))
    return std::move(error);
  return report;
}

Expected<Report>
mlir::softmax::verify::verifyDirectory(llvm::StringRef directory,
                                       const Options &options) {
  Expected<std::vector<std::string>> paths = listManifests(directory);
  if (!paths)
    return paths.takeError();
  Report report;
  for (const std::string &path : *paths) {
    Expected<Manifest> manifest = readManifest(path);
    if (!manifest)
      return manifest.takeError();
    Expected<KernelReport> kernel = verifyKernel(*manifest, options);
    if (!kernel)
      return kernel.takeError();
    report.kernels.push_back(std::move(*kernel));
    for (const Device &device : manifest->devices) {
      if (device.launcher != "vulkan")
        continue;
      Expected<KernelReport> entry = verifyDevice(*manifest, device, options);
      if (!entry)
        return entry.takeError();
      report.kernels.push_back(std::move(*entry));
    }
  }
  return report;
}
