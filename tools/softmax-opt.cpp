// softmax-opt: mlir-opt with the dialects and passes of this project.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "tools/Register.h"

#include "mlir/Tools/mlir-opt/MlirOptMain.h"

int main(int argc, char **argv) {
  mlir::DialectRegistry registry;
  mlir::softmax::registerEverything(registry);
  return mlir::asMainReturnCode(mlir::MlirOptMain(
      argc, argv, "softmax-opt: softmax kernels on MLIR\n", registry));
}
