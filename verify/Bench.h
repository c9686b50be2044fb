// Timing of the kernels of a directory, beside plain sweeps over memory.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef VERIFY_BENCH_H
#define VERIFY_BENCH_H

#include "verify/Manifest.h"

#include "llvm/ADT/StringMap.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/raw_ostream.h"

namespace mlir::softmax::verify {

struct BenchOptions {
  double seconds = 1;         ///< to spend on the rounds of a kernel
  int64_t elements = 1 << 24; ///< of the main shape, where extents are dynamic
  llvm::StringMap<int64_t> extents; ///< dynamic extents that are given
  uint64_t seed = 1;
};

/// Nanoseconds of one call, over the rounds.
struct Timing {
  double median = 0, p5 = 0, p95 = 0;
  double spread() const { return median > 0 ? (p95 - p5) / median : 0; }
};

struct BenchResult {
  std::string name, op, type, extents;
  std::string skipped; ///< why nothing was timed; empty otherwise
  int64_t elements = 0;
  int64_t bytes = 0; ///< all operands once, all results once
  int64_t rounds = 0;
  Timing kernel;
  Timing read; ///< reading the operands
  Timing copy; ///< the same traffic: operands read, results streamed
  double callOverhead = 0; ///< of a tiny shape; 0 when there is none

  /// Half of the calls tell little when a twentieth differs so much.
  bool isUnstable() const { return kernel.spread() > 0.15; }
};

struct BenchReport {
  std::vector<BenchResult> kernels;
  void print(llvm::raw_ostream &stream) const;
  llvm::json::Value toJSON() const;
};

/// Times one kernel on random data in memory that has been touched before. The
/// kernel and the sweeps take turns, so that all see the same machine. Kernels
/// with a hook run on the calling thread.
llvm::Expected<BenchResult> benchKernel(const Manifest &manifest,
                                        const BenchOptions &options);

/// Times the kernel of every *.manifest.json in `directory`.
llvm::Expected<BenchReport> benchDirectory(llvm::StringRef directory,
                                           const BenchOptions &options);

} // namespace mlir::softmax::verify

#endif // VERIFY_BENCH_H
