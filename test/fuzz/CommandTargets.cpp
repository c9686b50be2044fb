// What users write beside IR: command lines, manifests, schedules.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "codegen/Emit.h"
#include "codegen/Names.h"
#include "codegen/cpu/Pipelines.h"
#include "test/fuzz/Fuzz.h"
#include "tools/softmax-gen/CommandLine.h"
#include "verify/Manifest.h"

#include "mlir/IR/Verifier.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace mlir::softmax;
using namespace mlir::softmax::fuzz;

namespace {

/// An error says something. It may quote what was typed, lines and all: the
/// tool escapes it.
void expectMessage(llvm::Error error) {
  if (StringRef(llvm::toString(std::move(error))).trim().empty())
    finding("an error without a message");
}

/// A context with the compiler's dialects.
struct Context {
  Context() {
    DialectRegistry registry;
    registerCompilerDialects(registry);
    context = std::make_unique<MLIRContext>(registry,
                                            MLIRContext::Threading::DISABLED);
    context->loadAllAvailableDialects();
  }
  std::unique_ptr<MLIRContext> context;
};

/// One argument on each line: a line that is accepted leads to IR that the
/// verifiers accept, and lowers to rows.
struct CommandTarget : Target {
  void run(StringRef input) override {
    if (++uses % 1000 == 0)
      context.emplace();
    std::vector<std::string> words = {"softmax-gen"};
    for (StringRef word : llvm::split(input.rtrim('\n'), '\n'))
      words.push_back(word.take_until([](char c) { return c == 0; }).str());
    std::vector<char *> argv;
    for (std::string &word : words)
      argv.push_back(word.data());
    auto line = CommandLine::parse(argv.size(), argv.data());
    if (!line) {
      expectMessage(line.takeError());
      return;
    }
    if (line->positionals.size() != 1)
      return;
    auto request = createRequest(line->command, line->positionals.front());
    if (!request) {
      expectMessage(request.takeError());
      return;
    }
    for (const auto &[key, value] : line->operation)
      if (llvm::Error error = request->set(key, value)) {
        expectMessage(std::move(error));
        return;
      }
    if (llvm::Error error = request->check()) {
      expectMessage(std::move(error));
      return;
    }
    std::string name =
        line->name.empty() ? request->defaultName() : line->name;
    if (llvm::Error error = checkName(name)) {
      expectMessage(std::move(error));
      if (line->name.empty() && name.size() <= 128)
        finding("the default name is refused: " + name);
      return;
    }
    MLIRContext *c = context->context.get();
    OwningOpRef<ModuleOp> module = buildKernelModule(c, *request, name);
    if (failed(mlir::verify(*module)))
      finding("a checked request gives wrong IR");
    PassManager pm(c);
    buildToRows(pm);
    if (failed(pm.run(*module)))
      finding("a checked request does not become row programs");
  }

  std::string mutate(StringRef input, StringRef other,
                     Random &random) override {
    return random.oneIn(3) ? generate(random)
                           : Target::mutate(input, other, random);
  }

  static std::string generate(Random &random) {
    static constexpr llvm::StringLiteral kExtents[] = {
        "1", "4", "8", "128", "?", "?", "0", "32000", "1152921504606846976",
        "4294967296", "-1", "", "9223372036854775807", "0x10", "08"};
    static constexpr llvm::StringLiteral kTypes[] = {
        "f32", "f32", "f64", "f16", "bf16", "f8", "i32", ""};
    static constexpr llvm::StringLiteral kNumbers[] = {
        "0", "1", "-1", "2", "0.1", "1.0", "30", "nan", "inf", "-inf", "1e999",
        "1e-999", "-9223372036854775808", "9223372036854775808", "0x1p-3", ""};
    bool right = random.oneIn(2);
    auto number = [&] {
      return kNumbers[random.below(right ? 7 : std::size(kNumbers))].str();
    };
    std::string line = random.pick(getOperators()).name.str() + "\n";
    for (uint64_t i = 0, rank = random.below(random.oneIn(8) ? 10 : 5);
         i < rank; ++i)
      line += kExtents[random.below(right ? 7 : std::size(kExtents))].str() + "x";
    line += kTypes[random.below(right ? 5 : std::size(kTypes))].str() + "\n";
    for (uint64_t i = 0, count = random.below(6); i < count; ++i) {
      const OptionInfo &option = random.pick(getOperationOptions());
      line += "--" + option.name.str();
      if (option.value.contains('|')) {
        SmallVector<StringRef> choices;
        option.value.split(choices, '|');
        line += "=" + random.pick(choices).str();
      } else if (option.name == "out-type") {
        line += "=" + random.pick(kTypes).str();
      } else if (!option.value.empty()) {
        line += "=" + number();
      }
      line += "\n";
    }
    return line;
  }

