// The version of the tools.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef CODEGEN_VERSION_H
#define CODEGEN_VERSION_H

#include "runtime/smx.h"

namespace mlir::softmax {
/// One version for tools and runtime; runtime/smx.h states it.
inline constexpr const char *kVersion = SMX_VERSION;
} // namespace mlir::softmax

#endif // CODEGEN_VERSION_H
