// What the options of an operator change in its formulas.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef VERIFY_FORMULA_H
#define VERIFY_FORMULA_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/JSON.h"

#include <cstdint>

namespace mlir::softmax::verify {

enum class Mask { None, Causal, Boolean, Additive };

/// Applied in this order: x1 = scale x; x2 = softcap tanh(x1 / softcap); the
/// mask, which makes excluded elements -inf. Everything else reads x2.
struct Formula {
  double scale = 1;
  double softcap = 0; ///< 0: none
  Mask mask = Mask::None;
  /// E1: rows of nothing but -inf have p = 0 and gradients of 0, not NaN.
  bool maskedRowsAreZero = false;

  double smoothing = 0; ///< e: of it e/C goes to every class
  double zLoss = 0;     ///< each row that counts adds zLoss lse^2
  bool probabilities = false;
  /// E17: a class whose w q' is 0 adds nothing, even where log p = -inf.
  bool zeroTimesInfIsZero = false;
  bool emptyMeanIsZero = false; ///< E8
  int64_t ignoreIndex = -100;   ///< of labels only

  /// x2 is not x itself, even without a mask.
  bool isScaled() const { return scale != 1 || softcap != 0; }
  /// The gradient is g w (p - [j == t]) and nothing more.
  bool isPlain() const {
    return smoothing == 0 && zLoss == 0 && !probabilities;
  }

  /// Takes an option of the manifest; false when key or value are unknown.
  bool set(llvm::StringRef key, const llvm::json::Value &value);
};

} // namespace mlir::softmax::verify

#endif // VERIFY_FORMULA_H
