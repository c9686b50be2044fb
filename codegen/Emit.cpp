// From a request or an IR file to files on disk.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "codegen/Emit.h"

#include "codegen/gpu/DeviceFiles.h"
#include "codegen/Names.h"
#include "codegen/Passes.h"
#include "codegen/SharedObject.h"

#include "mlir/AsmParser/AsmParser.h"
#include "mlir/Bytecode/BytecodeReader.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Parser/Parser.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Object/ArchiveWriter.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/TargetParser/Triple.h"

#include <chrono>

using namespace mlir;
using namespace mlir::softmax;

char EmitError::ID = 0;

static constexpr llvm::StringLiteral kKinds[] = {
    "h",    "a",        "o",   "so",    "s",     "ll",
    "mlir", "manifest", "ptx", "cubin", "hsaco", "spv"};
static constexpr llvm::StringLiteral kLaterKinds[] = {"halide", "html"};

llvm::ArrayRef<llvm::StringLiteral> softmax::getEmitKinds() { return kKinds; }

static llvm::Error wrong(const llvm::Twine &message) {
  return llvm::make_error<EmitError>(ExitCode::WrongRequest, message.str());
}

static double now() {
  using namespace std::chrono;
  return duration<double>(steady_clock::now().time_since_epoch()).count();
}

/// Reads `#softmax.cpu_schedule<...>` or `#softmax.gpu_schedule<...>` from a file.
static llvm::Expected<Attribute> readSchedule(StringRef path,
                                              MLIRContext *context) {
  auto buffer = llvm::MemoryBuffer::getFile(path, /*IsText=*/true);
  if (!buffer)
    return wrong("cannot read schedule '" + path +
                 "': " + buffer.getError().message());
  std::string problem;
  ScopedDiagnosticHandler handler(context, [&](Diagnostic &diagnostic) {
    if (problem.empty())
      problem = diagnostic.str();
    return success();
  });
  StringRef text = (*buffer)->getBuffer().trim();
  Attribute schedule = parseAttribute(text, context);
  if (!isa_and_nonnull<CPUScheduleAttr, GPUScheduleAttr>(schedule))
    return wrong("schedule '" + path + "' is not valid (" +
                 (problem.empty() ? "it is neither a #softmax.cpu_schedule nor a "
                                    "#softmax.gpu_schedule"
                                  : problem) +
                 "); a manifest of an emitted kernel shows one");
  return schedule;
}

llvm::Error softmax::resolve(EmitOptions &options, MLIRContext *context) {
  for (const std::string &kind : options.kinds) {
    if (llvm::is_contained(kLaterKinds, kind))
      return wrong("--emit=" + kind +
                   " is not available in this version; available are " +
                   llvm::join(getEmitKinds(), ", "));
    if (!llvm::is_contained(kKinds, kind))
      return wrong("--emit='" + kind + "' is unknown; expected some of " +
                   llvm::join(getEmitKinds(), ", "));
  }
  CompileOptions &compile = options.compile;
  std::vector<std::string> names = options.targetNames;
  auto add = [&](StringRef name) -> llvm::Error {
    llvm::Expected<CPUTarget> target = parseCPUTarget(name);
    if (!target)
      return wrong(llvm::toString(target.takeError()));
    llvm::Triple triple(target->triple);
    if (!compile.targets.empty() &&
        llvm::Triple(compile.targets.front().triple).getArch() !=
            triple.getArch())
      return wrong("targets " + compile.targets.front().name + " and " + name +
                   " are of different architectures and cannot share a kernel; "
                   "emit them into two directories");
    compile.targets.push_back(*target);
    return llvm::Error::success();
  };
  llvm::StringSet<> seen;
  for (const std::string &name : names) {
    if (!seen.insert(name).second)
      return wrong("target '" + name + "' is named twice; name it once");
    if (llvm::Error error = add(name))
      return error;
  }
  // A kernel with run-time dispatch always has a variant that runs.
  const CPUTarget first = compile.targets.front();
  if (names.size() > 1 && llvm::none_of(compile.targets, [](const CPUTarget &t) {
        return t.level == 0;
      }))
    if (llvm::Error error = add(first.isX86() ? "x86-64" : "aarch64"))
      return error;
  if (llvm::Error error = resolveDevices(options))
    return error;
  if (!options.scheduleFile.empty()) {
    llvm::Expected<Attribute> read =
        readSchedule(options.scheduleFile, context);
    if (!read)
      return read.takeError();
    if (auto schedule = dyn_cast<GPUScheduleAttr>(*read))
      return takeDeviceSchedule(options, schedule);
    auto schedule = cast<CPUScheduleAttr>(*read);
    if (compile.targets.size() > 1)
      return wrong("--schedule fits one target, got " +
                   llvm::Twine(compile.targets.size()) +
                   "; name one with --target-cpu");
    compile.schedule = schedule;
    compile.threads = schedule.getThreads();
    compile.accuracy = schedule.getAccuracy();
  }
  return llvm::Error::success();
}

