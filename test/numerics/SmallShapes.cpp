// small-shapes: every operator on every static shape of rank 1 to 3 with extents
// 0 to 4 and every class axis, against the oracle.
//
//   small-shapes [--step=N] [--offset=K]
//
// Rewriting and lowering fold what static extents tell them: each such kernel is
// a different program. Instruction sets, the reference traversal and options take
// turns. --step=N visits every Nth kernel only, from number K on.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "EmitAndVerify.h"

#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/raw_ostream.h"

#include <string>
#include <vector>

using namespace mlir::softmax;

namespace {

struct Operator {
  const char *name;
  std::vector<const char *> options; ///< take turns
};

const Operator kOperators[] = {
    {"softmax", {"", " --scale=0.5 --masked-rows=zero", " --mask=boolean",
                 " --softcap=5", " --in-place"}},
    {"log-softmax", {"", " --mask=additive", " --softcap=5 --masked-rows=zero"}},
    {"logsumexp", {"", " --mask=boolean --scale=-2"}},
    {"softmax-grad", {"", " --softcap=5", " --mask=boolean --scale=2"}},
    {"log-softmax-grad", {"", " --mask=boolean --masked-rows=zero"}},
    {"cross-entropy", {"", " --label-smoothing=0.2 --weight --lse",
                       " --target=probabilities", " --reduction=none",
                       " --z-loss=0.1 --empty-mean=zero --ignore-index=1"}},
    {"cross-entropy-grad", {"", " --lse", " --label-smoothing=0.2 --weight",
                            " --target=probabilities --reduction=sum"}},
    {"cross-entropy-with-grad", {"", " --weight --dloss --z-loss=0.1",
                                 " --softcap=5 --reduction=none --lse"}},
    {"sgd", {""}}};

class Visitor {
public:
  int64_t step = 1, number = 0, kernels = 0, cases = 0, failed = 0;

  void visit(const std::string &shape, int64_t rank) {
    for (const Operator &op : kOperators)
      for (int64_t axis = 0; axis < rank; ++axis)
        for (const char *type : {"f32", "f64", "bf16"}) {
          if (std::string(op.name) == "sgd" && axis > 0)
            continue;
          if (number++ % step == 0)
            run(op, shape, type, axis, rank);
        }
  }

private:
  void run(const Operator &op, const std::string &shape, const char *type,
           int64_t axis, int64_t rank) {
    static const char *const targets[] = {"x86-64", "x86-64-v3", "x86-64-v4"};
    int64_t turn = kernels++;
    std::string line = op.name + (" " + shape) + type;
    if (std::string(op.name) != "sgd") // counted from the end every second time
      line += " --axis=" + std::to_string(turn % 2 ? axis : axis - rank);
    line += op.options[turn % op.options.size()];
    const char *target = targets[turn % 3];
    line += std::string(" --target-cpu=") +
            (test::runsHere(target) ? target : "x86-64");
    bool isReference = turn % 7 == 0;
    verify::Options limits;
    limits.limits.seed = turn + 1;
    auto report = test::emitAndVerify(
        line,
        isReference ? "#softmax.cpu_schedule<traversal = reference>" : "",
        limits);
    if (!report || !report->passed()) {
      ++failed;
      llvm::outs() << "FAILED " << line << (isReference ? " (reference)" : "")
                   << "\n"
                   << (report ? test::textOf(*report)
                              : llvm::toString(report.takeError()) + "\n");
      return;
    }
    for (const verify::KernelReport &kernel : report->kernels)
      cases += kernel.cases;
  }
};

} // namespace

int main(int count, char **arguments) {
  Visitor visitor;
  for (int i = 1; i < count; ++i) {
    auto [key, value] = llvm::StringRef(arguments[i]).split('=');
    int64_t given;
    if (value.getAsInteger(10, given) || (key != "--step" && key != "--offset") ||
        (key == "--step" && given < 1)) {
      llvm::errs() << "small-shapes: wrong argument '" << arguments[i]
                   << "'; see the head of SmallShapes.cpp\n";
      return 1;
    }
    (key == "--step" ? visitor.step : visitor.number) = given;
  }
  auto text = [](int64_t extent) { return std::to_string(extent) + "x"; };
  for (int64_t i = 0; i <= 4; ++i) {
    visitor.visit(text(i), 1);
    for (int64_t j = 0; j <= 4; ++j) {
      visitor.visit(text(i) + text(j), 2);
      for (int64_t k = 0; k <= 4; ++k)
        visitor.visit(text(i) + text(j) + text(k), 3);
    }
  }
  llvm::outs() << llvm::formatv("{0} kernels, {1} cases, {2} failed\n",
                                visitor.kernels, visitor.cases, visitor.failed);
  return visitor.failed ? 1 : 0;
}
