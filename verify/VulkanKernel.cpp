// Device memory and calls of Vulkan entries, by the runtime library.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "verify/VulkanKernel.h"

#include "runtime/smx.h"
#include "runtime/smx_vulkan.h"

#include "llvm/ADT/STLExtras.h"

#include <algorithm>
#include <cstring>

using namespace mlir::softmax::verify;
using llvm::StringRef;

/// Bytes of poison between two buffers; a multiple of every alignment.
static constexpr size_t kGuard = 4096;

llvm::Expected<std::unique_ptr<VulkanKernel>>
VulkanKernel::open(const Manifest &manifest, const Kernel &kernel) {
  std::unique_ptr<VulkanKernel> result(new VulkanKernel(manifest, kernel));
  if (smx_vulkan_open(-1, &result->device) != SMX_OK ||
      smx_vulkan_stream_create(result->device, &result->stream) != SMX_OK)
    return llvm::createStringError(smx_last_error());
  return std::move(result);
}

VulkanKernel::~VulkanKernel() {
  smx_vulkan_stream_destroy(stream);
  smx_vulkan_close(device);
}

StringRef VulkanKernel::getDeviceName() const {
  return smx_vulkan_device_name(device);
}

std::string VulkanKernel::reserve(size_t bytes) {
  if (bytes <= capacity)
    return "";
  smx_vulkan_free(device, base);
  base = nullptr;
  capacity = 0;
  if (smx_vulkan_alloc(device, bytes, &base) != SMX_OK)
    return smx_last_error();
  capacity = bytes;
  return "";
}

VulkanKernel::Layout VulkanKernel::layOut(Problem &problem) const {
  Layout layout;
  layout.memories = problem.memories();
  layout.total = kGuard;
  auto take = [&](size_t bytes) {
    size_t offset = layout.total;
    layout.total += (bytes + kGuard - 1) / kGuard * kGuard + kGuard;
    return offset;
  };
  for (const Problem::Memory &memory : layout.memories)
    layout.offsets.push_back(take(memory.buffer->innerSize()));
  int64_t bytes = kernel.workspaceBytes(problem.arguments);
  layout.workspaceBytes = static_cast<size_t>(std::max<int64_t>(bytes, 0));
  layout.workspace = take(layout.workspaceBytes);
  return layout;
}

/// What the device's memory holds before the call. Only the error word of the
/// workspace has a value.
std::vector<char> VulkanKernel::makeImage(const Layout &layout) const {
  std::vector<char> image(layout.total,
                          static_cast<char>(GuardedBuffer::kPoison));
  for (auto [memory, offset] : llvm::zip(layout.memories, layout.offsets))
    std::copy_n(memory.buffer->inner(), memory.buffer->innerSize(),
                image.begin() + offset);
  if (layout.workspaceBytes >= sizeof(int32_t))
    std::fill_n(image.begin() + layout.workspace, sizeof(int32_t), 0);
  return image;
}

/// The arguments of a call with device addresses in place of the host's.
std::vector<CallArgument> VulkanKernel::translate(const Problem &problem,
                                                  const Layout &layout) const {
  std::vector<CallArgument> result = problem.arguments;
  char *begin = static_cast<char *>(base);
  for (auto [argument, value] : llvm::zip(manifest.arguments, result)) {
    if (argument.role == Role::Workspace)
      value.pointer = problem.getMisuse() == Misuse::NullWorkspace
                          ? nullptr
                          : begin + layout.workspace;
    if (argument.role == Role::Stream)
      value.pointer =
          problem.getMisuse() == Misuse::NullStream ? nullptr : stream;
    if (!argument.isTensor())
      continue;
    for (auto [memory, offset] : llvm::zip(layout.memories, layout.offsets))
      if (memory.buffer->contains(value.pointer)) {
        const char *host = static_cast<const char *>(value.pointer);
        value.pointer = begin + offset + (host - memory.buffer->inner());
        break;
      }
  }
  return result;
}

/// Everything that is neither a result nor the workspace is as before.
std::string VulkanKernel::compare(const Layout &layout,
                                  const std::vector<char> &before,
                                  const std::vector<char> &after) const {
  auto isSame = [&](size_t begin, size_t end) {
    return std::memcmp(before.data() + begin, after.data() + begin,
                       end - begin) == 0;
  };
  size_t end = 0; // of what has been looked at
  for (auto [memory, offset] : llvm::zip(layout.memories, layout.offsets)) {
    size_t behind = offset + memory.buffer->innerSize();
    if (!isSame(end, offset))
      return "device memory before " + memory.name.str() + " was overwritten";
    if (memory.isReadOnly && !isSame(offset, behind))
      return "the operand " + memory.name.str() +
             ", or device memory around it, was overwritten";
    end = behind;
  }
  if (!isSame(end, layout.workspace))
    return "device memory behind the last tensor was overwritten";
  if (!isSame(layout.workspace + layout.workspaceBytes, layout.total))
    return "device memory behind the workspace was overwritten";
  return "";
}

CallResult VulkanKernel::call(Problem &problem) {
  CallResult result;
  Layout layout = layOut(problem);
  result.fault = reserve(layout.total);
  if (!result.fault.empty())
    return result;
  const std::vector<char> image = makeImage(layout);
  std::vector<CallArgument> arguments = translate(problem, layout);
  auto mustSucceed = [&](int32_t status) {
    if (status != SMX_OK && result.fault.empty())
      result.fault = smx_last_error();
  };
  mustSucceed(smx_vulkan_upload(device, base, image.data(), image.size()));
  if (!result.fault.empty())
    return result;
  result = kernel.call(arguments);
  std::vector<char> after(image.size());
  mustSucceed(smx_vulkan_stream_synchronize(stream));
  mustSucceed(smx_vulkan_download(device, after.data(), base, after.size()));
  if (!result.fault.empty())
    return result;
  for (auto [memory, offset] : llvm::zip(layout.memories, layout.offsets))
    if (!memory.isReadOnly)
      std::copy_n(after.begin() + offset, memory.buffer->innerSize(),
                  memory.buffer->inner());
  result.fault = compare(layout, image, after);
  if (result.fault.empty())
    result.fault = problem.checkErrorWord(after.data() + layout.workspace,
                                          layout.workspaceBytes);
  return result;
}
