// What a verification found, as text and as JSON.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef VERIFY_REPORT_H
#define VERIFY_REPORT_H

#include "llvm/Support/JSON.h"
#include "llvm/Support/raw_ostream.h"

#include <map>
#include <string>
#include <vector>

namespace mlir::softmax::verify {

/// The errors of one result over all cases.
struct ResultErrors {
  std::string name, type;
  int64_t values = 0;     ///< finite values that were compared
  int64_t misrounded = 0; ///< not the correctly rounded ones
  double worstUlp = 0;    ///< error in ULP of the result's type
  double worstShare = 0;  ///< of the tolerance
  std::string where;      ///< of worstUlp: the case and the index
};

/// Rows, or cases, that exercise a line of the table of special cases.
struct SpecialCount {
  int64_t checked = 0, failed = 0;
};

struct Failure {
  std::string test, text;
};

struct KernelReport {
  std::string name, op, type, file;
  std::string device;  ///< that ran it; empty for the CPU
  std::string skipped; ///< why nothing was run; empty otherwise
  uint64_t seed = 0;
  int64_t cases = 0, failedCases = 0;
  std::vector<ResultErrors> results;
  std::map<int, SpecialCount> specials; ///< by the number of "E.."
  std::vector<Failure> failures;        ///< the first ones
  double seconds = 0;
};

struct Report {
  std::vector<KernelReport> kernels;

  bool passed() const;
  void print(llvm::raw_ostream &stream) const;
  llvm::json::Value toJSON() const;
};

} // namespace mlir::softmax::verify

#endif // VERIFY_REPORT_H
