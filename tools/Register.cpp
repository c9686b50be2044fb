// What this project adds to a tool; the plug-in links nothing else of tools/.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "tools/Register.h"

#include "codegen/Passes.h"
#include "codegen/cpu/Pipelines.h"
#include "codegen/gpu/Pipelines.h"
#include "dialect/softmax/Softmax.h"
#include "lowering/Passes.h"
#include "lowering/math/Passes.h"

using namespace mlir;

void softmax::registerDialects(DialectRegistry &registry) {
  registry.insert<row::RowDialect, SoftmaxDialect>();
  row::registerBufferizableOpInterfaceExternalModels(registry);
}

void softmax::registerPasses() {
  registerLoweringPasses();
  registerLoweringMathPasses();
  registerCodegenPasses();
  registerCPUPipelines();
  registerGPUPipelines();
}
