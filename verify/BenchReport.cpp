// Text and JSON of a timing.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "verify/Bench.h"

#include "llvm/Support/Format.h"

using namespace mlir::softmax::verify;

void BenchReport::print(llvm::raw_ostream &stream) const {
  for (const BenchResult &result : kernels) {
    stream << result.name;
    if (!result.extents.empty())
      stream << " (" << result.extents << ')';
    if (!result.skipped.empty()) {
      stream << ": skipped: " << result.skipped << '\n';
      continue;
    }
    const Timing &kernel = result.kernel;
    stream << llvm::format(
                  ": %.0f ns per call (p5 %.0f, p95 %.0f, %lld rounds)",
                  kernel.median, kernel.p5, kernel.p95,
                  static_cast<long long>(result.rounds))
           << (result.isUnstable() ? " unstable" : "") << "\n  "
           << llvm::format("%.4f ns per element, %.2f GB/s",
                           kernel.median / result.elements,
                           result.bytes / kernel.median)
           << llvm::format("; %.2f of a read sweep, %.2f of a streaming copy",
                           kernel.median / result.read.median,
                           kernel.median / result.copy.median);
    if (result.callOverhead > 0)
      stream << llvm::format("; %.0f ns for the least shape",
                             result.callOverhead);
    stream << '\n';
  }
}

static llvm::json::Object timingJSON(const Timing &timing) {
  return llvm::json::Object{{"median_ns", timing.median},
                            {"p5_ns", timing.p5},
                            {"p95_ns", timing.p95}};
}

llvm::json::Value BenchReport::toJSON() const {
  llvm::json::Array array;
  for (const BenchResult &result : kernels) {
    llvm::json::Object object{{"name", result.name},
                              {"op", result.op},
                              {"type", result.type},
                              {"extents", result.extents}};
    if (!result.skipped.empty()) {
      object["skipped"] = result.skipped;
      array.push_back(std::move(object));
      continue;
    }
    object["elements"] = result.elements;
    object["bytes"] = result.bytes;
    object["rounds"] = result.rounds;
    object["kernel"] = timingJSON(result.kernel);
    object["read_sweep"] = timingJSON(result.read);
    object["streaming_copy"] = timingJSON(result.copy);
    object["ns_per_element"] = result.kernel.median / result.elements;
    object["gb_per_s"] = result.bytes / result.kernel.median;
    object["ratio_to_read"] = result.kernel.median / result.read.median;
    object["ratio_to_copy"] = result.kernel.median / result.copy.median;
    object["unstable"] = result.isUnstable();
    if (result.callOverhead > 0)
      object["call_overhead_ns"] = result.callOverhead;
    array.push_back(std::move(object));
  }
  return llvm::json::Object{{"kernels", std::move(array)}};
}
