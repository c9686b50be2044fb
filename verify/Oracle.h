// The oracle: every operator in extended precision, straight from its formula.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef VERIFY_ORACLE_H
#define VERIFY_ORACLE_H

#include "verify/Manifest.h"

#include <cmath>
#include <optional>

namespace mlir::softmax::verify {

/// What an operator reads of one row. Doubles hold every element type exactly.
struct RowInput {
  llvm::ArrayRef<double> x;      ///< x, dy, logits or parameter
  llvm::ArrayRef<double> second; ///< y of the gradients, gradient of sgd
  int64_t label = 0;
  /// g: the upstream gradient, already divided by the mean's denominator.
  long double upstream = 1;
  std::optional<double> lse; ///< the saved logsumexp of cross-entropy-grad
  double rate = 0;           ///< of sgd
};

/// exp(x - max) of a row, summed without the term of one maximum.
struct RowSums {
  long double max = 0;
  size_t peak = 0;      ///< where that maximum is
  long double tail = 0; ///< sum of the other classes' exp(x - max)
  /// Mean of max - x over the other classes, weighted with exp(x - max): how
  /// much the roundings of x - max weigh in `tail`.
  long double spread = 0;
  bool hasNaN = false;

  /// E1, E3, E4: the row has no probabilities.
  bool isUndefined() const { return hasNaN || std::isinf(max); }
  long double logSum() const { return std::log1p(tail); }
};

struct RowResult {
  std::vector<long double> elements; ///< y, dx, dlogits or parameter
  long double loss = 0, lse = 0;
  bool ignored = false;  ///< the label is ignore_index
  bool badLabel = false; ///< the label is outside [0, C) and not ignored
  RowSums sums;
  /// Sum of the magnitudes of the terms that a gradient subtracts.
  long double magnitude = 0;
  long double difference = 0; ///< that sum with signs
};

/// A sum whose rounding error does not grow with the number of terms.
class CompensatedSum {
public:
  void add(long double term);
  /// Infinite and NaN terms make the sum so.
  long double get() const;

private:
  long double sum = 0, rest = 0;
};

RowSums sumRow(llvm::ArrayRef<double> x);

/// Evaluates `op` on a row. `elements` stays empty for operators without such
/// a result, and for cross-entropy-with-grad when `wantGradient` is not set.
RowResult evaluateRow(Operation op, int64_t ignoreIndex, const RowInput &input,
                      bool wantGradient = true);

/// The loss of all rows. NaN for the mean of no rows (E8); the sum is then 0.
long double reduceLoss(Reduction reduction, long double sum, int64_t counted);

/// The denominator by which the upstream gradient of a row is divided.
long double upstreamOfRow(Reduction reduction, long double dloss,
                          int64_t counted);

} // namespace mlir::softmax::verify

#endif // VERIFY_ORACLE_H
