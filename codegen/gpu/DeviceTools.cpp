// The outside tools of GPU code generation, run without a shell.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "codegen/gpu/DeviceTools.h"

#include "codegen/Emit.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FileUtilities.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Process.h"
#include "llvm/Support/Program.h"

using namespace mlir;
using namespace mlir::softmax;
namespace fs = llvm::sys::fs;

static llvm::Error toolError(ExitCode code, const llvm::Twine &message) {
  return llvm::make_error<EmitError>(code, message.str());
}

/// How long a tool may take: kernels that are unrolled too far keep ptxas busy
/// for hours.
static llvm::Expected<unsigned> timeLimit() {
  unsigned seconds = 120;
  std::optional<std::string> wish =
      llvm::sys::Process::GetEnv("SOFTMAX_TOOL_SECONDS");
  if (wish && (StringRef(*wish).getAsInteger(10, seconds) || seconds == 0))
    return toolError(ExitCode::WrongRequest,
                     "SOFTMAX_TOOL_SECONDS='" + *wish +
                         "' is not a number of seconds; write e.g. 120");
  return seconds;
}

std::string softmax::findPtxas() {
  if (llvm::ErrorOr<std::string> path = llvm::sys::findProgramByName("ptxas")) {
    SmallString<128> absolute(*path);
    if (!fs::make_absolute(absolute))
      return absolute.str().str();
  }
  SmallVector<std::string> folders;
  for (StringRef name : {"CUDA_HOME", "CUDA_PATH"})
    if (std::optional<std::string> folder = llvm::sys::Process::GetEnv(name))
      folders.push_back(*folder);
  if (folders.empty())
    folders.push_back("/usr/local/cuda");
  for (const std::string &folder : folders) {
    SmallString<128> path(folder);
    llvm::sys::path::append(path, "bin", "ptxas");
    if (llvm::sys::path::is_absolute(path) && fs::can_execute(path))
      return path.str().str();
  }
  return "";
}

/// Runs a program on a file with `input`; `arguments` gets the paths of the
/// input, the output, and yields what is left of the command line. Returns the
/// output and what the program printed.
static llvm::Expected<Assembled>
run(StringRef program, StringRef extension, StringRef input,
    function_ref<SmallVector<StringRef>(StringRef in, StringRef out)>
        arguments) {
  llvm::Expected<unsigned> seconds = timeLimit();
  if (!seconds)
    return seconds.takeError();
  StringRef tool = llvm::sys::path::filename(program);
  SmallString<128> in, out, log;
  int descriptor;
  if (fs::createTemporaryFile("softmax-gen", extension, descriptor, in))
    return toolError(ExitCode::InternalError, "cannot create a temporary file");
  llvm::FileRemover removeIn(in);
  llvm::raw_fd_ostream(descriptor, /*shouldClose=*/true) << input;
  if (fs::createTemporaryFile("softmax-gen", "bin", out) ||
      fs::createTemporaryFile("softmax-gen", "log", log))
    return toolError(ExitCode::InternalError, "cannot create a temporary file");
  llvm::FileRemover removeOut(out), removeLog(log);

  SmallVector<StringRef> line = {program};
  llvm::append_range(line, arguments(in, out));
  std::string problem;
  bool failed = false;
  int status = llvm::sys::ExecuteAndWait(
      program, line, std::nullopt,
      {std::optional<StringRef>(""), StringRef(log), StringRef(log)}, *seconds,
      /*MemoryLimit=*/0, &problem, &failed);
  auto printed = llvm::MemoryBuffer::getFile(log);
  std::string text = printed ? (*printed)->getBuffer().str() : "";
  if (failed)
    return toolError(ExitCode::MissingTool,
                     "'" + program + "' cannot be run: " + problem);
  if (status == -2 && StringRef(problem).contains("timed out"))
    return toolError(ExitCode::MissingTool,
                     tool + " took more than " + llvm::Twine(*seconds) +
                         " s and was ended; try a smaller schedule, or "
                         "--emit=ptx");
  if (status != 0) {
    StringRef line = StringRef(text).split('\n').first;
    return toolError(
        ExitCode::MissingTool,
        tool + " failed: " + (line.empty() ? StringRef(problem) : line));
  }
  auto written = llvm::MemoryBuffer::getFile(out);
  if (!written || (*written)->getBufferSize() == 0)
    return toolError(ExitCode::MissingTool, tool + " wrote nothing");
  return Assembled{(*written)->getBuffer().str(), std::move(text)};
}

llvm::Expected<Assembled> softmax::assemblePtx(StringRef ptxas, StringRef text,
                                               StringRef chip) {
  std::string arch = ("--gpu-name=" + chip).str();
  return run(ptxas, "ptx", text, [&](StringRef in, StringRef out) {
    return SmallVector<StringRef>{arch, "-O3", "-v", in, "--output-file", out};
  });
}

llvm::Expected<std::string> softmax::linkCodeObject(StringRef object) {
  std::string linker;
  for (StringRef name : {"ld.lld-22", "ld.lld"})
    if (linker.empty())
      if (llvm::ErrorOr<std::string> path = llvm::sys::findProgramByName(name))
        linker = *path;
  if (linker.empty())
    return toolError(ExitCode::MissingTool,
                     "AMD targets need ld.lld, which was not found; apt-get "
                     "install lld-22");
  auto linked = run(linker, "o", object, [&](StringRef in, StringRef out) {
    return SmallVector<StringRef>{"-shared", "--no-undefined", in, "-o", out};
  });
  if (!linked)
    return linked.takeError();
  return std::move(linked->binary);
}
