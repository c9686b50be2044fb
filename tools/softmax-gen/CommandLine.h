// The command line of softmax-gen.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef TOOLS_SOFTMAX_GEN_COMMANDLINE_H
#define TOOLS_SOFTMAX_GEN_COMMANDLINE_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <string>
#include <utility>
#include <vector>

namespace mlir::softmax {

/// What was typed, sorted but not yet understood.
struct CommandLine {
  std::string command;                  ///< operator or sub-command
  std::vector<std::string> positionals; ///< what follows it
  std::vector<std::pair<std::string, std::string>> operation;
  std::string directory, name, schedule, saveTemps;
  std::vector<std::string> targets, gpuTargets, kinds;
  std::string threads = "none", accuracy = "accurate";
  bool verify = false, bench = false, json = false, quiet = false;
  bool help = false, version = false;
  std::string text; ///< the whole line, for headers

  static llvm::Expected<CommandLine> parse(int argc, char **argv);
};

/// The text of --help.
std::string helpText();

} // namespace mlir::softmax

#endif // TOOLS_SOFTMAX_GEN_COMMANDLINE_H
