// Writes row programs.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "dialect/softmax/RowBuilder.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Interfaces/FunctionInterfaces.h"

#include <limits>

using namespace mlir;
using namespace mlir::softmax;

RowBuilder::RowBuilder(ImplicitLocOpBuilder &b, int64_t rank, int64_t axis,
                       Type data)
    : b(b), realType(row::getScalarType(data).isF64() ? FloatType(b.getF64Type())
                                                      : b.getF32Type()),
      rank(rank), axis(axis) {}

AffineMap RowBuilder::mapOf(Span span) const {
  AffineMap map = b.getMultiDimIdentityMap(rank);
  switch (span) {
  case Span::Elements:
    return map;
  case Span::Rows:
    return map.dropResult(axis);
  case Span::Classes:
    return AffineMap::get(rank, 0, b.getAffineDimExpr(axis));
  case Span::Uniform:
    return AffineMap::get(rank, 0, b.getContext());
  }
  llvm_unreachable("unknown span");
}

unsigned RowBuilder::input(Value value, Span span) {
  inputs.push_back(value);
  inputMaps.push_back(mapOf(span));
  return inputs.size() - 1;
}

void RowBuilder::output(Value value, Span span) {
  outputs.push_back(value);
  outputMaps.push_back(mapOf(span));
}

SmallVector<Value>
RowBuilder::build(function_ref<SmallVector<Value>(ValueRange)> body) {
  SmallVector<Type> results, arguments;
  for (Value output : outputs)
    if (isa<TensorType>(output.getType()))
      results.push_back(output.getType());
  for (auto [value, map] : llvm::zip(inputs, inputMaps)) {
    Type scalar = row::getScalarType(value.getType());
    arguments.push_back(map.isFunctionOfDim(axis)
                            ? Type(row::ElementsType::get(scalar))
                            : scalar);
  }
  SmallVector<AffineMap> maps(inputMaps);
  llvm::append_range(maps, outputMaps);
  auto program =
      row::ProgramOp::create(b, results, inputs, outputs, b.getI64IntegerAttr(axis),
                             b.getAffineMapArrayAttr(maps));
  OpBuilder::InsertionGuard guard(b);
  Block *block = b.createBlock(&program.getBody(), {}, arguments,
                               SmallVector<Location>(arguments.size(), b.getLoc()));
  row::YieldOp::create(b, body(block->getArguments()));
  return SmallVector<Value>(program.getResults());
}

/// Builds the region of a reduce or map: widened elements in, values out.
static void buildElement(RowBuilder &rows, Region &region, ValueRange operands,
                         RowBuilder::Elements element) {
  ImplicitLocOpBuilder &b = rows.b;
  OpBuilder::InsertionGuard guard(b);
  SmallVector<Type> types;
  for (Value row : operands)
    types.push_back(cast<row::ElementsType>(row.getType()).getElementType());
  Block *block = b.createBlock(&region, {}, types,
                               SmallVector<Location>(types.size(), b.getLoc()));
  SmallVector<Value> widened;
  for (Value argument : block->getArguments())
    widened.push_back(rows.widen(argument));
  row::YieldOp::create(b, element(widened));
}

RowBuilder::LogSumExp RowBuilder::logSumExp(ValueRange rows, Elements elements,
                                            const Fold &fold) {
  // How many values are folded is known once the region is there.
  Region region;
  buildElement(*this, region, rows, elements);
  size_t yielded = region.front().getTerminator()->getNumOperands();
  SmallVector<Type> types(yielded == 2 ? 5 : 3, realType);
  auto reduce = row::ReduceOp::create(b, types, row::Monoid::LogSumExp, rows,
                                      fold.scale, fold.until, fold.zeroTimesInf,
                                      fold.isMonotone);
  reduce.getElement().takeBody(region);
  LogSumExp result{reduce.getResult(0), reduce.getResult(1),
                   reduce.getResult(2), {}, {}};
  if (yielded == 2) {
    result.mass = reduce.getResult(3);
    result.gap = reduce.getResult(4);
  }
  return result;
}

