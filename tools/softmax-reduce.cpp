// softmax-reduce: shrinks IR that shows a failure of our dialects or passes.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "tools/Register.h"

#include "mlir/IR/MLIRContext.h"
#include "mlir/Tools/mlir-reduce/MlirReduceMain.h"

int main(int argc, char **argv) {
  mlir::DialectRegistry registry;
  mlir::softmax::registerEverything(registry);
  mlir::MLIRContext context(registry);
  return failed(mlir::mlirReduceMain(argc, argv, context));
}
