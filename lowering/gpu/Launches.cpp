// Which kernels a row program becomes: for aligned rows and for all, for rows
// of one block and for slices. SPDX-License-Identifier: Apache-2.0 WITH
// LLVM-exception

#include "lowering/gpu/FunctionLowering.h"

#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace mlir::softmax;

/// An i1 of the host: every row of every operand begins at an address and ends
/// at a column that whole vectors fit. Null when they never do.
Value FunctionLowering::readsWholeVectors(row::ProgramOp program) {
  int64_t vector = schedule.getVector();
  if (vector == 1 || RowKernel::threadsPerRow(program, schedule) == 1)
    return {};
  Value bits = arith::ConstantOp::create(host, host.getI64IntegerAttr(0));
  Value extent;
  for (OpOperand &operand : program->getOpOperands()) {
    auto type = dyn_cast<MemRefType>(operand.get().getType());
    AffineMap map = program.getMap(operand);
    if (!type || !program.hasAxis(map))
      continue;
    auto last = cast<AffineDimExpr>(map.getResults().back());
    // Strides that are known at run time only are not looked at.
    if (last.getPosition() != program.getAxis() ||
        !type.getLayout().isIdentity())
      return {};
    int64_t columns = type.getShape().back();
    if (!ShapedType::isDynamic(columns) && columns % vector != 0)
      return {};
    if (isScratch(operand.get()))
      continue; // begins at a multiple of 64 bytes
    // A vector of wide elements is several accesses of 16 bytes.
    int64_t bytes =
        std::min<int64_t>(16, vector * type.getElementTypeBitWidth() / 8);
    Value address = arith::IndexCastOp::create(
        host, host.getI64Type(),
        memref::ExtractAlignedPointerAsIndexOp::create(host, operand.get()));
    Value mask =
        arith::ConstantOp::create(host, host.getI64IntegerAttr(bytes - 1));
    bits = arith::OrIOp::create(host, bits,
                                arith::AndIOp::create(host, address, mask));
    if (ShapedType::isDynamic(columns))
      extent = memref::DimOp::create(host, operand.get(), type.getRank() - 1);
  }
  if (extent) {
    Value columns = arith::IndexCastOp::create(host, host.getI64Type(), extent);
    Value mask =
        arith::ConstantOp::create(host, host.getI64IntegerAttr(vector - 1));
    bits = arith::OrIOp::create(host, bits,
                                arith::AndIOp::create(host, columns, mask));
  }
  Value zero = arith::ConstantOp::create(host, host.getI64IntegerAttr(0));
  return arith::CmpIOp::create(host, arith::CmpIPredicate::eq, bits, zero);
}

Value FunctionLowering::either(Value condition, function_ref<Value()> then,
                               function_ref<Value()> otherwise) {
  if (auto known = condition.getDefiningOp<arith::ConstantOp>())
    return cast<BoolAttr>(known.getValue()).getValue() ? then() : otherwise();
  auto choice = scf::IfOp::create(host, TypeRange{host.getIndexType()},
                                  condition, /*withElseRegion=*/true);
  OpBuilder::InsertionGuard guard(host);
  host.setInsertionPointToStart(&choice.getThenRegion().front());
  scf::YieldOp::create(host, then());
  host.setInsertionPointToStart(&choice.getElseRegion().front());
  scf::YieldOp::create(host, otherwise());
  return choice.getResult(0);
}

std::optional<Slices> FunctionLowering::cutRows(row::ProgramOp program) {
  if (schedule.getSlices() == 1 ||
      RowKernel::threadsPerRow(program, schedule) == 1)
    return std::nullopt;
  auto [operand, position] = program.getBound(program.getAxis());
  Value extent = host.createOrFold<memref::DimOp>(operand, position);
  Value chunk = constant(schedule.getThreads() * schedule.getVector() *
                         schedule.getSteps());
  Value width = host.createOrFold<arith::CeilDivUIOp>(
      extent, constant(schedule.getSlices()));
  width = host.createOrFold<arith::MaxUIOp>(width, constant(1));
  width = host.createOrFold<arith::MulIOp>(
      host.createOrFold<arith::CeilDivUIOp>(width, chunk), chunk);
  return Slices{width, host.createOrFold<arith::CeilDivUIOp>(extent, width)};
}

Value FunctionLowering::launchEither(row::ProgramOp program, Value rows,
                                     ArrayRef<int64_t> partials, bool wide) {
  if (!slices || !RowKernel::canSplit(program))
    return launchWhole(program, rows, partials, wide);
  // By the schedule's number of slices, not by that of the row at hand: rows
  // that fill the device should not be read twice because they are short.
  Value units =
      host.createOrFold<arith::MulIOp>(rows, constant(schedule.getSlices()));
  Value fits = host.createOrFold<arith::CmpIOp>(
      arith::CmpIPredicate::ule, units, constant(schedule.getBlocks()));
  Value several = host.createOrFold<arith::CmpIOp>(arith::CmpIPredicate::ugt,
                                                   slices->count, constant(1));
  return either(
      host.createOrFold<arith::AndIOp>(fits, several),
      [&] { return launchSplit(program, rows, partials, wide); },
      [&] { return launchWhole(program, rows, partials, wide); });
}

Value FunctionLowering::launchWhole(row::ProgramOp program, Value rows,
                                    ArrayRef<int64_t> partials, bool wide) {
  int64_t together =
      schedule.getBlock() / RowKernel::threadsPerRow(program, schedule);
  int64_t cluster = RowKernel::blocksPerRow(program, schedule);
  Value blocks =
      host.createOrFold<arith::CeilDivUIOp>(rows, constant(together));
  blocks = host.createOrFold<arith::MinUIOp>(
      blocks, constant(std::max<int64_t>(1, schedule.getBlocks() / cluster)));
  blocks = host.createOrFold<arith::MulIOp>(blocks, constant(cluster));
  DeviceKernel kernel(module, nextName(), schedule, host, workspace, scratch);
  RowKernel(program, kernel, blocks, wide, partials, slices).emit();
  kernel.launch(blocks, schedule.getBlock(), cluster);
  sharedBytes = std::max(sharedBytes, kernel.largeSharedBytes());
  return blocks;
}

Value FunctionLowering::launchSplit(row::ProgramOp program, Value rows,
                                    ArrayRef<int64_t> partials, bool wide) {
  int64_t bytes = 0;
  for (ArrayRef<row::ReduceOp> sweep : sweepsOf(program))
    bytes += RowKernel::stateBytes(sweep);
  int64_t lookups =
      llvm::range_size(program.getBodyBlock()->getOps<row::AtOp>());
  SplitLaunch split;
  split.states = workspace.take(bytes * schedule.getBlocks());
  split.lookups = workspace.take(8 * lookups * schedule.getBlocks());
  unsigned launches = RowKernel::launchesWhenSplit(program);
  Value blocks;
  for (split.number = 0; split.number < launches; ++split.number) {
    split.isLast = split.number + 1 == launches;
    blocks = rows;
    if (!split.isLast || writesColumns(program))
      blocks = host.createOrFold<arith::MulIOp>(rows, slices->count);
    DeviceKernel kernel(module, nextName(), schedule, host, workspace, scratch);
    RowKernel(program, kernel, blocks, wide,
              split.isLast ? partials : ArrayRef<int64_t>(), slices, split)
        .emit();
    kernel.launch(blocks, schedule.getBlock());
  }
  return blocks;
}
