// Kernels of every option in C, right ones and wrong ones.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef TEST_NUMERICS_OPTIONKERNEL_H
#define TEST_NUMERICS_OPTIONKERNEL_H

#include "llvm/Support/JSON.h"

#include <map>
#include <string>

namespace mlir::softmax::verify {

using llvm::StringRef;

/// Those without a loss first.
inline constexpr StringRef kOperators[] = {
    "softmax",           "log-softmax",      "logsumexp",
    "softmax-grad",      "log-softmax-grad", "cross-entropy-with-grad",
    "cross-entropy-grad"};

/// A kernel in C for an operator and options, and its manifest.
class OptionKernel {
public:
  /// `options` as in the manifest, without braces.
  OptionKernel(StringRef op, StringRef options);
  std::string getManifest() const;
  /// `fault` is NAME=EXPRESSION, a macro that is defined otherwise.
  std::string getSource(StringRef fault) const;

private:
  void add(StringRef name, StringRef role, StringRef cType, StringRef type,
           StringRef shape, StringRef field, StringRef elements);
  void addArguments(const llvm::json::Object &options);
  void setMacros(const llvm::json::Object &options);

  StringRef op, options;
  size_t number;
  std::string arguments, parameters, fields, tensors;
  int results = 0;
  std::map<std::string, std::string> macros;
};

} // namespace mlir::softmax::verify

#endif // TEST_NUMERICS_OPTIONKERNEL_H
