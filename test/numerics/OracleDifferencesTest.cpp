// Gradients of the oracle against differences of its losses.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "test/numerics/OracleTest.h"

using namespace mlir::softmax::verify;

/// d f / d x_j by a central difference of the fourth order.
template <typename Function>
static long double differentiateNumerically(std::vector<double> &x, size_t j,
                                            Function f) {
  constexpr double kStep = 0x1p-10;
  double middle = x[j];
  auto at = [&](int steps) {
    x[j] = middle + steps * kStep;
    long double value = f();
    x[j] = middle;
    return value;
  };
  return (8 * (at(1) - at(-1)) - (at(2) - at(-2))) / (12 * kStep);
}

static std::vector<Formula> makeLogitFormulas() {
  std::vector<Formula> formulas;
  for (double scale : {1.0, -0.75})
    for (double softcap : {0.0, 2.5}) {
      Formula formula;
      formula.scale = scale;
      formula.softcap = softcap;
      formulas.push_back(formula);
    }
  return formulas;
}

TEST(Differences, CrossEntropy) {
  int count = 0;
  for (Formula formula : makeLogitFormulas())
    for (double smoothing : {0.0, 0.3, 1.0})
      for (double zLoss : {0.0, 0.125})
        for (bool weighted : {false, true})
          for (bool soft : {false, true}) {
            formula.smoothing = smoothing;
            formula.zLoss = zLoss;
            formula.probabilities = soft;
            Operands operands;
            operands.x = {0.3, -1.2, 2.1, 0.7, -0.4};
            operands.input.label = 2;
            operands.input.upstream = 1.75L;
            operands.input.penaltyUpstream = -0.5L;
            if (weighted)
              operands.weights = {0.5, 2, 1.5, 0, 3};
            if (soft)
              operands.target = {0.4, 0, 0.9, -0.2, 0.3};
            RowResult row = evaluateRow(Operation::CrossEntropyWithGrad,
                                        formula, operands.get());
            for (size_t j = 0; j < operands.x.size(); ++j) {
              long double slope = differentiateNumerically(operands.x, j, [&] {
                RowResult moved = evaluateRow(Operation::CrossEntropy, formula,
                                              operands.get());
                return 1.75L * moved.entropy - 0.5L * moved.penalty;
              });
              EXPECT_NEAR(row.elements[j], slope, 1e-10);
              ++count;
            }
            // With the row's own lse the gradient is the same.
            RowResult own =
                evaluateRow(Operation::LogSumExp, formula, operands.get());
            operands.input.lse = static_cast<double>(own.lse);
            RowResult saved = evaluateRow(Operation::CrossEntropyGrad, formula,
                                          operands.get());
            expectNear(saved, row.elements, 1e-14L);
          }
  EXPECT_EQ(count, 4 * 3 * 2 * 2 * 2 * 5);
}

TEST(Differences, SoftmaxAndLogSoftmax) {
  const std::vector<double> dy = {0.7, -1.1, 0.4, 1.9, -0.6};
  for (Formula formula : makeLogitFormulas())
    for (Mask mask : {Mask::None, Mask::Causal, Mask::Boolean, Mask::Additive})
      for (bool logarithm : {false, true}) {
        formula.mask = mask;
        Operands operands;
        operands.x = {0.3, -1.2, 2.1, 0.7, -0.4};
        operands.input.visible = 3;
        if (mask == Mask::Boolean)
          operands.mask = {1, 1, 0, 1, 0};
        if (mask == Mask::Additive)
          operands.mask = {0.5, -0.3, 0, 1.1, -2};
        Operation forward =
            logarithm ? Operation::LogSoftmax : Operation::Softmax;
        Operands backward = operands;
        backward.x = dy;
        backward.third = operands.x;
        for (long double y :
             evaluateRow(forward, formula, operands.get()).elements)
          backward.second.push_back(static_cast<double>(y));
        RowResult row = evaluateRow(logarithm ? Operation::LogSoftmaxGrad
                                              : Operation::SoftmaxGrad,
                                    formula, backward.get());
        for (size_t j = 0; j < dy.size(); ++j) {
          // Of an excluded log p = -inf - lse only the lse depends on x.
          long double slope = differentiateNumerically(operands.x, j, [&] {
            RowResult moved = evaluateRow(forward, formula, operands.get());
            long double sum = 0, lse = logSumExp(moved.sums);
            for (size_t c = 0; c < dy.size(); ++c)
              sum += dy[c] *
                     (std::isinf(moved.elements[c]) ? -lse : moved.elements[c]);
            return sum;
          });
          if (isExcluded(formula, operands.get(), j))
            slope = 0;
          EXPECT_NEAR(row.elements[j], slope, 1e-10);
        }
      }
}
