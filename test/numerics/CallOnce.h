// A kernel that is emitted and called once, with arguments of the test's own.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef TEST_NUMERICS_CALLONCE_H
#define TEST_NUMERICS_CALLONCE_H

#include "verify/Kernel.h"

#include <functional>

namespace mlir::softmax::test {

inline verify::CallArgument pointer(void *address) {
  verify::CallArgument argument = {};
  argument.pointer = address;
  return argument;
}
inline verify::CallArgument number(int64_t value) {
  verify::CallArgument argument = {};
  argument.integer = value;
  return argument;
}

/// What a call on a device needs beside its tensors and numbers.
struct DeviceCall {
  std::string schedule; ///< empty for the selected one
  void *stream = nullptr;
  std::function<void()> wait = [] {}; ///< until the device is done
};

/// Calls the kernel of a command line, with `device` the one entry that it has
/// for GPUs, with a workspace as large as it asks for. Results are there on
/// return. The status; a failure of the test and -1 when there is no call.
int32_t callOnce(llvm::StringRef line,
                 std::vector<verify::CallArgument> arguments,
                 const DeviceCall *device = nullptr);

} // namespace mlir::softmax::test

#endif // TEST_NUMERICS_CALLONCE_H
