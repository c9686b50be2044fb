// Writes row programs: operands with their place in the iteration space, and
// the arithmetic of the body.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef DIALECT_SOFTMAX_ROWBUILDER_H
#define DIALECT_SOFTMAX_ROWBUILDER_H

#include "dialect/softmax/Softmax.h"

namespace mlir::softmax {

/// Which part of the iteration space an operand spans.
enum class Span {
  Elements, ///< all dimensions: a row of elements for each row
  Rows,     ///< all but the class axis: one scalar per row
  Classes,  ///< the class axis only: the same row for every row
  Uniform   ///< none: one scalar for the whole program
};

/// Collects the operands of one row program and builds its body. Arithmetic is
/// in `real`: f64 when the data is f64, else f32; elements are widened to it
/// and results narrowed from it, once.
class RowBuilder {
public:
  RowBuilder(ImplicitLocOpBuilder &b, int64_t rank, int64_t axis, Type data);

  /// Adds an input; the result is its position among the block arguments.
  unsigned input(Value value, Span span);
  void output(Value value, Span span);

  /// Builds the program. `body` receives the block arguments and returns one
  /// value per output. Returns the results (none for memrefs).
  SmallVector<Value>
  build(function_ref<SmallVector<Value>(ValueRange)> body);

  //===--- Body ---------------------------------------------------------===//

  /// The results of the reduction of that name; mass and gap only where two
  /// values are folded.
  struct LogSumExp {
    Value max, sum, tail, mass, gap;
  };
  using Element = function_ref<Value(ValueRange)>;
  using Elements = function_ref<SmallVector<Value>(ValueRange)>;
  /// What there is to know of a logsumexp beside its elements.
  struct Fold {
    Value scale, until;
    bool zeroTimesInf = false, isMonotone = false;
  };
  LogSumExp logSumExp(ValueRange rows, Elements elements, const Fold &fold);
  /// Folds a value computed from (widened) elements.
  Value reduce(row::Monoid monoid, ValueRange rows, Element element,
               Value until = {});
  Value sum(ValueRange rows, Element element, Value until = {}) {
    return reduce(row::Monoid::Add, rows, element, until);
  }
  /// A row of elements of type `type`, computed from (widened) elements; the
  /// element at `column` is `value`, those from `until` on are `otherwise`.
  Value map(ValueRange rows, Type type, Element element, Value column = {},
            Value value = {}, Value until = {}, Value otherwise = {});
  /// The widened element at a column, 0 outside the row.
  Value at(Value elements, Value column);
  /// The number of elements of a row, as a real number.
  Value extent();

  /// Integers stay as they are.
  Value widen(Value value);
  Value narrow(Value value, Type type);
  Value real(double value);
  Value nan();
  Value minusInfinity();
  Value add(Value a, Value b);
  Value sub(Value a, Value b);
  Value mul(Value a, Value b);
  Value div(Value a, Value b);
  Value select(Value condition, Value a, Value b);

  ImplicitLocOpBuilder &b;
  FloatType realType;

private:
  AffineMap mapOf(Span span) const;

  int64_t rank, axis;
  SmallVector<Value> inputs, outputs;
  SmallVector<AffineMap> inputMaps, outputMaps;
};

/// A buffer (or empty tensor, to match `like`) for one f64 that the operator
/// needs between two programs.
Value createScratch(ImplicitLocOpBuilder &b, Value like);
/// Reads the single element of a rank-0 tensor or memref. `results` are those
/// of the program that wrote it, empty for memrefs.
Value loadScalar(ImplicitLocOpBuilder &b, Value scratch);
/// Writes the single element of a rank-0 destination; the result is the new
/// tensor, null for memrefs.
Value storeScalar(ImplicitLocOpBuilder &b, Value value, Value destination);

} // namespace mlir::softmax

#endif // DIALECT_SOFTMAX_ROWBUILDER_H
