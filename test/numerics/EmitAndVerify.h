// A request as a command line, emitted in this process and held against the
// oracle.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef TEST_NUMERICS_EMITANDVERIFY_H
#define TEST_NUMERICS_EMITANDVERIFY_H

#include "codegen/Target.h"
#include "verify/Verify.h"

namespace mlir::softmax::test {

/// Whether this machine runs kernels for the target.
bool runsHere(llvm::StringRef target);

/// A kernel in a directory of its own, which goes when this does.
class EmittedKernel {
public:
  explicit EmittedKernel(std::string directory)
      : directory(std::move(directory)) {}
  EmittedKernel(EmittedKernel &&other) : directory(std::move(other.directory)) {
    other.directory.clear();
  }
  ~EmittedKernel();

  llvm::Expected<verify::Manifest> readManifest() const;

  std::string directory;
};

/// Emits `commandLine`, see below.
llvm::Expected<EmittedKernel> emit(llvm::StringRef commandLine,
                                   llvm::StringRef schedule = "");

/// Emits `commandLine`, e.g. "softmax ?x67xf32 --axis=0 --threads=hook", into a
/// directory of its own that is removed afterwards, and verifies the kernel.
/// `schedule` is the text of a schedule file, empty for the selected one.
llvm::Expected<verify::Report> emitAndVerify(llvm::StringRef commandLine,
                                             llvm::StringRef schedule,
                                             const verify::Options &options);

/// The same for the kernel's entry for Vulkan devices, and for that one only.
llvm::Expected<verify::KernelReport>
emitAndVerifyVulkan(llvm::StringRef commandLine, llvm::StringRef schedule,
                    const verify::Options &options);

/// What a report says, as text.
std::string textOf(const verify::KernelReport &report);
std::string textOf(const verify::Report &report);

} // namespace mlir::softmax::test

#endif // TEST_NUMERICS_EMITANDVERIFY_H