/// Compiles `module`, whose only public function is `info.name`, and adds what
/// it emits to `files`, for the caller to commit.
static llvm::Expected<EmittedKernel> emitModule(ModuleOp module,
                                                KernelInfo info,
                                                const EmitOptions &options,
                                                OutputFiles &files) {
  EmittedKernel kernel;
  auto wants = [&](StringRef kind) {
    return llvm::is_contained(options.kinds, kind);
  };
  std::string source;
  if (wants("mlir"))
    llvm::raw_string_ostream(source) << module;

  double start = now();
  llvm::Expected<CompiledKernel> compiled =
      compileKernel(module, options.compile, info);
  if (!compiled)
    return compiled.takeError();
  const ObjectCode *code = &compiled->host;
  kernel.note = noteOnDevices(compiled->devices);
  // Operands without the class axis may come first: the names of the extents
  // are those of the first tensor that has all axes.
  auto whole = llvm::find_if(info.parameters, [&](const Parameter &parameter) {
    return parameter.isTensor && parameter.shape.size() == info.shape.size();
  });
  if (whole != info.parameters.end())
    info.shape = whole->shape;
  double lowered = now();
  auto add = [&](StringRef kind, const llvm::Twine &name, StringRef contents) {
    kernel.files.emplace_back(kind.str(), name.str());
    kernel.sizes.push_back(contents.size());
    files.add(kernel.files.back().second, contents);
  };
  if (wants("h"))
    add("header", info.name + ".h", writeHeader(info));
  if (wants("o") || wants("a") || wants("so")) {
    auto object = code->emit(llvm::CodeGenFileType::ObjectFile);
    if (!object)
      return object.takeError();
    StringRef bytes(object->data(), object->size());
    if (wants("o"))
      add("object", info.name + ".o", bytes);
    if (wants("a")) {
      std::string memberName = info.name + ".o"; // outlives the reference
      llvm::MemoryBufferRef member(bytes, memberName);
      llvm::SmallVector<llvm::NewArchiveMember, 1> members;
      members.emplace_back(member);
      auto archive = llvm::writeArchiveToBuffer(
          members, llvm::SymtabWritingMode::NormalSymtab,
          llvm::object::Archive::K_GNU, /*Deterministic=*/true, /*Thin=*/false);
      if (!archive)
        return archive.takeError();
      add("archive", "lib" + info.name + ".a", (*archive)->getBuffer());
    }
    if (wants("so")) {
      auto shared =
          linkSharedObject(bytes, options.compile.targets.front(),
                           options.compile.threads == Threads::OpenMP);
      if (!shared)
        return shared.takeError();
      add("shared", "lib" + info.name + ".so", *shared);
    }
  }
  if (wants("s")) {
    auto assembly = code->emit(llvm::CodeGenFileType::AssemblyFile);
    if (!assembly)
      return assembly.takeError();
    add("assembly", info.name + ".s",
        StringRef(assembly->data(), assembly->size()));
  }
  for (DeviceFile &file : deviceFiles(compiled->devices, options.kinds))
    add(file.kind, info.name + file.extension, file.contents);
  if (wants("ll"))
    add("llvm", info.name + ".ll", code->ir());
  if (wants("mlir"))
    add("mlir", info.name + ".mlir", source);
  std::string manifest = writeManifest(info, kernel.files);
  add("manifest", info.name + ".manifest.json", manifest);
  kernel.lowerSeconds = lowered - start;
  kernel.codegenSeconds = now() - lowered;
  kernel.info = std::move(info);
  return kernel;
}

