// Linking of shared objects by the system's compiler.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "codegen/SharedObject.h"

#include "codegen/Emit.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FileUtilities.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Program.h"
#include "llvm/TargetParser/Host.h"
#include "llvm/TargetParser/Triple.h"

using namespace mlir;
using namespace mlir::softmax;

static constexpr unsigned kLinkSeconds = 60;

static llvm::Error toolError(ExitCode code, const llvm::Twine &message) {
  return llvm::make_error<EmitError>(code, message.str());
}

llvm::Expected<std::string>
softmax::linkSharedObject(StringRef object, const CPUTarget &target,
                          bool openmp) {
  namespace fs = llvm::sys::fs;
  llvm::Triple triple(target.triple);
  bool native =
      llvm::Triple(llvm::sys::getProcessTriple()).getArch() == triple.getArch();
  if (triple.isWasm())
    return toolError(ExitCode::WrongRequest,
                   "--emit=so has no meaning for wasm32; use --emit=o or a");
  // A foreign object needs a linker that knows its architecture.
  SmallVector<StringRef> candidates =
      native ? SmallVector<StringRef>{"cc", "clang", "clang-22", "gcc"}
             : SmallVector<StringRef>{"ld.lld", "ld.lld-22"};
  std::string linker;
  for (StringRef candidate : candidates)
    if (linker.empty())
      if (llvm::ErrorOr<std::string> path =
              llvm::sys::findProgramByName(candidate))
        linker = *path;
  if (linker.empty())
    return toolError(ExitCode::MissingTool,
                   "--emit=so needs a linker and none of " +
                       llvm::join(candidates, ", ") +
                       " was found; apt-get install " +
                       (native ? "gcc" : "lld-22"));

  SmallString<128> input, output, messages;
  int descriptor;
  if (std::error_code error =
          fs::createTemporaryFile("softmax-gen", "o", descriptor, input))
    return toolError(ExitCode::InternalError,
                   "cannot create a temporary file: " + error.message());
  llvm::FileRemover removeInput(input);
  llvm::raw_fd_ostream(descriptor, /*shouldClose=*/true) << object;
  if (fs::createTemporaryFile("softmax-gen", "so", output) ||
      fs::createTemporaryFile("softmax-gen", "log", messages))
    return toolError(ExitCode::InternalError, "cannot create a temporary file");
  llvm::FileRemover removeOutput(output), removeMessages(messages);

  SmallVector<StringRef> arguments = {linker, "-shared", "-o", output, input};
  if (native)
    arguments.append({"-Wl,-z,noexecstack,-z,relro,-z,now", "-Wl,--as-needed",
                      "-lm"});
  else
    arguments.append({"-z", "noexecstack"});
  if (openmp && native)
    arguments.push_back("-fopenmp");
  std::string problem;
  int status = llvm::sys::ExecuteAndWait(
      linker, arguments, std::nullopt,
      {std::optional<StringRef>(""), StringRef(messages), StringRef(messages)},
      kLinkSeconds, /*MemoryLimit=*/0, &problem);
  if (status != 0) {
    auto log = llvm::MemoryBuffer::getFile(messages);
    std::string text = log ? (*log)->getBuffer().split('\n').first.str() : "";
    return toolError(ExitCode::MissingTool,
                   "linker '" + linker + "' failed: " +
                       (problem.empty() ? text : problem));
  }
  auto linked = llvm::MemoryBuffer::getFile(output);
  if (!linked)
    return toolError(ExitCode::InternalError,
                   "linker '" + linker + "' wrote nothing");
  return (*linked)->getBuffer().str();
}
