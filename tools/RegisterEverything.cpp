// What softmax-opt and its companions know: this project and all of upstream.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "tools/Register.h"

#include "mlir/InitAllDialects.h"
#include "mlir/InitAllExtensions.h"
#include "mlir/InitAllPasses.h"

using namespace mlir;

void softmax::registerEverything(DialectRegistry &registry) {
  registerAllDialects(registry);
  registerAllExtensions(registry);
  registerDialects(registry);
  registerAllPasses();
  registerPasses();
}
