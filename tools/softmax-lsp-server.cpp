// softmax-lsp-server: editor support for IR with the dialects of this project.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "tools/Register.h"

#include "mlir/Tools/mlir-lsp-server/MlirLspServerMain.h"
#include "llvm/Support/LogicalResult.h"

int main(int argc, char **argv) {
  mlir::DialectRegistry registry;
  mlir::softmax::registerEverything(registry);
  return failed(mlir::MlirLspServerMain(argc, argv, registry));
}
