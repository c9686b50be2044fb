// What a C entry checks before anything is written.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "codegen/Passes.h"
#include "codegen/cpu/Entry.h"
#include "runtime/smx_abi.h"

#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace mlir::softmax;

void Entry::failIf(Value condition, int32_t status, Value index) {
  Block *current = b.getInsertionBlock();
  Block *failed = b.createBlock(&entry.getBody());
  Value code = arith::ConstantOp::create(b, b.getI32IntegerAttr(status));
  auto fail = LLVM::CallOp::create(b, TypeRange{b.getI32Type()},
                                   name + "__fail", ValueRange{code, index});
  func::ReturnOp::create(b, fail.getResult());
  Block *next = b.createBlock(&entry.getBody());
  b.setInsertionPointToEnd(current);
  cf::CondBranchOp::create(b, condition, failed, next);
  b.setInsertionPointToStart(next);
}

/// Without elements to write there is nothing to do, however many rows of no
/// columns there are.
void Entry::returnIfEmpty() {
  Value elements = constant(0);
  for (Buffer &buffer : buffers)
    if (buffer.isWritten)
      elements = b.createOrFold<arith::OrIOp>(elements, buffer.elements);
  Block *current = b.getInsertionBlock();
  Block *empty = b.createBlock(&entry.getBody());
  Value code = arith::ConstantOp::create(b, b.getI32IntegerAttr(SMX_OK));
  func::ReturnOp::create(b, code);
  Block *next = b.createBlock(&entry.getBody());
  b.setInsertionPointToEnd(current);
  Value none =
      arith::CmpIOp::create(b, arith::CmpIPredicate::eq, elements, constant(0));
  cf::CondBranchOp::create(b, none, empty, next);
  b.setInsertionPointToStart(next);
}

/// Extents are not negative, and the bytes of a tensor are countable.
void Entry::checkExtents() {
  Value zero = constant(0);
  for (Value extent : extents) {
    Value negative =
        arith::CmpIOp::create(b, arith::CmpIPredicate::slt, extent, zero);
    failIf(negative, SMX_E_EXTENT, -1);
  }
  for (Buffer &buffer : buffers) {
    auto ids = kernel.getArgAttrOfType<DenseI64ArrayAttr>(buffer.argument,
                                                          kExtentsName);
    int64_t known = llvm::divideCeil(buffer.type.getElementTypeBitWidth(), 8);
    // Unsigned: next to an extent of 0 the others may be of any size.
    uint64_t knownElements = 1;
    SmallVector<Value> unknown;
    for (int64_t dim = 0; dim < buffer.type.getRank(); ++dim) {
      bool isDynamic = buffer.type.isDynamicDim(dim);
      int64_t id = ids && isDynamic ? ids[dim] : -1;
      Value extent =
          isDynamic ? extents[id] : constant(buffer.type.getDimSize(dim));
      buffer.extents.push_back(extent);
      if (isDynamic)
        unknown.push_back(extent);
      else
        knownElements *= buffer.type.getDimSize(dim);
    }
    buffer.elements = constant(knownElements);
    buffer.bytes = constant(knownElements * known);
    for (Value extent : unknown) {
      buffer.elements = arith::MulIOp::create(b, buffer.elements, extent);
      auto product = arith::MulUIExtendedOp::create(b, buffer.bytes, extent);
      Value overflow = arith::CmpIOp::create(b, arith::CmpIPredicate::ne,
                                             product.getHigh(), zero);
      Value top = arith::CmpIOp::create(b, arith::CmpIPredicate::slt,
                                        product.getLow(), zero);
      failIf(arith::OrIOp::create(b, overflow, top), SMX_E_EXTENT,
             buffer.argument);
      buffer.bytes = product.getLow();
    }
  }
}

void Entry::checkPointers() {
  Value null =
      LLVM::ZeroOp::create(b, LLVM::LLVMPointerType::get(b.getContext()));
  Value zero = constant(0);
  for (Buffer &buffer : buffers) {
    Value isNull =
        LLVM::ICmpOp::create(b, LLVM::ICmpPredicate::eq, buffer.pointer, null);
    Value hasElements = arith::CmpIOp::create(b, arith::CmpIPredicate::ne,
                                              buffer.elements, zero);
    failIf(arith::AndIOp::create(b, isNull, hasElements), SMX_E_NULL,
           buffer.argument);
    if (!options.strided || !buffer.isWritten)
      continue;
    // A result with stride 0 would be written more than once.
    for (auto [extent, stride] : llvm::zip(buffer.extents, buffer.strides)) {
      Value broadcast =
          arith::CmpIOp::create(b, arith::CmpIPredicate::eq, stride, zero);
      Value several = arith::CmpIOp::create(b, arith::CmpIPredicate::sgt,
                                            extent, constant(1));
      failIf(arith::AndIOp::create(b, broadcast, several), SMX_E_STRIDE,
             buffer.argument);
    }
  }
  if (hook) {
    Value isNull = LLVM::ICmpOp::create(b, LLVM::ICmpPredicate::eq, hook, null);
    failIf(isNull, SMX_E_HOOK, -1);
    Value function = LLVM::LoadOp::create(
        b, LLVM::LLVMPointerType::get(b.getContext()), hook);
    Value noFunction =
        LLVM::ICmpOp::create(b, LLVM::ICmpPredicate::eq, function, null);
    failIf(noFunction, SMX_E_HOOK, -1);
  }
}

