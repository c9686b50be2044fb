// What programs gain from what is known of their operands' layouts.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "lowering/cpu/Layout.h"

#include "lowering/cpu/Inner.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace mlir::softmax;

std::optional<int64_t> softmax::getVectorDimension(row::ProgramOp program,
                                                   Traversal traversal) {
  switch (traversal) {
  case Traversal::Reference:
    return std::nullopt;
  case Traversal::Stream:
    return program.getAxis();
  case Traversal::Inner:
    return InnerTraversal::laneDimension(program);
  }
  llvm_unreachable("unknown traversal");
}

/// The stride of an operand along a dimension of the iteration space and where
/// it has it; nothing for an operand without it.
static std::optional<std::pair<int64_t, unsigned>>
strideAlong(row::ProgramOp program, OpOperand &operand, int64_t dim) {
  auto type = dyn_cast<MemRefType>(operand.get().getType());
  AffineMap map = program.getMap(operand);
  SmallVector<int64_t> strides;
  int64_t offset;
  if (!type || !map.isFunctionOfDim(dim) ||
      failed(type.getStridesAndOffset(strides, offset)))
    return std::nullopt;
  unsigned position =
      *map.getResultPosition(getAffineDimExpr(dim, map.getContext()));
  return std::pair(strides[position], position);
}

bool softmax::hasUnitStrides(row::ProgramOp program, int64_t dim) {
  return llvm::all_of(program->getOpOperands(), [&](OpOperand &operand) {
    auto stride = strideAlong(program, operand, dim);
    return !stride || stride->first == 1;
  });
}

/// A memref's type with stride 1 at a dimension.
static MemRefType withUnitStride(MemRefType type, unsigned position) {
  SmallVector<int64_t> strides;
  int64_t offset;
  (void)type.getStridesAndOffset(strides, offset);
  strides[position] = 1;
  return MemRefType::get(
      type.getShape(), type.getElementType(),
      StridedLayoutAttr::get(type.getContext(), offset, strides),
      type.getMemorySpace());
}

/// Splits a program by its strides along `dim`; appends the parts.
static void splitByStride(row::ProgramOp program, int64_t dim,
                          RewriterBase &rewriter,
                          SmallVectorImpl<row::ProgramOp> &parts) {
  ImplicitLocOpBuilder b(program.getLoc(), rewriter);
  b.setInsertionPoint(program);
  SmallVector<std::pair<unsigned, unsigned>> unknown; // operand, position
  Value isUnit;
  for (OpOperand &operand : program->getOpOperands()) {
    auto stride = strideAlong(program, operand, dim);
    if (!stride || stride->first == 1)
      continue;
    if (ShapedType::isStatic(stride->first)) {
      parts.push_back(program);
      return;
    }
    auto metadata = memref::ExtractStridedMetadataOp::create(b, operand.get());
    Value one = arith::ConstantIndexOp::create(b, 1);
    Value own =
        arith::CmpIOp::create(b, arith::CmpIPredicate::eq,
                              metadata.getStrides()[stride->second], one);
    isUnit = isUnit ? arith::AndIOp::create(b, isUnit, own).getResult() : own;
    unknown.push_back({operand.getOperandNumber(), stride->second});
  }
  if (unknown.empty()) {
    parts.push_back(program);
    return;
  }
  auto branch =
      scf::IfOp::create(b, TypeRange(), isUnit, /*withElseRegion=*/true);
  b.setInsertionPointToStart(&branch.getThenRegion().front());
  auto dense = cast<row::ProgramOp>(b.clone(*program));
  b.setInsertionPoint(dense);
  for (auto [number, position] : unknown) {
    Value operand = program->getOperand(number);
    auto type = withUnitStride(cast<MemRefType>(operand.getType()), position);
    // Not memref.cast, which would be folded into loads of a single row.
    auto metadata = memref::ExtractStridedMetadataOp::create(b, operand);
    // What the type knows has to be a constant.
    auto known = [&](int64_t number, Value value) -> OpFoldResult {
      if (ShapedType::isDynamic(number))
        return value;
      return b.getIndexAttr(number);
    };
    SmallVector<int64_t> knownStrides;
    int64_t knownOffset;
    (void)type.getStridesAndOffset(knownStrides, knownOffset);
    SmallVector<OpFoldResult> sizes, strides;
    for (auto [extent, size] : llvm::zip(type.getShape(), metadata.getSizes()))
      sizes.push_back(known(extent, size));
    for (auto [stride, value] : llvm::zip(knownStrides, metadata.getStrides()))
      strides.push_back(known(stride, value));
    dense->setOperand(number, memref::ReinterpretCastOp::create(
                                  b, type, metadata.getBaseBuffer(),
                                  known(knownOffset, metadata.getOffset()),
                                  sizes, strides));
  }
  rewriter.moveOpBefore(program, branch.elseBlock()->getTerminator());
  parts.append({dense, program});
}

