// Emission and verification in one process.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "EmitAndVerify.h"

#include "codegen/Emit.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"

using namespace mlir;
using namespace mlir::softmax;
using llvm::createStringError;

bool test::runsHere(llvm::StringRef target) {
  llvm::Expected<CPUTarget> wanted = parseCPUTarget(target);
  llvm::Expected<CPUTarget> host = parseCPUTarget("host");
  if (!wanted || !host) {
    llvm::consumeError(wanted.takeError());
    llvm::consumeError(host.takeError());
    return false;
  }
  return wanted->isX86() == host->isX86() && wanted->level <= host->level;
}

test::EmittedKernel::~EmittedKernel() {
  if (!directory.empty())
    (void)llvm::sys::fs::remove_directories(directory);
}

llvm::Expected<verify::Manifest> test::EmittedKernel::readManifest() const {
  llvm::Expected<std::vector<std::string>> paths =
      verify::listManifests(directory);
  if (!paths)
    return paths.takeError();
  return verify::readManifest(paths->front());
}

llvm::Expected<verify::Report>
test::emitAndVerify(llvm::StringRef commandLine, llvm::StringRef schedule,
                    const verify::Options &options) {
  llvm::Expected<EmittedKernel> kernel = emit(commandLine, schedule);
  if (!kernel)
    return kernel.takeError();
  return verify::verifyDirectory(kernel->directory, options);
}

llvm::Expected<test::EmittedKernel> test::emit(llvm::StringRef commandLine,
                                               llvm::StringRef schedule) {
  SmallVector<llvm::StringRef> words;
  commandLine.split(words, ' ');
  llvm::Expected<KernelRequest> request = createRequest(words[0], words[1]);
  if (!request)
    return request.takeError();
  EmitOptions options;
  options.kinds = {"a"};
  options.command = ("softmax-gen " + commandLine).str();
  for (llvm::StringRef word : llvm::drop_begin(words, 2)) {
    auto [key, value] = word.drop_front(2).split('=');
    if (key == "target-cpu") {
      options.targetNames = {value.str()};
    } else if (key == "target-gpu") {
      options.gpuTargetNames = {value.str()};
    } else if (key == "threads") {
      options.compile.threads = symbolizeThreads(value).value_or(Threads::None);
    } else {
      if (key == "accuracy")
        options.compile.accuracy = *symbolizeAccuracy(value);
      if (llvm::Error error = request->set(key, value))
        return std::move(error);
    }
  }
  if (llvm::Error error = request->check())
    return std::move(error);

  llvm::SmallString<128> directory;
  if (llvm::sys::fs::createUniqueDirectory("kernels", directory))
    return createStringError("no temporary directory");
  EmittedKernel emitted(directory.str().str());
  options.directory = emitted.directory;
  if (!schedule.empty()) {
    options.scheduleFile = options.directory + "/schedule.txt";
    std::error_code code;
    llvm::raw_fd_ostream(options.scheduleFile, code) << schedule;
  }
  DialectRegistry registry;
  registerCompilerDialects(registry);
  MLIRContext context(registry, MLIRContext::Threading::DISABLED);
  context.loadAllAvailableDialects();
  if (llvm::Error error = resolve(options, &context))
    return std::move(error);
  auto kernel = emitKernel(&context, *request, request->defaultName(), options);
  if (!kernel)
    return kernel.takeError();
  return emitted;
}

llvm::Expected<verify::KernelReport>
test::emitAndVerifyVulkan(llvm::StringRef commandLine, llvm::StringRef schedule,
                          const verify::Options &options) {
  // The kernel for CPUs is not run here: whatever compiles fastest.
  std::string line = (commandLine + " --target-gpu=spirv").str();
  if (!commandLine.contains("--target-cpu="))
    line += " --target-cpu=x86-64";
  llvm::Expected<EmittedKernel> kernel = emit(line, schedule);
  if (!kernel)
    return kernel.takeError();
  llvm::Expected<verify::Manifest> manifest = kernel->readManifest();
  if (!manifest)
    return manifest.takeError();
  for (const verify::Device &device : manifest->devices)
    if (device.launcher == "vulkan")
      return verify::verifyDevice(*manifest, device, options);
  return createStringError("no entry for Vulkan devices in the manifest");
}

std::string test::textOf(const verify::KernelReport &report) {
  verify::Report all;
  all.kernels.push_back(report);
  return textOf(all);
}

std::string test::textOf(const verify::Report &report) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  report.print(stream);
  return text;
}
