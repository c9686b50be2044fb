// Random row programs in several schedules against the reference traversal.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "codegen/Emit.h"
#include "runtime/smx.h"
#include "test/fuzz/LoadKernel.h"
#include "test/fuzz/RowPrograms.h"
#include "verify/GuardedBuffer.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"

#include <cmath>
#include <limits>
#include <unistd.h>

using namespace mlir;
using namespace mlir::softmax;
using namespace mlir::softmax::fuzz;
using verify::ElementType;
using verify::GuardedBuffer;

namespace {

/// The values of a tensor, widened.
using Values = std::vector<double>;

/// Vector instructions that this machine has.
struct Machine {
  std::string target;
  const char *isa;
  unsigned lanes; ///< of f32
};

std::vector<Machine> machinesHere() {
  auto host = parseCPUTarget("host");
  if (!host)
    finding("no host: " + llvm::toString(host.takeError()));
  if (!host->isX86())
    return {{"host", "neon", 4}};
  std::vector<Machine> machines;
  for (const Machine &machine :
       {Machine{"x86-64", "sse2", 4}, Machine{"x86-64-v3", "avx2", 8},
        Machine{"x86-64-v4", "avx512", 16}}) {
    auto target = parseCPUTarget(machine.target);
    if (!target)
      finding(llvm::toString(target.takeError()));
    if (target->level <= host->level)
      machines.push_back(machine);
  }
  return machines;
}

/// The last task first, and an empty one.
int32_t runBackwards(void *, int64_t tasks,
                     void (*body)(void *, int64_t, int64_t), void *closure) {
  body(closure, tasks, tasks);
  for (int64_t i = tasks; i-- > 0;)
    body(closure, i, i + 1);
  return 0;
}

/// An input decides everything: the program, its data and the schedules.
class TraversalTarget : public Target {
public:
  void run(StringRef input) override;
  std::string mutate(StringRef input, StringRef other,
                     Random &random) override {
    return mutateDecisions(input, other, random, 400);
  }

private:
  std::string chooseSchedule(const Machine &machine, Decisions &decide);
  void fillInputs(const RowProgram &program, Decisions &decide);
  std::vector<Values> evaluate(const RowProgram &program, StringRef target,
                               StringRef schedule, verify::Placement placement);
  void compare(const RowProgram &program, const std::vector<Values> &expected,
               const std::vector<Values> &got, StringRef schedule);

  std::unique_ptr<MLIRContext> context;
  unsigned uses = 0;
  std::vector<Machine> machines = machinesHere();
  std::vector<Values> inputs;
  std::string directory = "/dev/shm/softmax-fuzz-" + std::to_string(getpid());
};

constexpr StringLiteral kReference = "#softmax.cpu_schedule<>";

int64_t countOf(const RowProgram &program, const ProgramOperand &operand) {
  int64_t count = 1;
  for (unsigned dim : operand.dims)
    count *= program.extents[dim];
  return count;
}

} // namespace

std::string TraversalTarget::chooseSchedule(const Machine &machine,
                                            Decisions &decide) {
  int64_t lanes = machine.lanes << decide.below(2) >> decide.below(2);
  int64_t unroll = 1 + decide.below(6);
  int64_t block = 2 * lanes * unroll * (1 + decide.below(4));
  if (decide.oneIn(3)) {
    static constexpr const char *kTile[] = {"1", "24", "64", "512"};
    return (Twine("#softmax.cpu_schedule<traversal = inner, isa = ") +
            machine.isa + ", lanes = " + Twine(lanes) + ", unroll = " +
            Twine(unroll) + ", block = " + Twine(8 * (1 + decide.below(8))) +
            ", tile = " + kTile[decide.below(4)] + ">")
        .str();
  }
  static constexpr const char *kPrefetch[] = {"0", "512", "8192"};
  static constexpr const char *kNontemporal[] = {"-1", "0", "4096"};
  static constexpr const char *kRows[] = {"1", "3", "16"};
  static constexpr const char *kThreads[] = {"none", "none", "openmp", "hook"};
  StringRef nontemporal = kNontemporal[decide.below(3)];
  if (StringRef(machine.isa) == "neon")
    nontemporal = "-1";
  return (Twine("#softmax.cpu_schedule<traversal = stream, isa = ") +
          machine.isa + ", lanes = " + Twine(lanes) +
          ", unroll = " + Twine(unroll) + ", block = " + Twine(block) +
          ", prefetch = " + kPrefetch[decide.below(3)] + ", nontemporal = " +
          nontemporal + ", rows_per_task = " + kRows[decide.below(3)] +
          ", threads = " + kThreads[decide.below(4)] + ">")
      .str();
}

void TraversalTarget::fillInputs(const RowProgram &program, Decisions &decide) {
  // Small numbers; a quarter of the programs sees what is none, too.
  bool hasSpecials = decide.oneIn(4);
  Random random(decide.below(256));
  inputs.clear();
  for (const ProgramOperand &operand : program.operands) {
    if (operand.isWritten)
      continue;
    Values values(countOf(program, operand));
    int64_t labels = program.highestLabel - program.lowestLabel + 1;
    for (double &value : values) {
      static constexpr double kInfinity =
          std::numeric_limits<double>::infinity();
      static constexpr double kSpecials[] = {
          std::numeric_limits<double>::quiet_NaN(), kInfinity, -kInfinity,
          -kInfinity, -0.0};
      if (operand.type == "i64")
        value =
            program.lowestLabel + static_cast<int64_t>(random.below(labels));
      else if (hasSpecials && random.oneIn(40))
        value = random.pick(kSpecials);
      else
        value = static_cast<int64_t>(random.below(17)) * 0.5 - 4;
    }
    inputs.push_back(std::move(values));
  }
}

