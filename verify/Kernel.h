// Loads an emitted kernel into the process and calls it.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef VERIFY_KERNEL_H
#define VERIFY_KERNEL_H

#include "verify/Manifest.h"

#include <memory>

namespace mlir::softmax::verify {

/// The C type of runtime/smx_abi.h, declared again: the verifier shares
/// nothing with what it verifies.
struct ParallelFor {
  int32_t (*run)(void *context, int64_t tasks,
                 void (*body)(void *closure, int64_t begin, int64_t end),
                 void *closure);
  void *context;
};

/// One C argument. A union like C's own: `integer` for extents and strides,
/// `pointer` for tensors and the hook, a number for scalars by value.
union CallArgument {
  void *pointer;
  int64_t integer;
  float single;
  double real;
};

/// How a call ended.
struct CallResult {
  int32_t status = 0;
  int signal = 0;                ///< not 0: the call was cut off by this signal
  const void *address = nullptr; ///< that the signal tells of
  std::string fault; ///< of device memory or the device; empty when fine
  bool changedEnvironment =
      false; ///< rounding mode, FTZ/DAZ or exception masks
};

class Kernel {
public:
  /// Loads the manifest's entry from libNAME.a, NAME.o or libNAME.so of its
  /// directory, the first that exists. The first two need no linker.
  static llvm::Expected<Kernel> load(const Manifest &manifest);
  /// Loads one file, by its extension.
  static llvm::Expected<Kernel> load(const Manifest &manifest,
                                     llvm::StringRef file);
  Kernel(Kernel &&);
  ~Kernel();

  /// Calls with one value for each argument of the manifest, in its order.
  /// Faults in the calling thread end the call, not the process; the kernel
  /// holds nothing that would be lost by that.
  CallResult call(llvm::MutableArrayRef<CallArgument> arguments) const;
  /// Calls without protection against faults: for timing.
  int32_t callDirectly(llvm::MutableArrayRef<CallArgument> arguments) const;

  /// Bytes of workspace that an entry for GPUs asks for, from the extents among
  /// the arguments of a call.
  int64_t workspaceBytes(llvm::ArrayRef<CallArgument> arguments) const;

  llvm::StringRef getFile() const;

private:
  struct Loaded;
  explicit Kernel(std::unique_ptr<Loaded> loaded);
  std::unique_ptr<Loaded> loaded;
};

} // namespace mlir::softmax::verify

#endif // VERIFY_KERNEL_H
