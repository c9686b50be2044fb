// Maps of a GPU kernel: the results of a row.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "lowering/gpu/RowKernel.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace mlir::softmax;

/// Lets results of 16 bits do with less. Not where the sums, which need more,
/// and the results have their exponentials in common.
void RowKernel::roundExponentials(row::MapOp map, const Operand &output) {
  bool sharesExponentials = schedule.getResidence() == Residence::Registers;
  auto type = cast<MemRefType>(output.memory.getType());
  if (schedule.getExp() != Exponential::Product ||
      type.getElementTypeBitWidth() > 16 ||
      (sharesExponentials && !roundsSums()))
    return;
  map.getElement().walk([](Operation *op) {
    if (auto exp = dyn_cast<row::ExpNonPositiveOp>(op))
      exp.setRounded(true);
    if (auto exp = dyn_cast<math::ExpOp>(op)) // of any argument
      exp.setFastmath(arith::FastMathFlags::afn);
  });
}

void RowKernel::emitMaps(ArrayRef<row::MapOp> maps,
                         ArrayRef<unsigned> numbers) {
  if (maps.empty())
    return;
  row::MapOp first = maps.front();
  until = first.getUntil();
  for (auto [map, number] : llvm::zip(maps, numbers))
    roundExponentials(map, outputs[number]);
  Value end = until ? endOfColumns(until) : Value();
  auto scalarOf = [&](Value value) {
    return values.contains(value) ? values.lookup(value) : kernel.value(value);
  };
  // The loop of a row in memory runs over `active` rows; a skipped row is
  // written too.
  Value reads = active;
  if (schedule.getResidence() != Residence::Registers)
    active = inRange;
  sweep(extent, {}, [&](const Columns &columns, ValueRange) {
    SmallVector<Value> results;
    auto compute = [&](row::MapOp map, unsigned number) {
      const Operand &output = outputs[number];
      Value result = toStored(output, emitElement(map.getElementBlock(),
                                                  map.getRows(), columns)[0]);
      if (!until)
        return result;
      Value otherwise = toStored(output, scalarOf(map.getOtherwise()));
      return arith::SelectOp::create(b, validColumns(columns.first, end),
                                     result, splat(otherwise))
          .getResult();
    };
    auto skippedResult = [&](unsigned number) {
      return splat(toStored(outputs[number], skippedValues[number]));
    };
    if (skipped && columns.step < 0) {
      // Elements of a skipped row are not even read.
      chunkAtHand = {columns};
      SmallVector<Type> types;
      for (unsigned number : numbers)
        types.push_back(
            vectorOf(cast<MemRefType>(outputs[number].memory.getType())
                         .getElementType()));
      auto branch = scf::IfOp::create(b, types, reads, /*withElseRegion=*/true);
      OpBuilder::InsertionGuard guard(b);
      b.setInsertionPointToStart(&branch.getThenRegion().front());
      SmallVector<Value> computed, constants;
      for (auto [map, number] : llvm::zip(maps, numbers))
        computed.push_back(compute(map, number));
      scf::YieldOp::create(b, computed);
      b.setInsertionPointToStart(&branch.getElseRegion().front());
      for (unsigned number : numbers)
        constants.push_back(skippedResult(number));
      scf::YieldOp::create(b, constants);
      results.assign(branch.result_begin(), branch.result_end());
    } else {
      for (auto [map, number] : llvm::zip(maps, numbers)) {
        Value result = compute(map, number);
        if (skipped)
          result = arith::SelectOp::create(b, splat(skipped),
                                           skippedResult(number), result);
        results.push_back(result);
      }
    }
    SmallVector<SmallVector<Value>> words;
    for (auto [result, number] : llvm::zip(results, numbers))
      words.push_back(shiftForStore(outputs[number], result));
    auto writes = scf::IfOp::create(b, inRange);
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(&writes.getThenRegion().front());
    for (auto [result, shifted, number] : llvm::zip(results, words, numbers))
      store(outputs[number], columns, result, shifted);
    return SmallVector<Value>();
  });
  active = reads;
  for (size_t i = 0; i < maps.size(); ++i)
    if (row::MapOp map = maps[i]; map.getColumn())
      overrideColumn(map, outputs[numbers[i]]);
}

/// The thread that has just stored the column stores it once more, which is
/// cheaper than comparing every column.
void RowKernel::overrideColumn(row::MapOp map, const Operand &output) {
  Value column = values.lookupOrDefault(map.getColumn());
  Value owner =
      arith::DivUIOp::create(b, column, kernel.index(schedule.getVector()));
  owner = arith::RemUIOp::create(b, owner, kernel.index(group.getThreads()));
  owner = storerOf(output, column, owner);
  Value mine =
      arith::CmpIOp::create(b, arith::CmpIPredicate::eq, owner, group.rank());
  Value writes = arith::AndIOp::create(
      b, arith::AndIOp::create(b, active, inRow(column)), mine);
  if (slice) {
    Value own = arith::DivUIOp::create(b, column, kernel.value(slices->width));
    own = arith::CmpIOp::create(b, arith::CmpIPredicate::eq, own, slice);
    writes = arith::AndIOp::create(b, writes, own);
  }
  Value value = values.contains(map.getValue()) ? values.lookup(map.getValue())
                                                : kernel.value(map.getValue());
  auto branch = scf::IfOp::create(b, writes);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(&branch.getThenRegion().front());
  value = toStored(output, value);
  if (output.columnStride)
    column = arith::MulIOp::create(b, column, output.columnStride);
  Value at = arith::AddIOp::create(b, output.base, column);
  memref::StoreOp::create(b, value, output.memory, ValueRange{at});
}
