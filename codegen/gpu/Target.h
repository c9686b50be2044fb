// Facts of the GPUs that kernels are written for.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef CODEGEN_GPU_TARGET_H
#define CODEGEN_GPU_TARGET_H

#include "dialect/softmax/Softmax.h"
#include "llvm/Support/Error.h"

namespace mlir::softmax {

/// A GPU to write kernels for. Only schedule selection and the final emission
/// read it. The figures are the vendors', of the part that is named first in
/// Target.cpp; a schedule that is best for it serves its relatives as well.
struct GPUTarget {
  std::string name; ///< as asked for: "sm_90", "gfx942", "spirv"
  GPUIsa isa;
  std::string chip;         ///< LLVM's name of the processor
  int64_t multiprocessors;  ///< compute units
  double gigahertz;         ///< of a multiprocessor
  double bytesPerSecond;    ///< of the device's memory
  int64_t cacheBytes;       ///< shared by all multiprocessors
  int64_t registers;        ///< of 32 bits, of a multiprocessor
  int64_t sharedBytes;      ///< shared memory of a multiprocessor
  int64_t blockSharedBytes; ///< the most of it that a block can have
  int64_t residentThreads;  ///< of a multiprocessor
  int64_t maxThreads;       ///< of a block
  int64_t maxCluster;       ///< blocks; 1 where there are no clusters
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
