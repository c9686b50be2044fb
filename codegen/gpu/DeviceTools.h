// The outside tools of GPU code generation, run without a shell.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef CODEGEN_GPU_DEVICETOOLS_H
#define CODEGEN_GPU_DEVICETOOLS_H

#include "mlir/Support/LLVM.h"
#include "llvm/Support/Error.h"

#include <string>

namespace mlir::softmax {

/// Absolute path of `ptxas`: on PATH, else in the toolkit that CUDA_HOME or
/// CUDA_PATH names, else, when neither is set, in the toolkit's usual folder.
/// Empty when there is none.
std::string findPtxas();

struct Assembled {
  std::string binary, report;
};
/// PTX to cubin by `ptxas`. Tools are ended after 120 seconds, or as many as
/// the environment's SOFTMAX_TOOL_SECONDS says.
llvm::Expected<Assembled> assemblePtx(StringRef ptxas, StringRef text,
                                      StringRef chip);

/// An AMD GPU's object to a code object that its driver loads, by LLVM's
/// linker.
llvm::Expected<std::string> linkCodeObject(StringRef object);

} // namespace mlir::softmax

#endif // CODEGEN_GPU_DEVICETOOLS_H
