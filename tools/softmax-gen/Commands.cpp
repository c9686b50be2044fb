// The commands that emit kernels, and dispatch to the others.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "tools/softmax-gen/Commands.h"

#include "codegen/Emit.h"
#include "codegen/Names.h"
#include "codegen/Version.h"
#include "verify/Bench.h"
#include "verify/Verify.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Config/llvm-config.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace mlir::softmax;

static llvm::Error wrong(const llvm::Twine &message) {
  return llvm::make_error<EmitError>(ExitCode::WrongRequest, message.str());
}

/// The options of the output, checked.
static llvm::Expected<EmitOptions> outputOptions(const CommandLine &line,
                                                 MLIRContext *context) {
  EmitOptions options;
  if (line.directory.empty())
    return wrong("no directory to write to; add -o DIR");
  options.directory = line.directory;
  if (!line.kinds.empty())
    options.kinds = line.kinds;
  if (!line.targets.empty())
    options.targetNames = line.targets;
  options.gpuTargetNames = line.gpuTargets;
  options.scheduleFile = line.schedule;
  options.command = line.text;
  options.compile.saveTemps = line.saveTemps;
  std::optional<Threads> threads = symbolizeThreads(line.threads);
  if (!threads)
    return wrong("option --threads='" + line.threads +
                 "' is unknown; expected one of none, openmp, hook");
  options.compile.threads = *threads;
  options.compile.accuracy =
      symbolizeAccuracy(line.accuracy).value_or(Accuracy::Accurate);
  if (llvm::Error error = resolve(options, context))
    return error;
  // After resolve(): a schedule decides about threads, too.
  for (const CPUTarget &target : options.compile.targets)
    if (target.isa == Isa::SIMD128 &&
        options.compile.threads == Threads::OpenMP)
      return wrong("option --threads=openmp has no library on " + target.name +
                   "; use --threads=hook or none");
  if (!line.saveTemps.empty())
    if (std::error_code error =
            llvm::sys::fs::create_directories(line.saveTemps))
      return wrong("cannot create '" + line.saveTemps +
                   "' for --save-temps: " + error.message());
  return options;
}

static void printJSON(llvm::ArrayRef<EmittedKernel> kernels,
                      const CommandLine &line) {
  llvm::json::OStream json(llvm::outs(), 2);
  json.array([&] {
    for (const EmittedKernel &kernel : kernels)
      json.object([&] {
        json.attribute("name", kernel.info.name);
        json.attribute("directory", line.directory);
        json.attributeObject("files", [&] {
          for (const auto &[kind, file] : kernel.files)
            json.attribute(kind, file);
        });
        json.attribute("lower_ms", kernel.lowerSeconds * 1e3);
        json.attribute("codegen_ms", kernel.codegenSeconds * 1e3);
      });
  });
  llvm::outs() << "\n";
}

/// What was made, for people, on stderr.
static void printSummary(const EmittedKernel &kernel, const CommandLine &line) {
  llvm::raw_ostream &os = llvm::errs();
  os << "softmax-gen " << kVersion << " (LLVM " << LLVM_VERSION_STRING << ")\n"
     << "  computes  " << kernel.info.summary << "\n";
  for (const Variant &variant : kernel.info.variants)
    os << "  schedule  " << llvm::left_justify(variant.target, 10) << " "
       << variant.schedule << "\n";
  for (auto [file, size] : llvm::zip(kernel.files, kernel.sizes))
    os << "  emitted   " << line.directory << "/" << file.second << "  "
       << llvm::format("%.1f KB", size / 1024.0) << "\n";
  if (!kernel.note.empty())
    os << "  note      " << kernel.note << "\n";
  os << "  time      "
     << llvm::format("%.0f ms (lower %.0f, codegen %.0f)\n",
                     (kernel.lowerSeconds + kernel.codegenSeconds) * 1e3,
                     kernel.lowerSeconds * 1e3, kernel.codegenSeconds * 1e3);
  for (const auto &[kind, file] : kernel.files)
    if (kind == "archive")
      os << "  next      cc app.c " << line.directory << "/" << file
         << (line.threads == "openmp" ? " -fopenmp" : "") << " -lm\n";
}

/// A report for people on stdout, or as JSON.
template <typename ReportT>
static void printReport(const ReportT &report, const CommandLine &line) {
  if (line.json)
    llvm::outs() << llvm::formatv("{0:2}", llvm::json::Value(report.toJSON()))
                 << "\n";
  else if (!line.quiet)
    report.print(llvm::outs());
}

static llvm::Expected<int> runVerify(llvm::StringRef directory,
                                     const CommandLine &line) {
  llvm::Expected<verify::Report> report =
      verify::verifyDirectory(directory, verify::Options());
  if (!report)
    return report.takeError();
  printReport(*report, line);
  return static_cast<int>(report->passed() ? ExitCode::Done
                                           : ExitCode::VerificationFailed);
}

