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
  auto fail = LLVM::CallOp::create(b, TypeRange{b.getI32Type()}, name + "__fail",
                                   ValueRange{code, index});
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
  Value none = arith::CmpIOp::create(b, arith::CmpIPredicate::eq, elements,
                                     constant(0));
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
    int64_t knownElements = 1;
    SmallVector<Value> unknown;
    for (int64_t dim = 0; dim < buffer.type.getRank(); ++dim) {
      bool isDynamic = buffer.type.isDynamicDim(dim);
      int64_t id = ids && isDynamic ? ids[dim] : -1;
      Value extent = isDynamic ? extents[id]
                               : constant(buffer.type.getDimSize(dim));
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
  Value null = LLVM::ZeroOp::create(
      b, LLVM::LLVMPointerType::get(b.getContext()));
  Value zero = constant(0);
  for (Buffer &buffer : buffers) {
    Value isNull = LLVM::ICmpOp::create(b, LLVM::ICmpPredicate::eq,
                                        buffer.pointer, null);
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
    Value isNull =
        LLVM::ICmpOp::create(b, LLVM::ICmpPredicate::eq, hook, null);
    failIf(isNull, SMX_E_HOOK, -1);
    Value function = LLVM::LoadOp::create(
        b, LLVM::LLVMPointerType::get(b.getContext()), hook);
    Value noFunction =
        LLVM::ICmpOp::create(b, LLVM::ICmpPredicate::eq, function, null);
    failIf(noFunction, SMX_E_HOOK, -1);
  }
}

Footprint Entry::footprint(const Buffer &buffer) {
  Value zero = constant(0), one = constant(1);
  Footprint result;
  result.begin =
      LLVM::PtrToIntOp::create(b, b.getI64Type(), buffer.pointer);
  result.isEmpty = arith::CmpIOp::create(b, arith::CmpIPredicate::eq,
                                         buffer.elements, zero);
  if (!options.strided) {
    result.end = arith::AddIOp::create(b, result.begin, buffer.bytes);
    result.isFull = arith::ConstantOp::create(b, b.getBoolAttr(true));
    return result;
  }
  // The elements with the lowest and the highest address, by signed strides.
  Value low = zero, high = zero;
  for (auto [extent, stride] : llvm::zip(buffer.extents, buffer.strides)) {
    Value reach = arith::MulIOp::create(
        b, arith::SubIOp::create(b, extent, one), stride);
    low = arith::AddIOp::create(b, low, arith::MinSIOp::create(b, reach, zero));
    high =
        arith::AddIOp::create(b, high, arith::MaxSIOp::create(b, reach, zero));
  }
  high = arith::AddIOp::create(b, high, one);
  Value span = arith::SubIOp::create(b, high, low);
  result.isFull = arith::CmpIOp::create(b, arith::CmpIPredicate::eq, span,
                                        buffer.elements);
  Value size = constant(
      llvm::divideCeil(buffer.type.getElementTypeBitWidth(), 8));
  result.end = arith::AddIOp::create(b, result.begin,
                                     arith::MulIOp::create(b, high, size));
  result.begin = arith::AddIOp::create(b, result.begin,
                                       arith::MulIOp::create(b, low, size));
  return result;
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
/// be the same buffer. Of tensors with strides two views of one buffer may lie
/// in each other's gaps: they are refused when they surely share an element,
/// because they begin at the same address or have no gaps.
void Entry::checkOverlap() {
  auto compare = [&](arith::CmpIPredicate predicate, Value x, Value y) -> Value {
    return arith::CmpIOp::create(b, predicate, x, y);
  };
  SmallVector<Footprint> places;
  for (const Buffer &buffer : buffers)
    places.push_back(footprint(buffer));
  Value yes = arith::ConstantOp::create(b, b.getBoolAttr(true));
  for (auto [i, written] : llvm::enumerate(buffers)) {
    if (!written.isWritten)
      continue;
    for (auto [j, other] : llvm::enumerate(buffers)) {
      if (i == j || (other.isWritten && j < i))
        continue; // a pair of results is looked at once
      const Footprint &x = places[i], &y = places[j];
      Value overlap = arith::AndIOp::create(
          b, compare(arith::CmpIPredicate::ult, x.begin, y.end),
          compare(arith::CmpIPredicate::ult, y.begin, x.end));
      Value same = LLVM::ICmpOp::create(b, LLVM::ICmpPredicate::eq,
                                        written.pointer, other.pointer);
      if (options.strided) {
        Value full = arith::AndIOp::create(b, x.isFull, y.isFull);
        overlap = arith::AndIOp::create(
            b, overlap, arith::OrIOp::create(b, same, full));
      }
      // A tensor without elements overlaps nothing.
      Value empty = arith::OrIOp::create(b, x.isEmpty, y.isEmpty);
      overlap = arith::AndIOp::create(b, overlap,
                                      arith::XOrIOp::create(b, empty, yes));
      if (mayBeEqual(written, other)) {
        Value allowed = arith::AndIOp::create(
            b, same, haveEqualStrides(written, other));
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
  Value position =
      arith::IndexCastOp::create(b, i64, loop.getInductionVar());
  Value nextRow = arith::AddIOp::create(
      b, arith::MulIOp::create(b, row, extent), position);
  Value found =
      firstBadLabel(b, labels, extents, nextRow,
                    loop.getRegionIterArg(0), classes, ignored, indices);
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
