// Softmax, log-softmax and logsumexp as row programs.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "dialect/softmax/Logits.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;
using namespace mlir::softmax;

namespace {

/// What the three operators have in common.
class UnaryRows {
public:
  template <typename OpT>
  UnaryRows(OpT op, ImplicitLocOpBuilder &b, Span output)
      : b(b), rows(beginRows(op, b, output)), logits(rows, op),
        mask(rows, op, op.getInput()),
        zeroMasked(op.getMaskedRows() == Special::Zero) {}

  /// The logsumexp of the row, with a maximum, log and reciprocal that are
  /// adjusted for rows of which nothing is left.
  struct Row {
    SmallVector<Value> data; ///< rows for regions
    Value max, log, reciprocal, tail;
  };
  Row reduce(ValueRange arguments);
  /// factor * (e - max) of a region's elements.
  Value shifted(const Row &row, ValueRange elements) {
    return scaled(rows.sub(element(elements), row.max));
  }
  Value scaled(Value difference) {
    return mask.isAdditive() ? difference : logits.scaled(difference);
  }

  ImplicitLocOpBuilder &b;
  RowBuilder rows;
  Logits logits;
  Mask mask;

private:
  template <typename OpT>
  static RowBuilder beginRows(OpT op, ImplicitLocOpBuilder &b, Span output) {
    auto type = cast<ShapedType>(op.getInput().getType());
    RowBuilder rows(b, type.getRank(), op.getClassAxis(), type);
    rows.input(op.getInput(), Span::Elements);
    rows.output(op.getOutput(), output);
    return rows;
  }
  Value element(ValueRange elements);

  bool zeroMasked;
};

} // namespace

Value UnaryRows::element(ValueRange elements) {
  Value e = logits.element(elements.front());
  if (mask.selects())
    return mask.select(elements.back(), e, rows.minusInfinity());
  // Added numbers do not share the factor of the logits.
  if (mask.isAdditive())
    return rows.add(logits.scaled(e), elements.back());
  return e;
}

UnaryRows::Row UnaryRows::reduce(ValueRange arguments) {
  mask.begin(arguments);
  Row row;
  row.data = mask.with(arguments.take_front());
  auto lse = rows.logSumExp(
      row.data,
      [&](ValueRange e) -> SmallVector<Value> { return {element(e)}; },
      {mask.isAdditive() ? Value() : logits.factor(), mask.until(),
       /*zeroTimesInf=*/false,
       logits.isIncreasing() && !mask.selects() && !mask.isAdditive()});
  row.max = lse.max;
  row.tail = lse.tail;
  row.log = math::Log1pOp::create(b, lse.tail);
  row.reciprocal = rows.div(rows.real(1), lse.sum);
  if (!zeroMasked)
    return row;
  // A NaN is not -inf: it makes the tail NaN.
  Value isLowest = arith::CmpFOp::create(b, arith::CmpFPredicate::OEQ, lse.max,
                                         rows.minusInfinity());
  Value isNumber = arith::CmpFOp::create(b, arith::CmpFPredicate::ORD, lse.tail,
                                         lse.tail);
  Value masked = arith::AndIOp::create(b, isLowest, isNumber);
  Value zero = rows.real(0);
  row.max = rows.select(masked, zero, row.max);
  row.log = rows.select(masked, zero, row.log);
  row.reciprocal = rows.select(masked, zero, row.reciprocal);
  return row;
}

FailureOr<SmallVector<Value>> SoftmaxOp::buildRows(ImplicitLocOpBuilder &b) {
  UnaryRows unary(*this, b, Span::Elements);
  RowBuilder &rows = unary.rows;
  Type result = row::getScalarType(getOutput().getType());
  return rows.build([&](ValueRange arguments) -> SmallVector<Value> {
    UnaryRows::Row row = unary.reduce(arguments);
    // 0, or NaN in a row of NaN.
    Value until = unary.mask.until(), excluded;
    if (until)
      excluded = rows.sub(row.reciprocal, row.reciprocal);
    return {rows.map(
        row.data, result,
        [&](ValueRange e) {
          return rows.mul(
              row::ExpNonPositiveOp::create(b, unary.shifted(row, e)),
              row.reciprocal);
        },
        {}, {}, until, excluded)};
  });
}

FailureOr<SmallVector<Value>> LogSoftmaxOp::buildRows(ImplicitLocOpBuilder &b) {
  UnaryRows unary(*this, b, Span::Elements);
  RowBuilder &rows = unary.rows;
  Type result = row::getScalarType(getOutput().getType());
  return rows.build([&](ValueRange arguments) -> SmallVector<Value> {
    UnaryRows::Row row = unary.reduce(arguments);
    // x - max before the logarithm: a common offset of the logits must cancel.
    // max - max is 0, or NaN for an infinite maximum, whose row is NaN.
    Value log = rows.add(row.log, rows.sub(row.max, row.max));
    Value until = unary.mask.until(), excluded;
    if (until)
      excluded = rows.sub(rows.minusInfinity(), log);
    return {rows.map(
        row.data, result,
        [&](ValueRange e) { return rows.sub(unary.shifted(row, e), log); }, {},
        {}, until, excluded)};
  });
}

FailureOr<SmallVector<Value>> LogSumExpOp::buildRows(ImplicitLocOpBuilder &b) {
  UnaryRows unary(*this, b, Span::Rows);
  RowBuilder &rows = unary.rows;
  return rows.build([&](ValueRange arguments) -> SmallVector<Value> {
    UnaryRows::Row row = unary.reduce(arguments);
    return {rows.add(unary.scaled(row.max), row.log)};
  });
}
