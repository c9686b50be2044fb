// The threads that work on a row together, and how they combine their values.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "lowering/gpu/Group.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/LLVMIR/ROCDLDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace mlir::softmax;

Group::Group(DeviceKernel &kernel, int64_t threads, int64_t block,
             Neighbours neighbours, int64_t cluster)
    : kernel(kernel), b(kernel.b), threads(threads), block(block),
      cluster(cluster), lanes(kernel.schedule.getLanes()),
      neighbours(neighbours) {
  bool rows = neighbours == Neighbours::Rows;
  Value thread = gpu::ThreadIdOp::create(b, gpu::Dimension::x);
  Value size = kernel.index(rows ? block / threads : threads);
  Value inner = arith::RemUIOp::create(b, thread, size);
  Value outer = arith::DivUIOp::create(b, thread, size);
  myRank = rows ? outer : inner;
  myNumber = rows ? inner : outer;
  if (cluster > 1) {
    Value number = gpu::ClusterBlockIdOp::create(b, gpu::Dimension::x);
    myRank = arith::AddIOp::create(b, arith::MulIOp::create(b, number, size),
                                   myRank);
  }
}

Value Group::isFirst() {
  return arith::CmpIOp::create(b, arith::CmpIPredicate::eq, myRank,
                               kernel.index(0));
}

Value Group::lane() {
  return arith::RemUIOp::create(b, myRank,
                                kernel.index(std::min(threads, lanes)));
}

Value Group::hasPrevious() {
  return arith::CmpIOp::create(b, arith::CmpIPredicate::ne, lane(),
                               kernel.index(0));
}

Value Group::hasNext() {
  return arith::CmpIOp::create(b, arith::CmpIPredicate::ne, lane(),
                               kernel.index(std::min(threads, lanes) - 1));
}

Value Group::previous(Value value, Value distance) {
  return shuffle(value, distance, gpu::ShuffleMode::UP);
}

/// The value of the thread whose number differs by `distance`: in the bit with
/// XOR, a power of two then. Devices move 32 bits at a time.
Value Group::shuffle(Value value, Value distance, gpu::ShuffleMode mode) {
  Type type = value.getType();
  Value width = arith::ConstantOp::create(b, b.getI32IntegerAttr(lanes));
  auto move = [&](Value word) -> Value {
    return gpu::ShuffleOp::create(b, word, distance, width, mode)
        .getShuffleResult();
  };
  if (type.getIntOrFloatBitWidth() == 32)
    return move(value);
  Type i32 = b.getI32Type(), i64 = b.getI64Type();
  Value bits = arith::BitcastOp::create(b, i64, value);
  Value half = arith::ConstantOp::create(b, b.getI64IntegerAttr(32));
  Value low = arith::TruncIOp::create(b, i32, bits);
  Value high =
      arith::TruncIOp::create(b, i32, arith::ShRUIOp::create(b, bits, half));
  low = arith::ExtUIOp::create(b, i64, move(low));
  high = arith::ExtUIOp::create(b, i64, move(high));
  bits = arith::OrIOp::create(b, low, arith::ShLIOp::create(b, high, half));
  return arith::BitcastOp::create(b, type, bits);
}

Value Group::all(Value condition) {
  auto constant = [&](Type type, int64_t value) -> Value {
    return arith::ConstantOp::create(b, b.getIntegerAttr(type, value));
  };
  Type i32 = b.getI32Type(), mask = b.getIntegerType(lanes);
  switch (kernel.schedule.getIsa()) {
  case GPUIsa::NVVM:
    return NVVM::VoteSyncOp::create(b, b.getI1Type(), constant(i32, -1),
                                    condition, NVVM::VoteSyncKind::all);
  case GPUIsa::ROCDL: {
    Value others =
        arith::XOrIOp::create(b, condition, constant(b.getI1Type(), 1));
    return arith::CmpIOp::create(b, arith::CmpIPredicate::eq,
                                 ROCDL::BallotOp::create(b, mask, others),
                                 constant(mask, 0));
  }
  case GPUIsa::SPIRV:
    break;
  }
  Values both =
      inLanes({arith::ExtUIOp::create(b, i32, condition)}, lanes,
              [&](ValueRange x, ValueRange y) -> Values {
                return {arith::AndIOp::create(b, x[0], y[0]).getResult()};
              });
  return arith::TruncIOp::create(b, b.getI1Type(), both[0]);
}

/// A butterfly: as x + y and y + x have the same bits, so have all threads.
Group::Values Group::inLanes(Values values, int64_t width, Combine combine) {
  for (int64_t distance = 1; distance < width; distance *= 2) {
    SmallVector<Value> others;
    for (Value value : values)
      others.push_back(shuffle(
          value, arith::ConstantOp::create(b, b.getI32IntegerAttr(distance)),
          gpu::ShuffleMode::XOR));
    values = combine(values, others);
  }
  return values;
}

