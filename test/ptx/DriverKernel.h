// Calls the entry for CUDA of a kernel on a problem's own tensors.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef TEST_PTX_DRIVERKERNEL_H
#define TEST_PTX_DRIVERKERNEL_H

#include "verify/Problem.h"

namespace mlir::softmax::test {

/// Device memory is the process's memory, so tensors stay between their guard
/// pages, and operands cannot be written.
class DriverKernel {
public:
  /// Both must outlive the result.
  DriverKernel(const verify::Manifest &manifest, const verify::Kernel &kernel)
      : manifest(manifest), kernel(kernel) {}

  /// With a workspace of its own. The result's `fault` is that of the machine
  /// that executes the kernel, or tells of a workspace that was overrun, or of
  /// a wrong error word.
  verify::CallResult call(verify::Problem &problem);

private:
  const verify::Manifest &manifest;
  const verify::Kernel &kernel;
  unsigned calls = 0;
};

} // namespace mlir::softmax::test

#endif // TEST_PTX_DRIVERKERNEL_H
