// Softmax, log-softmax and logsumexp as row programs.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "dialect/softmax/RowBuilder.h"

#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;
using namespace mlir::softmax;

/// The operands of an operator from one tensor to another.
template <typename OpT>
static RowBuilder beginUnary(OpT op, ImplicitLocOpBuilder &b, Span output) {
  auto type = cast<ShapedType>(op.getInput().getType());
  RowBuilder rows(b, type.getRank(), op.getClassAxis(), type);
  rows.input(op.getInput(), Span::Elements);
  rows.output(op.getOutput(), output);
  return rows;
}

FailureOr<SmallVector<Value>> SoftmaxOp::buildRows(ImplicitLocOpBuilder &b) {
  RowBuilder rows = beginUnary(*this, b, Span::Elements);
  Type result = row::getScalarType(getOutput().getType());
  return rows.build([&](ValueRange arguments) -> SmallVector<Value> {
    Value x = arguments[0];
    auto lse = rows.logSumExp(x);
    Value scale = rows.div(rows.real(1), lse.sum);
    return {rows.map(x, result, [&](ValueRange e) {
      Value shifted = rows.sub(e[0], lse.max);
      return rows.mul(row::ExpNonPositiveOp::create(b, shifted), scale);
    })};
  });
}

FailureOr<SmallVector<Value>> LogSoftmaxOp::buildRows(ImplicitLocOpBuilder &b) {
  RowBuilder rows = beginUnary(*this, b, Span::Elements);
  Type result = row::getScalarType(getOutput().getType());
  return rows.build([&](ValueRange arguments) -> SmallVector<Value> {
    Value x = arguments[0];
    auto lse = rows.logSumExp(x);
    // x - max before the logarithm: a common offset of the logits must cancel.
    // max - max is 0, or NaN for an infinite maximum, whose row is NaN.
    Value log = rows.add(math::Log1pOp::create(b, lse.tail),
                         rows.sub(lse.max, lse.max));
    return {rows.map(x, result, [&](ValueRange e) {
      return rows.sub(rows.sub(e[0], lse.max), log);
    })};
  });
}

FailureOr<SmallVector<Value>> LogSumExpOp::buildRows(ImplicitLocOpBuilder &b) {
  RowBuilder rows = beginUnary(*this, b, Span::Rows);
  return rows.build([&](ValueRange arguments) -> SmallVector<Value> {
    auto lse = rows.logSumExp(arguments[0]);
    return {rows.add(lse.max, math::Log1pOp::create(b, lse.tail))};
  });
}
