// Verifiers and queries of the row operations.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "dialect/row/Row.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Builders.h"

using namespace mlir;
using namespace mlir::row;

#define GET_OP_CLASSES
#include "dialect/row/RowOps.cpp.inc"

Type row::getScalarType(Type type) {
  if (auto shaped = dyn_cast<ShapedType>(type))
    return shaped.getElementType();
  return type;
}

void row::getDestinationStyleEffects(
    DestinationStyleOpInterface op,
    SmallVectorImpl<SideEffects::EffectInstance<MemoryEffects::Effect>>
        &effects) {
  for (OpOperand &operand : op->getOpOperands()) {
    if (!isa<BaseMemRefType>(operand.get().getType()))
      continue;
    if (op.isDpsInit(&operand))
      effects.emplace_back(MemoryEffects::Write::get(), &operand);
    else
      effects.emplace_back(MemoryEffects::Read::get(), &operand);
  }
}

LogicalResult row::reifyDestinationShapes(DestinationStyleOpInterface op,
                                          OpBuilder &builder,
                                          ReifiedRankedShapedTypeDims &shapes) {
  for (OpResult result : op->getResults()) {
    Value init = op.getTiedOpOperand(result)->get();
    shapes.push_back(tensor::getMixedSizes(builder, op.getLoc(), init));
  }
  return success();
}

//===----------------------------------------------------------------------===//
// row.program
//===----------------------------------------------------------------------===//

int64_t ProgramOp::getSpaceRank() {
  auto maps = getIndexingMaps().getAsValueRange<AffineMapAttr>();
  return maps.empty() ? 0 : (*maps.begin()).getNumDims();
}

AffineMap ProgramOp::getInputMap(unsigned index) {
  return cast<AffineMapAttr>(getIndexingMaps()[index]).getValue();
}

AffineMap ProgramOp::getOutputMap(unsigned index) {
  return getInputMap(getInputs().size() + index);
}

AffineMap ProgramOp::getMap(OpOperand &operand) {
  return getInputMap(operand.getOperandNumber());
}

bool ProgramOp::hasAxis(AffineMap map) {
  return map.isFunctionOfDim(getAxis());
}

bool ProgramOp::traversesRows() {
  return llvm::any_of(getIndexingMaps().getAsValueRange<AffineMapAttr>(),
                      [&](AffineMap map) { return hasAxis(map); });
}

std::pair<Value, int64_t> ProgramOp::getBound(int64_t dim) {
  // A static extent is preferred: it lets loops and divisions fold.
  std::pair<Value, int64_t> bound;
  for (OpOperand &operand : getOperation()->getOpOperands()) {
    AffineMap map = getMap(operand);
    for (auto [position, expr] : llvm::enumerate(map.getResults())) {
      if (cast<AffineDimExpr>(expr).getPosition() != dim)
        continue;
      auto type = cast<ShapedType>(operand.get().getType());
      if (!type.isDynamicDim(position))
        return {operand.get(), int64_t(position)};
      if (!bound.first)
        bound = {operand.get(), int64_t(position)};
    }
  }
  return bound;
}

void ProgramOp::getEffects(
    SmallVectorImpl<SideEffects::EffectInstance<MemoryEffects::Effect>>
        &effects) {
  getDestinationStyleEffects(cast<DestinationStyleOpInterface>(getOperation()),
                             effects);
}

LogicalResult
ProgramOp::reifyResultShapes(OpBuilder &builder,
                             ReifiedRankedShapedTypeDims &shapes) {
  return reifyDestinationShapes(
      cast<DestinationStyleOpInterface>(getOperation()), builder, shapes);
}

/// Checks operand `operand` against its map and the extents seen so far.
static LogicalResult verifyOperand(ProgramOp op, OpOperand &operand,
                                   MutableArrayRef<int64_t> extents) {
  AffineMap map = op.getMap(operand);
  unsigned number = operand.getOperandNumber();
  Type type = operand.get().getType();
  if (map.getNumDims() != extents.size() || map.getNumSymbols() != 0)
    return op.emitOpError("expected indexing map #")
           << number << " to have " << extents.size()
           << " dimensions and no symbols, got " << AffineMapAttr::get(map);
  if (!map.isProjectedPermutation())
    return op.emitOpError("expected indexing map #")
           << number << " to be a projected permutation, got "
           << AffineMapAttr::get(map);
  auto shaped = dyn_cast<ShapedType>(type);
  if (shaped && !shaped.hasRank())
    return op.emitOpError("expected operand #")
           << number << " to be ranked, got " << type;
  unsigned rank = shaped ? shaped.getRank() : 0;
  if (map.getNumResults() != rank)
    return op.emitOpError("expected indexing map #")
           << number << " to have " << rank << " results, got "
           << map.getNumResults();
  for (unsigned i = 0; i < rank; ++i) {
    int64_t &extent = extents[map.getDimPosition(i)];
    int64_t size = shaped.getDimSize(i);
    if (ShapedType::isDynamic(size))
      continue;
    if (ShapedType::isStatic(extent) && extent != size)
      return op.emitOpError("expected extent ")
             << extent << " for dimension " << map.getDimPosition(i)
             << " of the iteration space, got " << size << " in operand #"
             << number;
    extent = size;
  }
  return success();
}

