// softmax-gen: from an operator and a shape to a kernel with a C header.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "codegen/Emit.h"
#include "codegen/Version.h"
#include "tools/softmax-gen/CommandLine.h"
#include "tools/softmax-gen/Commands.h"

#include "llvm/Config/llvm-config.h"
#include "llvm/Support/InitLLVM.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace mlir::softmax;

/// One line on stderr; the exit code is the error's.
static int report(llvm::Error error) {
  ExitCode code = ExitCode::WrongRequest;
  std::string text;
  llvm::handleAllErrors(
      std::move(error),
      [&](const EmitError &emit) {
        code = emit.code;
        text = emit.text;
      },
      [&](const llvm::ErrorInfoBase &other) { text = other.message(); });
  llvm::errs() << "softmax-gen: error: ";
  llvm::errs().write_escaped(text) << "\n";
  return static_cast<int>(code);
}

int main(int argc, char **argv) {
  llvm::InitLLVM init(argc, argv);
  llvm::Expected<CommandLine> line = CommandLine::parse(argc, argv);
  if (!line)
    return report(line.takeError());
  if (line->version) {
    llvm::outs() << "softmax-gen " << kVersion << " (LLVM "
                 << LLVM_VERSION_STRING << ")\n";
    return 0;
  }
  if (line->help) {
    llvm::outs() << helpText();
    return 0;
  }
  if (line->command.empty())
    return report(llvm::createStringError(
        "nothing to do; write an operator and a shape, e.g. softmax-gen "
        "softmax 1024x32000xf32 -o DIR, or softmax-gen --help"));
  llvm::Expected<int> code = runCommand(*line);
  if (!code)
    return report(code.takeError());
  return *code;
}
