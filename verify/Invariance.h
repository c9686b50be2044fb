// Bits that may not depend on where, when and beside what rows are computed.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef VERIFY_INVARIANCE_H
#define VERIFY_INVARIANCE_H

#include "verify/Problem.h"

namespace mlir::softmax::verify {

/// Calls a kernel on the tensors of a problem.
using Call = llvm::function_ref<CallResult(Problem &)>;

/// Calls a kernel again on the rows of `problem`, which it has got right, in
/// one of three other ways, by the seed of the case; a quarter of the cases is
/// left as it is. Returns the fault.
///
/// - The same again, twice, with the hook's range cut differently.
/// - In other memory: placement, alignment, strides, in place or not, cut.
/// - In another batch: every row at another position, and with dynamic extents
///   another number of rows. Only what a row yields by itself is compared.
std::string checkInvariance(const Manifest &manifest, const Case &test,
                            Call call, Problem &problem);

} // namespace mlir::softmax::verify

#endif // VERIFY_INVARIANCE_H
