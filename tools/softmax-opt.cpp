// softmax-opt: mlir-opt with the dialects and passes of this project.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "codegen/Passes.h"
#include "codegen/cpu/Pipelines.h"
#include "dialect/softmax/Softmax.h"
#include "lowering/Passes.h"
#include "lowering/math/Passes.h"
#include "mlir/InitAllDialects.h"
#include "mlir/InitAllExtensions.h"
#include "mlir/InitAllPasses.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"

using namespace mlir;

int main(int argc, char **argv) {
  DialectRegistry registry;
  registerAllDialects(registry);
  registerAllExtensions(registry);
  registry.insert<row::RowDialect, softmax::SoftmaxDialect>();
  row::registerBufferizableOpInterfaceExternalModels(registry);
  registerAllPasses();
  softmax::registerLoweringPasses();
  softmax::registerLoweringMathPasses();
  softmax::registerCodegenPasses();
  softmax::registerCPUPipelines();
  return asMainReturnCode(
      MlirOptMain(argc, argv, "softmax-opt: softmax kernels on MLIR\n", registry));
}
