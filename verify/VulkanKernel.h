// Calls the Vulkan entry of a kernel on copies of a problem's tensors.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef VERIFY_VULKANKERNEL_H
#define VERIFY_VULKANKERNEL_H

#include "verify/Problem.h"

struct smx_vulkan_device;
struct smx_vulkan_stream;

namespace mlir::softmax::verify {

/// The best Vulkan device, opened for one kernel: pipelines are cached by the
/// address of code that goes with the kernel.
class VulkanKernel {
public:
  /// `kernel` must outlive the result. An error says why there is no device.
  static llvm::Expected<std::unique_ptr<VulkanKernel>>
  open(const Manifest &manifest, const Kernel &kernel);
  ~VulkanKernel();
  VulkanKernel(const VulkanKernel &) = delete;

  llvm::StringRef getDeviceName() const;

  /// Copies all buffers of the problem to the device, with what lies around the
  /// tensors and further guard zones between them, calls the entry, waits, and
  /// copies what has been written back. The result's `fault` tells of operands,
  /// guard zones and workspaces that have changed, of a wrong error word, and
  /// of failures of the device. Reads outside of tensors are not noticed as
  /// such: what lies there is poison.
  CallResult call(Problem &problem);

private:
  VulkanKernel(const Manifest &manifest, const Kernel &kernel)
      : manifest(manifest), kernel(kernel) {}

  /// Where the buffers of a problem lie in device memory, in bytes from `base`.
  struct Layout {
    std::vector<Problem::Memory> memories;
    std::vector<size_t> offsets;
    size_t workspace = 0, workspaceBytes = 0, total = 0;
  };
  Layout layOut(Problem &problem) const;
  /// Makes room; the text of the error, empty when there is none.
  std::string reserve(size_t bytes);
  std::vector<char> makeImage(const Layout &layout) const;
  std::vector<CallArgument> translate(const Problem &problem,
                                      const Layout &layout) const;
  std::string compare(const Layout &layout, const std::vector<char> &before,
                      const std::vector<char> &after) const;

  const Manifest &manifest;
  const Kernel &kernel;
  smx_vulkan_device *device = nullptr;
  smx_vulkan_stream *stream = nullptr;
  void *base = nullptr; ///< a device address
  size_t capacity = 0;
};

} // namespace mlir::softmax::verify

#endif // VERIFY_VULKANKERNEL_H
