// The error bounds that results must keep, as documented functions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef VERIFY_BOUNDS_H
#define VERIFY_BOUNDS_H

#include "verify/Oracle.h"

namespace mlir::softmax::verify {

/// As a tolerance: the result is +0.0, bit for bit.
inline constexpr double kPositiveZero = -1;

/// Tolerances in absolute terms, for results of a kernel that computes in f32
/// (for f32, bf16 and f16 data) or in f64. Below, u is half an ULP of 1 (2^-24
/// or 2^-53), ulp(v) the distance of neighbours at v, and d_j = max - x_j.
///
/// Where the result's type is narrower than the one computed in, half an ulp
/// of it is added: the one rounding at the end (E31). That admits at most 1 ULP
/// and, but for ties within the first part, only the correctly rounded value.
/// Results that may be subnormal get `slack` in addition, 71 times the
/// smallest subnormal: 1e-43 in f32 (E29). --accuracy=fast multiplies the part
/// that is not the last rounding by 16.
class Bounds {
public:
  Bounds(ElementType data, bool fast);

  /// (d + 4) ulp(p) + slack; +0 exactly when d > 103.98 (f64: 745.14) or x_j is
  /// -inf (E2, E30); nothing when there is one class (E5).
  double probability(long double value, long double distance, int64_t classes,
                     ElementType type) const;

  /// 2u (d + |log p|) for the subtractions, and for log s the smaller of
  /// (4 + 2 log s) u and what `loss` allows: near 0 it stays relative.
  double logProbability(long double value, long double distance,
                        const RowSums &sums, int64_t classes,
                        ElementType type) const;

  /// 2 ulp of the largest of |lse|, |max| and log s: 2 ULP of the result unless
  /// max and log s cancel. A tiny log s beside max = 0: as for `loss`.
  double logSumExp(long double value, const RowSums &sums,
                   ElementType type) const;

  /// Relative 16.8 u, which is 1e-6 in f32. With a dominant target the loss is
  /// a sum of exp(-d_j), each of which inherits the rounding of d_j: then
  /// (spread + 4) u where that is more, spread the weighted mean of d_j. One
  /// ulp when all logits are equal (E28); nothing for one class (E5).
  double loss(long double value, long double distanceOfTarget,
              const RowSums &sums, int64_t classes, ElementType type) const;

  /// Sums and means of losses: the mean of the rows' bounds plus 1 ulp. Sums
  /// are accumulated in f64: for f64 losses the sum of R rows adds sqrt(R) u.
  double reducedLoss(long double value, long double sumOfBounds,
                     long double denominator, int64_t rows,
                     ElementType type) const;

  /// |g| p_j: (d + 6) ulp, two more than the probability for g itself and its
  /// product, and max(1, |g|) slack.
  double lossGradient(long double value, long double distance, long double g,
                      ElementType type) const;

  /// -|g| (sum of the other p): relative, as for `loss`, plus slack.
  double targetGradient(long double value, long double distance, long double g,
                        const RowSums &sums, int64_t classes,
                        ElementType type) const;

  /// With a saved lse: (|x - lse| + 6) u |g| p, at the target 2u |g| more,
  /// because p - 1 is all that can be computed there.
  double savedLseGradient(long double value, long double shifted, long double g,
                          bool isTarget, ElementType type) const;

  /// y (dy - S): |y| (4u |dy - S| + k u sum |y dy|) + slack. S is a plain sum
  /// in at least 16 parts, whose roundings behave as random ones: k is
  /// 8 + sqrt(C / 16) (Higham and Mary, SIAM J. Sci. Comput. 41(5), 2019).
  double softmaxGradient(long double value, double dy, double y,
                         const RowResult &row, ElementType type) const;
  /// dy - e^y S: 4u (|dy| + e^y |S|) + k u e^y sum |dy| + slack, k as above.
  double logSoftmaxGradient(long double value, double dy, double y,
                            const RowResult &row, ElementType type) const;

  /// One ulp, plus u |rate gradient| where the product is rounded by itself.
  double update(long double value, long double product, ElementType type) const;

private:
  /// Applies what is common to all results.
  double finish(long double tolerance, long double value,
                ElementType type) const;
  /// The relative error of a tail of exponentials and of its log1p.
  long double relative(const RowSums &sums) const;
  long double relativeOfSpread(long double spread) const;
  /// The error of a plain sum of C terms, by the sum of their magnitudes.
  long double relativeOfSum(size_t classes) const;

  ElementType compute;
  long double u, slack, cutoff;
  bool fast;
};

/// The tolerances of everything that one row yields.
struct RowBounds {
  std::vector<double> elements;
  double loss = 0, lse = 0;
};

/// `types` of results that a kernel does not have are not looked at.
struct ResultTypes {
  ElementType elements = ElementType::F32, loss = ElementType::F32,
              lse = ElementType::F32;
};

RowBounds boundRow(Operation op, const Bounds &bounds, const RowInput &input,
                   const RowResult &row, const ResultTypes &types);

} // namespace mlir::softmax::verify

#endif // VERIFY_BOUNDS_H
