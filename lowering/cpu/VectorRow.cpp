// Vectors of elements.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "lowering/cpu/VectorRow.h"

#include "lowering/Floats.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Interfaces/FunctionInterfaces.h"

using namespace mlir;
using namespace mlir::softmax;

bool softmax::hasUnitStride(Value row) {
  SmallVector<int64_t> strides;
  int64_t offset;
  return succeeded(cast<MemRefType>(row.getType())
                       .getStridesAndOffset(strides, offset)) &&
         strides.back() == 1;
}

VectorType VectorRow::vectorOf(Type scalar) const {
  return VectorType::get({width}, scalar, {schedule.isScalable()});
}

Value VectorRow::splat(Value scalar) {
  Type type = scalar.getType();
  if (!isa<FloatType>(type) || type.getIntOrFloatBitWidth() != 16)
    return vector::BroadcastOp::create(b, vectorOf(type), scalar);
  // As integers, for the reason given at `asIntegers`.
  Value bits = arith::BitcastOp::create(b, b.getI16Type(), scalar);
  bits = vector::BroadcastOp::create(b, vectorOf(b.getI16Type()), bits);
  return arith::BitcastOp::create(b, vectorOf(type), bits);
}

Value VectorRow::widen(Value value) {
  return isa<VectorType>(value.getType()) ? value : splat(value);
}

Value VectorRow::count(Value first) {
  Value step = vector::StepOp::create(b, vectorOf(b.getIndexType()));
  return arith::AddIOp::create(b, step, splat(first));
}

Value VectorRow::constant(Type scalar, double value) {
  return arith::ConstantOp::create(
      b,
      DenseElementsAttr::get(vectorOf(scalar), b.getFloatAttr(scalar, value)));
}

Value VectorRow::lanes() {
  Value lanes = arith::ConstantIndexOp::create(b, width);
  if (!schedule.isScalable())
    return lanes;
  return arith::MulIOp::create(b, lanes, vector::VectorScaleOp::create(b));
}

Columns VectorRow::partial(Value first, Value end) {
  Value left = arith::SubIOp::create(b, end, first);
  Value count = arith::MinUIOp::create(b, left, lanes());
  Value mask = vector::CreateMaskOp::create(b, vectorOf(b.getI1Type()),
                                            ValueRange{left});
  return {first, count, mask, 0};
}

Value VectorRow::scratch(Type scalar, int64_t count) {
  // Outside of loops, so that the stack does not grow, and inside of the tasks
  // of a parallel loop, each of which needs its own.
  OpBuilder::InsertionGuard guard(b);
  Operation *scope = b.getInsertionBlock()->getParentOp();
  while (!isa<FunctionOpInterface, scf::ParallelOp>(scope))
    scope = scope->getParentOp();
  b.setInsertionPointToStart(&scope->getRegion(0).front());
  if (!schedule.isScalable())
    return memref::AllocaOp::create(b, MemRefType::get({width * count}, scalar),
                                    b.getI64IntegerAttr(64));
  Value size = b.createOrFold<arith::MulIOp>(
      lanes(), arith::ConstantIndexOp::create(b, count));
  return memref::AllocaOp::create(
      b, MemRefType::get({ShapedType::kDynamic}, scalar), ValueRange{size},
      b.getI64IntegerAttr(64));
}

/// Copies `count` elements between a row and a scratch buffer.
static void copyColumns(ImplicitLocOpBuilder &b, Value from, Value fromOffset,
                        Value to, Value toOffset, Value count) {
  Value zero = arith::ConstantIndexOp::create(b, 0);
  Value one = arith::ConstantIndexOp::create(b, 1);
  auto loop = scf::ForOp::create(b, zero, count, one);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(loop.getBody());
  Value i = loop.getInductionVar();
  Value element = memref::LoadOp::create(
      b, from, ValueRange{arith::AddIOp::create(b, fromOffset, i)});
  memref::StoreOp::create(b, element, to,
                          ValueRange{arith::AddIOp::create(b, toOffset, i)});
}

/// Elements of a view as a row of unit stride from its first one on.
static Value asLine(ImplicitLocOpBuilder &b, Value view) {
  auto type = cast<MemRefType>(view.getType());
  auto metadata = memref::ExtractStridedMetadataOp::create(b, view);
  auto line = MemRefType::get(
      {ShapedType::kDynamic}, type.getElementType(),
      StridedLayoutAttr::get(b.getContext(), ShapedType::kDynamic, 1),
      type.getMemorySpace());
  // Offsets reach as far as the view does; the extent is not looked at.
  Value one = arith::ConstantIndexOp::create(b, 1);
  return memref::ReinterpretCastOp::create(
      b, line, metadata.getBaseBuffer(), OpFoldResult(metadata.getOffset()),
      ArrayRef<OpFoldResult>{one}, ArrayRef<OpFoldResult>{b.getIndexAttr(1)});
}

Value VectorRow::maskOf(const Columns &columns) {
  if (columns.isPartial())
    return columns.mask;
  VectorType type = vectorOf(b.getI1Type());
  return arith::ConstantOp::create(b, DenseElementsAttr::get(type, true));
}

