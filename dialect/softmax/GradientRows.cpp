// The gradients of softmax and log-softmax as row programs.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "dialect/softmax/RowBuilder.h"

#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;
using namespace mlir::softmax;

/// The operands that both gradients have.
template <typename OpT>
static RowBuilder beginGradient(OpT op, ImplicitLocOpBuilder &b) {
  auto type = cast<ShapedType>(op.getY().getType());
  RowBuilder rows(b, type.getRank(), op.getClassAxis(), type);
  rows.input(op.getDy(), Span::Elements);
  rows.input(op.getY(), Span::Elements);
  rows.output(op.getDx(), Span::Elements);
  return rows;
}

FailureOr<SmallVector<Value>>
SoftmaxGradOp::buildRows(ImplicitLocOpBuilder &b) {
  RowBuilder rows = beginGradient(*this, b);
  Type result = row::getScalarType(getDx().getType());
  return rows.build([&](ValueRange dyAndY) -> SmallVector<Value> {
    Value dot = rows.sum(
        dyAndY, [&](ValueRange e) { return rows.mul(e[0], e[1]); });
    return {rows.map(dyAndY, result, [&](ValueRange e) {
      return rows.mul(e[1], rows.sub(e[0], dot));
    })};
  });
}

FailureOr<SmallVector<Value>>
LogSoftmaxGradOp::buildRows(ImplicitLocOpBuilder &b) {
  RowBuilder rows = beginGradient(*this, b);
  Type result = row::getScalarType(getDx().getType());
  return rows.build([&](ValueRange dyAndY) -> SmallVector<Value> {
    // The sum reads dy only.
    Value sum =
        rows.sum(dyAndY.take_front(), [](ValueRange e) { return e[0]; });
    return {rows.map(dyAndY, result, [&](ValueRange e) {
      return rows.sub(e[0], rows.mul(math::ExpOp::create(b, e[1]), sum));
    })};
  });
}
