// Cross-entropy, its gradient, and both at once as row programs.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "dialect/softmax/RowBuilder.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;
using namespace mlir::softmax;

namespace {

/// The label of a row. All comparisons are in i64, before any narrowing.
struct Label {
  Value ignored; ///< i1: it is ignore_index
  Value valid;   ///< i1: it lies in [0, C); asked only when not ignored
  Value column;  ///< index
};

/// What the three cross-entropy operators have in common.
class LossRows {
public:
  template <typename OpT>
  LossRows(OpT op, ImplicitLocOpBuilder &b)
      : b(b), type(cast<ShapedType>(op.getLogits().getType())),
        axis(op.getClassAxis()), target(op.getTarget()),
        reduction(op.getReduction()), ignoreIndex(op.getIgnoreIndex()),
        rows(b, type.getRank(), axis, type) {
    // The first two arguments of the program, in this order.
    rows.input(op.getLogits(), Span::Elements);
    rows.input(target, Span::Rows);
  }

  /// Number of rows that are not ignored, as an f64 value outside the program.
  Value countRows();
  Label readLabel(Value label);

  /// The upstream gradient of a row. Outside of the program: the input for it.
  void addUpstream(Value dloss);
  Value upstream(ValueRange arguments);

  /// (max - x_t) + log1p(tail), NaN for a label outside the row or an infinite
  /// maximum.
  Value loss(const RowBuilder::LogSumExp &lse, Value targetLogit, Label label);
  Value lseOf(const RowBuilder::LogSumExp &lse) {
    return rows.add(lse.max, math::Log1pOp::create(b, lse.tail));
  }

  /// Output for the losses: the destination itself, or an f64 scratch when the
  /// mean's division is still to come.
  void addLoss(Value destination);
  /// The value to yield for the loss of a row.
  Value lossToYield(Value loss) {
    if (reduction != Reduction::Mean || loss.getType().isF64())
      return loss;
    return arith::ExtFOp::create(b, b.getF64Type(), loss);
  }
  Value skippedLoss() {
    return reduction == Reduction::Mean
               ? arith::ConstantOp::create(b, b.getF64FloatAttr(0)).getResult()
               : rows.real(0);
  }
  /// What a row of a loss has computed, and the values to yield so far.
  struct Forward {
    Value x, targetLogit;
    Label label;
    RowBuilder::LogSumExp lse;
    SmallVector<Value> values;
  };
  /// The loss (and logsumexp) of a row; `skipped` are the values of further
  /// outputs for an ignored row.
  Forward forward(ValueRange arguments, bool wantsLse, ValueRange skipped);
  /// Divides the sum of the losses by the number of rows and writes the loss;
  /// `results[position]` is the program's result for the loss.
  void finishMean(SmallVectorImpl<Value> &results, unsigned position,
                  Value count, Value destination);

  ImplicitLocOpBuilder &b;
  ShapedType type;
  int64_t axis;
  Value target;
  Reduction reduction;
  int64_t ignoreIndex;
  RowBuilder rows;

private:
  Value scratch, rowCount;
  int64_t upstreamArgument = -1;
};

} // namespace

Label LossRows::readLabel(Value label) {
  if (label.getType().isInteger(8)) // 8-bit labels are unsigned
    label = arith::ExtUIOp::create(b, b.getI64Type(), label);
  else if (!label.getType().isInteger(64))
    label = arith::ExtSIOp::create(b, b.getI64Type(), label);
  Value ignored = arith::CmpIOp::create(
      b, arith::CmpIPredicate::eq, label,
      arith::ConstantOp::create(b, b.getI64IntegerAttr(ignoreIndex)));
  Value column = arith::IndexCastOp::create(b, b.getIndexType(), label);
  Value extent = row::ExtentOp::create(b, b.getIndexType());
  Value valid = arith::CmpIOp::create(b, arith::CmpIPredicate::ult, column,
                                      extent);
  return {ignored, valid, column};
}

