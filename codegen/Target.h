// Facts of the machines that kernels are written for.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef CODEGEN_TARGET_H
#define CODEGEN_TARGET_H

#include "dialect/softmax/Softmax.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

namespace mlir::softmax {

/// A CPU to write kernels for. Only schedule selection and the final emission
/// read it; everything between reads the schedule.
struct CPUTarget {
  std::string name;     ///< as asked for: "host", "x86-64-v3", ...
  std::string triple;   ///< LLVM target triple
  std::string cpu;      ///< LLVM CPU name
  std::string features; ///< LLVM feature string, "+avx2,+fma"
  Isa isa;
  int64_t vectorBits; ///< of one vector (times vscale for SVE and RVV)
  /// What run-time dispatch must find, per architecture: for x86 the psABI
  /// level (0: x86-64, 1: v3, 2: v4), for AArch64 1 when SVE is needed.
  int64_t level;
  /// Outputs of at least that many bytes are better stored past the caches;
  /// -1 when the ISA has no such stores.
  int64_t nontemporalBytes;

  /// Suffix of the variant's symbol: "x86_64_v3".
  std::string symbolSuffix() const;
  bool isX86() const { return isa == Isa::SSE2 || isa == Isa::AVX2 || isa == Isa::AVX512; }
};

/// The names that `parseCPUTarget` knows.
llvm::ArrayRef<llvm::StringLiteral> getCPUTargetNames();

/// The target of that name; an error lists the known names.
llvm::Expected<CPUTarget> parseCPUTarget(llvm::StringRef name);

} // namespace mlir::softmax

#endif // CODEGEN_TARGET_H
