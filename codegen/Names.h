// Names that users choose, and suggestions for those that they mistype.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef CODEGEN_NAMES_H
#define CODEGEN_NAMES_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <string>

namespace mlir::softmax {

/// Checks a kernel's name: a C identifier that is no keyword, not reserved and
/// no function of the C library. `remedy` stands before a better name in the
/// error: "--name=my_softmax".
llvm::Error checkName(llvm::StringRef name, llvm::StringRef remedy = "--name=");

/// The same for a parameter, which may hide a function of the C library.
llvm::Error checkParameterName(llvm::StringRef name);

/// "; did you mean 'softmax'?" for the one of `known` that `word` was probably
/// meant to be, else nothing. `prefix` stands before the name.
std::string suggest(llvm::StringRef word,
                    llvm::ArrayRef<llvm::StringRef> known,
                    llvm::StringRef prefix = "");

} // namespace mlir::softmax

#endif // CODEGEN_NAMES_H
