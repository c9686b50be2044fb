// A C entry under construction: its parameters, its checks, its call.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef CODEGEN_CPU_ENTRY_H
#define CODEGEN_CPU_ENTRY_H

#include "codegen/Target.h"
#include "codegen/gpu/HostCode.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace mlir::softmax {

/// What an entry calls that runs on a GPU: one function for each target, with
/// the arguments of its kernel and those of `addLaunchArguments`.
struct DeviceVariants {
  Launcher launcher;
  SmallVector<func::FuncOp> functions;
  bool hasWorkspace = false;
};

struct EntryOptions {
  ArrayRef<CPUTarget> targets;
  bool hook, strided, inPlace;
  std::string description;
  const DeviceVariants *device = nullptr; ///< of an entry for a GPU

  bool hasWeakSymbols() const {
    return llvm::none_of(targets, [](const CPUTarget &target) {
      return target.isa == Isa::SIMD128;
    });
  }
};

/// A tensor argument as the entry sees it.
struct Buffer {
  unsigned argument; ///< of the kernel
  MemRefType type;
  bool isWritten;
  Value pointer;
  SmallVector<Value> extents, strides; ///< i64
  Value elements, bytes;               ///< i64
  Value memref;
};

/// Addresses [begin, end) as i64.
struct Span {
  Value begin, end;
};

/// Wraps one kernel into a checked entry with one variant per target.
class Entry {
public:
  Entry(func::FuncOp kernel, const EntryOptions &options)
      : kernel(kernel), options(options), module(kernel->getParentOfType<ModuleOp>()),
        name(kernel.getName().str()), b(kernel.getLoc(), kernel.getContext()) {}

  LogicalResult run();

private:
  //===--- FinalizeEntry.cpp --------------------------------------------===//

  void createVariants();
  void createSignature();
  void createMemRef(Buffer &buffer);
  void callKernel();

  //===--- codegen/gpu/CallDevice.cpp -----------------------------------===//

  void callDevice();

  //===--- EntryChecks.cpp ----------------------------------------------===//

  void checkExtents();
  void checkPointers();
  void checkOverlap();
  Value sizeOf(const Buffer &buffer) {
    return constant(llvm::divideCeil(buffer.type.getElementTypeBitWidth(), 8));
  }
  /// Where a tensor lies in memory. With `period`, in bytes: where it lies when
  /// only the dimensions whose stride is no multiple of the period count.
  Span spanOf(const Buffer &buffer, Value period = {});
  /// i1: the spans of both meet, and no period keeps the tensors apart.
  Value meet(const Buffer &x, const Buffer &y);
  Value haveEqualStrides(const Buffer &x, const Buffer &y);
  void checkLabels();
  void returnIfEmpty();

  Value constant(int64_t value) {
    return arith::ConstantOp::create(b, b.getI64IntegerAttr(value));
  }
  /// Returns `status` from the entry when `condition` holds.
  void failIf(Value condition, int32_t status, Value index);
  void failIf(Value condition, int32_t status, int64_t index) {
    failIf(condition, status, constant(index));
  }
  bool mayBeEqual(const Buffer &x, const Buffer &y) const {
    return options.inPlace && x.type == y.type;
  }

  func::FuncOp kernel;
  const EntryOptions &options;
  ModuleOp module;
  std::string name;
  ImplicitLocOpBuilder b;

  func::FuncOp entry;
  SmallVector<func::FuncOp> variants;
  SmallVector<Value> arguments; ///< of the kernel
  SmallVector<Buffer> buffers;
  SmallVector<Value> extents; ///< dynamic, by number
  Value hook, workspace, stream;
};

} // namespace mlir::softmax

#endif // CODEGEN_CPU_ENTRY_H
