// What cross-entropy, its gradient and both at once have in common.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef DIALECT_SOFTMAX_LOSSROWS_H
#define DIALECT_SOFTMAX_LOSSROWS_H

#include "dialect/softmax/Logits.h"

namespace mlir::softmax {

/// Builds the row program of a cross-entropy operator. With z the transformed
/// logits, u_c = e/C w_c (labels, smoothing e) or w_c q'_c (probabilities), and
/// k = (1 - e) w_t for labels, else 0:
///
///     loss = k (-log p_t) + sum_c u_c (-log p_c) + z_loss lse^2
///     dz_j = g (k (p_j - [j == t]) + p_j sum_c u_c - u_j) + h 2 z_loss lse p_j
///
/// g and h are the upstream gradient over the denominators of the two parts.
class LossRows {
public:
  template <typename OpT>
  LossRows(OpT op, ImplicitLocOpBuilder &b)
      : b(b), space(op.getLogits()),
        type(cast<ShapedType>(op.getLogits().getType())),
        axis(op.getClassAxis()), target(op.getTarget()),
        weight(op.getWeight()), reduction(op.getReduction()),
        ignoreIndex(op.getIgnoreIndex()),
        smoothing(op.getLabelSmoothing().convertToDouble()),
        zLoss(op.getZLoss().convertToDouble()),
        zeroMasked(op.getMaskedRows() == Special::Zero),
        zeroMean(op.getEmptyMean() == Special::Zero),
        zeroTimesInf(op.getZeroTimesInf() == Special::Zero),
        hasLabels(!op.hasProbabilities()), rows(b, type.getRank(), axis, type),
        logits(rows, op) {
    rows.input(op.getLogits(), Span::Elements);
    rows.input(target, hasLabels ? Span::Rows : Span::Elements);
    if (weight)
      weightArgument = rows.input(weight, Span::Classes);
  }

  //===--- Before the program ---------------------------------------------===//

  /// The upstream gradient, null for 1.
  void addUpstream(Value dloss);
  /// The sum of the class weights, where the gradient needs it.
  void addTotalWeight();
  /// The destination of the losses.
  void addLoss(Value destination);
  void addLse(Value destination) {
    rows.output(destination, Span::Rows);
    wantsLse = true;
  }
  /// A saved logsumexp.
  void addSaved(Value lse) { savedArgument = rows.input(lse, Span::Rows); }

  //===--- Body -----------------------------------------------------------===//

  /// Reads the target; an ignored row yields `skipped` for further outputs.
  void begin(ValueRange arguments, ValueRange skipped);
  /// Folds the row, or takes the saved logsumexp.
  void reduce(ValueRange arguments);
  /// The values to yield for the loss and the logsumexp.
  SmallVector<Value> forward();
  /// The gradient of the row.
  Value gradient(ValueRange arguments, Type result);

  //===--- After the program ----------------------------------------------===//

  /// Divides the sums of a mean and writes the loss; `results` are those of the
  /// program, and become those of the operator.
  void finishMean(SmallVectorImpl<Value> &results, Value destination);

private:
  /// The label of a row. All comparisons are in i64, before any narrowing.
  struct Label {
    Value ignored; ///< i1: it is ignore_index
    Value valid;   ///< i1: it lies in [0, C); asked only when not ignored
    Value column;  ///< index
  };
  /// f64 values outside of the program: what a mean divides by.
  struct Denominators {
    Value weights; ///< sum of the weights of the targets
    Value rows;    ///< number of rows that are not ignored
  };

  Label readLabel(Value label);
  Denominators &denominators();
  Denominators countLabels();
  Value f64(double value);
  /// dividend / divisor in f64, and `atZero` when the divisor is 0.
  Value quotient(Value dividend, Value divisor, Value atZero);
  bool separatesZLoss() const {
    return zLoss != 0 && reduction == Reduction::Mean;
  }
  /// The rows that regions read, and u_c from their elements.
  SmallVector<Value> data() const;
  bool hasDistribution() const { return !hasLabels || smoothing != 0; }
  Value share(ValueRange elements, Value perClass);
  Value exponential(Value element);

  ImplicitLocOpBuilder &b;
  Value space;
  ShapedType type;
  int64_t axis;
  Value target, weight;
  Reduction reduction;
  int64_t ignoreIndex;
  double smoothing, zLoss;
  bool zeroMasked, zeroMean, zeroTimesInf, hasLabels, wantsLoss = false,
      wantsLse = false;
  std::optional<unsigned> weightArgument, savedArgument, upstreamArgument,
      upstreamOfZArgument, totalWeightArgument;
  std::optional<Denominators> counted;
  SmallVector<Value> scratch; ///< of the sums of a mean

  // Values of the body.
  Value x, q, weights, rowMasked;
  Label label;
  Value targetLogit, targetElement, targetWeight;
  RowBuilder::LogSumExp fold;
  Value perClass; ///< e/C, null without smoothing
  Value max, log, lse, reciprocal, saved;

public:
  RowBuilder rows;

private:
  Logits logits;
};

} // namespace mlir::softmax

#endif // DIALECT_SOFTMAX_LOSSROWS_H
