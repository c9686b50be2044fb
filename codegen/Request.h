// What a user asks for: an operator, a shape and options, checked.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef CODEGEN_REQUEST_H
#define CODEGEN_REQUEST_H

#include "dialect/softmax/Softmax.h"
#include "llvm/Support/Error.h"

namespace mlir::softmax {

/// A shape as users write it: `4096x32000xf32`, `?x128256xbf16`.
struct Shape {
  llvm::SmallVector<int64_t> extents; ///< ShapedType::kDynamic for `?`
  std::string type;                   ///< f32, f64, bf16 or f16
  std::string text;
};
llvm::Expected<Shape> parseShape(llvm::StringRef text);

/// What there is to know of an operator outside of its IR.
struct OperatorInfo {
  llvm::StringLiteral name;     ///< on the command line
  llvm::StringLiteral mnemonic; ///< in the dialect
  llvm::StringLiteral formula;  ///< for headers and lists
  llvm::StringLiteral bound;    ///< error bound, for headers
  /// Operation options that it takes, comma separated, without dashes.
  llvm::StringLiteral options;
  bool isLoss() const { return name.starts_with("cross-entropy"); }
  bool takes(llvm::StringRef option) const;
};
llvm::ArrayRef<OperatorInfo> getOperators();

/// A checked request for one kernel.
struct KernelRequest {
  const OperatorInfo *op = nullptr;
  Shape shape;
  int64_t axis = -1; ///< from 0 once checked
  Reduction reduction = Reduction::Mean;
  int64_t ignoreIndex = -100;
  std::string targetType = "i64";
  std::string outType; ///< empty: the type of the shape
  bool lse = false, dloss = false, inPlace = false, strided = false,
       weight = false, probabilities = false;
  double scale = 1, labelSmoothing = 0, zLoss = 0;
  std::optional<double> softcap;
  std::string mask = "none"; ///< none, causal, boolean or additive
  Special maskedRows = Special::NaN, emptyMean = Special::NaN,
          zeroTimesInf = Special::NaN;

  /// Takes `--key=value`; an error says what is wrong and how to put it right.
  llvm::Error set(llvm::StringRef key, llvm::StringRef value);
  /// To be called when all options are set.
  llvm::Error check();
  /// Default name of the kernel: operator, shape and type joined by `_`.
  std::string defaultName() const;

private:
  llvm::Error setChoice(llvm::StringRef key, llvm::StringRef value);
  llvm::Error setNumber(llvm::StringRef key, llvm::StringRef value);
  llvm::Error checkMask() const;
  bool axisGiven = false, ignoreIndexGiven = false, targetTypeGiven = false;
};

/// The request for operator `op` (a name of the command line) and `shape`.
llvm::Expected<KernelRequest> createRequest(llvm::StringRef op,
                                            llvm::StringRef shape);

/// Names of operation options, with their help, for lists and suggestions.
struct OptionInfo {
  llvm::StringLiteral name, value, help;
};
llvm::ArrayRef<OptionInfo> getOperationOptions();

/// The IR of the kernel: one public function on tensors.
OwningOpRef<ModuleOp> buildKernelModule(MLIRContext *context,
                                        const KernelRequest &request,
                                        llvm::StringRef name);

struct KernelInfo;
/// Fills in what headers and manifests say of the operation.
void describeRequest(const KernelRequest &request, KernelInfo &info);

} // namespace mlir::softmax

#endif // CODEGEN_REQUEST_H
