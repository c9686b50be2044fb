// How the blocks of a cluster exchange values: through each other's shared
// memory. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "lowering/gpu/Group.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace mlir::softmax;

// The protocol of a row. A block arrives at the cluster's barrier when it
// begins a row, and waits for the others only before it sends its first values:
// then all blocks run, and have read what was sent for the row before. The
// row's loads overlap with that. Values are pushed into the memory of every
// block, which then reads its own, so that a block may end once it has passed
// the barrier behind the last exchange: nobody touches its memory any more.

static void arrive(ImplicitLocOpBuilder &b) {
  NVVM::ClusterArriveOp::create(b, /*aligned=*/UnitAttr());
}

static void wait(ImplicitLocOpBuilder &b) {
  NVVM::ClusterWaitOp::create(b, /*aligned=*/UnitAttr());
}

void Group::clusterBarrier() {
  if (awaitsPeers)
    wait(b);
  awaitsPeers = false;
  arrive(b);
  wait(b);
}

void Group::beginRow() {
  if (cluster == 1)
    return;
  arrive(b);
  awaitsPeers = true;
}

/// Lane i of each subgroup writes to block i of the cluster.
void Group::sendToCluster(ValueRange values, ArrayRef<Value> buffers,
                          Value at) {
  if (awaitsPeers)
    wait(b);
  awaitsPeers = false;
  Value lane = this->lane();
  // LLVM maps addresses ahead of the branch, in lanes that send nothing too;
  // what becomes of the rank of a block that is not there is nowhere said.
  Value peer = arith::IndexCastOp::create(
      b, b.getI32Type(),
      arith::AndIOp::create(b, lane, kernel.index(cluster - 1)));
  Value sends = arith::CmpIOp::create(b, arith::CmpIPredicate::ult, lane,
                                      kernel.index(cluster));
  auto branch = scf::IfOp::create(b, sends);
  {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(&branch.getThenRegion().front());
    Type i64 = b.getI64Type();
    auto pointerIn = [&](NVVM::NVVMMemorySpace space) {
      return LLVM::LLVMPointerType::get(b.getContext(), unsigned(space));
    };
    for (auto [value, buffer] : llvm::zip(values, buffers)) {
      int64_t bytes = value.getType().getIntOrFloatBitWidth() / 8;
      Value offset = arith::MulIOp::create(b, at, kernel.index(bytes));
      Value address = arith::AddIOp::create(
          b, memref::ExtractAlignedPointerAsIndexOp::create(b, buffer), offset);
      address = arith::IndexCastOp::create(b, i64, address);
      Value mine = LLVM::IntToPtrOp::create(
          b, pointerIn(NVVM::NVVMMemorySpace::Shared), address);
      Value theirs = NVVM::MapaOp::create(
          b, pointerIn(NVVM::NVVMMemorySpace::SharedCluster), mine, peer);
      LLVM::StoreOp::create(b, value, theirs, /*alignment=*/bytes);
    }
  }
  arrive(b);
  wait(b);
}
