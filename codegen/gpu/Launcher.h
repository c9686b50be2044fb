// The launcher inside every object with GPU code.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef SOFTMAX_CODEGEN_GPU_LAUNCHER_H
#define SOFTMAX_CODEGEN_GPU_LAUNCHER_H

#include "llvm/Support/Error.h"

namespace llvm {
class Module;
} // namespace llvm

namespace mlir::softmax {

/// Gives `kernel` the definitions of those functions of runtime/gpu_launch.h
/// that it declares and calls, and what they need, with internal linkage: what
/// is left undefined is libc's (and dlopen, dlsym and smx_gpu_failed, weakly).
/// The module needs the triple and the data layout of its target, which is
/// x86-64 or AArch64 Linux. The launcher's functions carry no target-cpu; they
/// are code for any CPU of the architecture. A module that calls none of the
/// functions is left as it is.
///
/// Fails with one line, and leaves `kernel` unchanged, for another target; a
/// failure later than that is a fault of this project.
llvm::Error linkLauncher(llvm::Module &kernel);

} // namespace mlir::softmax

#endif // SOFTMAX_CODEGEN_GPU_LAUNCHER_H
