// Vectors over the columns of a row: loads, stores, masks and regions.
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
  Value count; ///< null when every lane is a column
  Value mask;  ///< null when every lane is a column
  int64_t position = 0; ///< among the vectors of an unrolled step
  bool isPartial() const { return static_cast<bool>(mask); }
};

/// Emits vector code of the shape that a schedule asks for.
class VectorRow {
public:
  VectorRow(ImplicitLocOpBuilder &b, CPUScheduleAttr schedule)
      : b(b), schedule(schedule) {}

  VectorType vectorOf(Type scalar) const;
  Value splat(Value scalar);
  Value constant(Type scalar, double value);
  /// Number of lanes as an index, also of scalable vectors.
  Value lanes();
  /// The columns [first, end), at most one vector of them.
  Columns partial(Value first, Value end);

  /// Lanes beyond a partial vector's columns are 0. Never touches memory
  /// outside the row.
  Value load(Value row, const Columns &columns);
  void store(Value vector, Value row, const Columns &columns);
  void storeNontemporal(Value vector, Value row, const Columns &columns);

  /// An element region on vectors: what it yields. `scalars` holds what it
  /// captures.
  SmallVector<Value> emit(Block *element, ValueRange vectors,
                          const Columns &columns, const IRMapping &scalars);

  /// `vector` where a lane is a column, else `neutral`.
  Value maskOut(Value vector, Value neutral, const Columns &columns);
  /// Maximum that ignores NaN in `candidate`.
  Value max(Value candidate, Value current);
  /// Folds the lanes in a tree of fixed shape.
  Value foldLanes(Value vector, function_ref<Value(Value, Value)> combine,
                  bool isMax);

private:
  Value loadAs(Value row, const Columns &columns);
  void storeAs(Value vector, Value row, const Columns &columns);
  /// A buffer of one vector on the stack, for partial vectors where the ISA
  /// has no masked access.
  Value scratch(Type scalar);

  ImplicitLocOpBuilder &b;
  CPUScheduleAttr schedule;
};

} // namespace mlir::softmax

#endif // LOWERING_CPU_VECTORROW_H
