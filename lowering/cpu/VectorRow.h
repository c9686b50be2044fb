// Vectors of elements: loads, stores, masks and regions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef LOWERING_CPU_VECTORROW_H
#define LOWERING_CPU_VECTORROW_H

#include "dialect/softmax/Softmax.h"
#include "mlir/IR/IRMapping.h"

namespace mlir::softmax {

/// The columns that one vector covers. The last vector of a row may be partial:
/// then `count` is how many of its lanes are columns, and `mask` selects them.
struct Columns {
  Value first;
  Value count;          ///< null when every lane is a column
  Value mask;           ///< null when every lane is a column
  int64_t position = 0; ///< among the vectors of an unrolled step
  bool isPartial() const { return static_cast<bool>(mask); }
};

/// True when neighbouring elements of the row are known to be neighbours in
/// memory.
bool hasUnitStride(Value row);

/// Emits vector code for the machine that a schedule names.
class VectorRow {
public:
  /// Vectors of `width` lanes.
  VectorRow(ImplicitLocOpBuilder &b, CPUScheduleAttr schedule, int64_t width)
      : b(b), schedule(schedule), width(width) {}

  VectorType vectorOf(Type scalar) const;
  Value splat(Value scalar);
  /// A vector as it is, a scalar in every lane.
  Value widen(Value value);
  /// first, first + 1, ...
  Value count(Value first);
  Value constant(Type scalar, double value);
  /// Number of lanes as an index, also of scalable vectors.
  Value lanes();
  /// The columns [first, end), at most one vector of them.
  Columns partial(Value first, Value end);

  /// Lanes beyond a partial vector's columns are 0. Never touches memory
  /// outside the row. Rows that are not known to have unit stride are gathered
  /// and scattered.
  Value load(Value row, const Columns &columns);
  void store(Value vector, Value row, const Columns &columns);
  /// The elements at `offsets`, counted in elements from the first of `view`;
  /// 0 in the lanes where `mask` is false, which read nothing.
  Value gather(Value view, Value offsets, Value mask);
  /// Stores at `offsets` in the lanes where `mask` is true.
  void scatter(Value vector, Value view, Value offsets, Value mask);
  void storeNontemporal(Value vector, Value row, const Columns &columns);

  /// An element region on vectors: what it yields. `captured` maps what it uses
  /// from outside, `column` is that of every lane.
  SmallVector<Value> emit(Block *element, ValueRange vectors,
                          function_ref<Value()> column,
                          const IRMapping &captured);
  /// An elementwise operation on vectors.
  ValueRange apply(Operation &op, ValueRange operands);
  /// A buffer of so many vectors on the stack, of this function or task.
  Value scratch(Type scalar, int64_t count = 1);

  /// `vector` where a lane is a column, else `neutral`.
  Value maskOut(Value vector, Value neutral, const Columns &columns);
  /// The lanes of `mask` that are not among `excluded`.
  Value exclude(Value mask, Value excluded);
  /// Maximum that ignores NaN in `candidate`.
  Value max(Value candidate, Value current);
  /// Folds the lanes in a tree of fixed shape.
  Value foldLanes(Value vector, function_ref<Value(Value, Value)> combine,
                  bool isMax);

private:
  Value loadAs(Value row, const Columns &columns);
  void storeAs(Value vector, Value row, const Columns &columns);
  Value offsetsOf(Value row, const Columns &columns);
  Value maskOf(const Columns &columns);

  ImplicitLocOpBuilder &b;
  CPUScheduleAttr schedule;
  int64_t width;
};

} // namespace mlir::softmax

#endif // LOWERING_CPU_VECTORROW_H
