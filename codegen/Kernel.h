// A compiled kernel as its users see it: parameters, variants, facts.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef CODEGEN_KERNEL_H
#define CODEGEN_KERNEL_H

#include "dialect/softmax/Softmax.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/JSON.h"

#include <string>
#include <vector>

namespace mlir::softmax {

/// One C parameter of an entry.
struct Parameter {
  std::string name;
  std::string role; ///< input, output, inout, extent, stride, stream, hook
  std::string type; ///< f32, f64, f16, bf16, i64, i32, u8; hook: pointer
  bool isTensor = false;
  std::vector<std::string> shape; ///< numbers or names of extent parameters
  std::string of;                 ///< stride: the tensor
  int64_t axis = -1;              ///< stride: its axis
};

/// One variant of a kernel.
struct Variant {
  std::string target;
  std::string cpu; ///< what "host" stood for; else as the target
  std::string schedule;
};

/// An entry that runs on GPUs: NAME_gpu or NAME_vulkan.
struct DeviceEntryInfo {
  std::string name;
  bool isVulkan = false;
  bool hasWorkspace = false;
  int64_t workspaceBytes = 0;
  std::vector<std::string> targets;
};

/// What headers and manifests say of a kernel.
struct KernelInfo {
  std::string name;
  std::string op;        ///< as on the command line; "from" for IR files
  std::string summary;   ///< what it computes
  std::string bound;     ///< its error bound
  std::string command;   ///< that made it
  std::vector<Parameter> parameters;
  std::vector<Variant> variants;
  std::vector<DeviceEntryInfo> devices;
  llvm::json::Object options; ///< of the operation
  std::vector<std::string> shape;
  std::string type;
  bool allocates = false; ///< calls malloc and free
};

/// The C parameters of a function that softmax-prepare-entry and bufferization
/// have shaped, in their order.
std::vector<Parameter> readParameters(func::FuncOp kernel, bool strided,
                                      bool hook);

/// Checks parameters that an IR file has named: identifiers, different from each
/// other and from the kernel.
llvm::Error checkParameters(const KernelInfo &kernel);

/// Bytes that a call moves: a number when all extents are known, else a formula
/// over the extents.
llvm::json::Value bytesMoved(const KernelInfo &kernel);

/// The text of NAME.h.
std::string writeHeader(const KernelInfo &kernel);

/// The text of NAME.manifest.json. `files`: kind to file name.
std::string
writeManifest(const KernelInfo &kernel,
              llvm::ArrayRef<std::pair<std::string, std::string>> files);

} // namespace mlir::softmax

#endif // CODEGEN_KERNEL_H
