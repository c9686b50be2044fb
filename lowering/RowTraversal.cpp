// Tasks of rows, and their totals.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "lowering/RowTraversal.h"

#include "lowering/Floats.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/TypeUtilities.h"

using namespace mlir;
using namespace mlir::softmax;

/// Totals are summed per task and then over the tasks. The number of tasks
/// depends on the number of rows only, so that threads cannot change a result.
static constexpr int64_t kMaxTotalTasks = 256;

Value RowTraversal::index(int64_t value) {
  return arith::ConstantIndexOp::create(b, value);
}

bool RowTraversal::isTotal(unsigned output) {
  return program.getOutputMap(output).getNumResults() == 0;
}

SmallVector<int64_t> RowTraversal::rowDimensions() {
  SmallVector<int64_t> dims;
  for (int64_t dim = 0; dim < program.getSpaceRank(); ++dim)
    if (dim != program.getAxis())
      dims.push_back(dim);
  return dims;
}

Value RowTraversal::extentOf(int64_t dim) {
  auto [operand, position] = program.getBound(dim);
  return b.createOrFold<memref::DimOp>(operand, position);
}

void RowTraversal::delinearize(Value number, ArrayRef<int64_t> dims) {
  indices.resize(program.getSpaceRank());
  for (int64_t dim : llvm::reverse(dims)) {
    if (dim == dims.front()) {
      indices[dim] = number;
      break;
    }
    Value size = extentOf(dim);
    indices[dim] = arith::RemUIOp::create(b, number, size);
    number = arith::DivUIOp::create(b, number, size);
  }
}

LogicalResult RowTraversal::run() {
  for (Value operand : program->getOperands())
    if (isa<TensorType>(operand.getType()))
      return program.emitOpError("expected memrefs, bufferize first");
  if (std::optional<std::string> reason = unsupported())
    return program.emitOpError("cannot be traversed as '")
           << stringifyTraversal(schedule.getTraversal()) << "': " << *reason;

  b.setInsertionPoint(program);
  extent = program.traversesRows() ? extentOf(program.getAxis()) : index(0);
  rowCount = index(1);
  for (int64_t dim : rowDimensions())
    rowCount = b.createOrFold<arith::MulIOp>(rowCount, extentOf(dim));
  begin();

  SmallVector<unsigned> totalOutputs;
  for (unsigned i = 0, e = program.getOutputs().size(); i < e; ++i)
    if (isTotal(i))
      totalOutputs.push_back(i);
  bool parallel =
      schedule.getThreads() != Threads::None && program.traversesRows();

  // Tasks of equally many rows, the last one possibly smaller.
  Value taskRows = index(schedule.getRowsPerTask());
  if (!totalOutputs.empty()) {
    Value least =
        b.createOrFold<arith::CeilDivUIOp>(rowCount, index(kMaxTotalTasks));
    taskRows = b.createOrFold<arith::MaxUIOp>(least, taskRows);
    Value step = index(rowsPerStep());
    taskRows = b.createOrFold<arith::MulIOp>(
        b.createOrFold<arith::CeilDivUIOp>(taskRows, step), step);
  } else if (!parallel) {
    taskRows = b.createOrFold<arith::MaxUIOp>(rowCount, index(1));
  }
  Value tasks = b.createOrFold<arith::CeilDivUIOp>(rowCount, taskRows);
  Value zeroTotal = arith::ConstantOp::create(b, b.getF64FloatAttr(0));
  /// One task; the result is a plain value for every total.
  auto emitTask = [&](Value task) {
    Totals totals(2 * totalOutputs.size(), zeroTotal);
    Value from = b.createOrFold<arith::MulIOp>(task, taskRows);
    Value to = b.createOrFold<arith::MinUIOp>(
        rowCount, b.createOrFold<arith::AddIOp>(from, taskRows));
    emitRows(from, to, totals);
    endTask();
    SmallVector<Value> plain;
    for (size_t i = 0; i < totals.size(); i += 2)
      plain.push_back(arith::AddFOp::create(b, totals[i], totals[i + 1]));
    return plain;
  };

  // With up to 256 tasks their sum needs the compensation, too.
  auto addTotals = [&](ValueRange carried, ValueRange totals) {
    SmallVector<Value> next;
    for (auto [i, total] : llvm::enumerate(totals))
      llvm::append_range(next,
                         addCompensated(b, carried.slice(2 * i, 2), total));
    return next;
  };
  SmallVector<Value> zero(2 * totalOutputs.size(), zeroTotal);
  SmallVector<Value> sums = zero;
  if (!parallel) {
    auto loop = scf::ForOp::create(b, index(0), tasks, index(1), zero);
    {
      OpBuilder::InsertionGuard guard(b);
      b.setInsertionPointToStart(loop.getBody());
      SmallVector<Value> next =
          addTotals(loop.getRegionIterArgs(), emitTask(loop.getInductionVar()));
      if (!next.empty())
        scf::YieldOp::create(b, next);
    }
    sums.assign(loop.result_begin(), loop.result_end());
  } else {
    SmallVector<Value> partials;
    for (size_t i = 0; i < totalOutputs.size(); ++i)
      partials.push_back(memref::AllocaOp::create(
          b, MemRefType::get({kMaxTotalTasks}, b.getF64Type())));
    auto loop =
        scf::ParallelOp::create(b, ValueRange{index(0)}, ValueRange{tasks},
                                ValueRange{index(1)}, ValueRange());
    loop->setAttr("row.tasks", b.getUnitAttr());
    {
      OpBuilder::InsertionGuard guard(b);
      b.setInsertionPointToStart(loop.getBody());
      SmallVector<Value> totals = emitTask(loop.getInductionVars().front());
      for (auto [total, partial] : llvm::zip(totals, partials))
        memref::StoreOp::create(b, total, partial,
                                loop.getInductionVars().front());
    }
    if (!partials.empty()) {
      auto gather = scf::ForOp::create(b, index(0), tasks, index(1), zero);
      OpBuilder::InsertionGuard guard(b);
      b.setInsertionPointToStart(gather.getBody());
      SmallVector<Value> totals;
      for (Value partial : partials)
        totals.push_back(
            memref::LoadOp::create(b, partial, gather.getInductionVar()));
      scf::YieldOp::create(b, addTotals(gather.getRegionIterArgs(), totals));
      sums.assign(gather.result_begin(), gather.result_end());
    }
  }
  for (auto [i, output] : llvm::enumerate(totalOutputs)) {
    Value destination = program.getOutputs()[output];
    Type type = cast<MemRefType>(destination.getType()).getElementType();
    Value rounded = arith::AddFOp::create(b, sums[2 * i], sums[2 * i + 1]);
    if (!type.isF64())
      rounded = arith::TruncFOp::create(b, type, rounded);
    memref::StoreOp::create(b, rounded, destination, ValueRange());
  }
  rewriter.eraseOp(program);
  return success();
}

void RowTraversal::addToTotal(Totals &totals, unsigned &next, Value value) {
  if (!value.getType().isF64())
    value = arith::ExtFOp::create(b, b.getF64Type(), value);
  for (Value part : addCompensated(b, ValueRange(totals).slice(next, 2), value))
    totals[next++] = part;
}