/// The fields of the run-time log: backend, op, schedule:target, shape:type,
/// options.
static std::string describe(const KernelInfo &info, StringRef shape,
                            const CompileOptions &compile, int64_t axis) {
  std::string targets = llvm::join(
      llvm::map_range(compile.targets,
                      [](const CPUTarget &target) { return target.name; }),
      "+");
  std::string text = "cpu," + info.op + ",auto:" + targets + "," + shape.str();
  return text + ",axis:" + std::to_string(axis);
}

llvm::Expected<EmittedKernel> softmax::emitKernel(MLIRContext *context,
                                                  const KernelRequest &request,
                                                  StringRef name,
                                                  const EmitOptions &given) {
  EmitOptions options = given;
  options.compile.strided = request.strided;
  options.compile.inPlace = request.inPlace;
  KernelInfo info;
  info.name = name.str();
  info.command = options.command;
  describeRequest(request, info);
  auto &json = info.options;
  if (request.op->takes("accuracy"))
    json["accuracy"] = stringifyAccuracy(options.compile.accuracy);
  json["threads"] = stringifyThreads(options.compile.threads);

  std::string shape = StringRef(request.shape.text).drop_back(
      request.shape.type.size()).rtrim('x').str() + ":" + request.shape.type;
  options.compile.description =
      describe(info, shape, options.compile, request.axis);
  std::string problem;
  ScopedDiagnosticHandler handler(context, [&](Diagnostic &diagnostic) {
    if (problem.empty() &&
        diagnostic.getSeverity() == DiagnosticSeverity::Error)
      problem = diagnostic.str();
    return success();
  });
  OwningOpRef<ModuleOp> module = buildKernelModule(context, request, name);
  OwningOpRef<ModuleOp> original = module->clone();
  OutputFiles files(options.directory);
  llvm::Expected<EmittedKernel> kernel =
      emitModule(*module, info, options, files);
  if (kernel) {
    if (llvm::Error error = files.commit())
      return wrong(llvm::toString(std::move(error)));
    return kernel;
  }
  llvm::Error error = kernel.takeError();
  if (error.isA<EmitError>())
    return error;
  // A checked request that does not compile is our fault.
  std::string reproducer = ("smx-crash-" + name + ".mlir").str();
  OutputFiles crash(".");
  std::string text;
  llvm::raw_string_ostream(text) << *original;
  crash.add(reproducer, text);
  std::string message = llvm::toString(std::move(error)) +
                        (problem.empty() ? "" : ": " + problem);
  if (llvm::Error failed = crash.commit())
    llvm::consumeError(std::move(failed));
  else
    message += "; please report it with the reproducer ./" + reproducer;
  return llvm::make_error<EmitError>(ExitCode::InternalError,
                                     "internal error: " + message);
}

/// "file:line:column: " as editors understand it, or nothing.
static std::string placeOf(Location location) {
  auto at = dyn_cast<FileLineColLoc>(location);
  return at ? (at.getFilename().getValue() + ":" + Twine(at.getLine()) + ":" +
               Twine(at.getColumn()) + ": ")
                  .str()
            : "";
}

/// Whether C has parameters of this type: elements of tensors or, as C passes
/// 16-bit floats in other registers than LLVM, numbers of 32 and 64 bits.
static bool hasCType(Type type) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  if (!tensor)
    return !type.isF16() && !type.isBF16();
  Type element = tensor.getElementType();
  return element.isF32() || element.isF64() || element.isF16() ||
         element.isBF16() || element.isSignlessInteger(64) ||
         element.isSignlessInteger(32) || element.isSignlessInteger(8);
}

