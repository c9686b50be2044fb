// Runs the kernels of a directory on all cases and reports what is wrong.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef VERIFY_VERIFY_H
#define VERIFY_VERIFY_H

#include "verify/Invariance.h"
#include "verify/Report.h"

namespace mlir::softmax::verify {

struct Options {
  CaseLimits limits;
  size_t shownFailures = 10; ///< of each kernel
};

/// Verifies one kernel on the CPU. An error means that it could not be run at
/// all.
llvm::Expected<KernelReport> verifyKernel(const Manifest &manifest,
                                          const Options &options);

/// Verifies an entry of a kernel on a Vulkan device. Where there is none, the
/// report says that it was skipped.
llvm::Expected<KernelReport> verifyDevice(const Manifest &manifest,
                                          const Device &device,
                                          const Options &options);

/// Verifies an entry by calls of one's own: `call` provides the workspace and
/// the stream, and reports of the device what is wrong in the result's `fault`.
/// `manifest` describes the entry, see Manifest::onDevice.
llvm::Expected<KernelReport> verifyCalls(const Manifest &manifest, Call call,
                                         const Options &options);

/// Verifies the kernel of every *.manifest.json in `directory`, and its entry
/// for Vulkan devices when it has one; entries for other GPUs are not run. A
/// kernel that cannot be read, loaded or allocated is an error; wrong results
/// are no error but in the report.
llvm::Expected<Report> verifyDirectory(llvm::StringRef directory,
                                       const Options &options);

} // namespace mlir::softmax::verify

#endif // VERIFY_VERIFY_H
