// Facts of the GPUs that kernels are written for.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef CODEGEN_GPU_TARGET_H
#define CODEGEN_GPU_TARGET_H

#include "dialect/softmax/Softmax.h"
#include "llvm/Support/Error.h"

namespace mlir::softmax {

/// A GPU to write kernels for. Only schedule selection and the final emission
/// read it.
struct GPUTarget {
  std::string name; ///< as asked for: "sm_90", "gfx942", "spirv"
  GPUIsa isa;
  std::string chip;   ///< LLVM's name of the processor
  int64_t maxThreads; ///< of a block that shares a row
  /// Blocks of a launch: a few for each multiprocessor, so that each takes rows
  /// until none are left.
  int64_t blocks;

  /// Suffix of symbols: the name, which is an identifier already.
  llvm::StringRef symbolSuffix() const { return name; }
};

llvm::ArrayRef<llvm::StringLiteral> getGPUTargetNames();

/// The target of that name; an error lists the known names.
llvm::Expected<GPUTarget> parseGPUTarget(llvm::StringRef name);

} // namespace mlir::softmax

#endif // CODEGEN_GPU_TARGET_H
