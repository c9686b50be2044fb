// The gradients of softmax and log-softmax as row programs.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "dialect/softmax/Logits.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;
using namespace mlir::softmax;

namespace {

/// What both gradients have in common: dy and y, x for the chain rule, a mask.
class GradientRows {
public:
  template <typename OpT>
  GradientRows(OpT op, ImplicitLocOpBuilder &b)
      : rows(beginRows(op, b)), logits(rows, op), hasInput(op.getX()),
        mask(rows, op, op.getY()),
        result(row::getScalarType(op.getDx().getType())) {}

  /// To be called in the body; the rows that regions read.
  SmallVector<Value> begin(ValueRange arguments) {
    mask.begin(arguments);
    dyAndY = SmallVector<Value>(arguments.take_front(2));
    return mask.with(arguments.take_front(hasInput ? 3 : 2));
  }
  /// The result of `dz` after the chain rule. An excluded element of y is 0,
  /// and so is its gradient; in a row of NaN both are NaN: `excluded` is y as a
  /// probability.
  Value map(ValueRange data, RowBuilder::Element dz,
            function_ref<Value(Value y)> excluded) {
    Value until = mask.until(), otherwise;
    if (until) // the last element is excluded whenever one is
      otherwise = excluded(rows.at(dyAndY[1], lastColumn()));
    return rows.map(
        data, result,
        [&](ValueRange e) {
          Value dx = logits.chain(e[hasInput ? 2 : 1], dz(e));
          return mask.selects() ? mask.select(e.back(), dx, excluded(e[1]))
                                : dx;
        },
        {}, {}, until, otherwise);
  }

  RowBuilder rows;
  Logits logits;
  bool hasInput;
  Mask mask;
  Type result;
  SmallVector<Value> dyAndY;

private:
  template <typename OpT>
  static RowBuilder beginRows(OpT op, ImplicitLocOpBuilder &b) {
    auto type = cast<ShapedType>(op.getY().getType());
    RowBuilder rows(b, type.getRank(), op.getClassAxis(), type);
    rows.input(op.getDy(), Span::Elements);
    rows.input(op.getY(), Span::Elements);
    if (op.getX())
      rows.input(op.getX(), Span::Elements);
    rows.output(op.getDx(), Span::Elements);
    return rows;
  }
  Value lastColumn() {
    ImplicitLocOpBuilder &b = rows.b;
    Value extent = row::ExtentOp::create(b, b.getIndexType());
    return arith::SubIOp::create(b, extent,
                                 arith::ConstantIndexOp::create(b, 1));
  }
};

} // namespace

FailureOr<SmallVector<Value>>
SoftmaxGradOp::buildRows(ImplicitLocOpBuilder &b) {
  GradientRows gradient(*this, b);
  RowBuilder &rows = gradient.rows;
  return rows.build([&](ValueRange arguments) -> SmallVector<Value> {
    SmallVector<Value> data = gradient.begin(arguments);
    Value dot = rows.sum(
        gradient.mask.with(gradient.dyAndY),
        [&](ValueRange e) {
          Value product = rows.mul(e[0], e[1]);
          // An excluded dy may be anything, also NaN.
          return gradient.mask.selects()
                     ? gradient.mask.select(e.back(), product, rows.real(0))
                     : product;
        },
        gradient.mask.until());
    return {gradient.map(
        data,
        [&](ValueRange e) { return rows.mul(e[1], rows.sub(e[0], dot)); },
        [](Value y) { return y; })};
  });
}

FailureOr<SmallVector<Value>>
LogSoftmaxGradOp::buildRows(ImplicitLocOpBuilder &b) {
  GradientRows gradient(*this, b);
  RowBuilder &rows = gradient.rows;
  return rows.build([&](ValueRange arguments) -> SmallVector<Value> {
    SmallVector<Value> data = gradient.begin(arguments);
    // The sum reads dy only.
    Value sum = rows.sum(gradient.dyAndY.front(),
                         [](ValueRange e) { return e[0]; });
    auto probability = [&](Value y) -> Value {
      return math::ExpOp::create(b, y);
    };
    Value masked;
    if (getMaskedRows() == Special::Zero) {
      // NaN is not seen by the maximum; then the probability is NaN as well.
      Value max =
          rows.reduce(row::Monoid::Max, gradient.dyAndY[1],
                      [](ValueRange e) { return e[0]; }, gradient.mask.until());
      masked = arith::CmpFOp::create(b, arith::CmpFPredicate::OEQ, max,
                                     rows.minusInfinity());
    }
    return {gradient.map(
        data,
        [&](ValueRange e) {
          Value p = probability(e[1]);
          Value dz = rows.sub(e[0], rows.mul(p, sum));
          return masked ? rows.select(masked, p, dz) : dz;
        },
        probability)};
  });
}
