// random-cases: kernels of random requests against the oracle.
//
//   random-cases [--vulkan] [--cases=N] [--seed=S] [--first=K] [--verbose]
//
// Emits kernels of random requests until N cases (default 3000) have run, each
// on guarded buffers. Everything follows from the seed and a request's number:
// --first=K --cases=1 repeats request K. With --vulkan the kernels run on
// a Vulkan device and not on the CPU, with other schedules. The cases run in a
// child: whatever ends it, its request is named.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "EmitAndVerify.h"
#include "RandomRequests.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/Signals.h"

#include <chrono>
#include <cstdio>
#include <map>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace mlir::softmax;

namespace {

/// Worst errors by operator, type and instruction set.
struct Row {
  int64_t kernels = 0, cases = 0, failed = 0;
  double worstUlp = 0, worstShare = 0;
};

struct Settings {
  int64_t cases = 3000;
  uint64_t seed = 1, first = 0;
  bool isVerbose = false, isVulkan = false;
};

bool read(int count, char **arguments, Settings &settings) {
  for (int i = 1; i < count; ++i) {
    auto [key, value] = llvm::StringRef(arguments[i]).split('=');
    bool isWrong = key == "--cases"   ? value.getAsInteger(10, settings.cases)
                   : key == "--seed"  ? value.getAsInteger(10, settings.seed)
                   : key == "--first" ? value.getAsInteger(10, settings.first)
                                      : key != "--verbose" && key != "--vulkan";
    if (isWrong) {
      llvm::errs() << "random-cases: wrong argument '" << arguments[i]
                   << "'; see the head of RandomCases.cpp\n";
      return false;
    }
    settings.isVerbose |= key == "--verbose";
    settings.isVulkan |= key == "--vulkan";
  }
  return true;
}

llvm::Expected<verify::Report> verifyRequest(const test::RandomRequest &request,
                                             bool isVulkan,
                                             verify::Options limits) {
  if (!isVulkan)
    return test::emitAndVerify(request.line, request.schedule, limits);
  limits.limits.elements = 1 << 14;
  limits.limits.total = 1 << 17;
  auto kernel =
      test::emitAndVerifyVulkan(request.line, request.schedule, limits);
  if (!kernel)
    return kernel.takeError();
  if (!kernel->skipped.empty())
    return llvm::createStringError(kernel->skipped);
  verify::Report report;
  report.kernels.push_back(std::move(*kernel));
  return report;
}

/// The name of the request that runs, where the parent sees it too.
class CurrentRequest {
public:
  CurrentRequest() {
    void *page = mmap(nullptr, kSize, PROT_READ | PROT_WRITE,
                      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    text = page == MAP_FAILED ? nullptr : static_cast<char *>(page);
  }
  void set(llvm::StringRef name) {
    if (text)
      std::snprintf(text, kSize, "%s", name.str().c_str());
  }
  const char *get() const { return text && *text ? text : "no request yet"; }

private:
  static constexpr size_t kSize = 4096;
  char *text;
};

int runCases(const Settings &settings, CurrentRequest &current) {
  llvm::outs().SetUnbuffered(); // what ends the child must lose nothing
  test::RandomRequests requests(settings.seed, settings.isVulkan);
  std::map<std::string, Row> rows;
  std::map<int, verify::SpecialCount> specials;
  Row all;
  auto begin = std::chrono::steady_clock::now();
  for (uint64_t number = settings.first; all.cases < settings.cases; ++number) {
    test::RandomRequest request = requests.make(number);
    std::string name = llvm::formatv(
        "request {0}: {1}{2}", number, request.line,
        request.schedule.empty() ? "" : " with " + request.schedule);
    current.set(name);
    if (settings.isVerbose)
      llvm::errs() << name << "\n";
    verify::Options limits;
    limits.limits.elements = 1 << 15;
    limits.limits.total = 1 << 18;
    limits.limits.seed = settings.seed + number;
    auto report = verifyRequest(request, settings.isVulkan, limits);
    if (!report) {
      std::string why = llvm::toString(report.takeError());
      // Requests may name more parameters than all devices take.
      if (settings.isVulkan &&
          llvm::StringRef(why).contains("Vulkan devices are sure to take"))
        continue;
      llvm::outs() << "FAILED " << name << "\n  " << why << "\n";
      ++all.failed;
      ++all.cases;
      continue;
    }
    Row &row =
        rows[llvm::formatv("{0,-24} {1,-5} {2,-10}", request.op, request.type,
                           settings.isVulkan ? "spirv" : request.target)];
    for (const verify::KernelReport &kernel : report->kernels) {
      for (Row *counted : {&row, &all}) {
        ++counted->kernels;
        counted->cases += kernel.cases;
        counted->failed += kernel.failedCases;
      }
      for (const auto &[number, special] : kernel.specials) {
        specials[number].checked += special.checked;
        specials[number].failed += special.failed;
      }
      for (const verify::ResultErrors &errors : kernel.results) {
        row.worstUlp = std::max(row.worstUlp, errors.worstUlp);
        row.worstShare = std::max(row.worstShare, errors.worstShare);
      }
    }
    if (!report->passed())
      llvm::outs() << "FAILED " << name << "\n" << test::textOf(*report);
  }
  llvm::outs() << "operator                 type  target      kernels   cases  "
                  "failed  worst ULP  worst share of the bound\n";
  for (const auto &[name, row] : rows)
    llvm::outs() << name
                 << llvm::format("%9ld%8ld%8ld%11.3g%10.3f\n", row.kernels,
                                 row.cases, row.failed, row.worstUlp,
                                 row.worstShare);
  llvm::outs() << "rows and cases of the table of special cases:";
  for (const auto &[number, special] : specials)
    llvm::outs() << " E" << number << " " << special.checked
                 << (special.failed ? " FAILED" : "");
  llvm::outs() << "\n";
  std::chrono::duration<double> time = std::chrono::steady_clock::now() - begin;
  llvm::outs() << llvm::formatv(
      "{0} kernels, {1} cases, {2} failed, seed {3}, {4:F0} s\n", all.kernels,
      all.cases, all.failed, settings.seed, time.count());
  return all.failed ? 1 : 0;
}

} // namespace

int main(int count, char **arguments) {
  Settings settings;
  if (!read(count, arguments, settings))
    return 1;
  CurrentRequest current;
  pid_t child = fork();
  if (child <= 0) { // also where there can be no child
    llvm::sys::PrintStackTraceOnErrorSignal(arguments[0]);
    return runCases(settings, current);
  }
  int status = 0;
  if (waitpid(child, &status, 0) != child)
    return 1;
  if (WIFEXITED(status))
    return WEXITSTATUS(status);
  llvm::outs() << "FAILED " << current.get() << "\n  ended by signal "
               << WTERMSIG(status) << "\n";
  return 1;
}
