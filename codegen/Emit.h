// From a request or an IR file to files on disk.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef CODEGEN_EMIT_H
#define CODEGEN_EMIT_H

#include "codegen/OutputFiles.h"
#include "codegen/Request.h"
#include "codegen/cpu/Compile.h"

namespace mlir::softmax {

/// Exit codes of softmax-gen, as the interface fixes them.
enum class ExitCode {
  Done = 0,
  WrongRequest = 1,
  VerificationFailed = 2,
  InternalError = 3,
  MissingTool = 4
};

/// An error with the exit code it stands for.
class EmitError : public llvm::ErrorInfo<EmitError> {
public:
  static char ID;
  EmitError(ExitCode code, std::string message)
      : code(code), text(std::move(message)) {}
  void log(llvm::raw_ostream &os) const override { os << text; }
  std::error_code convertToErrorCode() const override {
    return llvm::inconvertibleErrorCode();
  }
  ExitCode code;
  std::string text;
};

/// What to emit, beside the operation.
struct EmitOptions {
  std::string directory;
  std::vector<std::string> kinds = {"h", "a", "manifest"};
  std::vector<std::string> targetNames = {"host"};
  std::vector<std::string> gpuTargetNames;
  std::string scheduleFile;
  std::string command; ///< for headers and manifests
  CompileOptions compile;
};

/// One kernel on disk.
struct EmittedKernel {
  KernelInfo info;
  std::vector<std::pair<std::string, std::string>> files; ///< kind, name
  std::vector<size_t> sizes;                              ///< of files, bytes
  double lowerSeconds = 0, codegenSeconds = 0;
  std::string note; ///< what users may want to put right; one line or empty
};

/// Kinds of output of `--emit` that this version writes.
llvm::ArrayRef<llvm::StringLiteral> getEmitKinds();

/// Checks kinds, targets and the schedule; fills `options.compile`.
llvm::Error resolve(EmitOptions &options, MLIRContext *context);

/// Emits the kernel of a checked request.
llvm::Expected<EmittedKernel> emitKernel(MLIRContext *context,
                                         const KernelRequest &request,
                                         llvm::StringRef name,
                                         const EmitOptions &options);

/// Emits every public function of an IR file.
llvm::Expected<std::vector<EmittedKernel>>
emitFile(MLIRContext *context, llvm::StringRef path,
         const EmitOptions &options);

} // namespace mlir::softmax

#endif // CODEGEN_EMIT_H
