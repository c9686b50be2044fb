// The oracle with options against values computed by hand.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "test/numerics/OracleTest.h"

using namespace mlir::softmax::verify;

static const double kLn2 = std::log(2.0), kLn3 = std::log(3.0);
static const long double kLn7 = std::log(7.0L);
/// Logits with p = {1, 2, 4} / 7 and lse = ln 7.
static const std::vector<double> kSevenths = {0, kLn2, 2 * kLn2};

TEST(Options, Scale) {
  // Halves of the logits, doubled; and with the sign turned twice.
  Operands operands;
  Formula formula;
  for (double scale : {2.0, -2.0}) {
    formula.scale = scale;
    operands.x = {0, kLn2 / scale, 2 * kLn2 / scale};
    expectNear(evaluateRow(Operation::Softmax, formula, operands.get()),
               {1 / 7.0L, 2 / 7.0L, 4 / 7.0L});
    RowResult row = evaluateRow(Operation::LogSumExp, formula, operands.get());
    EXPECT_NEAR(row.lse, kLn7, 1e-15);
  }
  operands.x = {kInf, 0, 0};
  expectNear(evaluateRow(Operation::Softmax, formula, operands.get()),
             {0, 0.5L, 0.5L});
}

TEST(Options, SoftCap) {
  // tanh(ln(3) / 2) = (3 - 1) / (3 + 1) = 1/2: with softcap c the logit
  // c ln(3) / 2 becomes c / 2, and the slope there is 1 - 1/4. c = 2 ln 2.
  Operands operands;
  Formula formula;
  formula.softcap = 2 * kLn2;
  operands.x = {0, kLn2 * kLn3};
  expectNear(evaluateRow(Operation::Softmax, formula, operands.get()),
             {1 / 3.0L, 2 / 3.0L});
  EXPECT_NEAR(differentiate(formula, operands.x[1]), 0.75, 1e-15);
  // Scale comes first: x / 4 scaled by 4, and the slope is 4 times as steep.
  formula.scale = 4;
  operands.x[1] /= 4;
  expectNear(evaluateRow(Operation::Softmax, formula, operands.get()),
             {1 / 3.0L, 2 / 3.0L});
  EXPECT_NEAR(differentiate(formula, operands.x[1]), 3, 1e-14);
  // Infinite logits become finite, NaN stays.
  operands.x = {kInf, -kInf};
  RowResult row = evaluateRow(Operation::LogSumExp, formula, operands.get());
  EXPECT_NEAR(row.lse, 2 * kLn2 + std::log1p(1 / 16.0), 1e-15);
  operands.x = {kNotANumber, 0};
  row = evaluateRow(Operation::LogSumExp, formula, operands.get());
  EXPECT_TRUE(std::isnan(row.lse));
}

TEST(Options, CausalMask) {
  // Of two rows of three columns the first one sees two.
  EXPECT_EQ(countVisible(0, 2, 3), 2);
  EXPECT_EQ(countVisible(1, 2, 3), 3);
  // Of three rows of one column only the last one sees it.
  EXPECT_EQ(countVisible(0, 3, 1), 0);
  EXPECT_EQ(countVisible(1, 3, 1), 0);
  EXPECT_EQ(countVisible(2, 3, 1), 1);
  Operands operands;
  Formula formula;
  formula.mask = Mask::Causal;
  operands.x = {0, kLn2, kNotANumber};
  operands.input.visible = 2;
  expectNear(evaluateRow(Operation::LogSoftmax, formula, operands.get()),
             {-std::log(3.0L), std::log(2 / 3.0L), -kInf});
}

TEST(Options, BooleanAndAdditiveMask) {
  Operands operands;
  Formula formula;
  formula.mask = Mask::Boolean;
  operands.x = {0, kNotANumber, kLn2}; // what is excluded is not looked at
  operands.mask = {1, 0, 255};
  RowResult row = evaluateRow(Operation::Softmax, formula, operands.get());
  expectNear(row, {1 / 3.0L, 0, 2 / 3.0L});
  EXPECT_FALSE(std::signbit(row.elements[1]));
  // exp(ln 2 + ln 2) = 4; the mask comes after the scale of 1/2.
  formula.mask = Mask::Additive;
  formula.scale = 0.5;
  operands.x = {0, 2 * kLn2, 3};
  operands.mask = {0, kLn2, -kInf};
  expectNear(evaluateRow(Operation::Softmax, formula, operands.get()),
             {0.2L, 0.8L, 0});
}

