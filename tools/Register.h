// The dialects, passes and pipelines that every tool offers.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef TOOLS_REGISTER_H
#define TOOLS_REGISTER_H

#include "mlir/IR/DialectRegistry.h"

namespace mlir::softmax {

/// The dialects of this project and what they add to upstream's interfaces.
void registerDialects(DialectRegistry &registry);

/// The passes and pipelines of this project.
void registerPasses();

/// The same with all of upstream's, for programs that read any IR.
void registerEverything(DialectRegistry &registry);

} // namespace mlir::softmax

#endif // TOOLS_REGISTER_H
