// Scale, soft-cap and masks in row programs.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "dialect/softmax/Logits.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

#include <cmath>

using namespace mlir;
using namespace mlir::softmax;

//===----------------------------------------------------------------------===//
// Logits
//===----------------------------------------------------------------------===//

double Logits::factorValue() const {
  return softcap ? *softcap : std::fabs(scale);
}

Value Logits::capArgument(Value x) const {
  return rows.mul(x, rows.real(scale / *softcap));
}

Value Logits::element(Value x) const {
  if (softcap)
    return math::TanhOp::create(rows.b, capArgument(x));
  if (scale < 0)
    return arith::NegFOp::create(rows.b, x);
  return x;
}

Value Logits::factor() const {
  return factorValue() == 1 ? Value() : rows.real(factorValue());
}

Value Logits::scaled(Value difference) const {
  Value value = factor();
  return value ? rows.mul(value, difference) : difference;
}

Value Logits::chain(Value x, Value dz) const {
  if (scale != 1)
    dz = rows.mul(dz, rows.real(scale));
  if (softcap)
    dz = rows.mul(dz, row::SechSquaredOp::create(rows.b, capArgument(x)));
  return dz;
}

//===----------------------------------------------------------------------===//
// Mask
//===----------------------------------------------------------------------===//

/// Of the last two axes (R, K), element (i, j) is excluded when j > i + K - R.
void Mask::addCausal(Value space) {
  ImplicitLocOpBuilder &b = rows.b;
  int64_t rank = cast<ShapedType>(space.getType()).getRank();
  queryDim = rank - 2;
  auto dim = [&](int64_t position) -> Value {
    if (isa<TensorType>(space.getType()))
      return b.createOrFold<tensor::DimOp>(space, position);
    return b.createOrFold<memref::DimOp>(space, position);
  };
  Value difference =
      b.createOrFold<arith::SubIOp>(dim(rank - 1), dim(queryDim));
  Value one = arith::ConstantIndexOp::create(b, 1);
  offset = rows.input(b.createOrFold<arith::AddIOp>(difference, one),
                      Span::Uniform);
}

void Mask::begin(ValueRange arguments) {
  if (argument)
    elements = arguments[*argument];
  if (offset)
    limit = arith::AddIOp::create(
        rows.b, row::IndexOp::create(rows.b, rows.b.getIndexType(), queryDim),
        arguments[*offset]);
}

SmallVector<Value> Mask::with(ValueRange data) const {
  SmallVector<Value> all(data);
  if (elements)
    all.push_back(elements);
  return all;
}

Value Mask::select(Value mask, Value value, Value excluded) const {
  ImplicitLocOpBuilder &b = rows.b;
  Value zero = arith::ConstantOp::create(b, b.getZeroAttr(mask.getType()));
  Value keep =
      arith::CmpIOp::create(b, arith::CmpIPredicate::ne, mask, zero);
  return rows.select(keep, value, excluded);
}