  std::optional<Context> context{std::in_place};
  uint64_t uses = 0;
};

struct ManifestTarget : Target {
  void run(StringRef input) override {
    MemoryFile file(input);
    auto manifest = verify::readManifest(file.path());
    if (manifest) {
      if (manifest->name.empty())
        finding("a manifest without a name is accepted");
      return;
    }
    expectMessage(manifest.takeError());
  }
};

/// A schedule that is accepted compiles a kernel, unless its instructions are
/// not the target's.
struct ScheduleTarget : Target {
  void run(StringRef input) override {
    if (++uses % 200 == 0)
      context.emplace();
    MLIRContext *c = context->context.get();
    MemoryFile file(input);
    EmitOptions options;
    options.targetNames = {"x86-64-v4"};
    options.scheduleFile = file.path();
    if (llvm::Error error = resolve(options, c)) {
      expectMessage(std::move(error));
      return;
    }
    auto request = createRequest("cross-entropy-with-grad", "?x5xf16");
    if (!request || request->set("reduction", "none") || request->check())
      finding("a right request is refused");
    auto module = buildKernelModule(c, *request, "k");
    KernelInfo info;
    info.name = "k";
    std::string problem;
    ScopedDiagnosticHandler handler(c, [&](Diagnostic &diagnostic) {
      problem = diagnostic.str();
      return success();
    });
    auto code = compileKernel(*module, options.compile, info);
    if (code)
      return;
    if (!code.errorIsA<EmitError>())
      finding("does not compile with the schedule: " +
              llvm::toString(code.takeError()) + ": " + problem);
    expectMessage(code.takeError());
  }

  std::string mutate(StringRef input, StringRef other,
                     Random &random) override {
    if (random.oneIn(2))
      return Target::mutate(input, other, random);
    static constexpr llvm::StringLiteral kIsas[] = {
        "scalar", "sse2", "avx2", "avx512", "neon", "sve", "rvv", "simd128"};
    static constexpr llvm::StringLiteral kThreads[] = {"none", "openmp", "hook"};
    int64_t lanes = 1 << random.below(7), unroll = 1 + random.below(8);
    int64_t block = 2 * lanes * unroll * (1 + random.below(64));
    bool reference = random.oneIn(6);
    return (Twine("#softmax.cpu_schedule<traversal = ") +
            (reference ? "reference" : "stream") + ", isa = " +
            (reference ? StringRef("scalar") : StringRef(random.pick(kIsas))) +
            ", lanes = " + Twine(reference ? 1 : lanes) + ", unroll = " +
            Twine(unroll) + ", block = " + Twine(block) + ", prefetch = " +
            Twine(random.below(random.oneIn(2) ? 65537 : 2)) +
            ", nontemporal = " +
            Twine(random.oneIn(2) ? -1 : int64_t(random.below(1 << 20))) +
            ", rows_per_task = " + Twine(1 + random.below(99)) +
            ", threads = " + random.pick(kThreads) + ", accuracy = " +
            (random.oneIn(2) ? "accurate" : "fast") + ">\n")
        .str();
  }

  std::optional<Context> context{std::in_place};
  uint64_t uses = 0;
};

} // namespace

std::unique_ptr<Target> fuzz::createCommandTarget() {
  return std::make_unique<CommandTarget>();
}
std::unique_ptr<Target> fuzz::createManifestTarget() {
  return std::make_unique<ManifestTarget>();
}
std::unique_ptr<Target> fuzz::createScheduleTarget() {
  return std::make_unique<ScheduleTarget>();
}
