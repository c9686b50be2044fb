// The plug-in that gives a plain mlir-opt our dialects, passes and pipelines.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "codegen/Version.h"
#include "tools/Register.h"

#include "mlir/Tools/Plugins/DialectPlugin.h"
#include "mlir/Tools/Plugins/PassPlugin.h"

using namespace mlir;

/// Either way of loading brings the passes; with both they come once.
static void registerPassesOnce() {
  [[maybe_unused]] static bool once = (softmax::registerPasses(), true);
}

extern "C" LLVM_ATTRIBUTE_WEAK DialectPluginLibraryInfo
mlirGetDialectPluginInfo() {
  return {MLIR_PLUGIN_API_VERSION, "softmax-mlir", softmax::kVersion,
          [](DialectRegistry *registry) {
            softmax::registerDialects(*registry);
            registerPassesOnce();
          }};
}

extern "C" LLVM_ATTRIBUTE_WEAK PassPluginLibraryInfo mlirGetPassPluginInfo() {
  return {MLIR_PLUGIN_API_VERSION, "softmax-mlir", softmax::kVersion,
          registerPassesOnce};
}