Span Entry::spanOf(const Buffer &buffer, Value period) {
  Value zero = constant(0), size = sizeOf(buffer);
  Value start = LLVM::PtrToIntOp::create(b, b.getI64Type(), buffer.pointer);
  if (!options.strided)
    return {start, arith::AddIOp::create(b, start, buffer.bytes)};
  // The elements with the lowest and the highest address, by signed strides.
  Value low = zero, high = size;
  for (auto [extent, stride] : llvm::zip(buffer.extents, buffer.strides)) {
    Value bytes = arith::MulIOp::create(b, stride, size);
    Value reach = arith::MulIOp::create(
        b, arith::SubIOp::create(b, extent, constant(1)), bytes);
    if (period) {
      Value rest = arith::RemSIOp::create(b, bytes, period);
      Value isMultiple =
          arith::CmpIOp::create(b, arith::CmpIPredicate::eq, rest, zero);
      reach = arith::SelectOp::create(b, isMultiple, zero, reach);
    }
    low = arith::AddIOp::create(b, low, arith::MinSIOp::create(b, reach, zero));
    high =
        arith::AddIOp::create(b, high, arith::MaxSIOp::create(b, reach, zero));
  }
  return {arith::AddIOp::create(b, start, low),
          arith::AddIOp::create(b, start, high)};
}

/// Two views of one buffer, such as two ranges of columns of a matrix, have
/// spans that meet but no element in common. Modulo the stride of a row each of
/// them is a range of columns: when these do not meet, nothing does.
Value Entry::meet(const Buffer &x, const Buffer &y) {
  auto compare = [&](arith::CmpIPredicate predicate, Value left,
                     Value right) -> Value {
    return arith::CmpIOp::create(b, predicate, left, right);
  };
  Span ofX = spanOf(x), ofY = spanOf(y);
  Value overlap = arith::AndIOp::create(
      b, compare(arith::CmpIPredicate::ult, ofX.begin, ofY.end),
      compare(arith::CmpIPredicate::ult, ofY.begin, ofX.end));
  // A tensor without elements meets nothing.
  for (const Buffer *each : {&x, &y})
    overlap = arith::AndIOp::create(
        b, overlap,
        compare(arith::CmpIPredicate::ne, each->elements, constant(0)));
  if (!options.strided || x.strides.empty())
    return overlap;
  auto closer = scf::IfOp::create(b, b.getI1Type(), overlap, true);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(&closer.getElseRegion().front());
  scf::YieldOp::create(b, overlap);
  b.setInsertionPointToStart(&closer.getThenRegion().front());
  Value result = overlap, one = constant(1), zero = constant(0);
  for (Value stride : x.strides) {
    Value period = arith::MulIOp::create(b, stride, sizeOf(x));
    period = arith::MaxSIOp::create(
        b, period, arith::SubIOp::create(b, zero, period)); // its magnitude
    period = arith::MaxSIOp::create(b, period, one);        // not 0
    Span first = spanOf(x, period), second = spanOf(y, period);
    Value distance = arith::RemSIOp::create(
        b, arith::SubIOp::create(b, second.begin, first.begin), period);
    Value isNegative = compare(arith::CmpIPredicate::slt, distance, zero);
    distance = arith::SelectOp::create(
        b, isNegative, arith::AddIOp::create(b, distance, period), distance);
    // x covers [0, width) of the period, y [distance, distance + width).
    Value behind = compare(arith::CmpIPredicate::sge, distance,
                           arith::SubIOp::create(b, first.end, first.begin));
    Value end = arith::AddIOp::create(
        b, distance, arith::SubIOp::create(b, second.end, second.begin));
    Value within = compare(arith::CmpIPredicate::sle, end, period);
    Value apart = arith::AndIOp::create(b, behind, within);
    result = arith::SelectOp::create(
        b, apart, arith::ConstantOp::create(b, b.getBoolAttr(false)), result);
  }
  scf::YieldOp::create(b, result);
  return closer.getResult(0);
}

