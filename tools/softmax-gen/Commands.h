// What softmax-gen does.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef TOOLS_SOFTMAX_GEN_COMMANDS_H
#define TOOLS_SOFTMAX_GEN_COMMANDS_H

#include "tools/softmax-gen/CommandLine.h"

namespace mlir::softmax {

/// Runs the command of the line; the result is the exit code.
llvm::Expected<int> runCommand(const CommandLine &line);

/// The sub-commands that emit nothing.
llvm::Expected<int> runList();
llvm::Expected<int> runDoctor();
llvm::Expected<int> runExplain(llvm::StringRef directory);

} // namespace mlir::softmax

#endif // TOOLS_SOFTMAX_GEN_COMMANDS_H
