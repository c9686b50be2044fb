// The parameter update as a row program: a map without a reduction.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "dialect/softmax/RowBuilder.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;
using namespace mlir::softmax;

FailureOr<SmallVector<Value>> SgdOp::buildRows(ImplicitLocOpBuilder &b) {
  auto type = cast<ShapedType>(getParameter().getType());
  RowBuilder rows(b, type.getRank(), getClassAxis(), type);
  rows.input(getParameter(), Span::Elements);
  rows.input(getGradient(), Span::Elements);
  rows.input(getRate(), Span::Uniform);
  rows.output(getParameter(), Span::Elements);
  return rows.build([&](ValueRange arguments) -> SmallVector<Value> {
    Value negated = arith::NegFOp::create(b, arguments[2]);
    return {rows.map(arguments.take_front(2), type.getElementType(),
                     [&](ValueRange e) -> Value {
                       return math::FmaOp::create(b, negated, e[1], e[0]);
                     })};
  });
}
