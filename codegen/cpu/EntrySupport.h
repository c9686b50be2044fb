// The functions that a C entry needs beside its kernels.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef CODEGEN_CPU_ENTRYSUPPORT_H
#define CODEGEN_CPU_ENTRYSUPPORT_H

#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/StringRef.h"

namespace mlir::softmax {

/// Adds `NAME__fail(i32 status, i64 index) -> i32`: tells the runtime library
/// of a failed call when the application links it, and returns the status.
LogicalResult addFailFunction(ModuleOp module, llvm::StringRef name,
                              bool hasWeakSymbols);

/// Adds `NAME__begin() -> i64` and `NAME__end(i64 begin, i64 bytes)` around the
/// run-time log of the runtime library.
LogicalResult addLogFunctions(ModuleOp module, llvm::StringRef name,
                              llvm::StringRef description, bool hasWeakSymbols);

/// Adds `NAME__level() -> i32`: the dispatch level of this CPU (CPUTarget::
/// level), found once. With `lowers`, SMX_TARGET in the environment can lower
/// it.
LogicalResult addX86LevelFunction(ModuleOp module, llvm::StringRef name,
                                  bool lowers);
LogicalResult addAArch64LevelFunction(ModuleOp module, llvm::StringRef name,
                                      bool lowers);

} // namespace mlir::softmax

#endif // CODEGEN_CPU_ENTRYSUPPORT_H
