// Floats in the code of every traversal: constants, conversions, sums, memory.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef LOWERING_FLOATS_H
#define LOWERING_FLOATS_H

#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace mlir::softmax {

/// A memref as one of integers when its elements are 16-bit floats. Only some
/// processors have registers of those: LLVM holds a bf16 as f32 and calls the
/// compiler's library to round it back. As integers they are always vectors,
/// and arithmetic on them is a conversion anyway.
Value asIntegers(ImplicitLocOpBuilder &b, Value row);
/// Stores a scalar, a 16-bit float as an integer.
void storeElement(ImplicitLocOpBuilder &b, Value value, Value memref,
                  ValueRange indices);
/// A floating-point constant of the type of `like`, a scalar or a vector.
Value constantLike(ImplicitLocOpBuilder &b, Value like, double value);
/// The same number, or numbers, as floats of another type, rounded where that
/// is narrower.
Value convertFloat(ImplicitLocOpBuilder &b, Value value, Type element);
/// The compensated sum (sum, error) plus `value`.
SmallVector<Value> addCompensated(ImplicitLocOpBuilder &b, ValueRange carried,
                                  Value value);

} // namespace mlir::softmax

#endif // LOWERING_FLOATS_H