LogicalResult ProgramOp::verify() {
  size_t operands = getNumOperands();
  if (getIndexingMaps().size() != operands)
    return emitOpError("expected one indexing map per operand (")
           << operands << "), got " << getIndexingMaps().size();
  if (getOutputs().empty())
    return emitOpError("expected at least one output, got none");
  int64_t rank = getSpaceRank();
  if (getAxis() < 0 || getAxis() >= rank)
    return emitOpError("expected 'axis' in [0, ") << rank << "), got "
                                                  << getAxis();
  SmallVector<int64_t> extents(rank, ShapedType::kDynamic);
  for (OpOperand &operand : getOperation()->getOpOperands())
    if (failed(verifyOperand(*this, operand, extents)))
      return failure();
  for (int64_t dim = 0; dim < rank; ++dim)
    if (dim != getAxis() && !getBound(dim).first)
      return emitOpError("expected dimension ")
             << dim << " to be bound by an operand";

  for (auto [index, output] : llvm::enumerate(getOutputs())) {
    if (!isa<RankedTensorType, MemRefType>(output.getType()))
      return emitOpError("expected output #")
             << index << " to be a ranked tensor or memref, got "
             << output.getType();
    AffineMap map = getOutputMap(index);
    unsigned rowDims = map.getNumResults() - (hasAxis(map) ? 1 : 0);
    bool total = map.getNumResults() == 0;
    if (rowDims != rank - 1 && !total)
      return emitOpError("expected the map of output #")
             << index << " to have all row dimensions or none, got "
             << AffineMapAttr::get(map);
  }
  SmallVector<Type> tensors;
  for (Value output : getOutputs())
    if (isa<TensorType>(output.getType()))
      tensors.push_back(output.getType());
  if (TypeRange(tensors) != getResultTypes())
    return emitOpError("expected one result of the type of each tensor output");
  return success();
}

LogicalResult ProgramOp::verifyRegions() {
  Block *body = getBodyBlock();
  if (body->getNumArguments() != getInputs().size())
    return emitOpError("expected one block argument per input (")
           << getInputs().size() << "), got " << body->getNumArguments();
  for (auto [index, input] : llvm::enumerate(getInputs())) {
    Type scalar = getScalarType(input.getType());
    Type expected = hasAxis(getInputMap(index))
                        ? Type(ElementsType::get(scalar))
                        : scalar;
    if (body->getArgument(index).getType() != expected)
      return emitOpError("expected block argument #")
             << index << " to have type " << expected << ", got "
             << body->getArgument(index).getType();
  }
  auto yield = dyn_cast<YieldOp>(body->getTerminator());
  if (!yield || yield.getValues().size() != getOutputs().size())
    return emitOpError("expected 'row.yield' with one value per output");
  MapOp firstMap;
  for (auto [index, value] : llvm::enumerate(yield.getValues())) {
    AffineMap map = getOutputMap(index);
    Type scalar = getScalarType(getOutputs()[index].getType());
    if (map.getNumResults() == 0) {
      if (!isa<FloatType>(value.getType()) || !isa<FloatType>(scalar))
        return emitOpError("expected a floating-point total for output #")
               << index << ", got " << value.getType();
      continue;
    }
    Type expected =
        hasAxis(map) ? Type(ElementsType::get(scalar)) : scalar;
    if (value.getType() != expected)
      return emitOpError("expected yielded value #")
             << index << " to have type " << expected << ", got "
             << value.getType();
    if (!hasAxis(map))
      continue;
    auto rowMap = value.getDefiningOp<MapOp>();
    if (!rowMap)
      return emitOpError("expected yielded row #")
             << index << " to be the result of 'row.map'";
    if (!firstMap)
      firstMap = rowMap;
    if (rowMap.getUntil() != firstMap.getUntil())
      return emitOpError("expected all yielded rows to have the same 'until'");
  }

  bool read = false, skips = false;
  for (Operation &op : *body) {
    if (isa<SkipIfOp>(op)) {
      if (read || skips)
        return op.emitOpError("expected at most one, before every operation "
                              "that reads elements");
      skips = true;
    }
    read |= isa<ReduceOp, MapOp, AtOp>(op);
    if (isa<RowDialect>(op.getDialect()) || isPure(&op))
      continue;
    return op.emitOpError("expected an operation without side effects in a "
                          "row program");
  }
  return success();
}

//===----------------------------------------------------------------------===//
// Operations of the body
//===----------------------------------------------------------------------===//

