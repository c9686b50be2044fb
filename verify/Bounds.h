// The error bounds that results must keep, as documented functions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef VERIFY_BOUNDS_H
#define VERIFY_BOUNDS_H

#include "verify/Noise.h"

namespace mlir::softmax::verify {

/// As a tolerance: the result is +0.0, bit for bit.
inline constexpr double kPositiveZero = -1;

/// Tolerances in absolute terms, for results of a kernel that computes in f32
/// (for f32, bf16 and f16 data) or in f64. Below, u is half an ULP of 1 (2^-24
/// or 2^-53), ulp(v) the distance of neighbours at v, and d_j = max - x2_j.
///
/// Where the result's type is narrower than the one computed in, half an ulp
/// of it is added: the one rounding at the end (E31). That admits at most 1 ULP
/// and, but for ties within the first part, only the correctly rounded value.
/// Results that may be subnormal get `slack` in addition, 71 times the
/// smallest subnormal: 1e-43 in f32 (E29). --accuracy=fast multiplies the part
/// that is not the last rounding by 16. `finish` does all this; the other
/// functions give the part before it.
///
/// What scale, soft-cap and mask add is in Noise: n_j, the noise of log p_j in
/// units of u, and those of d_j and lse. Without these options they are 0.
class Bounds {
public:
  Bounds(ElementType data, bool fast, const Formula &formula);

  double finish(long double tolerance, long double value,
                ElementType type) const;

  /// One ulp of the type computed in.
  long double ulp(long double value) const { return ulpOf(compute, value); }

  const Formula formula;
  const ElementType compute; ///< f32 or f64
  /// Relative error of g, beside that of a product, in units of u: that of a
  /// denominator of weights, see `reducedLoss`. Set by who knows the rows.
  long double ofUpstream = 0;

  /// (d + 4) ulp(p), and p (e^(n_j u) - 1), and slack; +0 exactly when d is
  /// above 103.98 (f64: 745.14) by more than its noise, or x2_j is -inf (E2,
  /// E30); nothing when there is one class (E5).
  double probability(size_t j, const RowResult &row, const Noise &noise,
                     ElementType type) const;

  /// 2u (d + |log p|) for the subtractions, and for log s the smaller of
  /// (4 + 2 log s) u and what `surprisal` allows: near 0 it stays relative.
  /// n_j u in addition.
  long double logProbability(size_t j, const RowResult &row,
                             const Noise &noise) const;

  /// 2 ulp of the largest of |lse|, |max| and log s: 2 ULP of the result unless
  /// max and log s cancel. A tiny log s beside max = 0: as for `surprisal`. The
  /// noise of lse in addition.
  long double logSumExp(const RowResult &row, const Noise &noise) const;

  /// A label's own -log p. Relative 16.8 u, which is 1e-6 in f32. With a
  /// dominant target the loss is a sum of exp(-d_j), each of which inherits the
  /// rounding of d_j: then (spread + 4) u where that is more, spread the
  /// weighted mean of d_j. n_t u in addition. One ulp when all logits are equal
  /// (E28); nothing for one class (E5).
  long double surprisal(long double value, size_t label, const RowResult &row,
                        const Noise &noise) const;

  /// (1-e) w_t (-log p_t) + sum_c b_c (-log p_c), b_c the soft shares: the
  /// first as above; of the second (16.8 + k) u of the sum of the magnitudes, k
  /// as below, the relative error of log s times sum |b_c|, and sum |b_c| n_c
  /// u. 3u of both parts for their factors, which are 1 without weights and
  /// smoothing. E28 holds with smoothing.
  long double entropy(const RowInput &input, const RowResult &row,
                      const Noise &noise) const;
  /// z lse^2: |z| (2 |lse| E + E^2) with E from `logSumExp`, and 3u of it.
  long double penalty(const RowResult &row, const Noise &noise) const;
  /// The hard part of the loss is finite, but max - x_t is not (E27): a kernel
  /// may give +inf.
  bool mayOverflow(const RowInput &input, const RowResult &row) const;

