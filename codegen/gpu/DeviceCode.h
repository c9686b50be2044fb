// Machine code of GPU kernels: PTX, cubin, code objects, SPIR-V.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef CODEGEN_GPU_DEVICECODE_H
#define CODEGEN_GPU_DEVICECODE_H

#include "codegen/gpu/Target.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"

namespace mlir::softmax {

/// A kernel, and the most that its launches ask for.
struct DeviceFunction {
  std::string name;
  uint32_t sharedBytes = 0; ///< dynamic shared memory of a block
  uint32_t cluster = 1;     ///< blocks
};

/// The kernels of one `gpu.module` for one target.
struct DeviceCode {
  GPUTarget target;
  std::string text;   ///< PTX; empty for other targets
  std::string binary; ///< cubin, code object or SPIR-V; empty without ptxas
  std::string report; ///< what ptxas says of registers and memory
  std::vector<DeviceFunction> functions; ///< in order
};

/// Compiles kernels as softmax-lower-rows-to-gpu leaves them; `kernels` is not
/// changed. Without `ptxas` on this machine NVIDIA's binary stays empty, unless
/// `needsBinary`: then, or when a tool fails or takes too long, the error says
/// so in one line.
llvm::Expected<DeviceCode> compileKernels(gpu::GPUModuleOp kernels,
                                          const GPUTarget &target,
                                          bool needsBinary);

} // namespace mlir::softmax

#endif // CODEGEN_GPU_DEVICECODE_H