Value LossRows::countRows() {
  if (rowCount)
    return rowCount;
  RowBuilder count(b, type.getRank(), axis, type);
  count.input(target, Span::Rows);
  Value counter = createScratch(b, target);
  count.output(counter, Span::Uniform);
  SmallVector<Value> results =
      count.build([&](ValueRange arguments) -> SmallVector<Value> {
        Value ignored = readLabel(arguments[0]).ignored;
        auto constant = [&](double value) -> Value {
          return arith::ConstantOp::create(b, b.getF64FloatAttr(value));
        };
        return {rows.select(ignored, constant(0), constant(1))};
      });
  rowCount = loadScalar(b, results.empty() ? counter : results.front());
  return rowCount;
}

void LossRows::addUpstream(Value dloss) {
  if (reduction == Reduction::None) {
    if (dloss)
      upstreamArgument = rows.input(dloss, Span::Rows);
    return;
  }
  Value value;
  if (dloss)
    value = loadScalar(b, dloss);
  if (reduction == Reduction::Mean) {
    // dloss / count in f64; without rows nothing is ever multiplied by it.
    Value numerator =
        value ? value
              : arith::ConstantOp::create(b, b.getF64FloatAttr(1)).getResult();
    if (!numerator.getType().isF64())
      numerator = arith::ExtFOp::create(b, b.getF64Type(), numerator);
    value = arith::DivFOp::create(b, numerator, countRows());
    if (!rows.realType.isF64())
      value = arith::TruncFOp::create(b, rows.realType, value);
  }
  if (value)
    upstreamArgument = rows.input(value, Span::Uniform);
}

Value LossRows::upstream(ValueRange arguments) {
  return upstreamArgument < 0 ? rows.real(1) : arguments[upstreamArgument];
}

Value LossRows::loss(const RowBuilder::LogSumExp &lse, Value targetLogit,
                     Label label) {
  Value guard = rows.sub(lse.max, lse.max); // NaN for an infinite maximum
  Value distance = rows.add(rows.sub(lse.max, targetLogit), guard);
  Value loss = rows.add(distance, math::Log1pOp::create(b, lse.tail));
  return rows.select(label.valid, loss, rows.nan());
}

void LossRows::addLoss(Value destination) {
  if (reduction == Reduction::Mean)
    destination = scratch = createScratch(b, destination);
  rows.output(destination,
              reduction == Reduction::None ? Span::Rows : Span::Uniform);
}

LossRows::Forward LossRows::forward(ValueRange arguments, bool wantsLse,
                                    ValueRange skipped) {
  Forward row;
  row.x = arguments[0];
  row.label = readLabel(arguments[1]);
  SmallVector<Value> constants = {skippedLoss()};
  if (wantsLse)
    constants.push_back(rows.real(0));
  llvm::append_range(constants, skipped);
  row::SkipIfOp::create(b, row.label.ignored, constants);
  // The target first: its miss in the cache overlaps the sweep.
  row.targetLogit = rows.at(row.x, row.label.column);
  row.lse = rows.logSumExp(row.x);
  row.values.push_back(
      lossToYield(loss(row.lse, row.targetLogit, row.label)));
  if (wantsLse)
    row.values.push_back(lseOf(row.lse));
  return row;
}

void LossRows::finishMean(SmallVectorImpl<Value> &results, unsigned position,
                          Value count, Value destination) {
  if (reduction != Reduction::Mean)
    return;
  Value total = loadScalar(b, results.empty() ? scratch : results[position]);
  Value mean = arith::DivFOp::create(b, total, count);
  if (!rows.realType.isF64())
    mean = arith::TruncFOp::create(b, rows.realType, mean);
  Value stored = storeScalar(b, mean, destination);
  if (stored)
    results[position] = stored;
}

//===----------------------------------------------------------------------===//
// Operators
//===----------------------------------------------------------------------===//

FailureOr<SmallVector<Value>>
CrossEntropyOp::buildRows(ImplicitLocOpBuilder &b) {
  LossRows loss(*this, b);
  RowBuilder &rows = loss.rows;
  Value count;
  if (getReduction() == Reduction::Mean)
    count = loss.countRows();
  loss.addLoss(getLoss());
  if (getLse())
    rows.output(getLse(), Span::Rows);

  SmallVector<Value> results = rows.build([&](ValueRange arguments) {
    return loss.forward(arguments, static_cast<bool>(getLse()), {}).values;
  });
  loss.finishMean(results, 0, count, getLoss());
  return results;
}