static llvm::Expected<int> runBench(llvm::StringRef directory,
                                    const CommandLine &line) {
  auto report = verify::benchDirectory(directory, verify::BenchOptions());
  if (!report)
    return report.takeError();
  printReport(*report, line);
  return 0;
}

static llvm::Expected<int> runEmit(const CommandLine &line) {
  bool fromFile = line.command == "from";
  if (line.positionals.size() != 1)
    return wrong(fromFile
                     ? "'from' takes one IR file; write softmax-gen from "
                       "FILE.mlir -o DIR"
                     : "operator '" + line.command + "' takes one shape, got " +
                           std::to_string(line.positionals.size()) +
                           "; write e.g. softmax-gen " + line.command +
                           " 1024x32000xf32 -o DIR");
  // The request is checked before anything else is done.
  std::optional<KernelRequest> request;
  if (fromFile) {
    for (const auto &option : line.operation)
      if (option.first != "accuracy")
        return wrong("option --" + option.first +
                     " belongs to an operator on the command line; in an IR "
                     "file the operators have attributes");
    if (!symbolizeAccuracy(line.accuracy))
      return wrong("option --accuracy='" + line.accuracy +
                   "' is unknown; expected one of accurate, fast");
  } else {
    llvm::Expected<KernelRequest> created =
        createRequest(line.command, line.positionals.front());
    if (!created)
      return created.takeError();
    request = *created;
    for (const auto &[key, value] : line.operation)
      if (llvm::Error error = request->set(key, value))
        return error;
    if (llvm::Error error = request->check())
      return error;
  }
  if (fromFile && !line.name.empty())
    return wrong("option --name does not go with 'from': kernels have the "
                 "names of their functions");

  DialectRegistry registry;
  registerCompilerDialects(registry);
  MLIRContext context(registry, MLIRContext::Threading::DISABLED);
  context.loadAllAvailableDialects();
  std::vector<EmittedKernel> kernels;
  std::string name = fromFile ? "" : line.name.empty() ? request->defaultName()
                                                       : line.name;
  if (!fromFile)
    if (llvm::Error error = checkName(name))
      return error;
  llvm::Expected<EmitOptions> options = outputOptions(line, &context);
  if (!options)
    return options.takeError();
  if (fromFile) {
    auto emitted = emitFile(&context, line.positionals.front(), *options);
    if (!emitted)
      return emitted.takeError();
    kernels = std::move(*emitted);
  } else {
    auto emitted = emitKernel(&context, *request, name, *options);
    if (!emitted)
      return emitted.takeError();
    kernels.push_back(std::move(*emitted));
  }
  if (line.json)
    printJSON(kernels, line);
  else if (!line.quiet)
    for (const EmittedKernel &kernel : kernels)
      printSummary(kernel, line);
  if (line.verify) {
    llvm::Expected<int> code = runVerify(line.directory, line);
    if (!code || *code != 0)
      return code;
  }
  return line.bench ? runBench(line.directory, line) : 0;
}

llvm::Expected<int> softmax::runCommand(const CommandLine &line) {
  if (line.command == "tune" || line.command == "cache")
    return wrong("'" + line.command + "' is not available in this version; "
                 "'softmax-gen list' shows what is");
  bool informs = llvm::is_contained(
      {"verify", "bench", "explain", "list", "doctor"}, line.command);
  if (informs && !line.operation.empty())
    return wrong("option --" + line.operation.front().first +
                 " does not apply to '" + line.command +
                 "'; it belongs to an operator");
  auto directory = [&]() -> llvm::Expected<std::string> {
    if (line.positionals.size() != 1)
      return wrong("'" + line.command + "' takes one directory; write "
                   "softmax-gen " + line.command + " DIR");
    if (!llvm::sys::fs::is_directory(line.positionals.front()))
      return wrong("'" + line.positionals.front() +
                   "' is no directory; emit a kernel into it first");
    return line.positionals.front();
  };
  if (line.command == "list" || line.command == "doctor") {
    if (!line.positionals.empty())
      return wrong("'" + line.command + "' takes nothing further, got '" +
                   line.positionals.front() + "'; write softmax-gen " +
                   line.command);
    return line.command == "list" ? runList() : runDoctor();
  }
  if (line.command == "explain") {
    llvm::Expected<std::string> dir = directory();
    if (!dir)
      return dir.takeError();
    return runExplain(*dir);
  }
  if (line.command == "verify" || line.command == "bench") {
    llvm::Expected<std::string> dir = directory();
    if (!dir)
      return dir.takeError();
    return line.command == "verify" ? runVerify(*dir, line)
                                    : runBench(*dir, line);
  }
  return runEmit(line);
}