/// Rows that are read must be inputs of the program: where a computed row
/// lives is the business of a schedule, not of the program.
static LogicalResult verifyRowsAndElement(Operation *op, ValueRange rows,
                                          Block *element) {
  if (rows.empty())
    return op->emitOpError("expected at least one row, got none");
  for (Value row : rows)
    if (!isa<BlockArgument>(row))
      return op->emitOpError("expected rows to be inputs of the program");
  if (element->getNumArguments() != rows.size())
    return op->emitOpError("expected one region argument per row (")
           << rows.size() << "), got " << element->getNumArguments();
  for (auto [row, argument] : llvm::zip(rows, element->getArguments())) {
    Type expected = cast<ElementsType>(row.getType()).getElementType();
    if (argument.getType() != expected)
      return op->emitOpError("expected region argument of type ")
             << expected << ", got " << argument.getType();
  }
  for (Operation &inner : element->without_terminator())
    if (!isa<ColumnOp>(inner) && !inner.hasTrait<OpTrait::ConstantLike>() &&
        !OpTrait::hasElementwiseMappableTraits(&inner))
      return inner.emitOpError(
          "expected an elementwise operation in an element region");
  if (!isa<YieldOp>(element->getTerminator()))
    return op->emitOpError("expected the region to end in 'row.yield'");
  return success();
}

static LogicalResult verifyYields(Operation *op, Block *element,
                                  unsigned count) {
  if (element->getTerminator()->getNumOperands() == count)
    return success();
  return op->emitOpError("expected the region to yield ")
         << (count == 1 ? "one value" : "two values");
}

LogicalResult ReduceOp::verify() {
  if (failed(verifyRowsAndElement(*this, getRows(), getElementBlock())))
    return failure();
  bool isLogSumExp = getMonoid() == Monoid::LogSumExp;
  if (isLogSumExp ? getNumResults() != 3 && getNumResults() != 5
                  : getNumResults() != 1)
    return emitOpError("expected ")
           << (isLogSumExp ? "3 or 5 results" : "1 result") << " for '"
           << stringifyMonoid(getMonoid()) << "', got " << getNumResults();
  if (failed(verifyYields(*this, getElementBlock(), isWeighted() ? 2 : 1)))
    return failure();
  if (getScale() && !isLogSumExp)
    return emitOpError("expected a scale for 'logsumexp' only");
  if (getMonotone() && !isLogSumExp)
    return emitOpError("expected 'monotone' for 'logsumexp' only");
  if (getZeroTimesInf() && !isWeighted())
    return emitOpError("expected 'zero_times_inf' with two yielded values only");
  Type type = getElementBlock()->getTerminator()->getOperand(0).getType();
  for (Type result : getResultTypes())
    if (result != type)
      return emitOpError("expected results of the yielded type ")
             << type << ", got " << result;
  for (Value yielded : getElementBlock()->getTerminator()->getOperands())
    if (yielded.getType() != type)
      return emitOpError("expected yielded values of one type, got ")
             << type << " and " << yielded.getType();
  if (getScale() && getScale().getType() != type)
    return emitOpError("expected a scale of type ")
           << type << ", got " << getScale().getType();
  return success();
}

LogicalResult MapOp::verify() {
  if (failed(verifyRowsAndElement(*this, getRows(), getElementBlock())) ||
      failed(verifyYields(*this, getElementBlock(), 1)))
    return failure();
  Type type = getElementBlock()->getTerminator()->getOperand(0).getType();
  Type element = getType().getElementType();
  if (element != type)
    return emitOpError("expected a result with elements of the yielded type ")
           << type << ", got " << element;
  if (static_cast<bool>(getColumn()) != static_cast<bool>(getValue()))
    return emitOpError("expected a column and a value, or neither");
  if (getValue() && getValue().getType() != element)
    return emitOpError("expected the value at the column to have type ")
           << element << ", got " << getValue().getType();
  if (getOtherwise() && getOtherwise().getType() != element)
    return emitOpError("expected the value from column 'until' on to have type ")
           << element << ", got " << getOtherwise().getType();
  return success();
}

LogicalResult IndexOp::verify() {
  auto program = cast<ProgramOp>((*this)->getParentOp());
  if (getDim() < 0 || getDim() >= program.getSpaceRank() ||
      getDim() == program.getAxis())
    return emitOpError("expected a row dimension of the iteration space, got ")
           << getDim();
  return success();
}

LogicalResult SkipIfOp::verify() {
  auto program = cast<ProgramOp>((*this)->getParentOp());
  if (getValues().size() != program.getOutputs().size())
    return emitOpError("expected one value per output (")
           << program.getOutputs().size() << "), got " << getValues().size();
  for (auto [index, value] : llvm::enumerate(getValues())) {
    Type scalar = getScalarType(program.getOutputs()[index].getType());
    bool total = program.getOutputMap(index).getNumResults() == 0;
    if (total ? !isa<FloatType>(value.getType()) : value.getType() != scalar)
      return emitOpError("expected value #")
             << index << " to have type " << scalar << ", got "
             << value.getType();
  }
  return success();
}
