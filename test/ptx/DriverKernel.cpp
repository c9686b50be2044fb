// Calls of entries for CUDA on the machine of this folder.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "DriverKernel.h"

#include "Driver.h"

#include "runtime/smx.h"

#include "llvm/ADT/STLExtras.h"

#include <algorithm>
#include <cstring>

using namespace mlir::softmax;
using namespace mlir::softmax::verify;

CallResult test::DriverKernel::call(Problem &problem) {
  std::vector<CallArgument> arguments = problem.arguments;
  int64_t bytes = std::max<int64_t>(kernel.workspaceBytes(arguments), 0);
  // In turn at either page. It needs the alignment of any device allocation.
  bool atEnd = ++calls % 2 && bytes % 16 == 0;
  GuardedBuffer workspace(bytes, atEnd ? Placement::End : Placement::Start, 0);
  if (bytes >= static_cast<int64_t>(sizeof(int32_t)))
    std::memset(workspace.data(), 0, sizeof(int32_t));
  for (auto [argument, value] : llvm::zip(manifest.arguments, arguments))
    if (argument.role == Role::Workspace &&
        problem.getMisuse() != Misuse::NullWorkspace)
      value.pointer = workspace.data();

  const long before = ptxLaunches();
  CallResult result = kernel.call(arguments);
  if (result.status == SMX_E_LAUNCH)
    result.fault = ptxFault();
  else if (result.status != SMX_OK && ptxLaunches() != before)
    result.fault = "an error after a launch";
  else if (!workspace.isSurroundingIntact())
    result.fault = "memory around the workspace was overwritten";
  else
    result.fault = problem.checkErrorWord(workspace.data(), workspace.size());
  ptxReset();
  return result;
}