TEST(Options, EmptyRows) { // E1
  Operands operands;
  Formula nan, zero;
  zero.maskedRowsAreZero = true;
  nan.mask = zero.mask = Mask::Boolean;
  operands.x = {1, 2};
  operands.mask = {0, 0};
  for (Operation op : {Operation::Softmax, Operation::LogSoftmax}) {
    long double empty = op == Operation::Softmax ? 0 : -kInf;
    expectNear(evaluateRow(op, nan, operands.get()), {NAN, NAN});
    expectNear(evaluateRow(op, zero, operands.get()), {empty, empty});
  }
  // NaN and +inf are not swallowed.
  zero.mask = Mask::None;
  for (double other : {kNotANumber, kInf}) {
    operands.x = {-kInf, other};
    expectNear(evaluateRow(Operation::Softmax, zero, operands.get()),
               {NAN, NAN});
  }
  operands.x = {-kInf, -kInf};
  RowResult row =
      evaluateRow(Operation::CrossEntropyWithGrad, zero, operands.get());
  EXPECT_EQ(row.loss, kInf);
  expectNear(row, {0, 0});
  operands.input.lse = -kInf;
  expectNear(evaluateRow(Operation::CrossEntropyGrad, zero, operands.get()),
             {0, 0});
  expectNear(evaluateRow(Operation::CrossEntropyGrad, nan, operands.get()),
             {NAN, NAN});
}

TEST(Options, MaskedGradients) {
  Operands operands;
  Formula formula;
  formula.mask = Mask::Boolean;
  formula.scale = 3;
  operands.mask = {1, 0, 1};
  // S = (1 + 4) / 2; dx = 3 y (dy - S). The NaN has no part in it.
  operands.x = {1, kNotANumber, 4};
  operands.second = {0.5, 0, 0.5};
  RowResult row = evaluateRow(Operation::SoftmaxGrad, formula, operands.get());
  expectNear(row, {3 * 0.5L * (1 - 2.5L), 0, 3 * 0.5L * (4 - 2.5L)});
  EXPECT_FALSE(std::signbit(row.elements[1]));
  // S = 1 + 10 + 4; dx = 3 (dy - p S) with p = 1/2 but for log's rounding.
  operands.x = {1, 10, 4};
  operands.second = {-kLn2, -kInf, -kLn2};
  expectNear(evaluateRow(Operation::LogSoftmaxGrad, formula, operands.get()),
             {3 * (1 - 7.5L), 0, 3 * (4 - 7.5L)}, 1e-14L);
  // Without a mask the column of p = 0 keeps its dy.
  formula.mask = Mask::None;
  expectNear(evaluateRow(Operation::LogSoftmaxGrad, formula, operands.get()),
             {3 * (1 - 7.5L), 3 * 10, 3 * (4 - 7.5L)}, 1e-14L);
  // Rows that had no probabilities, and rows that were set to zero.
  formula.mask = Mask::Boolean;
  operands.second = {kNotANumber, kNotANumber, kNotANumber};
  for (Operation op : {Operation::SoftmaxGrad, Operation::LogSoftmaxGrad})
    expectNear(evaluateRow(op, formula, operands.get()), {NAN, NAN, NAN});
  formula.maskedRowsAreZero = true;
  operands.second = {-kInf, -kInf, -kInf};
  expectNear(evaluateRow(Operation::LogSoftmaxGrad, formula, operands.get()),
             {0, 0, 0});
  operands.second = {0, 0, 0};
  expectNear(evaluateRow(Operation::SoftmaxGrad, formula, operands.get()),
             {0, 0, 0});
}

