// The writing sweep of the stream traversal.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "lowering/cpu/Stream.h"

#include "lowering/Floats.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace mlir::softmax;

static constexpr int64_t kCacheLine = 64;

static int64_t elementBytes(Value row) {
  return cast<MemRefType>(row.getType()).getElementTypeBitWidth() / 8;
}

std::optional<std::string> StreamTraversal::whyNot(row::ProgramOp program) {
  for (OpOperand &operand : program->getOpOperands()) {
    AffineMap map = program.getMap(operand);
    if (program.hasAxis(map) &&
        map.getDimPosition(map.getNumResults() - 1) != program.getAxis())
      return "the class axis of operand #" +
             std::to_string(operand.getOperandNumber()) +
             " is not the last one";
  }
  return std::nullopt;
}

void StreamTraversal::begin() {
  if (schedule.getNontemporal() < 0)
    return;
  Value output;
  for (auto [i, value] : llvm::enumerate(program.getOutputs()))
    if (program.hasAxis(program.getOutputMap(i))) {
      if (output)
        return; // two streams of stores: not worth it
      output = value;
    }
  if (!output || !hasUnitStride(output))
    return;
  Value elements = b.createOrFold<arith::MulIOp>(rowCount, extent);
  Value bytes =
      b.createOrFold<arith::MulIOp>(elements, index(elementBytes(output)));
  Value large = b.createOrFold<arith::CmpIOp>(
      arith::CmpIPredicate::uge, bytes, index(schedule.getNontemporal()));
  if (std::optional<int64_t> known = getConstantIntValue(large))
    if (*known == 0)
      return;
  nontemporal = large;
}

void StreamTraversal::endTask() {
  if (!nontemporal)
    return;
  // Orders the non-temporal stores before whatever tells others of the result.
  scf::IfOp::create(b, nontemporal, [&](OpBuilder &nested, Location loc) {
    LLVM::CallIntrinsicOp::create(nested, loc,
                                  nested.getStringAttr("llvm.x86.sse.sfence"),
                                  ValueRange());
    scf::YieldOp::create(nested, loc);
  });
}

void StreamTraversal::map(ArrayRef<row::MapOp> maps, ArrayRef<Value> outputs,
                          Value end) {
  SmallVector<Override> overrides;
  for (row::MapOp map : maps) {
    if (map.getColumn())
      overrides.push_back({values.lookupOrDefault(map.getColumn()),
                           values.lookupOrDefault(map.getValue())});
    else
      overrides.push_back({});
  }
  write(outputs, overrides, index(0), end, [&](const Columns &columns) {
    SmallVector<Value> results;
    for (row::MapOp map : maps) {
      prefetch(map.getRows(), columns);
      results.push_back(
          elementsAt(map.getElement(), map.getRows(), columns).front());
    }
    return results;
  });
}

void StreamTraversal::fill(Value output, Value value, Value from) {
  write({output}, {Override()}, from, extent,
        [&](const Columns &) -> SmallVector<Value> {
          return {vectors.splat(value)};
        });
}

void StreamTraversal::write(ArrayRef<Value> outputs,
                            ArrayRef<Override> overrides, Value from, Value to,
                            Compute compute) {
  auto plain = [&] {
    writePlain(outputs, from, to, compute);
    for (auto [output, override] : llvm::zip(outputs, overrides)) {
      if (!override.column)
        continue;
      auto guarded =
          scf::IfOp::create(b, TypeRange(), inRow(override.column), false);
      OpBuilder::InsertionGuard guard(b);
      b.setInsertionPointToStart(&guarded.getThenRegion().front());
      storeElement(b, override.value, output, override.column);
    }
  };
  if (!nontemporal) {
    plain();
    return;
  }
  auto branch =
      scf::IfOp::create(b, TypeRange(), nontemporal, /*withElseRegion=*/true);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(&branch.getThenRegion().front());
  writeNontemporal(outputs.front(), overrides.front(), from, to, compute);
  b.setInsertionPointToStart(&branch.getElseRegion().front());
  plain();
}

/// A vector after the other, the last one partial, then none.
static void forEachPartial(ImplicitLocOpBuilder &b, VectorRow &vectors,
                           Value from, Value to,
                           function_ref<void(const Columns &)> body) {
  auto loop = scf::ForOp::create(b, from, to, vectors.lanes());
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(loop.getBody());
  body(vectors.partial(loop.getInductionVar(), to));
}

