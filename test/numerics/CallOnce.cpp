// A kernel that is emitted and called once, with arguments of the test's own.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "CallOnce.h"

#include "EmitAndVerify.h"

#include "llvm/Support/MathExtras.h"
#include "gtest/gtest.h"

using namespace mlir::softmax;

int32_t test::callOnce(llvm::StringRef line,
                       std::vector<verify::CallArgument> arguments,
                       const DeviceCall *device) {
  auto fails = [](llvm::Error error) {
    ADD_FAILURE() << llvm::toString(std::move(error));
    return -1;
  };
  auto emitted = emit(line, device ? device->schedule : "");
  if (!emitted)
    return fails(emitted.takeError());
  auto manifest = emitted->readManifest();
  if (!manifest)
    return fails(manifest.takeError());
  EXPECT_EQ(manifest->devices.size(), device ? 1u : 0u);
  verify::Manifest entry =
      device ? manifest->onDevice(manifest->devices.front()) : *manifest;
  auto kernel = verify::Kernel::load(entry);
  if (!kernel)
    return fails(kernel.takeError());

  constexpr size_t kAlignment = 256; // of any device allocation
  std::vector<char> workspace;
  for (const verify::Argument &argument : entry.arguments) {
    if (argument.role == verify::Role::Workspace) {
      workspace.resize(kernel->workspaceBytes(arguments) + kAlignment);
      uintptr_t begin = reinterpret_cast<uintptr_t>(workspace.data());
      arguments.push_back(
          pointer(workspace.data() + llvm::alignTo(begin, kAlignment) - begin));
    }
    if (argument.role == verify::Role::Stream)
      arguments.push_back(pointer(device->stream));
  }
  EXPECT_EQ(arguments.size(), entry.arguments.size());
  verify::CallResult result = kernel->call(arguments);
  EXPECT_EQ(result.signal, 0);
  if (device)
    device->wait();
  return result.status;
}
