// Cross-entropy, its gradient, and both at once as row programs.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "dialect/softmax/LossRows.h"

using namespace mlir;
using namespace mlir::softmax;

FailureOr<SmallVector<Value>>
CrossEntropyOp::buildRows(ImplicitLocOpBuilder &b) {
  LossRows loss(*this, b);
  loss.addLoss(getLoss());
  if (getLse())
    loss.addLse(getLse());
  SmallVector<Value> results = loss.rows.build([&](ValueRange arguments) {
    loss.begin(arguments, {});
    loss.reduce(arguments);
    return loss.forward();
  });
  loss.finishMean(results, getLoss());
  return results;
}

FailureOr<SmallVector<Value>>
CrossEntropyGradOp::buildRows(ImplicitLocOpBuilder &b) {
  LossRows loss(*this, b);
  if (getLse())
    loss.addSaved(getLse());
  loss.addUpstream(getDloss());
  loss.addTotalWeight();
  loss.rows.output(getDlogits(), Span::Elements);
  Type result = row::getScalarType(getDlogits().getType());
  return loss.rows.build([&](ValueRange arguments) -> SmallVector<Value> {
    loss.begin(arguments, loss.rows.narrow(loss.rows.real(0), result));
    loss.reduce(arguments);
    return {loss.gradient(arguments, result)};
  });
}

FailureOr<SmallVector<Value>>
CrossEntropyWithGradOp::buildRows(ImplicitLocOpBuilder &b) {
  LossRows loss(*this, b);
  loss.addUpstream(getDloss());
  loss.addTotalWeight();
  loss.addLoss(getLoss());
  if (getLse())
    loss.addLse(getLse());
  loss.rows.output(getDlogits(), Span::Elements);
  Type result = row::getScalarType(getDlogits().getType());
  SmallVector<Value> results = loss.rows.build([&](ValueRange arguments) {
    loss.begin(arguments, loss.rows.narrow(loss.rows.real(0), result));
    loss.reduce(arguments);
    SmallVector<Value> values = loss.forward();
    values.push_back(loss.gradient(arguments, result));
    return values;
  });
  loss.finishMean(results, getLoss());
  return results;
}
