// A kernel function under construction, and what it needs from the host.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef LOWERING_GPU_DEVICEKERNEL_H
#define LOWERING_GPU_DEVICEKERNEL_H

#include "dialect/softmax/Softmax.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "llvm/ADT/MapVector.h"

namespace mlir::softmax {

/// Device memory of the caller's for what lives between two launches: sums of
/// blocks, scalars of the function, and the error word at its begin.
class Workspace {
public:
  /// The error word: SMX_E_TARGET is stored there, and nothing ever clears it.
  static constexpr int64_t kErrorBytes = 64;

  explicit Workspace(Value base) : base(base) {}
  /// Offset of `bytes` bytes that nobody else has.
  int64_t take(int64_t bytes);
  /// Bytes that the function needs; 0 when it needs none.
  int64_t size() const { return next; }
  /// Address of the workspace, an i64 of the host function; null when it has
  /// none.
  Value base;

private:
  int64_t next = 0;
};

/// Everything a kernel uses of its host function becomes an argument when it is
/// first asked for. All arguments are i64: addresses, extents, and the bits of
/// numbers, so that every launcher can pass them alike.
class DeviceKernel {
public:
  DeviceKernel(gpu::GPUModuleOp module, StringRef name,
               GPUScheduleAttr schedule, ImplicitLocOpBuilder &host,
               Workspace &workspace, llvm::DenseMap<Value, int64_t> &scratch);

  /// The memory behind a memref of the host function, as `memref<?xT>` in
  /// global memory that is indexed by elements. 16-bit floats are integers
  /// where the schedule says so.
  Value memory(Value memref);
  /// The address, an i64, of what `memory` has returned.
  static Value addressOf(Value memory);
  /// Global memory from an address on that is computed in the kernel.
  Value memoryAt(Value address, Type element);
  /// `count` elements of the workspace.
  Value workspaceMemory(int64_t offset, Type element);
  /// A number of the host function. What depends on device memory is computed
  /// again in the kernel.
  Value value(Value scalar);
  /// Distance in elements between neighbours along each dimension of `memref`.
  SmallVector<Value> strides(Value memref);

  /// Shared memory of the block, of `count` elements.
  memref::GlobalOp createShared(Type element, int64_t count);
  Value sharedMemory(memref::GlobalOp shared);
  Value sharedMemory(Type element, int64_t count) {
    return sharedMemory(createShared(element, count));
  }
  /// The same for large amounts, which a launch has to ask for; SPIR-V has all
  /// sizes in the kernel.
  Value largeSharedMemory(Type element, int64_t count);
  /// Bytes of a block that `largeSharedMemory` may add up to.
  static int64_t maxSharedBytes(GPUIsa isa);
  int64_t largeSharedBytes() const { return largeBytes; }

  /// Ends the kernel; at the host's insertion point `blocks` (an index) blocks
  /// of it are launched, in clusters of `cluster` neighbouring ones.
  void launch(Value blocks, int64_t threads, int64_t cluster = 1);

  Value index(int64_t value);
  gpu::GPUFuncOp function() const { return kernel; }
  gpu::GPUModuleOp module;
  GPUScheduleAttr schedule;
  /// Inserts into the kernel's body.
  ImplicitLocOpBuilder b;
  ImplicitLocOpBuilder &host;

private:
  /// Adds an argument with the value that the host passes.
  Value argument(Value passed);
  Value pass(Value scalar);
  Value passAddress(Value memref);
  /// Runs `emit` where the results dominate the whole body.
  Value atBegin(function_ref<Value()> emit);

  gpu::GPUFuncOp kernel;
  Workspace &workspace;
  llvm::DenseMap<Value, int64_t> &scratch; ///< offsets of allocated memrefs
  SmallVector<Value> operands;
  llvm::DenseMap<Value, Value> memories, scalars;
  Operation *lastAtBegin = nullptr;
  Value workspaceBase; ///< the argument, once someone has asked for it
  int64_t largeBytes = 0;
};

/// True when the kernels of a function on row programs need memory between
/// launches, or report labels.
bool needsWorkspace(func::FuncOp function);

/// True when the memref was allocated by the function itself.
bool isScratch(Value memref);
/// True when `scalar` is computed from something that lies in device memory.
bool dependsOnMemory(Value scalar);

} // namespace mlir::softmax

#endif // LOWERING_GPU_DEVICEKERNEL_H
