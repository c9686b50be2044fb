// From logits to what the formulas read: scale, soft-cap and mask.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef VERIFY_TRANSFORM_H
#define VERIFY_TRANSFORM_H

#include "verify/Oracle.h"

namespace mlir::softmax::verify {

/// softcap tanh(scale x / softcap), or scale x: x2 before the mask.
long double transform(const Formula &formula, double x);
/// d transform / dx = scale sech^2(scale x / softcap).
long double differentiate(const Formula &formula, double x);

/// A causal or boolean mask takes class `j` out, whatever its logit is.
bool isExcluded(const Formula &formula, const RowInput &input, size_t j);

/// x2 of a row, from logits `x`.
std::vector<long double> transformRow(const Formula &formula,
                                      llvm::ArrayRef<double> x,
                                      const RowInput &input);

/// How many classes row `i` of `rows` sees under a causal mask: class j is
/// excluded when j > i + classes - rows.
int64_t countVisible(int64_t i, int64_t rows, int64_t classes);

} // namespace mlir::softmax::verify

#endif // VERIFY_TRANSFORM_H
