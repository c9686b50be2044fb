// Modules as text and bytecode: parser, verifiers and the CPU pipeline.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "codegen/Emit.h"
#include "codegen/cpu/Pipelines.h"
#include "test/fuzz/Fuzz.h"

#include "mlir/Bytecode/BytecodeReader.h"
#include "mlir/Bytecode/BytecodeWriter.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "llvm/IR/Module.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/raw_ostream.h"
#include "llvm/Support/xxhash.h"

#include <unistd.h>

using namespace mlir;
using namespace mlir::softmax;
using namespace mlir::softmax::fuzz;

namespace {

/// A context with the compiler's dialects, a fresh one from time to time:
/// attributes and types are never freed.
class Context {
public:
  MLIRContext *get() {
    if (!context || ++uses > 500) {
      uses = 0;
      context.reset();
      DialectRegistry registry;
      registerCompilerDialects(registry);
      context = std::make_unique<MLIRContext>(registry,
                                              MLIRContext::Threading::DISABLED);
      context->loadAllAvailableDialects();
    }
    return context.get();
  }
  MLIRContext *current() { return context.get(); }

private:
  std::unique_ptr<MLIRContext> context;
  unsigned uses = 0;
};

/// Counts errors, and keeps the first one.
class Diagnostics {
public:
  explicit Diagnostics(MLIRContext *context)
      : handler(context, [this](Diagnostic &diagnostic) {
          if (diagnostic.getSeverity() == DiagnosticSeverity::Error &&
              errors++ == 0)
            first = diagnostic.str();
          return success();
        }) {}
  unsigned errors = 0;
  std::string first;

private:
  ScopedDiagnosticHandler handler;
};

std::string print(Operation *op, bool generic = false) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  OpPrintingFlags flags;
  if (generic)
    flags.printGenericOpForm();
  op->print(stream, flags);
  return text;
}

/// Null for what is no module, after an error.
OwningOpRef<ModuleOp> parse(StringRef text, MLIRContext *context) {
  // Damaged bytecode crashes LLVM's reader or keeps it busy for ever, which is
  // why softmax-gen takes none.
  if (isBytecode(llvm::MemoryBufferRef(text, "")))
    return {};
  Diagnostics diagnostics(context);
  auto module = parseSourceString<ModuleOp>(text, ParserConfig(context));
  if (!module && diagnostics.errors == 0)
    finding("rejected without a diagnostic");
  return module;
}

struct ParserTarget : Target {
  void run(StringRef input) override {
    MLIRContext *c = context.get();
    OwningOpRef<ModuleOp> module = parse(input, c);
    if (!module)
      return;
    std::string text = print(*module);
    expectSame(text, text, "printing");
    expectSame(print(*module, /*generic=*/true), text, "generic printing");
    std::string bytecode;
    llvm::raw_string_ostream stream(bytecode);
    if (failed(writeBytecodeToFile(*module, stream)))
      finding("cannot be written as bytecode");
    expectSame(bytecode, text, "bytecode");
  }

  std::string mutate(StringRef input, StringRef other,
                     Random &random) override {
    if (random.oneIn(6))
      return generateModule(random);
    return Target::mutate(input, other, random);
  }

  /// `form` parses to what prints as `text`.
  void expectSame(StringRef form, const std::string &text, StringRef what) {
    MLIRContext *c = context.current();
    Diagnostics diagnostics(c);
    auto again = parseSourceString<ModuleOp>(form, ParserConfig(c));
    if (!again)
      finding(what + " gives what does not parse: " + diagnostics.first + "\n" +
              text);
    std::string second = print(*again);
    if (second != text)
      finding(what + " changes the module:\n" + text + "\nto\n" + second);
  }

  Context context;
};

/// The choices of one run follow from the input.
struct PipelineTarget : ParserTarget {
  PipelineTarget()
      : directory("/dev/shm/softmax-fuzz-" + std::to_string(getpid())) {}

  void run(StringRef input) override {
    Random random(llvm::xxh3_64bits(input));
    MLIRContext *c = context.get();
    OwningOpRef<ModuleOp> module = parse(input, c);
    if (!module)
      return;
    // The cheap part more often than the whole.
    if (random.oneIn(4)) {
      emit(input, random, c);
      return;
    }
    unsigned stages = random.oneIn(3) ? 4 : 1;
    static constexpr Threads kThreads[] = {Threads::None, Threads::OpenMP};
    CPUPipelineOptions options;
    options.target = random.pick(getCPUTargetNames()).str();
    options.threads = random.pick(kThreads);
    bool strided = random.oneIn(4);
    Diagnostics diagnostics(c);
    PassManager pm(c);
    buildToRows(pm);
    if (stages > 1) {
      buildToBuffers(pm, strided);
      buildToLoops(pm, options);
      buildToLLVM(pm);
    }
    if (failed(pm.run(*module))) {
      if (diagnostics.errors == 0)
        finding("the pipeline failed without a diagnostic");
      return;
    }
    if (stages == 1)
      return;
    for (Operation &op : *module->getBody())
      op.setDiscardableAttrs(ArrayRef<NamedAttribute>());
    llvm::LLVMContext llvmContext;
    auto translated = translateModuleToLLVMIR(*module, llvmContext, "fuzz");
    if (!translated && diagnostics.errors == 0)
      finding("not translated to LLVM IR, without a diagnostic");
  }

  /// As `softmax-gen from FILE` does.
  void emit(StringRef input, Random &random, MLIRContext *c) {
    MemoryFile file(input);
    EmitOptions options;
    options.directory = directory;
    options.kinds = {"h"};
    options.targetNames = {random.pick(getCPUTargetNames()).str()};
    static constexpr Threads kThreads[] = {Threads::None, Threads::OpenMP,
                                           Threads::Hook};
    options.compile.threads = random.pick(kThreads);
    options.compile.inPlace = random.oneIn(4);
    options.command = "softmax-gen";
    if (llvm::Error error = resolve(options, c))
      finding("options are refused: " + llvm::toString(std::move(error)));
    auto kernels = emitFile(c, file.path(), options);
    if (kernels)
      return;
    std::string message;
    llvm::handleAllErrors(kernels.takeError(),
                          [&](const llvm::ErrorInfoBase &error) {
                            message = error.message();
                          });
    checkMessage(message);
    if (StringRef(message).starts_with("stage '") ||
        StringRef(message).contains("' failed"))
      finding("failed without a diagnostic: " + message);
  }

  std::string directory;
};

} // namespace

std::unique_ptr<Target> fuzz::createParserTarget() {
  return std::make_unique<ParserTarget>();
}

std::unique_ptr<Target> fuzz::createPipelineTarget() {
  return std::make_unique<PipelineTarget>();
}
