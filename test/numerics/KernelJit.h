// Compiles element functions for the instruction sets of this machine.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef TEST_NUMERICS_KERNELJIT_H
#define TEST_NUMERICS_KERNELJIT_H

#include "lowering/math/Math.h"

#include "llvm/ExecutionEngine/Orc/LLJIT.h"

namespace mlir::softmax::test {

struct InstructionSet {
  std::string name;
  std::string cpu;
  /// LLVM feature names that the host must have.
  std::vector<std::string> needs;
  /// 0 means scalar code.
  int64_t vectorBytes;
  MathOptions options;
};

/// Those that the host can run; says on stderr which it cannot.
std::vector<InstructionSet> hostInstructionSets();

/// y[i] = f(x[i]) for 0 <= i < n, n a multiple of 64.
struct Kernel {
  std::string name;
  std::function<void(const void *x, void *y, int64_t n)> run;
};

enum class Element { F16, BF16, F32, F64 };

Type elementType(MLIRContext *context, Element element);

using BuildFunction =
    std::function<Value(ImplicitLocOpBuilder &, Value, const MathOptions &)>;

/// Compiles `build`, which maps a scalar or vector of `from` to one of `to`.
Kernel compile(const InstructionSet &isa, Element from, Element to,
               const BuildFunction &build);

/// Whether to visit every input: SOFTMAX_EXHAUSTIVE is set and not empty.
bool exhaustive();

} // namespace mlir::softmax::test

#endif // TEST_NUMERICS_KERNELJIT_H