Value Entry::haveEqualStrides(const Buffer &x, const Buffer &y) {
  Value equal = arith::ConstantOp::create(b, b.getBoolAttr(true));
  for (auto [own, other] : llvm::zip(x.strides, y.strides))
    equal = arith::AndIOp::create(
        b, equal,
        arith::CmpIOp::create(b, arith::CmpIPredicate::eq, own, other));
  return equal;
}

/// No result shares memory with another tensor, except when it was declared to
/// be the same buffer.
void Entry::checkOverlap() {
  Value yes = arith::ConstantOp::create(b, b.getBoolAttr(true));
  for (auto [i, written] : llvm::enumerate(buffers)) {
    if (!written.isWritten)
      continue;
    for (auto [j, other] : llvm::enumerate(buffers)) {
      if (i == j || (other.isWritten && j < i))
        continue; // a pair of results is looked at once
      Value overlap = meet(written, other);
      if (mayBeEqual(written, other)) {
        Value same = LLVM::ICmpOp::create(b, LLVM::ICmpPredicate::eq,
                                          written.pointer, other.pointer);
        Value allowed =
            arith::AndIOp::create(b, same, haveEqualStrides(written, other));
        overlap = arith::AndIOp::create(b, overlap,
                                        arith::XOrIOp::create(b, allowed, yes));
      }
      failIf(overlap, SMX_E_ALIAS, written.argument);
    }
  }
}

/// Loops over the labels, dimension after dimension, and returns the number of
/// the first row whose label is outside [0, classes) and not the ignored one.
static Value firstBadLabel(ImplicitLocOpBuilder &b, Value labels,
                           ArrayRef<Value> extents, Value row, Value best,
                           Value classes, int64_t ignored,
                           SmallVectorImpl<Value> &indices) {
  Type i64 = b.getI64Type();
  if (indices.size() == extents.size()) {
    Value label = memref::LoadOp::create(b, labels, indices);
    if (label.getType().isInteger(8))
      label = arith::ExtUIOp::create(b, i64, label);
    else if (label.getType() != i64)
      label = arith::ExtSIOp::create(b, i64, label);
    Value ignore = arith::ConstantOp::create(b, b.getI64IntegerAttr(ignored));
    Value counts =
        arith::CmpIOp::create(b, arith::CmpIPredicate::ne, label, ignore);
    Value outside =
        arith::CmpIOp::create(b, arith::CmpIPredicate::uge, label, classes);
    Value bad = arith::AndIOp::create(b, counts, outside);
    Value earlier = arith::MinUIOp::create(b, best, row);
    return arith::SelectOp::create(b, bad, earlier, best);
  }
  Value extent = extents[indices.size()];
  Value zero = arith::ConstantIndexOp::create(b, 0);
  Value one = arith::ConstantIndexOp::create(b, 1);
  Value end = arith::IndexCastOp::create(b, b.getIndexType(), extent);
  auto loop = scf::ForOp::create(b, zero, end, one, ValueRange{best});
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(loop.getBody());
  indices.push_back(loop.getInductionVar());
  Value position = arith::IndexCastOp::create(b, i64, loop.getInductionVar());
  Value nextRow =
      arith::AddIOp::create(b, arith::MulIOp::create(b, row, extent), position);
  Value found =
      firstBadLabel(b, labels, extents, nextRow, loop.getRegionIterArg(0),
                    classes, ignored, indices);
  scf::YieldOp::create(b, found);
  indices.pop_back();
  return loop.getResult(0);
}

void Entry::checkLabels() {
  for (Buffer &buffer : buffers) {
    auto labels = kernel.getArgAttrOfType<DenseI64ArrayAttr>(buffer.argument,
                                                             kLabelsName);
    if (!labels)
      continue;
    int64_t ignored = labels[0], known = labels[1];
    Value classes;
    if (known >= 0) {
      classes = constant(known);
    } else {
      Buffer *logits = llvm::find_if(buffers, [&](const Buffer &other) {
        return other.argument == labels[2];
      });
      classes = logits->extents[labels[3]];
    }
    Value none = constant(-1); // the largest unsigned number
    SmallVector<Value> indices;
    Value first = firstBadLabel(b, buffer.memref, buffer.extents, constant(0),
                                none, classes, ignored, indices);
    Value found =
        arith::CmpIOp::create(b, arith::CmpIPredicate::ne, first, none);
    failIf(found, SMX_E_TARGET, first);
  }
}