  /// Sums and means of losses: `sumOfBounds`, divided like the losses, plus
  /// 1 ulp. Sums are accumulated in f64: for f64 losses the sum of R rows adds
  /// sqrt(R) u, and a denominator of weights as much again. Its own rounding,
  /// and the sum of the two parts of a loss with z-loss, are 2u. All of these
  /// are relative to `magnitude`, that of both parts.
  double reducedLoss(long double value, long double sumOfBounds,
                     long double magnitude, int64_t rows, bool isWeighted,
                     ElementType type) const;

  /// Of dlogits: `plainGradient` or `mixedGradient`, and `chain`.
  long double lossGradient(size_t j, const RowInput &input,
                           const RowResult &row, const Noise &noise) const;

  /// y (dy - S): |y| (4u |dy - S| + k u sum |y dy|) + slack. k is the number of
  /// roundings that one term of S can meet: C, and 18 at most, since only
  /// chunks of 8 terms are added plainly. That roundings behave as random ones
  /// is not used: those of equal terms do not. (A thread of a device adds 16
  /// terms; the tree above it is exact for equal ones.) Then `chain`.
  long double softmaxGradient(size_t j, const RowInput &input,
                              const RowResult &row) const;
  /// dy - e^y S: 4u (|dy| + e^y |S|) + k u e^y sum |dy| + slack, k as above.
  long double logSoftmaxGradient(size_t j, const RowInput &input,
                                 const RowResult &row) const;

  /// One ulp, plus u |rate gradient| where the product is rounded by itself.
  long double update(size_t j, const RowInput &input,
                     const RowResult &row) const;

private:
  /// e^(units u) - 1: the relative error of what has an exponent so far off.
  long double grow(long double units) const;
  /// The relative error of a tail of exponentials and of its log1p.
  long double relative(const RowSums &sums) const;
  long double relativeOfSpread(long double spread) const;
  /// k u: the error of a sum of C terms, by the sum of their magnitudes.
  long double relativeOfSum(size_t classes) const;
  /// A gradient of x2 times dx2/dx = s sech^2(a): three roundings; with a
  /// soft-cap sech^2 = 1 - tanh^2 is 8u off in absolute terms. `magnitude` is
  /// that of the gradient of x2.
  long double chain(long double tolerance, long double magnitude,
                    double x) const;

  /// g w_t (p_j - [j == t]), and neither smoothing nor z-loss nor soft targets.
  /// Beside the target |g| w_t p_j: (d + 6) ulp, two more than the probability
  /// for g and its product. At the target |g| w_t (sum of the other p):
  /// relative, as for `surprisal`. With a saved lse: (|x2 - lse| + 6) 2u of
  /// |g| w_t p_j, and at the target 4u |g| w_t more, because p - 1 is all that
  /// can be computed there. Weights add 3u and `ofUpstream`; noise |g| w_t p_j
  /// (e^(n_j u) - 1), also at the target, as 1 - p is as far off as p; and all
  /// of it max(1, |g| w_t) slack.
  long double plainGradient(size_t j, const RowInput &input,
                            const RowResult &row, const Noise &noise) const;

  /// A p_j - B_j with what smoothing, soft targets and z-loss add. In terms of
  /// the magnitudes in A and B: (d + 10) ulp(A p_j) and 6u B_j for roundings,
  /// k u times the soft part of A for its sum over the classes, the error of
  /// lse in the part of the z-loss, `ofUpstream`, noise, and max(1, A) slack.
  /// Sets `magnitude` to A p_j + B_j.
  long double mixedGradient(size_t j, const RowInput &input,
                            const RowResult &row, const Noise &noise,
                            long double &magnitude) const;

  long double u, slack, cutoff;
  bool fast;
};

/// The tolerances of everything that one row yields.
struct RowBounds {
  std::vector<double> elements;
  double loss = 0, entropy = 0, penalty = 0, lse = 0;
  bool lossMayOverflow = false;
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
