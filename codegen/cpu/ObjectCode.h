// LLVM's part: optimisation of a module and its object, assembly or IR.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef CODEGEN_CPU_OBJECTCODE_H
#define CODEGEN_CPU_OBJECTCODE_H

#include "codegen/Target.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/IR/Module.h"
#include "llvm/Target/TargetMachine.h"

namespace mlir::softmax {

/// LLVM's clean-up of kernels; their shape is the schedule's business.
void optimize(llvm::Module &module, llvm::TargetMachine &machine);

/// How LLVM lays out data for a target.
llvm::Expected<llvm::DataLayout> getDataLayout(const CPUTarget &target);

/// A module of one architecture, whose functions may be for several CPUs.
class ObjectCode {
public:
  /// Optimises `module`. The functions in `variants` get the instructions of
  /// their target, all others those of the architecture's baseline.
  static llvm::Expected<ObjectCode>
  create(std::unique_ptr<llvm::LLVMContext> context,
         std::unique_ptr<llvm::Module> module,
         llvm::ArrayRef<std::pair<std::string, CPUTarget>> variants);

  llvm::Expected<llvm::SmallVector<char, 0>>
  emit(llvm::CodeGenFileType type) const;
  std::string ir() const;

private:
  std::unique_ptr<llvm::LLVMContext> context; ///< outlives the module
  std::unique_ptr<llvm::Module> module;
  std::unique_ptr<llvm::TargetMachine> machine;
};

} // namespace mlir::softmax

#endif // CODEGEN_CPU_OBJECTCODE_H
