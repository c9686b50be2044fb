// Text and JSON of a verification.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "verify/Report.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/Format.h"

#include <cmath>

using namespace mlir::softmax::verify;

bool Report::passed() const {
  return llvm::all_of(kernels, [](const KernelReport &kernel) {
    return kernel.failedCases == 0;
  });
}

static void printSpecials(llvm::raw_ostream &stream,
                          const KernelReport &kernel) {
  if (kernel.specials.empty())
    return;
  stream << "  special cases:";
  for (const auto &[number, count] : kernel.specials) {
    stream << " E" << number << ' ';
    if (count.failed)
      stream << "FAILED " << count.failed << '/' << count.checked;
    else
      stream << "ok";
  }
  stream << '\n';
}

void Report::print(llvm::raw_ostream &stream) const {
  for (const KernelReport &kernel : kernels) {
    stream << kernel.name << ": ";
    if (!kernel.skipped.empty()) {
      stream << "skipped: " << kernel.skipped << '\n';
      continue;
    }
    stream << kernel.cases << " cases, " << kernel.failedCases << " failed ("
           << kernel.op << ", " << kernel.type << ", seed " << kernel.seed
           << ", " << llvm::format("%.1f", kernel.seconds) << " s"
           << (kernel.device.empty() ? "" : ", ") << kernel.device << ")\n";
    for (const ResultErrors &result : kernel.results) {
      stream << "  " << result.name << ": worst error "
             << llvm::format("%.3g", result.worstUlp) << " ULP of "
             << result.type << ", "
             << llvm::format("%.0f %%", 100 * result.worstShare)
             << " of its bound at most; "
             << llvm::format("%.4f %%",
                             result.values
                                 ? 100.0 * result.misrounded / result.values
                                 : 0.0)
             << " of " << result.values << " values not correctly rounded\n";
      if (!result.where.empty())
        stream << "    worst at " << result.where << '\n';
    }
    printSpecials(stream, kernel);
    for (const Failure &failure : kernel.failures)
      stream << "  FAILED " << failure.test << "\n    " << failure.text << '\n';
    int64_t hidden =
        kernel.failedCases - static_cast<int64_t>(kernel.failures.size());
    if (hidden > 0)
      stream << "  and " << hidden << " failed cases more\n";
  }
}

/// JSON has no infinity.
static llvm::json::Value number(double value) {
  return std::isfinite(value) ? llvm::json::Value(value)
                              : llvm::json::Value(nullptr);
}

llvm::json::Value Report::toJSON() const {
  llvm::json::Array array;
  for (const KernelReport &kernel : kernels) {
    llvm::json::Array results, failures;
    for (const ResultErrors &result : kernel.results)
      results.push_back(llvm::json::Object{
          {"name", result.name},
          {"type", result.type},
          {"values", result.values},
          {"misrounded", result.misrounded},
          {"worst_ulp", number(result.worstUlp)},
          {"worst_share_of_bound", number(result.worstShare)},
          {"worst_at", result.where}});
    for (const Failure &failure : kernel.failures)
      failures.push_back(
          llvm::json::Object{{"case", failure.test}, {"text", failure.text}});
    llvm::json::Object specials;
    for (const auto &[id, count] : kernel.specials)
      specials["E" + std::to_string(id)] = llvm::json::Object{
          {"checked", count.checked}, {"failed", count.failed}};
    llvm::json::Object object{{"name", kernel.name},
                              {"op", kernel.op},
                              {"type", kernel.type},
                              {"file", kernel.file},
                              {"seed", kernel.seed},
                              {"cases", kernel.cases},
                              {"failed", kernel.failedCases},
                              {"seconds", kernel.seconds},
                              {"results", std::move(results)},
                              {"special_cases", std::move(specials)},
                              {"failures", std::move(failures)}};
    if (!kernel.device.empty())
      object["device"] = kernel.device;
    if (!kernel.skipped.empty())
      object["skipped"] = kernel.skipped;
    array.push_back(std::move(object));
  }
  return llvm::json::Object{{"passed", passed()},
                            {"kernels", std::move(array)}};
}
