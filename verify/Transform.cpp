// Scale, soft-cap and mask in long double.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "verify/Transform.h"

#include <algorithm>

using namespace mlir::softmax::verify;

long double mlir::softmax::verify::transform(const Formula &formula, double x) {
  long double scaled = static_cast<long double>(formula.scale) * x;
  if (formula.softcap == 0)
    return scaled;
  return formula.softcap * std::tanh(scaled / formula.softcap);
}

long double mlir::softmax::verify::differentiate(const Formula &formula,
                                                 double x) {
  if (formula.softcap == 0)
    return formula.scale;
  // sech^2 = 1 / cosh^2 keeps its relative accuracy where 1 - tanh^2 cancels.
  long double argument =
      static_cast<long double>(formula.scale) * x / formula.softcap;
  long double cosine = std::cosh(argument);
  return formula.scale / (cosine * cosine);
}

bool mlir::softmax::verify::isExcluded(const Formula &formula,
                                       const RowInput &input, size_t j) {
  if (formula.mask == Mask::Causal)
    return static_cast<int64_t>(j) >= input.visible;
  return formula.mask == Mask::Boolean && input.mask[j] == 0;
}

std::vector<long double> mlir::softmax::verify::transformRow(
    const Formula &formula, llvm::ArrayRef<double> x, const RowInput &input) {
  std::vector<long double> result(x.size());
  for (size_t j = 0; j < x.size(); ++j) {
    if (isExcluded(formula, input, j))
      result[j] = -HUGE_VALL; // even of a NaN
    else if (formula.mask == Mask::Additive)
      result[j] = transform(formula, x[j]) + input.mask[j];
    else
      result[j] = transform(formula, x[j]);
  }
  return result;
}

int64_t mlir::softmax::verify::countVisible(int64_t i, int64_t rows,
                                            int64_t classes) {
  return std::clamp<int64_t>(i + classes - rows + 1, 0, classes);
}