TEST(Options, SmoothingWeightsAndPenalty) {
  // -log p = ln 7 - {0, ln 2, 2 ln 2}, w = {1, 2, 4}, t = 1, e = 1/4:
  // hard = 3/4 2 (ln 7 - ln 2), soft = 1/12 (7 ln 7 - 10 ln 2).
  Operands operands;
  Formula formula;
  formula.smoothing = 0.25;
  operands.x = kSevenths;
  operands.weights = {1, 2, 4};
  operands.input.label = 1;
  RowResult row =
      evaluateRow(Operation::CrossEntropyWithGrad, formula, operands.get());
  long double loss = 1.5L * (kLn7 - kLn2) + (7 * kLn7 - 10 * kLn2) / 12;
  EXPECT_NEAR(row.loss, loss, 1e-15);
  // 3/2 (p - [j == 1]) + 1/12 (7 p - w), and the latter is 0 here.
  expectNear(row, {3 / 14.0L, -15 / 14.0L, 12 / 14.0L});
  // z = 1/2 adds (ln 7)^2 / 2, and ln 7 p to the gradient, by no weight. The
  // two have upstream gradients of their own.
  formula.zLoss = 0.5;
  operands.input.upstream = 14;
  operands.input.penaltyUpstream = 7;
  row = evaluateRow(Operation::CrossEntropyWithGrad, formula, operands.get());
  EXPECT_NEAR(row.entropy, loss, 1e-15);
  EXPECT_NEAR(row.penalty, kLn7 * kLn7 / 2, 1e-15);
  EXPECT_NEAR(row.loss, row.entropy + row.penalty, 1e-18);
  expectNear(row, {3 + kLn7, -15 + 2 * kLn7, 12 + 4 * kLn7}, 1e-14L);
  // E9: ignored rows have no penalty either.
  operands.input.label = -100;
  row = evaluateRow(Operation::CrossEntropyWithGrad, formula, operands.get());
  EXPECT_EQ(row.loss, 0);
  expectNear(row, {0, 0, 0}, 0);
}

TEST(Options, UniformSmoothing) { // E24, E25
  Formula formula;
  formula.smoothing = 1;
  Operands operands;
  operands.x = kSevenths;
  for (int64_t label : {0, 2}) {
    operands.input.label = label;
    RowResult row =
        evaluateRow(Operation::CrossEntropyWithGrad, formula, operands.get());
    EXPECT_NEAR(row.loss, kLn7 - kLn2, 1e-15);
    expectNear(row,
               {1 / 7.0L - 1 / 3.0L, 2 / 7.0L - 1 / 3.0L, 4 / 7.0L - 1 / 3.0L});
  }
}

TEST(Options, SoftTargets) { // E18
  // w q = {1/2, 1/2, 2}, which sums to 3: the loss is
  // ln 7 / 2 + (ln 7 - ln 2) / 2 + 2 (ln 7 - 2 ln 2), the gradient 3 p - w q.
  Operands operands;
  Formula formula;
  formula.probabilities = true;
  operands.x = kSevenths;
  operands.weights = {1, 2, 4};
  operands.target = {0.5, 0.25, 0.5};
  operands.input.label = -100; // means nothing here
  RowResult row =
      evaluateRow(Operation::CrossEntropyWithGrad, formula, operands.get());
  EXPECT_NEAR(row.loss, 3 * kLn7 - 4.5L * kLn2, 1e-14);
  expectNear(row, {-1 / 14.0L, 5 / 14.0L, -4 / 14.0L});
  // e = 1/2, no weights: q' = q / 2 + 1/6 = {5, 3.5, 5} / 12, sum 13.5 / 12.
  operands.weights.clear();
  formula.smoothing = 0.5;
  row = evaluateRow(Operation::CrossEntropyWithGrad, formula, operands.get());
  EXPECT_NEAR(row.loss, (13.5L * kLn7 - 13.5L * kLn2) / 12, 1e-15);
  expectNear(row, {(13.5L / 7 - 5) / 12, (27 / 7.0L - 3.5L) / 12,
                   (54 / 7.0L - 5) / 12});
  // Negative targets are used as they are.
  formula.smoothing = 0;
  operands.target = {-1, 0, 0};
  EXPECT_NEAR(
      evaluateRow(Operation::CrossEntropy, formula, operands.get()).loss, -kLn7,
      1e-15);
}

