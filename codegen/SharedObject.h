// Linking of shared objects by the system's compiler.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef CODEGEN_SHAREDOBJECT_H
#define CODEGEN_SHAREDOBJECT_H

#include "codegen/Target.h"

namespace mlir::softmax {

/// Links an object into a shared object and returns its bytes. The linker is
/// run without a shell and with a time limit; an EmitError says when there is
/// none.
llvm::Expected<std::string> linkSharedObject(llvm::StringRef object,
                                             const CPUTarget &target,
                                             bool openmp);

} // namespace mlir::softmax

#endif // CODEGEN_SHAREDOBJECT_H
