// The manifest of an emitted kernel: what its C function takes and computes.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef VERIFY_MANIFEST_H
#define VERIFY_MANIFEST_H

#include "verify/Formula.h"
#include "verify/Tensor.h"

#include "llvm/Support/Error.h"

#include <optional>
#include <string>
#include <vector>

namespace mlir::softmax::verify {

enum class Operation {
  Softmax,
  LogSoftmax,
  LogSumExp,
  SoftmaxGrad,
  LogSoftmaxGrad,
  CrossEntropy,
  CrossEntropyGrad,
  CrossEntropyWithGrad,
  Sgd,
  Other ///< made from an IR file: there is no formula for it
};

enum class Reduction { None, Mean, Sum };
enum class Role {
  Input,
  Output,
  InOut,
  Extent,
  Stride,
  Stream,
  Hook,
  Workspace
};

/// A number, or the name of the extent argument that holds it.
struct Extent {
  int64_t value = -1;
  std::string name; ///< empty for a number
};

struct Argument {
  std::string name;
  Role role = Role::Input;
  ElementType type = ElementType::I64;
  std::vector<Extent> shape;
  std::string strideOf;   ///< of a stride: the tensor
  int64_t strideAxis = 0; ///< of a stride: its axis
  bool byValue = false;   ///< an input that is a number, no pointer

  bool isTensor() const { return role <= Role::InOut && !byValue; }
  bool isWritten() const { return role == Role::Output || role == Role::InOut; }
};

/// An entry for GPUs, which takes device addresses.
struct Device {
  std::string entry;         ///< the C function
  std::string launcher;      ///< "vulkan" or "driver"
  bool hasWorkspace = false; ///< caller's memory before the stream
};

struct Manifest {
  std::string directory; ///< where the manifest and the kernel lie
  std::string name;      ///< the C function
  Operation op = Operation::Softmax;
  ElementType type = ElementType::F32; ///< of the logits, x, parameter..
  std::vector<Extent> shape;           ///< with the class axis
  std::vector<Argument> arguments;     ///< in the order of the C parameters

  int64_t axis = 0;
  Reduction reduction = Reduction::Mean;
  Formula formula;
  bool inPlace = false;
  bool strided = false;
  std::string threads = "none";
  bool fast = false; ///< --accuracy=fast
  std::vector<Device> devices;
  /// The entry that this describes; empty for the kernel for CPUs.
  std::optional<Device> device;

  /// The C function that this describes.
  llvm::StringRef entry() const {
    return device ? llvm::StringRef(device->entry) : llvm::StringRef(name);
  }
  /// The same kernel by another entry: no hook, but a stream, and before it a
  /// workspace where the entry has one.
  Manifest onDevice(const Device &device) const;

  const Argument *find(llvm::StringRef argument) const;
  /// `target` holds class indices, some of which may be ignored.
  bool hasLabels() const { return find("target") && !formula.probabilities; }
};

llvm::StringRef getName(Operation op);

/// Reads DIR/NAME.manifest.json. An error is one line that names the file.
llvm::Expected<Manifest> readManifest(llvm::StringRef path);

/// The manifests of a directory, sorted; an error when there is none.
llvm::Expected<std::vector<std::string>>
listManifests(llvm::StringRef directory);

} // namespace mlir::softmax::verify

#endif // VERIFY_MANIFEST_H