/// The results of the kernel that the schedule makes of the program.
std::vector<Values> TraversalTarget::evaluate(const RowProgram &program,
                                              StringRef target,
                                              StringRef schedule,
                                              verify::Placement placement) {
  auto fail = [&](const Twine &what) {
    finding(what + "\nschedule " + schedule + "\n" + program.text);
  };
  MemoryFile source(program.text), scheduleFile(schedule.str() + "\n");
  EmitOptions options;
  options.directory = directory;
  options.kinds = {"o"};
  options.targetNames = {target.str()};
  options.scheduleFile = scheduleFile.path();
  options.command = "softmax-gen";
  if (llvm::Error error = resolve(options, context.get()))
    fail("the schedule is refused: " + llvm::toString(std::move(error)));
  auto emitted = emitFile(context.get(), source.path(), options);
  if (!emitted)
    fail("does not compile: " + llvm::toString(emitted.takeError()));
  const KernelInfo &info = emitted->front().info;
  auto kernel = loadKernel(info, directory);
  (void)llvm::sys::fs::remove_directories(directory);
  if (!kernel)
    fail("is not loaded: " + llvm::toString(kernel.takeError()));

  smx_parallel_for hook = {runBackwards, nullptr};
  std::vector<verify::CallArgument> arguments(info.parameters.size());
  std::vector<GuardedBuffer> buffers;
  llvm::StringMap<int64_t> extents;
  for (auto [i, operand] : llvm::enumerate(program.operands)) {
    const Parameter &parameter = info.parameters[i];
    ElementType type = *verify::parseElementType(operand.type);
    int64_t count = countOf(program, operand), size = verify::getByteSize(type);
    GuardedBuffer &buffer = buffers.emplace_back(count * size, placement, 0);
    for (auto [dim, name] : llvm::zip(operand.dims, parameter.shape))
      extents[name] = program.extents[dim];
    for (int64_t n = 0; n < count && !operand.isWritten; ++n) {
      char *element = buffer.data() + n * size;
      if (type == ElementType::I64)
        verify::storeInteger(type, element, static_cast<int64_t>(inputs[i][n]));
      else
        verify::storeReal(type, element, inputs[i][n]);
    }
    if (!operand.isWritten)
      buffer.protect(/*readOnly=*/true);
    arguments[i].pointer = buffer.data();
  }
  for (auto [i, parameter] : llvm::enumerate(info.parameters)) {
    if (parameter.role == "extent")
      arguments[i].integer = extents.lookup(parameter.name);
    else if (parameter.role == "hook")
      arguments[i].pointer = &hook;
  }
  verify::CallResult result = kernel->call(arguments);
  if (result.signal || result.status != SMX_OK || result.changedEnvironment)
    fail("signal " + Twine(result.signal) + ", status " + Twine(result.status) +
         (result.changedEnvironment ? ", another environment" : ""));
  std::vector<Values> results;
  for (auto [operand, buffer] : llvm::zip(program.operands, buffers)) {
    if (!buffer.isSurroundingIntact())
      fail("writes beside a tensor");
    if (!operand.isWritten)
      continue;
    ElementType type = *verify::parseElementType(operand.type);
    Values &values = results.emplace_back(countOf(program, operand));
    for (auto [n, value] : llvm::enumerate(values))
      value =
          verify::loadReal(type, buffer.data() + n * verify::getByteSize(type));
  }
  return results;
}

void TraversalTarget::compare(const RowProgram &program,
                              const std::vector<Values> &expected,
                              const std::vector<Values> &got,
                              StringRef schedule) {
  size_t result = 0;
  for (const ProgramOperand &operand : program.operands) {
    if (!operand.isWritten)
      continue;
    ElementType type = *verify::parseElementType(operand.type);
    for (auto [n, pair] :
         llvm::enumerate(llvm::zip(expected[result], got[result]))) {
      auto [right, value] = pair;
      if (right == value || (std::isnan(right) && std::isnan(value)))
        continue;
      // Each side may err by the bound, and be rounded to its neighbour.
      double allowed = 0;
      if (operand.error > 0)
        allowed = 2 * operand.error +
                  2 * static_cast<double>(verify::ulpOf(type, right));
      if (std::fabs(right - value) <= allowed)
        continue;
      finding("result " + Twine(result) + ", element " + Twine(n) + " is " +
              std::to_string(value) + ", by the reference traversal " +
              std::to_string(right) + ", allowed difference " +
              std::to_string(allowed) + "\nschedule " + schedule + "\n" +
              program.text);
    }
    ++result;
  }
}

void TraversalTarget::run(StringRef input) {
  if (!context || ++uses % 200 == 0) {
    context.reset();
    DialectRegistry registry;
    registerCompilerDialects(registry);
    context = std::make_unique<MLIRContext>(registry,
                                            MLIRContext::Threading::DISABLED);
    context->loadAllAvailableDialects();
  }
  Decisions decide(input);
  // The schedules come first: inputs that differ in the program share them.
  std::vector<std::pair<std::string, std::string>> schedules;
  for (int i = 0; i < 2; ++i) {
    const Machine &machine = machines[decide.below(machines.size())];
    schedules.emplace_back(machine.target, chooseSchedule(machine, decide));
  }
  RowProgram program = generateRowProgram(decide);
  fillInputs(program, decide);
  std::vector<Values> expected = evaluate(program, machines.front().target,
                                          kReference, verify::Placement::End);
  for (const auto &[target, schedule] : schedules)
    compare(program, expected,
            evaluate(program, target, schedule,
                     schedule.size() % 2 ? verify::Placement::End
                                         : verify::Placement::Start),
            schedule);
}

std::unique_ptr<Target> fuzz::createTraversalTarget() {
  return std::make_unique<TraversalTarget>();
}