/// Checks what a file says of the parameters of a kernel. Of their attributes it
/// may hold names and `inout`; the others are the words of lowering to itself,
/// which it does not check.
static llvm::Error checkSignature(func::FuncOp function) {
  auto checkType = [](const Twine &what, Type type) -> llvm::Error {
    if (hasCType(type))
      return llvm::Error::success();
    std::string text;
    llvm::raw_string_ostream(text) << type;
    return llvm::createStringError(
        what + " is of type " + text +
        "; tensors are of f32, f64, f16, bf16, i64, i32 or i8, numbers of f32, "
        "f64, i64, i32 or index");
  };
  for (auto [i, type] : llvm::enumerate(function.getArgumentTypes())) {
    std::string what = "argument #" + std::to_string(i);
    if (llvm::Error error = checkType(what, type))
      return error;
    for (NamedAttribute attribute :
         function_interface_impl::getArgAttrs(function, i)) {
      StringRef name = attribute.getName();
      if (!name.starts_with("softmax.") || name == kArgumentName)
        continue;
      auto text = dyn_cast<StringAttr>(attribute.getValue());
      if (name != kRoleName || !text || text.getValue() != "inout" ||
          !isa<RankedTensorType>(type))
        return llvm::createStringError(
            what + " has an unexpected " + name +
            "; expected softmax.name, or softmax.role = inout on a tensor");
    }
  }
  for (auto [i, type] : llvm::enumerate(function.getResultTypes()))
    if (llvm::Error error = checkType("result #" + Twine(i), type))
      return error;
  return llvm::Error::success();
}

llvm::Expected<std::vector<EmittedKernel>>
softmax::emitFile(MLIRContext *context, StringRef path,
                  const EmitOptions &options) {
  std::string problem;
  ScopedDiagnosticHandler handler(context, [&](Diagnostic &diagnostic) {
    if (!problem.empty() ||
        diagnostic.getSeverity() != DiagnosticSeverity::Error)
      return success();
    problem = placeOf(diagnostic.getLocation()) + diagnostic.str();
    // The first line is what is wrong; IR that follows is of no help here.
    problem = StringRef(problem).split('\n').first.str();
    return success();
  });
  if (!llvm::sys::fs::exists(path))
    return wrong("cannot read '" + path + "': no such file");
  // LLVM's reader of bytecode trusts it: a damaged file may keep it busy for
  // ever.
  auto buffer = llvm::MemoryBuffer::getFile(path);
  if (buffer && isBytecode(**buffer))
    return wrong("'" + path + "' is bytecode; write it as text with "
                              "softmax-opt " + path + " -o FILE.mlir");
  ParserConfig config(context);
  OwningOpRef<ModuleOp> module =
      buffer ? parseSourceString<ModuleOp>((*buffer)->getBuffer(), config, path)
             : parseSourceFile<ModuleOp>(path, config);
  if (!module)
    return wrong(problem.empty() ? "'" + path.str() + "' is no MLIR module"
                                 : problem);
  std::vector<func::FuncOp> functions;
  for (auto function : module->getOps<func::FuncOp>())
    if (function.isPublic() && !function.isExternal())
      functions.push_back(function);
  if (functions.empty())
    return wrong("'" + path + "' has no public function with a body; each one "
                              "becomes a kernel");
  // All functions become kernels or none does.
  OutputFiles files(options.directory);
  std::vector<EmittedKernel> kernels;
  for (func::FuncOp function : functions) {
    std::string name = function.getName().str();
    std::string place = placeOf(function.getLoc());
    if (llvm::Error error = checkName(name, "func.func @"))
      return wrong(place + llvm::toString(std::move(error)));
    if (llvm::Error error = checkSignature(function))
      return wrong(place + llvm::toString(std::move(error)));
    OwningOpRef<ModuleOp> own = module->clone();
    SymbolTable symbols(*own);
    for (auto other : own->getOps<func::FuncOp>())
      if (other.getName() != name && !other.isExternal())
        other.setPrivate();
    KernelInfo info;
    info.name = name;
    info.op = "from";
    info.summary = "function @" + name + " of " + path.str();
    info.bound = "that of the operators it holds";
    info.command = options.command;
    EmitOptions mine = options;
    mine.compile.description = describe(info, name, mine.compile, 0);
    llvm::Expected<EmittedKernel> kernel = emitModule(*own, info, mine, files);
    if (!kernel) {
      llvm::Error error = kernel.takeError();
      if (error.isA<EmitError>())
        return error;
      std::string text = llvm::toString(std::move(error));
      return wrong(problem.empty() ? text : problem);
    }
    if (llvm::Error error = checkParameters(kernel->info))
      return wrong(place + llvm::toString(std::move(error)));
    kernels.push_back(std::move(*kernel));
  }
  if (llvm::Error error = files.commit())
    return wrong(llvm::toString(std::move(error)));
  return kernels;
}
