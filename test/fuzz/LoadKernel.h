// Loads a kernel that was emitted in this process.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef TEST_FUZZ_LOADKERNEL_H
#define TEST_FUZZ_LOADKERNEL_H

#include "codegen/Kernel.h"
#include "verify/Kernel.h"

namespace mlir::softmax::fuzz {

/// The kernel of `info`, whose object lies in `directory`. Its arguments are
/// the parameters of `info`; extents are not known to it.
llvm::Expected<verify::Kernel> loadKernel(const KernelInfo &info,
                                          llvm::StringRef directory);

} // namespace mlir::softmax::fuzz

#endif // TEST_FUZZ_LOADKERNEL_H
