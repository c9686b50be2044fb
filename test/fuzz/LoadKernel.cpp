// Loads a kernel that was emitted in this process.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "test/fuzz/LoadKernel.h"

using namespace mlir::softmax;

llvm::Expected<verify::Kernel> fuzz::loadKernel(const KernelInfo &info,
                                                llvm::StringRef directory) {
  // Loading needs the C types only.
  verify::Manifest manifest;
  manifest.directory = directory.str();
  manifest.name = info.name;
  for (const Parameter &parameter : info.parameters) {
    verify::Argument argument;
    argument.name = parameter.name;
    argument.byValue = !parameter.isTensor;
    argument.role = parameter.role == "hook" ? verify::Role::Hook
                    : parameter.isTensor     ? verify::Role::Input
                                             : verify::Role::Extent;
    if (auto type = verify::parseElementType(parameter.type))
      argument.type = *type;
    manifest.arguments.push_back(argument);
  }
  return verify::Kernel::load(manifest);
}
