// Compares what a kernel has written with the oracle.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef VERIFY_CHECK_H
#define VERIFY_CHECK_H

#include "verify/Problem.h"
#include "verify/Report.h"

namespace mlir::softmax::verify {

/// Why a value is wrong; empty when it is right. `tolerance` is one of Bounds.
/// Poison is never right: nothing was written there.
std::string compare(ElementType type, const void *element, long double expected,
                    double tolerance);

/// Checks one call of a kernel: its status, everything that it has written and
/// everything around it. Returns the first fault, empty when there is none, and
/// counts errors and special cases in `report`. Overwrites the results.
std::string checkCall(const Manifest &manifest, const Case &test,
                      Problem &problem, const CallResult &call,
                      KernelReport &report);

/// Counts which lines of the table of special cases a call has exercised.
/// `failedRows` has one entry for each row.
void countSpecials(const Manifest &manifest, const Case &test,
                   const Problem &problem, llvm::StringRef failure,
                   const std::vector<bool> &failedRows, KernelReport &report);

} // namespace mlir::softmax::verify

#endif // VERIFY_CHECK_H
