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
  llvm::ArrayRef<double> third;  ///< x of the gradients with a soft-cap
  llvm::ArrayRef<double> mask;   ///< boolean or additive
  int64_t visible = 0;           ///< classes before what a causal mask excludes
  llvm::ArrayRef<double> weights; ///< w; empty: 1 for all classes
  llvm::ArrayRef<double> target;  ///< q
  int64_t label = 0;              ///< t
  /// g: the upstream gradient, already divided by the mean's denominator.
  long double upstream = 1;
  /// The same for the z-loss, which has a denominator of its own.
  long double penaltyUpstream = 1;
  std::optional<double> lse; ///< the saved logsumexp of cross-entropy-grad
  double rate = 0;           ///< of sgd

  long double weight(size_t j) const {
    return weights.empty() ? 1 : weights[j];
  }
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
  /// E1: nothing but -inf.
  bool isEmpty() const { return !hasNaN && std::isinf(max) && max < 0; }
  long double logSum() const { return std::log1p(tail); }
};

struct RowResult {
  std::vector<long double> elements; ///< y, dx, dlogits or parameter
  std::vector<long double> logits;   ///< x2
  /// Of dlogits, where x2 is not x: the gradients of x2.
  std::vector<long double> inner;
  /// loss = entropy + penalty, the cross-entropy and z lse^2.
  long double loss = 0, entropy = 0, penalty = 0, lse = 0;
  bool ignored = false;  ///< the label is ignore_index
  bool badLabel = false; ///< the label is outside [0, C) and not ignored
  bool isEmpty = false;  ///< E1, where such rows are zero
  RowSums sums;
  /// Sum of the magnitudes of the terms that a gradient subtracts.
  long double magnitude = 0;
  long double difference = 0; ///< that sum with signs
  /// Sums of softShare, of softMagnitude, and of the latter times |log p|.
  long double softTotal = 0, softWeight = 0, softMagnitude = 0;
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

RowSums sumRow(llvm::ArrayRef<long double> x);

/// max + log(sum) with E1, E3, E4 and E6.
long double logSumExp(const RowSums &sums);

/// Evaluates `op` on a row. `elements` stays empty for operators without such
/// a result, and for cross-entropy-with-grad when `wantGradient` is not set.
RowResult evaluateRow(Operation op, const Formula &formula,
                      const RowInput &input, bool wantGradient = true);

/// The cross-entropy family, into `result`.
void evaluateLoss(bool hasLoss, bool hasGradient, const Formula &formula,
                  const RowInput &input, RowResult &result);

/// The share w q' that class `j` has in the loss through smoothing and soft
/// targets: w ((1-e) q + e/C), or w e/C beside a label.
long double softShare(const Formula &formula, const RowInput &input, size_t j);

/// |w| ((1-e) |q| + e/C): what the roundings of a soft share are relative to.
long double softMagnitude(const Formula &formula, const RowInput &input,
                          size_t j);

/// The factor (1-e) w_t of the label's own class; 0 without labels.
long double hardShare(const Formula &formula, const RowInput &input);

/// What all rows of a call add up to.
struct Denominators {
  long double weight = 0; ///< D: of w[t], or the number of soft rows
  int64_t rows = 0;       ///< that are not ignored
};

/// The loss of all rows from the sums of their two parts. E8: the mean is NaN
/// when D is 0, but for `emptyMeanIsZero`; the sum of no rows is 0.
long double reduceLoss(Reduction reduction, const Formula &formula,
                       long double entropy, long double penalty,
                       const Denominators &denominators);

/// Sets g and that of the z-loss: divided for the mean, and 0 when D is 0.
void setUpstream(Reduction reduction, long double dloss,
                 const Denominators &denominators, RowInput &input);

} // namespace mlir::softmax::verify

#endif // VERIFY_ORACLE_H
