// Reads one kernel of a PTX text.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef TEST_PTX_KERNELPARSER_H
#define TEST_PTX_KERNELPARSER_H

#include "Shared.h"
#include "Tokens.h"

#include <algorithm>

namespace ptx {

/// One kernel while it is read.
class KernelParser : public Places {
public:
  KernelParser(Tokens &tokens, Module &module, const SharedVariables &outer)
      : tokens(tokens), module(module), variables(outer) {}

  Kernel parse();

  Operand source(const Written &, unsigned size, bool mayBeWider) override;
  Operand result(const Written &, unsigned size, bool mayBeWider) override;
  Operand predicate(const Written &, bool isResult) override;
  uint32_t parameter(const std::string &name) override;
  void accessShared(unsigned bytes) override {
    kernel.sharedGranule = std::min(kernel.sharedGranule, bytes);
  }
  void storeGlobal(unsigned bytes) override {
    kernel.globalGranule = std::min(kernel.globalGranule, bytes);
  }

private:
  void parseParameters();
  void parseRegisters();
  void parseInstruction();
  Written parseOperand();
  Operand find(const Written &, bool mayBeSpecial);
  Operand allocate(unsigned size);
  Operand constant(uint64_t value, unsigned size);
  void layOutShared();
  uint32_t sharedAddress(const std::string &name);

  Tokens &tokens;
  Module &module;
  Kernel kernel;
  SharedVariables variables;
  std::map<std::string, Operand> registers;
  std::map<std::pair<uint64_t, unsigned>, Operand> constants;
  std::map<std::string, uint32_t> parameters, labels;
  std::vector<std::pair<size_t, std::string>> branches;
};

} // namespace ptx

#endif // TEST_PTX_KERNELPARSER_H