/// The dimensions of a program behind its class axis as one, if every operand
/// that has one of them has all, in order and without gaps in between.
static row::ProgramOp collapseInner(row::ProgramOp program,
                                    RewriterBase &rewriter) {
  int64_t first = program.getAxis() + 1;
  int64_t count = program.getSpaceRank() - first;
  bool usesIndex = false;
  program.walk([&](row::IndexOp op) {
    usesIndex |= static_cast<int64_t>(op.getDim()) >= first;
  });
  if (count < 2 || usesIndex)
    return program;
  SmallVector<AffineMap> maps;
  SmallVector<SmallVector<ReassociationIndices>> groups;
  for (OpOperand &operand : program->getOpOperands()) {
    AffineMap map = program.getMap(operand);
    SmallVector<ReassociationIndices> &own = groups.emplace_back();
    SmallVector<AffineExpr> kept;
    int64_t next = first;
    for (auto [position, expr] : llvm::enumerate(map.getResults())) {
      int64_t dim = cast<AffineDimExpr>(expr).getPosition();
      if (dim >= first && dim != next++)
        return program;
      if (dim <= first) {
        own.emplace_back();
        kept.push_back(expr);
      } else if (own.empty()) {
        return program;
      }
      own.back().push_back(position);
    }
    if (next != first && next != first + count)
      return program;
    auto type = dyn_cast<MemRefType>(operand.get().getType());
    if (next != first &&
        (!type || !memref::CollapseShapeOp::isGuaranteedCollapsible(type, own)))
      return program;
    if (next == first)
      own.clear();
    maps.push_back(AffineMap::get(first + 1, 0, kept, map.getContext()));
  }
  ImplicitLocOpBuilder b(program.getLoc(), rewriter);
  b.setInsertionPoint(program);
  SmallVector<Value> operands(program->getOperands());
  for (auto [operand, own] : llvm::zip(operands, groups))
    if (!own.empty())
      operand = memref::CollapseShapeOp::create(b, operand, own);
  auto collapsed = cast<row::ProgramOp>(b.clone(*program));
  collapsed->setOperands(operands);
  collapsed.setIndexingMapsAttr(b.getAffineMapArrayAttr(maps));
  rewriter.eraseOp(program);
  return collapsed;
}

SmallVector<row::ProgramOp>
softmax::specialize(ArrayRef<row::ProgramOp> programs, Traversal traversal,
                    RewriterBase &rewriter) {
  SmallVector<row::ProgramOp> parts;
  for (row::ProgramOp program : programs) {
    if (traversal == Traversal::Inner)
      program = collapseInner(program, rewriter);
    std::optional<int64_t> dim = getVectorDimension(program, traversal);
    if (dim && program.traversesRows())
      splitByStride(program, *dim, rewriter, parts);
    else
      parts.push_back(program);
  }
  return parts;
}