Value VectorRow::offsetsOf(Value row, const Columns &columns) {
  auto metadata = memref::ExtractStridedMetadataOp::create(b, row);
  return arith::MulIOp::create(b, count(columns.first),
                               splat(metadata.getStrides().front()));
}

Value VectorRow::gather(Value view, Value offsets, Value mask) {
  Type scalar = cast<MemRefType>(view.getType()).getElementType();
  Value line = asIntegers(b, asLine(b, view));
  VectorType type = vectorOf(cast<MemRefType>(line.getType()).getElementType());
  Value zero = arith::ConstantOp::create(b, b.getZeroAttr(type));
  Value start = arith::ConstantIndexOp::create(b, 0);
  Value vector = vector::GatherOp::create(b, type, line, ValueRange{start},
                                          offsets, mask, zero);
  if (type.getElementType() == scalar)
    return vector;
  return arith::BitcastOp::create(b, vectorOf(scalar), vector);
}

Value VectorRow::load(Value row, const Columns &columns) {
  if (!hasUnitStride(row))
    return gather(row, offsetsOf(row, columns), maskOf(columns));
  Type scalar = cast<MemRefType>(row.getType()).getElementType();
  Value memory = asIntegers(b, row);
  Value vector = loadAs(memory, columns);
  if (memory == row)
    return vector;
  return arith::BitcastOp::create(b, vectorOf(scalar), vector);
}

Value VectorRow::loadAs(Value row, const Columns &columns) {
  Type scalar = cast<MemRefType>(row.getType()).getElementType();
  VectorType type = vectorOf(scalar);
  if (!columns.isPartial())
    return vector::LoadOp::create(b, type, row, columns.first);
  Value zero = arith::ConstantOp::create(b, b.getZeroAttr(type));
  if (schedule.hasMaskedAccess(scalar.getIntOrFloatBitWidth()))
    return vector::MaskedLoadOp::create(b, type, row, columns.first,
                                        columns.mask, zero);
  Value all = lanes();
  Value full =
      arith::CmpIOp::create(b, arith::CmpIPredicate::eq, columns.count, all);
  auto branch = scf::IfOp::create(b, type, full, /*withElseRegion=*/true);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(&branch.getThenRegion().front());
  scf::YieldOp::create(
      b, ValueRange{vector::LoadOp::create(b, type, row, columns.first)});
  b.setInsertionPointToStart(&branch.getElseRegion().front());
  Value buffer = scratch(scalar);
  Value start = arith::ConstantIndexOp::create(b, 0);
  vector::StoreOp::create(b, zero, buffer, start);
  copyColumns(b, row, columns.first, buffer, start, columns.count);
  scf::YieldOp::create(
      b, ValueRange{vector::LoadOp::create(b, type, buffer, start)});
  return branch.getResult(0);
}

void VectorRow::scatter(Value vector, Value view, Value offsets, Value mask) {
  Value line = asIntegers(b, asLine(b, view));
  Type stored = cast<MemRefType>(line.getType()).getElementType();
  if (stored != cast<VectorType>(vector.getType()).getElementType())
    vector = arith::BitcastOp::create(b, vectorOf(stored), vector);
  Value start = arith::ConstantIndexOp::create(b, 0);
  vector::ScatterOp::create(b, Type(), line, ValueRange{start}, offsets, mask,
                            vector);
}

void VectorRow::store(Value vector, Value row, const Columns &columns) {
  if (!hasUnitStride(row))
    return scatter(vector, row, offsetsOf(row, columns), maskOf(columns));
  Value memory = asIntegers(b, row);
  if (memory != row)
    vector = arith::BitcastOp::create(b, vectorOf(b.getI16Type()), vector);
  storeAs(vector, memory, columns);
}

void VectorRow::storeAs(Value vector, Value row, const Columns &columns) {
  Type scalar = cast<MemRefType>(row.getType()).getElementType();
  if (!columns.isPartial()) {
    vector::StoreOp::create(b, vector, row, columns.first);
    return;
  }
  OpBuilder::InsertionGuard guard(b);
  if (schedule.hasMaskedAccess(scalar.getIntOrFloatBitWidth())) {
    if (schedule.getIsa() == Isa::AVX512 && scalar.isInteger(16)) {
      // LLVM 22.1.8 writes 32 bits for a store of 16-bit lanes under a constant
      // mask of one lane (test/numerics, softmax ?x8193xbf16), so a single
      // element goes without a mask.
      Value one = arith::ConstantIndexOp::create(b, 1);
      Value single = arith::CmpIOp::create(b, arith::CmpIPredicate::eq,
                                           columns.count, one);
      auto branch =
          scf::IfOp::create(b, TypeRange(), single, /*withElseRegion=*/true);
      b.setInsertionPointToStart(&branch.getThenRegion().front());
      Value element =
          vector::ExtractOp::create(b, vector, ArrayRef<int64_t>{0});
      memref::StoreOp::create(b, element, row, columns.first);
      b.setInsertionPointToStart(&branch.getElseRegion().front());
    }
    vector::MaskedStoreOp::create(b, row, columns.first, columns.mask, vector);
    return;
  }
  Value full = arith::CmpIOp::create(b, arith::CmpIPredicate::eq, columns.count,
                                     lanes());
  auto branch =
      scf::IfOp::create(b, TypeRange(), full, /*withElseRegion=*/true);
  b.setInsertionPointToStart(&branch.getThenRegion().front());
  vector::StoreOp::create(b, vector, row, columns.first);
  b.setInsertionPointToStart(&branch.getElseRegion().front());
  Value buffer = scratch(scalar);
  Value start = arith::ConstantIndexOp::create(b, 0);
  vector::StoreOp::create(b, vector, buffer, start);
  copyColumns(b, buffer, start, row, columns.first, columns.count);
}

