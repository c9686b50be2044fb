// Floats in the code of every traversal: constants, conversions, sums, memory.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "lowering/Floats.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/IR/TypeUtilities.h"

using namespace mlir;
using namespace mlir::softmax;

Value softmax::constantLike(ImplicitLocOpBuilder &b, Value like, double value) {
  TypedAttr scalar = b.getFloatAttr(getElementTypeOrSelf(like), value);
  if (auto vector = dyn_cast<VectorType>(like.getType()))
    scalar = DenseElementsAttr::get(vector, scalar);
  return arith::ConstantOp::create(b, scalar);
}

Value softmax::convertFloat(ImplicitLocOpBuilder &b, Value value,
                            Type element) {
  Type own = getElementTypeOrSelf(value);
  // f16 and bf16 are as wide as each other.
  if (own != element && !element.isF32() && !element.isF64())
    value = convertFloat(b, value, b.getF32Type());
  unsigned from = getElementTypeOrSelf(value).getIntOrFloatBitWidth(),
           to = element.getIntOrFloatBitWidth();
  Type type = element;
  if (auto vector = dyn_cast<VectorType>(value.getType()))
    type = vector.clone(element);
  if (from < to)
    return arith::ExtFOp::create(b, type, value);
  if (from > to)
    return arith::TruncFOp::create(b, type, value);
  return value;
}

/// Adds `value` to the compensated sum (sum, error): Knuth's two-sum keeps what
/// each rounding loses. It is NaN once the sum is not finite, and then dropped.
SmallVector<Value> softmax::addCompensated(ImplicitLocOpBuilder &b,
                                           ValueRange carried, Value value) {
  Value sum = carried[0], error = carried[1];
  Value total = arith::AddFOp::create(b, sum, value);
  Value virtualValue = arith::SubFOp::create(b, total, sum);
  Value virtualSum = arith::SubFOp::create(b, total, virtualValue);
  Value lost =
      arith::AddFOp::create(b, arith::SubFOp::create(b, sum, virtualSum),
                            arith::SubFOp::create(b, value, virtualValue));
  Value isNumber =
      arith::CmpFOp::create(b, arith::CmpFPredicate::ORD, lost, lost);
  Value zero = constantLike(b, lost, 0);
  lost = arith::SelectOp::create(b, isNumber, lost, zero);
  return {total, arith::AddFOp::create(b, error, lost)};
}

Value softmax::asIntegers(ImplicitLocOpBuilder &b, Value row) {
  auto type = cast<MemRefType>(row.getType());
  if (!isa<FloatType>(type.getElementType()) ||
      type.getElementTypeBitWidth() != 16)
    return row;
  auto integers = MemRefType::get(type.getShape(), b.getI16Type(),
                                  type.getLayout(), type.getMemorySpace());
  // Both types have the same descriptor.
  return UnrealizedConversionCastOp::create(b, integers, row).getResult(0);
}

void softmax::storeElement(ImplicitLocOpBuilder &b, Value value, Value memref,
                           ValueRange indices) {
  Value memory = asIntegers(b, memref);
  Type stored = cast<MemRefType>(memory.getType()).getElementType();
  if (stored != value.getType())
    value = arith::BitcastOp::create(b, stored, value);
  memref::StoreOp::create(b, value, memory, indices);
}