/// Every thread leaves its values and folds those of its row, in a tree.
Group::Values Group::combineRows(ValueRange values, Combine combine) {
  // What was exchanged before has to be read first.
  if (!ofThreads.empty())
    gpu::BarrierOp::create(b);
  Value rows = kernel.index(block / threads);
  auto slotOf = [&](Value rank) -> Value {
    return arith::AddIOp::create(b, arith::MulIOp::create(b, rank, rows),
                                 myNumber);
  };
  SmallVector<Value> buffers;
  SmallVector<memref::GlobalOp> free = ofThreads;
  for (Value value : values) {
    auto *known = llvm::find_if(free, [&](memref::GlobalOp global) {
      return global.getType().getElementType() == value.getType();
    });
    if (known == free.end()) {
      ofThreads.push_back(kernel.createShared(value.getType(), block));
      buffers.push_back(kernel.sharedMemory(ofThreads.back()));
      continue;
    }
    buffers.push_back(kernel.sharedMemory(*known));
    free.erase(known);
  }
  for (auto [value, buffer] : llvm::zip(values, buffers))
    memref::StoreOp::create(b, value, buffer, slotOf(myRank));
  gpu::BarrierOp::create(b);
  SmallVector<SmallVector<Value>> level(threads);
  for (auto [rank, others] : llvm::enumerate(level))
    for (Value buffer : buffers)
      others.push_back(
          memref::LoadOp::create(b, buffer, slotOf(kernel.index(rank))));
  for (; level.size() > 1; level.resize(level.size() / 2))
    for (size_t i = 0, half = level.size() / 2; i < half; ++i)
      level[i] = combine(level[i], level[i + half]);
  return level.front();
}

Group::Values Group::combine(ValueRange values, Combine combine) {
  if (values.empty())
    return {};
  if (neighbours == Neighbours::Rows)
    return threads == 1 ? Values(values) : combineRows(values, combine);
  return exchange(
      values,
      [&](Values values, int64_t width) {
        return inLanes(std::move(values), width, combine);
      },
      combine);
}

Group::Values Group::add(ValueRange x, ValueRange y) {
  Values added;
  for (auto [a, c] : llvm::zip(x, y))
    added.push_back(arith::AddFOp::create(b, a, c));
  return added;
}

Group::Values Group::larger(ValueRange x, ValueRange y) {
  Values both;
  for (auto [a, c] : llvm::zip(x, y))
    both.push_back(arith::MaxNumFOp::create(b, a, c));
  return both;
}

Group::Values Group::sums(ValueRange values) {
  return combine(values, [&](ValueRange x, ValueRange y) { return add(x, y); });
}

Group::Values Group::maxima(ValueRange values) {
  return combine(values,
                 [&](ValueRange x, ValueRange y) { return larger(x, y); });
}

Group::Values Group::exchange(ValueRange given, Fold fold, Combine combine) {
  Values values = fold(Values(given), std::min(threads, lanes));
  if (!usesSharedMemory())
    return values;

  // Each subgroup leaves its value in a slot, then every thread folds those of
  // its group.
  int64_t subgroups = threads / lanes * cluster;
  Value subgroup = arith::DivUIOp::create(b, myRank, kernel.index(lanes));
  Value slot = arith::MulIOp::create(b, myNumber, kernel.index(subgroups));
  Values buffers;
  for (Value value : values)
    buffers.push_back(
        kernel.sharedMemory(value.getType(), block / lanes * cluster));
  Value at = arith::AddIOp::create(b, slot, subgroup);
  if (cluster > 1)
    sendToCluster(values, buffers, at);
  else
    send(values, buffers, at);
  int64_t width = std::min(subgroups, lanes);
  Value from = arith::AddIOp::create(
      b, slot, arith::RemUIOp::create(b, lane(), kernel.index(width)));
  Values folded;
  for (int64_t next = 0; next < subgroups; next += width) {
    Value position = arith::AddIOp::create(b, from, kernel.index(next));
    Values loaded;
    for (Value buffer : buffers)
      loaded.push_back(memref::LoadOp::create(b, buffer, position));
    folded = next == 0 ? loaded : combine(folded, loaded);
  }
  return fold(std::move(folded), width);
}

void Group::send(ValueRange values, ArrayRef<Value> buffers, Value at) {
  Value isFirstLane = arith::CmpIOp::create(b, arith::CmpIPredicate::eq, lane(),
                                            kernel.index(0));
  auto leave = scf::IfOp::create(b, isFirstLane);
  {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(&leave.getThenRegion().front());
    for (auto [value, buffer] : llvm::zip(values, buffers))
      memref::StoreOp::create(b, value, buffer, at);
  }
  gpu::BarrierOp::create(b);
}

void Group::barrier() {
  if (cluster > 1)
    clusterBarrier();
  else if (usesSharedMemory())
    gpu::BarrierOp::create(b);
}

void Group::endRow() {
  // In a cluster the next row's `beginRow` says so.
  if (cluster == 1)
    barrier();
}