void VectorRow::storeNontemporal(Value vector, Value row,
                                 const Columns &columns) {
  Value memory = asIntegers(b, row);
  if (memory != row)
    vector = arith::BitcastOp::create(b, vectorOf(b.getI16Type()), vector);
  auto type = cast<VectorType>(vector.getType());
  int64_t bytes = type.getNumElements() * type.getElementTypeBitWidth() / 8;
  vector::StoreOp::create(b, vector, memory, columns.first,
                          /*nontemporal=*/true, llvm::MaybeAlign(bytes));
}

Value VectorRow::exclude(Value mask, Value excluded) {
  Value all = arith::ConstantOp::create(
      b, DenseElementsAttr::get(cast<VectorType>(excluded.getType()), true));
  Value others = arith::XOrIOp::create(b, excluded, all);
  return arith::AndIOp::create(b, mask, others);
}

ValueRange VectorRow::apply(Operation &op, ValueRange operands) {
  // Elementwise operations have the same form on vectors.
  if (op.hasTrait<OpTrait::ConstantLike>())
    return splat(b.clone(op)->getResult(0)).getDefiningOp()->getResults();
  SmallVector<Type> results;
  for (Type type : op.getResultTypes())
    results.push_back(vectorOf(type));
  OperationState state(op.getLoc(), op.getName(), operands, results,
                       op.getAttrs());
  return b.create(state)->getResults();
}

SmallVector<Value> VectorRow::emit(Block *element, ValueRange vectors,
                                   function_ref<Value()> column,
                                   const IRMapping &captured) {
  IRMapping mapping;
  mapping.map(element->getArguments(), vectors);
  auto operandOf = [&](Value value) -> Value {
    if (Value mapped = mapping.lookupOrNull(value))
      return mapped;
    Value wide = widen(captured.lookupOrDefault(value));
    mapping.map(value, wide);
    return wide;
  };
  for (Operation &op : element->without_terminator()) {
    if (isa<row::ColumnOp>(op)) {
      mapping.map(op.getResult(0), column());
      continue;
    }
    SmallVector<Value> operands;
    for (Value operand : op.getOperands())
      operands.push_back(operandOf(operand));
    mapping.map(op.getResults(), apply(op, operands));
  }
  SmallVector<Value> yielded;
  for (Value value : element->getTerminator()->getOperands())
    yielded.push_back(operandOf(value));
  return yielded;
}

Value VectorRow::maskOut(Value vector, Value neutral, const Columns &columns) {
  if (!columns.isPartial())
    return vector;
  return arith::SelectOp::create(b, columns.mask, vector, neutral);
}

Value VectorRow::max(Value candidate, Value current) {
  switch (schedule.getIsa()) {
  case Isa::NEON:
  case Isa::SVE:
  case Isa::RVV: // one instruction that ignores NaN
    return arith::MaxNumFOp::create(b, candidate, current);
  default: // x86 max and wasm pmax: the comparison fails for NaN
    break;
  }
  Value larger =
      arith::CmpFOp::create(b, arith::CmpFPredicate::OGT, candidate, current);
  return arith::SelectOp::create(b, larger, candidate, current);
}

Value VectorRow::foldLanes(Value vector,
                           function_ref<Value(Value, Value)> combine,
                           bool isMax) {
  auto type = cast<VectorType>(vector.getType());
  if (schedule.isScalable())
    // The lanes are folded by the hardware's instruction; `reassoc` allows it
    // to be a tree. No mask and no NaN is involved in the maximum.
    return vector::ReductionOp::create(
        b, isMax ? vector::CombiningKind::MAXNUMF : vector::CombiningKind::ADD,
        vector, arith::FastMathFlags::reassoc);
  int64_t lanes = type.getDimSize(0);
  while (lanes > 1) {
    lanes /= 2;
    SmallVector<int64_t> low, high;
    for (int64_t i = 0; i < lanes; ++i) {
      low.push_back(i);
      high.push_back(i + lanes);
    }
    Value lower = vector::ShuffleOp::create(b, vector, vector, low);
    Value upper = vector::ShuffleOp::create(b, vector, vector, high);
    vector = combine(lower, upper);
  }
  return vector::ExtractOp::create(b, vector, ArrayRef<int64_t>{0});
}
