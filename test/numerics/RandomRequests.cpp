// Which requests the random tests make.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "RandomRequests.h"

#include "EmitAndVerify.h"

using namespace mlir::softmax::test;

namespace {

/// Vector instructions of a target, for schedules.
struct Machine {
  const char *target, *isa;
  int64_t lanes; ///< of f32
};
constexpr Machine kMachines[] = {{"x86-64", "sse2", 4},
                                 {"x86-64-v3", "avx2", 8},
                                 {"x86-64-v4", "avx512", 16}};

const Machine &machineOf(const std::string &target) {
  const Machine *machine = kMachines;
  while (target != machine->target)
    ++machine;
  return *machine;
}

} // namespace

RandomRequest RandomRequests::make(uint64_t number) {
  random.seed(seed * 0x9E3779B97F4A7C15u + number);
  request = {};
  request.op =
      oneOf({"softmax", "softmax", "log-softmax", "logsumexp", "softmax-grad",
             "log-softmax-grad", "cross-entropy", "cross-entropy",
             "cross-entropy-grad", "cross-entropy-with-grad",
             "cross-entropy-with-grad", "sgd"});
  request.type = oneOf({"f32", "f32", "f64", "f16", "bf16"});
  do
    request.target = kMachines[pick(0, 2)].target;
  while (!runsHere(request.target));
  request.line = request.op + " ";
  addShape();
  request.line += " --target-cpu=" + request.target;
  // Vulkan devices are sure to take 16 parameters only.
  bool isLoss = request.op.rfind("cross", 0) == 0;
  isStrided = chance(20) && !(isVulkan && (isLoss || rank > 2));
  if (isStrided)
    request.line += " --strided";
  if (request.op != "sgd")
    addOptions();
  addSchedule();
  return request;
}

/// Small ones, neighbours of multiples of vectors, and more than one block.
int64_t RandomRequests::classExtent() {
  int64_t dice = pick(1, 100);
  if (dice <= 40)
    return pick(1, 70);
  if (dice <= 85)
    return std::max<int64_t>(1, 16 * pick(1, 40) + pick(-2, 2));
  if (dice <= 97)
    return pick(641, 2100);
  return 2048 * pick(1, 3) + pick(-2, 2);
}

void RandomRequests::addShape() {
  int64_t dice = pick(1, 100);
  rank = dice <= 8    ? 1
         : dice <= 60 ? 2
         : dice <= 85 ? 3
         : dice <= 95 ? 4
                      : pick(5, 8);
  bool isLoss = request.op.rfind("cross", 0) == 0;
  axis = isLoss && rank > 2 ? 1 : rank - 1;
  bool isOther = request.op != "sgd" && chance(30);
  if (isOther)
    axis = pick(0, rank - 1);
  int64_t extents = 1;
  for (int64_t dim = 0; dim < rank; ++dim) {
    bool isClass = dim == axis;
    // Neighbouring rows are taken in tiles of many.
    bool isLong = dim == rank - 1 && chance(25);
    int64_t most =
        isClass ? 0 : std::max<int64_t>(1, (isLong ? 300 : 24) / extents);
    int64_t extent = isClass ? classExtent() : pick(1, most);
    if (!isClass)
      extents *= extent;
    bool isDynamic = chance(isClass ? 50 : 40);
    request.line += isDynamic ? "?" : std::to_string(extent);
    request.line += "x";
    if (isClass)
      classes = isDynamic ? 0 : extent;
  }
  request.line += request.type;
  if (isOther)
    request.line +=
        " --axis=" + std::to_string(chance(50) ? axis : axis - rank);
}

void RandomRequests::addOptions() {
  auto add = [&](int percent, const std::string &option) {
    if (chance(percent))
      request.line += " --" + option;
  };
  bool isLoss = request.op.rfind("cross", 0) == 0;
  add(25, "scale=" + oneOf({"0.125", "0.5", "2", "-1", "1.7", "0.0883883"}));
  add(20, "softcap=" + oneOf({"5", "15", "30", "50"}));
  if (isLoss)
    addLossOptions();
  else if (rank >= 2 && axis == rank - 1 && chance(20))
    request.line += " --mask=causal";
  else
    add(35, "mask=" + oneOf({"boolean", "additive"}));
  if (request.op != "logsumexp")
    add(25, "masked-rows=zero");
  bool writesRows = request.op != "logsumexp" && request.op != "cross-entropy";
  if (writesRows && chance(15))
    request.line += " --out-type=" + oneOf({"f32", "f64", "f16", "bf16"});
  else if (writesRows)
    add(20, "in-place");
}