TEST(Options, ZeroTimesInfinity) { // E13, E15, E16, E17
  Operands operands;
  Formula formula;
  auto loss = [&] {
    return evaluateRow(Operation::CrossEntropy, formula, operands.get()).loss;
  };
  operands.x = {0, -kInf, 0};
  operands.input.label = 0;
  EXPECT_EQ(loss(), std::log(2.0L)); // E14
  formula.smoothing = 0.5;
  EXPECT_EQ(loss(), kInf);
  operands.weights = {1, 0, 1};
  EXPECT_TRUE(std::isnan(loss()));
  formula.smoothing = 0;
  EXPECT_EQ(loss(), std::log(2.0L));
  operands.input.label = 1;
  EXPECT_TRUE(std::isnan(loss()));
  operands.weights.clear();
  EXPECT_EQ(loss(), kInf);
  formula.probabilities = true;
  operands.target = {0.5, 0, 0.5};
  EXPECT_TRUE(std::isnan(loss()));
  formula.zeroTimesInfIsZero = true;
  EXPECT_EQ(loss(), std::log(2.0L));
  operands.weights = {1, 0, 1};
  operands.target = {0.5, 0.5, 0.5}; // w q' = 0
  EXPECT_EQ(loss(), std::log(2.0L));
  operands.weights.clear();
  EXPECT_EQ(loss(), kInf);
}

TEST(Options, Reductions) { // E7, E8, E20, E21, E26
  Formula formula, penalised;
  penalised.zLoss = 1;
  EXPECT_EQ(reduceLoss(Reduction::Sum, penalised, 6, 2, {4, 2}), 8);
  EXPECT_EQ(reduceLoss(Reduction::Mean, penalised, 6, 2, {4, 2}), 2.5L);
  EXPECT_TRUE(std::isnan(reduceLoss(Reduction::Mean, formula, 6, 0, {0, 2})));
  EXPECT_TRUE(std::isnan(reduceLoss(Reduction::Mean, penalised, 6, 2, {0, 2})));
  penalised.emptyMeanIsZero = formula.emptyMeanIsZero = true;
  EXPECT_EQ(reduceLoss(Reduction::Mean, formula, 6, 0, {0, 2}), 0);
  EXPECT_EQ(reduceLoss(Reduction::Mean, penalised, 6, 2, {0, 2}), 1);
  EXPECT_EQ(reduceLoss(Reduction::Mean, penalised, 0, 0, {0, 0}), 0);
  RowInput input;
  setUpstream(Reduction::Mean, 3, {4, 2}, input);
  EXPECT_EQ(input.upstream, 0.75L);
  EXPECT_EQ(input.penaltyUpstream, 1.5L);
  setUpstream(Reduction::Mean, 3, {0, 2}, input);
  EXPECT_EQ(input.upstream, 0);
  EXPECT_EQ(input.penaltyUpstream, 1.5L);
  setUpstream(Reduction::Sum, 3, {4, 2}, input);
  EXPECT_EQ(input.upstream, 3);
  EXPECT_EQ(input.penaltyUpstream, 3);
}

TEST(Options, SavedLogSumExp) {
  // p = exp(ln 2 - ln 4) = 1/2 from an lse that is not the row's own: smoothing
  // and z-loss take it as it is. e = 1/2, z = 1, C = 2.
  Operands operands;
  Formula formula;
  formula.smoothing = 0.5;
  formula.zLoss = 1;
  operands.x = {kLn2, kLn2};
  operands.input.label = 0;
  operands.input.lse = 2 * kLn2;
  RowResult row =
      evaluateRow(Operation::CrossEntropyGrad, formula, operands.get());
  // Hard part 1/2 (p - [j == t]), soft part 1/4 (2 p - 1) = 0, and 2 z lse p.
  expectNear(row, {2 * kLn2 - 0.25L, 2 * kLn2 + 0.25L});
}
