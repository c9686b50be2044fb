// What a request says of GPUs, and the files with their code.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef CODEGEN_GPU_DEVICEFILES_H
#define CODEGEN_GPU_DEVICEFILES_H

#include "codegen/Emit.h"

namespace mlir::softmax {

/// Checks GPU targets and the kinds of output that belong to them; fills
/// `options.compile`.
llvm::Error resolveDevices(EmitOptions &options);

/// Lets a schedule win over the selection for the only GPU target.
llvm::Error takeDeviceSchedule(EmitOptions &options, GPUScheduleAttr schedule);

/// One line when some of NVIDIA's targets have no machine code, else nothing.
std::string noteOnDevices(llvm::ArrayRef<DeviceCode> codes);

struct DeviceFile {
  std::string kind;      ///< ptx, cubin, hsaco or spv
  std::string extension; ///< with the target's name when there are several
  std::string contents;
};
/// The files of those `kinds` that hold device code.
std::vector<DeviceFile> deviceFiles(llvm::ArrayRef<DeviceCode> codes,
                                    llvm::ArrayRef<std::string> kinds);

} // namespace mlir::softmax

#endif // CODEGEN_GPU_DEVICEFILES_H
