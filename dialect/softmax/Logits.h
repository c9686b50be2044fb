// What is done to logits before anything else: scale, soft-cap, masks.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef DIALECT_SOFTMAX_LOGITS_H
#define DIALECT_SOFTMAX_LOGITS_H

#include "dialect/softmax/RowBuilder.h"

namespace mlir::softmax {

/// The transformed logit z = softcap * tanh(scale * x / softcap), or scale * x,
/// is represented as factor * e with a positive factor. Reductions fold e, and
/// differences are multiplied by the factor after they were taken: so a large
/// common offset of the logits does not cost accuracy.
class Logits {
public:
  template <typename OpT>
  Logits(RowBuilder &rows, OpT op)
      : rows(rows), scale(op.getScale().convertToDouble()) {
    if (auto value = op.getSoftcap())
      softcap = value->convertToDouble();
  }

  /// e of a logit that has been widened.
  Value element(Value x) const;
  double factorValue() const;
  /// The factor as a value, null when it is 1.
  Value factor() const;
  /// factor * difference.
  Value scaled(Value difference) const;
  /// The gradient with respect to x from that with respect to z.
  Value chain(Value x, Value dz) const;
  /// e takes work to compute and never decreases with x.
  bool isIncreasing() const { return softcap && scale > 0; }

private:
  Value capArgument(Value x) const;

  RowBuilder &rows;
  double scale;
  std::optional<double> softcap;
};

/// The mask of a softmax, if it has one: which elements are excluded.
class Mask {
public:
  /// Adds the operands that the mask needs. `space` is an operand with the
  /// extents of the iteration space.
  template <typename OpT>
  Mask(RowBuilder &rows, OpT op, Value space) : rows(rows) {
    if (Value mask = op.getMask()) {
      argument = rows.input(mask, Span::Elements);
      isAdded = isa<FloatType>(row::getScalarType(mask.getType()));
    } else if (op.getCausal()) {
      addCausal(space);
    }
  }

  /// To be called in the body, before anything else of the mask is used.
  void begin(ValueRange arguments);
  /// The rows that regions read: `data`, and the mask where there is one.
  SmallVector<Value> with(ValueRange data) const;
  /// The column from which on all are excluded, null without such a limit.
  Value until() const { return limit; }
  /// A mask of numbers that are added to the logits.
  bool isAdditive() const { return argument && isAdded; }
  /// `value` where the element is not excluded, else `excluded`; `mask` is the
  /// element of the mask, the last one of a region.
  Value select(Value mask, Value value, Value excluded) const;
  bool selects() const { return argument && !isAdded; }

private:
  void addCausal(Value space);

  RowBuilder &rows;
  std::optional<unsigned> argument, offset;
  bool isAdded = false;
  int64_t queryDim = 0;
  Value elements, limit;
};

} // namespace mlir::softmax

#endif // DIALECT_SOFTMAX_LOGITS_H