void StreamTraversal::writePlain(ArrayRef<Value> outputs, Value from, Value to,
                                 Compute compute) {
  auto storeAll = [&](const Columns &columns) {
    // Every element is read before one is written: outputs may be inputs.
    for (auto [vector, output] : llvm::zip(compute(columns), outputs))
      vectors.store(vector, output, columns);
  };
  Value stride = stepColumns();
  Value length = b.createOrFold<arith::SubIOp>(to, from);
  Value rest = b.createOrFold<arith::RemUIOp>(length, stride);
  Value mainEnd = b.createOrFold<arith::SubIOp>(to, rest);
  auto loop = scf::ForOp::create(b, from, mainEnd, stride);
  {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(loop.getBody());
    Value column = loop.getInductionVar();
    for (int64_t u = 0; u < schedule.getUnroll(); ++u) {
      storeAll({column, {}, {}, u});
      if (u + 1 < schedule.getUnroll())
        column = arith::AddIOp::create(b, column, vectors.lanes());
    }
  }
  forEachPartial(b, vectors, mainEnd, to, storeAll);
}

void StreamTraversal::writeNontemporal(Value output, Override override,
                                       Value from, Value to, Compute compute) {
  int64_t bytes = elementBytes(output);
  // Ordinary stores up to the first whole line.
  auto metadata = memref::ExtractStridedMetadataOp::create(b, output);
  Value pointer = memref::ExtractAlignedPointerAsIndexOp::create(b, output);
  Value offset =
      arith::MulIOp::create(b, metadata.getOffset(), index(bytes));
  offset = b.createOrFold<arith::AddIOp>(
      offset, b.createOrFold<arith::MulIOp>(from, index(bytes)));
  Value address = arith::AddIOp::create(b, pointer, offset);
  Value missing = arith::AndIOp::create(
      b, arith::SubIOp::create(b, index(0), address), index(kCacheLine - 1));
  Value head = arith::DivUIOp::create(b, missing, index(bytes));
  head = b.createOrFold<arith::AddIOp>(from, head);
  head = arith::MinUIOp::create(b, head, to);
  auto storeAll = [&](const Columns &columns) {
    vectors.store(compute(columns).front(), output, columns);
  };
  forEachPartial(b, vectors, from, head, storeAll);

  Value stride = stepColumns();
  Value length = arith::SubIOp::create(b, to, head);
  Value rest = arith::RemUIOp::create(b, length, stride);
  Value mainEnd = arith::SubIOp::create(b, to, rest);
  auto loop = scf::ForOp::create(b, head, mainEnd, stride);
  {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(loop.getBody());
    SmallVector<Columns> steps;
    SmallVector<Value> results;
    Value column = loop.getInductionVar();
    for (int64_t u = 0; u < schedule.getUnroll(); ++u) {
      steps.push_back({column, {}, {}, u});
      results.push_back(compute(steps.back()).front());
      if (u + 1 < schedule.getUnroll())
        column = arith::AddIOp::create(b, column, vectors.lanes());
    }
    auto stream = [&] {
      for (auto [result, columns] : llvm::zip(results, steps))
        vectors.storeNontemporal(result, output, columns);
    };
    if (!override.column) {
      stream();
    } else {
      // A line must not be touched after a non-temporal store to it, so the
      // step that holds the overridden column is stored the ordinary way.
      Value distance = arith::SubIOp::create(b, override.column,
                                             loop.getInductionVar());
      Value here = arith::CmpIOp::create(b, arith::CmpIPredicate::ult,
                                         distance, stride);
      auto branch =
          scf::IfOp::create(b, TypeRange(), here, /*withElseRegion=*/true);
      b.setInsertionPointToStart(&branch.getThenRegion().front());
      for (auto [result, columns] : llvm::zip(results, steps))
        vectors.store(result, output, columns);
      storeElement(b, override.value, output, override.column);
      b.setInsertionPointToStart(&branch.getElseRegion().front());
      stream();
    }
  }
  forEachPartial(b, vectors, mainEnd, to, storeAll);
  if (!override.column)
    return;
  Value beforeHead = arith::CmpIOp::create(b, arith::CmpIPredicate::ult,
                                           override.column, head);
  Value afterMain = arith::CmpIOp::create(b, arith::CmpIPredicate::uge,
                                          override.column, mainEnd);
  Value outside = arith::OrIOp::create(b, beforeHead, afterMain);
  Value guardedColumn =
      arith::AndIOp::create(b, outside, inRow(override.column));
  auto guarded = scf::IfOp::create(b, TypeRange(), guardedColumn, false);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(&guarded.getThenRegion().front());
  storeElement(b, override.value, output, override.column);
}