/// The gradient of a row: coefficient * exp(x - max), and for the target's
/// class g * ((exp(x_t - max) - 1) - tail) / sum, which does not cancel when
/// the target dominates: then exp(x_t - max) is exactly 1.
static Value buildGradient(LossRows &loss, Value x, Label label, Value upstream,
                           Value targetLogit, const RowBuilder::LogSumExp &lse,
                           Type result) {
  RowBuilder &rows = loss.rows;
  ImplicitLocOpBuilder &b = rows.b;
  Value scale = rows.div(rows.real(1), lse.sum);
  Value coefficient = rows.mul(upstream, scale);
  coefficient = rows.select(label.valid, coefficient, rows.nan());
  Value peak =
      row::ExpNonPositiveOp::create(b, rows.sub(targetLogit, lse.max));
  Value others = rows.sub(rows.sub(peak, rows.real(1)), lse.tail);
  Value atTarget = rows.mul(coefficient, others);
  return rows.map(
      x, result,
      [&](ValueRange e) {
        Value shifted = rows.sub(e[0], lse.max);
        return rows.mul(row::ExpNonPositiveOp::create(b, shifted), coefficient);
      },
      label.column, atTarget);
}

FailureOr<SmallVector<Value>>
CrossEntropyGradOp::buildRows(ImplicitLocOpBuilder &b) {
  LossRows loss(*this, b);
  RowBuilder &rows = loss.rows;
  unsigned lseArgument = getLse() ? rows.input(getLse(), Span::Rows) : 0;
  loss.addUpstream(getDloss());
  rows.output(getDlogits(), Span::Elements);
  Type result = row::getScalarType(getDlogits().getType());

  return rows.build([&](ValueRange arguments) -> SmallVector<Value> {
    Value x = arguments[0];
    Label label = loss.readLabel(arguments[1]);
    row::SkipIfOp::create(b, label.ignored,
                          ValueRange{rows.narrow(rows.real(0), result)});
    Value targetLogit = rows.at(x, label.column);
    Value upstream = loss.upstream(arguments);
    if (!getLse())
      return {buildGradient(loss, x, label, upstream, targetLogit,
                            rows.logSumExp(x), result)};
    Value saved = arguments[lseArgument];
    Value coefficient = rows.select(label.valid, upstream, rows.nan());
    // An infinite lse belongs to a row whose gradient is NaN.
    coefficient = rows.add(coefficient, rows.sub(saved, saved));
    Value p = math::ExpOp::create(b, rows.sub(targetLogit, saved));
    Value atTarget = rows.mul(coefficient, rows.sub(p, rows.real(1)));
    return {rows.map(
        x, result,
        [&](ValueRange e) {
          Value shifted = rows.sub(e[0], saved);
          return rows.mul(math::ExpOp::create(b, shifted), coefficient);
        },
        label.column, atTarget)};
  });
}

FailureOr<SmallVector<Value>>
CrossEntropyWithGradOp::buildRows(ImplicitLocOpBuilder &b) {
  LossRows loss(*this, b);
  RowBuilder &rows = loss.rows;
  loss.addUpstream(getDloss());
  Value count;
  if (getReduction() == Reduction::Mean)
    count = loss.countRows();
  loss.addLoss(getLoss());
  if (getLse())
    rows.output(getLse(), Span::Rows);
  rows.output(getDlogits(), Span::Elements);
  Type result = row::getScalarType(getDlogits().getType());

  SmallVector<Value> results = rows.build([&](ValueRange arguments) {
    LossRows::Forward row =
        loss.forward(arguments, static_cast<bool>(getLse()),
                     {rows.narrow(rows.real(0), result)});
    row.values.push_back(buildGradient(loss, row.x, row.label,
                                       loss.upstream(arguments),
                                       row.targetLogit, row.lse, result));
    return row.values;
  });
  loss.finishMean(results, 0, count, getLoss());
  return results;
}