void RandomRequests::addLossOptions() {
  auto add = [&](int percent, const std::string &option) {
    if (chance(percent))
      request.line += " --" + option;
  };
  bool probabilities = chance(30);
  add(70, "reduction=" + oneOf({"none", "mean", "sum"}));
  if (probabilities) {
    request.line += " --target=probabilities";
    add(30, "zero-times-inf=zero");
  } else {
    add(30, "ignore-index=" + oneOf({"0", "1", "-1", "5", "100"}));
    add(30, "target-type=" + oneOf({"i32", "u8"}));
  }
  add(35, "weight");
  add(35, "label-smoothing=" + oneOf({"0.1", "0.2", "0.5", "1"}));
  add(30, "z-loss=" + oneOf({"1e-4", "0.01", "1"}));
  add(35, "lse");
  add(25, "empty-mean=zero");
  if (request.op == "cross-entropy-with-grad")
    add(40, "dloss");
}

/// Half of the requests take the selected schedule, the others any valid one.
void RandomRequests::addSchedule() {
  std::string threads = oneOf({"none", "none", "none", "openmp", "hook"});
  bool isFast = request.op != "sgd" && chance(10);
  bool isSelected = chance(50);
  if (isSelected && threads != "none")
    request.line += " --threads=" + threads;
  if (!isSelected)
    request.schedule = (isVulkan ? gpuSchedule() : cpuSchedule(threads)) +
                       (isFast ? ", accuracy = fast" : "") + ">";
  // The accuracy is a property of the bound, too.
  if (isFast)
    request.line += " --accuracy=fast";
}

std::string RandomRequests::cpuSchedule(const std::string &threads) {
  std::string text = "#softmax.cpu_schedule<traversal = ";
  bool isContiguous = axis == rank - 1 && !isStrided;
  const Machine &machine = machineOf(request.target);
  int64_t natural = machine.lanes / (request.type == "f64" ? 2 : 1);
  if (isContiguous && chance(85)) {
    int64_t lanes = chance(70)   ? natural
                    : chance(50) ? natural * 2
                                 : natural / 2;
    lanes = std::max<int64_t>(lanes, 2);
    int64_t unroll = pick(1, 6);
    int64_t block = 2 * lanes * unroll * (chance(70) ? pick(1, 4) : 32);
    text += std::string("stream, isa = ") + machine.isa +
            ", lanes = " + std::to_string(lanes) +
            ", unroll = " + std::to_string(unroll) +
            ", block = " + std::to_string(block) +
            ", prefetch = " + oneOf({"0", "512", "8192"}) +
            ", nontemporal = " + oneOf({"-1", "0", "4096"});
  } else if (rank > 1 && request.op != "sgd" && chance(70)) {
    // Lanes are rows, whichever axis is the class axis.
    text += std::string("inner, isa = ") + machine.isa +
            ", lanes = " + std::to_string(natural) +
            ", unroll = " + std::to_string(pick(1, 4)) +
            ", block = " + std::to_string(8 * pick(1, 16)) +
            ", tile = " + oneOf({"1", "24", "64", "512"});
  } else {
    text += "reference";
  }
  return text + ", rows_per_task = " + oneOf({"1", "3", "16"}) +
         ", threads = " + threads;
}

std::string RandomRequests::gpuSchedule() {
  int64_t threads = int64_t(1) << pick(0, 7);
  int64_t block = std::max<int64_t>(threads, int64_t(1) << pick(5, 8));
  int64_t vector = int64_t(1) << pick(0, 2);
  // A thread keeps 64 accesses at most.
  int64_t held = (classes + threads * vector - 1) / (threads * vector);
  bool inRegisters = classes > 0 && held <= 64 && chance(40);
  // What a block keeps of three f64 tensors fits into 28 KiB.
  bool inShared = !inRegisters && classes > 0 && classes <= 512 &&
                  block == threads && chance(50);
  int64_t steps = inRegisters ? held : inShared ? 1 : pick(1, 4);
  std::string text =
      std::string("#softmax.gpu_schedule<isa = spirv, residence = ") +
      (inRegisters ? "registers"
       : inShared  ? "shared"
                   : "memory") +
      ", threads = " + std::to_string(threads) +
      ", block = " + std::to_string(block) +
      ", vector = " + std::to_string(vector) +
      ", steps = " + std::to_string(steps);
  if (!inRegisters && !inShared && block == threads && chance(60))
    text += ", slices = " + std::to_string(std::min(threads, pick(2, 8))) +
            ", blocks = " + oneOf({"8", "24", "2048"});
  else
    text += ", blocks = " + oneOf({"1", "3", "2048"});
  return text;
};