Value RowBuilder::reduce(row::Monoid monoid, ValueRange rows, Element element,
                         Value until) {
  auto reduce = row::ReduceOp::create(b, TypeRange{realType}, monoid, rows,
                                      Value(), until, /*zero_times_inf=*/false,
                                      /*monotone=*/false);
  buildElement(*this, reduce.getElement(), rows,
               [&](ValueRange e) -> SmallVector<Value> { return {element(e)}; });
  return reduce.getResult(0);
}

Value RowBuilder::map(ValueRange rows, Type type, Element element, Value column,
                      Value value, Value until, Value otherwise) {
  if (value)
    value = narrow(value, type);
  if (otherwise)
    otherwise = narrow(otherwise, type);
  auto map = row::MapOp::create(b, row::ElementsType::get(type), rows, column,
                                value, until, otherwise);
  buildElement(*this, map.getElement(), rows,
               [&](ValueRange e) -> SmallVector<Value> {
                 return {narrow(element(e), type)};
               });
  return map;
}

Value RowBuilder::at(Value elements, Value column) {
  return widen(row::AtOp::create(b, elements, column));
}

Value RowBuilder::extent() {
  Value count = row::ExtentOp::create(b, b.getIndexType());
  count = arith::IndexCastOp::create(b, b.getI64Type(), count);
  return arith::UIToFPOp::create(b, realType, count);
}

Value RowBuilder::widen(Value value) {
  return value.getType() == realType || value.getType().isInteger()
             ? value
             : arith::ExtFOp::create(b, realType, value).getResult();
}

Value RowBuilder::narrow(Value value, Type type) {
  if (value.getType() == type)
    return value;
  if (cast<FloatType>(type).getWidth() > realType.getWidth())
    return arith::ExtFOp::create(b, type, value);
  return arith::TruncFOp::create(b, type, value);
}

Value RowBuilder::real(double value) {
  return arith::ConstantOp::create(b, b.getFloatAttr(realType, value));
}
Value RowBuilder::nan() {
  return real(std::numeric_limits<double>::quiet_NaN());
}
Value RowBuilder::minusInfinity() {
  return real(-std::numeric_limits<double>::infinity());
}
Value RowBuilder::add(Value x, Value y) {
  return arith::AddFOp::create(b, x, y);
}
Value RowBuilder::sub(Value x, Value y) {
  return arith::SubFOp::create(b, x, y);
}
Value RowBuilder::mul(Value x, Value y) {
  return arith::MulFOp::create(b, x, y);
}
Value RowBuilder::div(Value x, Value y) {
  return arith::DivFOp::create(b, x, y);
}
Value RowBuilder::select(Value condition, Value x, Value y) {
  return arith::SelectOp::create(b, condition, x, y);
}

//===----------------------------------------------------------------------===//
// Scalars between programs
//===----------------------------------------------------------------------===//

Value softmax::createScratch(ImplicitLocOpBuilder &b, Value like) {
  if (isa<TensorType>(like.getType()))
    return tensor::EmptyOp::create(b, ArrayRef<int64_t>{}, b.getF64Type());
  // At the start of the function: an operator in a loop must not grow the stack.
  OpBuilder::InsertionGuard guard(b);
  if (auto function = b.getInsertionBlock()
                          ->getParentOp()
                          ->getParentOfType<FunctionOpInterface>())
    b.setInsertionPointToStart(&function.getFunctionBody().front());
  else if (auto function = dyn_cast<FunctionOpInterface>(
               b.getInsertionBlock()->getParentOp()))
    b.setInsertionPointToStart(&function.getFunctionBody().front());
  return memref::AllocaOp::create(b, MemRefType::get({}, b.getF64Type()));
}

Value softmax::loadScalar(ImplicitLocOpBuilder &b, Value scratch) {
  if (isa<TensorType>(scratch.getType()))
    return tensor::ExtractOp::create(b, scratch, ValueRange());
  return memref::LoadOp::create(b, scratch, ValueRange());
}

Value softmax::storeScalar(ImplicitLocOpBuilder &b, Value value,
                           Value destination) {
  if (isa<TensorType>(destination.getType()))
    return tensor::InsertOp::create(b, value, destination, ValueRange());
  memref::StoreOp::create(b, value, destination, ValueRange());
  return {};
}
