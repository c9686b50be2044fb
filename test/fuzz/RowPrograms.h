// Random row programs with what is known of their results beforehand.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef TEST_FUZZ_ROWPROGRAMS_H
#define TEST_FUZZ_ROWPROGRAMS_H

#include "test/fuzz/Fuzz.h"

namespace mlir::softmax::fuzz {

/// A tensor argument of a kernel. Dimension k of it is dimension `dims[k]` of
/// the program.
struct ProgramOperand {
  std::string type; ///< f32, f64, f16, bf16 or i64
  std::vector<unsigned> dims;
  bool isWritten = false;
  /// Of a result: how far two correct evaluations may lie apart, without the
  /// rounding to `type`; 0: they have the same values.
  double error = 0;
};

/// One public function @f around one row program.
struct RowProgram {
  std::string text;
  std::vector<int64_t> extents;         ///< by dimension, the columns last
  std::vector<bool> isDynamic;          ///< by dimension
  std::vector<ProgramOperand> operands; ///< in the order of the C parameters
  /// Integer inputs lie in [lowestLabel, highestLabel].
  int64_t lowestLabel = 0, highestLabel = 0;
};

/// Inputs of floating-point type are to hold multiples of 1/2 in [-4, 4], or
/// NaN and infinities.
///
/// Every intermediate value is known to be a multiple of 2^-k below some bound,
/// so that sums and products are exact in f32 and any order of evaluation gives
/// the same value; or, behind an exponential and its like, it is known up to an
/// absolute error. Where a random operation would leave both behind, another
/// one is taken.
RowProgram generateRowProgram(Decisions &decide);

} // namespace mlir::softmax::fuzz

#endif // TEST_FUZZ_ROWPROGRAMS_H
