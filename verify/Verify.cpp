// The loop over kernels and cases.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "verify/Verify.h"

#include "verify/Check.h"
#include "verify/Invariance.h"

#include <chrono>

using namespace mlir::softmax::verify;
using llvm::Expected;

Expected<KernelReport>
mlir::softmax::verify::verifyKernel(const Manifest &manifest,
                                    const Options &options) {
  KernelReport report;
  report.name = manifest.name;
  report.op = getName(manifest.op).str();
  report.seed = options.limits.seed;
  if (manifest.op == Operation::Other) {
    report.skipped = "made from an IR file, for which there is no formula";
    return report;
  }
  report.type = getName(manifest.type).str();
  Expected<Kernel> kernel = Kernel::load(manifest);
  if (!kernel)
    return kernel.takeError();
  report.file = kernel->getFile().str();

  auto begin = std::chrono::steady_clock::now();
  for (const Case &test : makeCases(manifest, options.limits)) {
    Expected<std::unique_ptr<Problem>> problem =
        Problem::create(manifest, test);
    if (!problem)
      return problem.takeError();
    CallResult call = kernel->call((*problem)->arguments);
    std::string fault = checkCall(manifest, test, **problem, call, report);
    if (fault.empty())
      fault = checkInvariance(manifest, test, *kernel, **problem);
    ++report.cases;
    if (fault.empty())
      continue;
    ++report.failedCases;
    if (report.failures.size() < options.shownFailures)
      report.failures.push_back({test.describe(), fault});
  }
  std::chrono::duration<double> time = std::chrono::steady_clock::now() - begin;
  report.seconds = time.count();
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
  }
  return report;
}
