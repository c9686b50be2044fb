// Neighbouring rows under the inner traversal: views, scalars, totals.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "lowering/cpu/Inner.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace mlir::softmax;

Value InnerTraversal::view(Value memref, AffineMap map) {
  auto type = cast<MemRefType>(memref.getType());
  SmallVector<int64_t> known;
  int64_t unused;
  (void)type.getStridesAndOffset(known, unused);
  auto metadata = memref::ExtractStridedMetadataOp::create(b, memref);
  Value offset = metadata.getOffset();
  SmallVector<OpFoldResult> sizes(2), strides(2);
  SmallVector<int64_t> memoryStrides(2);
  for (auto [position, expr] : llvm::enumerate(map.getResults())) {
    int64_t dim = cast<AffineDimExpr>(expr).getPosition();
    Value stride = metadata.getStrides()[position];
    if (!ShapedType::isDynamic(known[position]))
      stride = index(known[position]);
    offset = b.createOrFold<arith::AddIOp>(
        offset, b.createOrFold<arith::MulIOp>(indices[dim], stride));
    if (dim != program.getAxis() && dim != laneDim)
      continue;
    size_t side = dim == laneDim;
    sizes[side] = dim == laneDim ? rowsOfStep() : extent;
    strides[side] = getAsOpFoldResult(stride);
    memoryStrides[side] = known[position];
  }
  for (int side = 1; side >= 0; --side)
    if (!sizes[side]) {
      sizes.erase(sizes.begin() + side);
      strides.erase(strides.begin() + side);
      memoryStrides.erase(memoryStrides.begin() + side);
    }
  auto viewType =
      MemRefType::get(SmallVector<int64_t>(sizes.size(), ShapedType::kDynamic),
                      type.getElementType(),
                      StridedLayoutAttr::get(
                          b.getContext(), ShapedType::kDynamic, memoryStrides),
                      type.getMemorySpace());
  return memref::ReinterpretCastOp::create(
      b, viewType, metadata.getBaseBuffer(), OpFoldResult(offset), sizes,
      strides);
}

Value InnerTraversal::rowsOfStep() {
  return lanes.isPartial() ? lanes.count : vectors->lanes();
}

void InnerTraversal::bindInputs() {
  Block *body = program.getBodyBlock();
  for (auto [i, input] : llvm::enumerate(program.getInputs())) {
    AffineMap map = program.getInputMap(i);
    Value argument = body->getArgument(i);
    if (!isa<MemRefType>(input.getType())) {
      values.map(argument, input);
      continue;
    }
    Value elements = view(input, map);
    if (program.hasAxis(map))
      rows[argument] = elements;
    else if (map.isFunctionOfDim(laneDim))
      values.map(argument, vectors->load(elements, lanes));
    else
      values.map(argument,
                 memref::LoadOp::create(b, elements, ValueRange()).getResult());
  }
  outputRows.clear();
  for (auto [i, output] : llvm::enumerate(program.getOutputs())) {
    AffineMap map = program.getOutputMap(i);
    outputRows.push_back(program.hasAxis(map) ? view(output, map) : Value());
  }
}

/// What is the same for all rows stays a scalar, or costs too little to be
/// kept.
void InnerTraversal::emitScalar(Operation &op) {
  if (auto extentOp = dyn_cast<row::ExtentOp>(op)) {
    uniform.insert(&op);
    return values.map(extentOp.getResult(), extent);
  }
  if (auto indexOp = dyn_cast<row::IndexOp>(op)) {
    uniform.insert(&op);
    Value number = indices[indexOp.getDim()];
    if (static_cast<int64_t>(indexOp.getDim()) == laneDim)
      number = vectors->count(number);
    return values.map(indexOp.getResult(), number);
  }
  SmallVector<Value> operands;
  bool isUniform = true;
  for (Value operand : op.getOperands()) {
    operands.push_back(values.lookupOrDefault(operand));
    isUniform &= !isa<VectorType>(operands.back().getType());
  }
  if (isUniform) {
    uniform.insert(&op);
    b.clone(op, values);
    return;
  }
  for (Value &operand : operands)
    operand = vectors->widen(operand);
  values.map(op.getResults(), vectors->apply(op, operands));
}

void InnerTraversal::emitAt(row::AtOp at) {
  Value row = rowOf(at.getRow());
  Value column = vectors->widen(values.lookupOrDefault(at.getColumn()));
  Value inside = inRow(column);
  values.map(at.getResult(),
             vectors->gather(row, offsetsAt(row, column), inside));
}

Value InnerTraversal::inRow(Value column) {
  Value inside = arith::CmpIOp::create(b, arith::CmpIPredicate::ult, column,
                                       vectors->splat(extent));
  if (lanes.isPartial())
    inside = arith::AndIOp::create(b, inside, lanes.mask);
  return inside;
}

Value InnerTraversal::offsetsAt(Value row, Value column) {
  auto metadata = memref::ExtractStridedMetadataOp::create(b, row);
  Value offsets = arith::MulIOp::create(
      b, column, vectors->splat(metadata.getStrides().front()));
  if (metadata.getStrides().size() == 1)
    return offsets;
  return arith::AddIOp::create(
      b, offsets,
      arith::MulIOp::create(b, vectors->count(index(0)),
                            vectors->splat(metadata.getStrides().back())));
}

/// In the order of the rows, which is that of the lanes.
void InnerTraversal::addToTotals(ArrayRef<Value> added, Totals &totals) {
  if (added.empty())
    return;
  SmallVector<Value> buffers;
  for (Value vector : added) {
    buffers.push_back(
        vectors->scratch(cast<VectorType>(vector.getType()).getElementType()));
    vector::StoreOp::create(b, vector, buffers.back(), ValueRange{index(0)});
  }
  loop(index(0), rowsOfStep(), index(1), totals, [&](Value lane) {
    unsigned next = 0;
    for (Value buffer : buffers)
      addToTotal(totals, next, memref::LoadOp::create(b, buffer, lane));
  });
}
