// The oracle, its bounds and conversions against values computed by hand.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "verify/Bounds.h"
#include "verify/Check.h"
#include "verify/Transform.h"

#include "gtest/gtest.h"

#include <cmath>
#include <cstring>
#include <limits>

using namespace mlir::softmax::verify;

static const double kInf = std::numeric_limits<double>::infinity();
static const double kNotANumber = std::numeric_limits<double>::quiet_NaN();

static RowResult evaluate(Operation op, std::vector<double> x,
                          int64_t label = 0, long double upstream = 1,
                          int64_t ignoreIndex = -100) {
  RowInput input;
  input.x = x;
  input.label = label;
  input.upstream = upstream;
  Formula formula;
  formula.ignoreIndex = ignoreIndex;
  return evaluateRow(op, formula, input);
}

//===----------------------------------------------------------------------===//
// Oracle
//===----------------------------------------------------------------------===//

TEST(Oracle, ThreeClasses) {
  std::vector<double> x = {2.0, 1.0, 0.1};
  RowResult p = evaluate(Operation::Softmax, x);
  EXPECT_NEAR(p.elements[0], 0.6590, 5e-5);
  EXPECT_NEAR(p.elements[1], 0.2424, 5e-5);
  EXPECT_NEAR(p.elements[2], 0.0986, 5e-5);
  RowResult both = evaluate(Operation::CrossEntropyWithGrad, x, 2);
  EXPECT_NEAR(both.loss, 2.3170, 5e-5);
  EXPECT_NEAR(both.lse, 2.4170, 5e-5);
  EXPECT_NEAR(both.elements[0], 0.6590, 5e-5);
  EXPECT_NEAR(both.elements[1], 0.2424, 5e-5);
  EXPECT_NEAR(both.elements[2], -0.9014, 5e-5);
  RowResult logarithm = evaluate(Operation::LogSoftmax, x);
  EXPECT_NEAR(logarithm.elements[2], -2.3170, 5e-5);
}

TEST(Oracle, DominantTargetKeepsItsRelativeAccuracy) {
  // The loss is log1p(exp(-50)), the gradient -exp(-50) / (1 + exp(-50)).
  RowResult row = evaluate(Operation::CrossEntropyWithGrad, {50, 0}, 0);
  long double tail = std::exp(-50.0L);
  EXPECT_NEAR(static_cast<double>(row.loss / tail), 1, 1e-15);
  EXPECT_NEAR(static_cast<double>(row.elements[0] / -tail), 1, 1e-15);
}

TEST(Oracle, EqualLogitsAtAnyOffset) { // E28
  for (double offset : {0.0, 1e8, -1e30})
    EXPECT_EQ(
        evaluate(Operation::CrossEntropy, {offset, offset, offset}, 1).loss,
        std::log(3.0L));
}

TEST(Oracle, RowsWithoutProbabilities) { // E1, E3, E4
  for (std::vector<double> x :
       {std::vector<double>{-kInf, -kInf}, {0, kInf}, {kNotANumber, 0}}) {
    for (Operation op : {Operation::Softmax, Operation::LogSoftmax,
                         Operation::CrossEntropyWithGrad}) {
      RowResult row = evaluate(op, x, 1);
      for (long double element : row.elements)
        EXPECT_TRUE(std::isnan(element));
      if (op == Operation::CrossEntropyWithGrad)
        EXPECT_TRUE(std::isnan(row.loss));
    }
  }
  EXPECT_EQ(evaluate(Operation::LogSumExp, {-kInf, -kInf}).lse, -kInf);
  EXPECT_EQ(evaluate(Operation::LogSumExp, {0, kInf}).lse, kInf);
  EXPECT_TRUE(
      std::isnan(evaluate(Operation::LogSumExp, {kInf, kNotANumber}).lse));
  EXPECT_EQ(evaluate(Operation::LogSumExp, {}).lse, -kInf); // E6
}

TEST(Oracle, SomeMinusInfinity) { // E2, E13
  RowResult p = evaluate(Operation::Softmax, {0, -kInf, 0});
  EXPECT_EQ(p.elements[0], 0.5L);
  EXPECT_EQ(p.elements[1], 0);
  EXPECT_FALSE(std::signbit(p.elements[1]));
  RowResult loss = evaluate(Operation::CrossEntropyWithGrad, {0, -kInf, 0}, 1);
  EXPECT_EQ(loss.loss, kInf);
  EXPECT_EQ(loss.elements[0], 0.5L);
  EXPECT_EQ(loss.elements[1], -1);
}

TEST(Oracle, OneClass) { // E5
  EXPECT_EQ(evaluate(Operation::Softmax, {7}).elements[0], 1);
  EXPECT_EQ(evaluate(Operation::LogSoftmax, {7}).elements[0], 0);
  RowResult row = evaluate(Operation::CrossEntropyWithGrad, {7}, 0);
  EXPECT_EQ(row.loss, 0);
  EXPECT_EQ(row.elements[0], 0);
}

TEST(Oracle, IgnoredRowsAndLabels) { // E8 to E12
  RowResult ignored =
      evaluate(Operation::CrossEntropyWithGrad, {kNotANumber, kInf}, -100, 3);
  EXPECT_TRUE(ignored.ignored);
  EXPECT_EQ(ignored.loss, 0);
  EXPECT_EQ(ignored.lse, 0);
  for (long double element : ignored.elements)
    EXPECT_TRUE(element == 0 && !std::signbit(element));
  EXPECT_TRUE(evaluate(Operation::CrossEntropy, {0, 0}, 1, 1, 1).ignored);
  for (int64_t label : {int64_t(-1), int64_t(2), int64_t(1) << 32}) {
    RowResult row = evaluate(Operation::CrossEntropyWithGrad, {0, 0}, label);
    EXPECT_TRUE(row.badLabel);
    EXPECT_TRUE(std::isnan(row.loss) && std::isnan(row.elements[0]));
  }
  EXPECT_TRUE(std::isnan(reduceLoss(Reduction::Mean, {}, 0, 0, {0, 0})));
  EXPECT_EQ(reduceLoss(Reduction::Sum, {}, 0, 0, {0, 0}), 0);
  EXPECT_EQ(reduceLoss(Reduction::Mean, {}, 6, 0, {4, 4}), 1.5L);
}

TEST(Oracle, HugeLogits) { // E27
  RowResult p = evaluate(Operation::Softmax, {3e38, -3e38});
  EXPECT_EQ(p.elements[0], 1);
  EXPECT_EQ(p.elements[1], 0);
  RowResult logarithm = evaluate(Operation::LogSoftmax, {3e38, -3e38});
  EXPECT_EQ(roundTo(ElementType::F32, logarithm.elements[1]), -kInf);
}

TEST(Oracle, Gradients) {
  std::vector<double> dy = {1, 2, 4}, y = {0.25, 0.25, 0.5};
  RowInput input;
  input.x = dy;
  input.second = y;
  RowResult row = evaluateRow(Operation::SoftmaxGrad, {}, input);
  EXPECT_EQ(row.difference, 2.75L);
  EXPECT_EQ(row.elements[0], 0.25L * (1 - 2.75L));
  EXPECT_EQ(row.elements[2], 0.5L * (4 - 2.75L));
  std::vector<double> logarithm = {0, 0, -kInf};
  input.second = logarithm;
  row = evaluateRow(Operation::LogSoftmaxGrad, {}, input);
  EXPECT_EQ(row.elements[0], 1 - 7);
  EXPECT_EQ(row.elements[2], 4);
  input.rate = 0.5;
  input.second = y;
  EXPECT_EQ(evaluateRow(Operation::Sgd, {}, input).elements[2], 3.75L);
}

TEST(Oracle, CompensatedSum) {
  CompensatedSum sum;
  sum.add(1);
  for (int i = 0; i < 1000; ++i)
    sum.add(0x1p-66L); // each is lost in 1 by itself
  EXPECT_EQ(sum.get() - 1, 125 * 0x1p-63L);
}

TEST(Oracle, GradientWithSavedLogSumExp) {
  std::vector<double> x = {1, 0};
  RowInput input;
  input.x = x;
  input.lse = 1;
  input.upstream = 2;
  RowResult row = evaluateRow(Operation::CrossEntropyGrad, {}, input);
  EXPECT_EQ(row.elements[0], 0);
  EXPECT_EQ(row.elements[1], 2 * std::exp(-1.0L));
  input.lse = kInf;
  EXPECT_TRUE(std::isnan(
      evaluateRow(Operation::CrossEntropyGrad, {}, input).elements[1]));
}

//===----------------------------------------------------------------------===//
// Options: values by hand
//===----------------------------------------------------------------------===//

static const double kLn2 = std::log(2.0), kLn3 = std::log(3.0);
static const long double kLn7 = std::log(7.0L);
/// Logits with p = {1, 2, 4} / 7 and lse = ln 7.
static const std::vector<double> kSevenths = {0, kLn2, 2 * kLn2};

static void expectNear(const RowResult &row, std::vector<long double> expected,
                       long double tolerance = 1e-15L) {
  ASSERT_EQ(row.elements.size(), expected.size());
  for (size_t j = 0; j < expected.size(); ++j)
    if (std::isnan(expected[j]))
      EXPECT_TRUE(std::isnan(row.elements[j])) << j;
    else if (std::isinf(expected[j]))
      EXPECT_EQ(row.elements[j], expected[j]) << j;
    else
      EXPECT_LE(std::fabs(row.elements[j] - expected[j]), tolerance)
          << j << ": " << static_cast<double>(row.elements[j]);
}

/// Vectors for the references in a RowInput.
struct Operands {
  std::vector<double> x, second, third, mask, weights, target;
  RowInput input;

  const RowInput &get() {
    input.x = x;
    input.second = second;
    input.third = third;
    input.mask = mask;
    input.weights = weights;
    input.target = target;
    return input;
  }
};

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

//===----------------------------------------------------------------------===//
// Options: gradients against differences
//===----------------------------------------------------------------------===//

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

//===----------------------------------------------------------------------===//
// Types and layouts
//===----------------------------------------------------------------------===//

TEST(Tensor, HalfConversions) {
  EXPECT_EQ(toHalf(1), 0x3c00);
  EXPECT_EQ(toHalf(-2), 0xc000);
  EXPECT_EQ(toHalf(65504), 0x7bff);
  EXPECT_EQ(toHalf(65519.99L), 0x7bff);
  EXPECT_EQ(toHalf(65520), 0x7c00);
  EXPECT_EQ(toHalf(0x1p-24L), 0x0001);
  EXPECT_EQ(toHalf(0x1p-25L), 0x0000); // a tie, to even
  EXPECT_EQ(toHalf(0x1p-25L * 1.0001L), 0x0001);
  EXPECT_EQ(toHalf(0x1p-14L), 0x0400);
  EXPECT_EQ(toHalf(1 + 0x1p-11L), 0x3c00);            // a tie, to even
  EXPECT_EQ(toHalf(1 + 0x1p-11L + 0x1p-60L), 0x3c01); // one rounding, not two
  EXPECT_EQ(toHalf(-0.0L), 0x8000);
  EXPECT_TRUE(std::isnan(halfToDouble(toHalf(kNotANumber))));
  EXPECT_EQ(halfToDouble(0x0001), 0x1p-24);
  EXPECT_EQ(halfToDouble(0xfc00), -kInf);
}

TEST(Tensor, BFloatConversions) {
  EXPECT_EQ(toBFloat(1), 0x3f80);
  EXPECT_EQ(toBFloat(1 + 0x1p-8L), 0x3f80);
  EXPECT_EQ(toBFloat(1 + 3 * 0x1p-8L), 0x3f82);
  EXPECT_EQ(toBFloat(3.4e38L), 0x7f80);
  EXPECT_EQ(toBFloat(0x1p-133L), 0x0001);
  EXPECT_EQ(bfloatToDouble(0x7f7f), 0x1.fep127);
}

TEST(Tensor, SixteenBitsRoundTrip) {
  for (unsigned bits = 0; bits < 0x10000; ++bits) {
    for (ElementType type : {ElementType::F16, ElementType::BF16}) {
      uint16_t pattern = bits, back;
      double value = loadReal(type, &pattern);
      storeReal(type, &back, value);
      if (std::isnan(value))
        EXPECT_TRUE(std::isnan(loadReal(type, &back)));
      else
        EXPECT_EQ(back, pattern);
    }
    // bf16 is the upper half of an f32.
    float wide;
    uint32_t upper = bits << 16;
    std::memcpy(&wide, &upper, 4);
    if (!std::isnan(wide))
      EXPECT_EQ(bfloatToDouble(bits), wide);
  }
}

TEST(Tensor, UlpsAndRounding) {
  EXPECT_EQ(ulpOf(ElementType::F32, 1), 0x1p-23L);
  EXPECT_EQ(ulpOf(ElementType::F32, 0.999L), 0x1p-24L);
  EXPECT_EQ(ulpOf(ElementType::F32, 1e-45L), 0x1p-149L);
  EXPECT_EQ(ulpOf(ElementType::BF16, 1), 0x1p-7L);
  EXPECT_EQ(minNormal(ElementType::F32), 0x1p-126L);
  for (long double value : {0.1L, 1e-40L, 3.4028235e38L, -7.3L, 1e39L})
    EXPECT_EQ(roundTo(ElementType::F32, value), static_cast<float>(value));
}

TEST(Tensor, RowsOfAnyAxis) {
  Tensor tensor;
  tensor.shape = {2, 3, 4};
  tensor.strides = rowMajorStrides(tensor.shape);
  Rows rows(tensor.shape, 1);
  EXPECT_EQ(rows.count(), 8);
  EXPECT_EQ(rows.classes(), 3);
  EXPECT_EQ(rows.start(tensor, 5), 12 + 1);
  Tensor reduced;
  reduced.shape = {2, 4};
  reduced.strides = rowMajorStrides(reduced.shape);
  EXPECT_EQ(rows.start(reduced, 5), 5);
}

//===----------------------------------------------------------------------===//
// Bounds
//===----------------------------------------------------------------------===//

static RowBounds boundsOf(Operation op, const std::vector<double> &x,
                          int64_t label, RowResult &row) {
  RowInput input;
  input.x = x;
  input.label = label;
  row = evaluateRow(op, {}, input);
  return boundRow(op, Bounds(ElementType::F32, false, {}), input, row, {});
}

static bool accepts(long double expected, double tolerance, float value) {
  return compare(ElementType::F32, &value, expected, tolerance).empty();
}

TEST(Bounds, AcceptTheRoundedValueOnly) {
  std::vector<double> x = {2.0, 1.0, 0.1};
  RowResult row;
  RowBounds bounds = boundsOf(Operation::CrossEntropyWithGrad, x, 2, row);
  float loss = static_cast<float>(row.loss);
  EXPECT_TRUE(accepts(row.loss, bounds.loss, loss));
  EXPECT_FALSE(accepts(row.loss, bounds.loss, loss * (1 + 3e-6f)));
  for (int j = 0; j < 3; ++j) {
    float value = static_cast<float>(row.elements[j]);
    EXPECT_TRUE(accepts(row.elements[j], bounds.elements[j], value));
    EXPECT_FALSE(
        accepts(row.elements[j], bounds.elements[j], value * (1 + 3e-6f)));
    EXPECT_FALSE(accepts(row.elements[j], bounds.elements[j],
                         std::numeric_limits<float>::quiet_NaN()));
  }
}

TEST(Bounds, RejectWhatCancels) {
  // The usual formulas in f32: log(1 + tail) and p - 1 lose the tail.
  std::vector<double> x = {25, 0.5, -0.5};
  RowResult row;
  RowBounds bounds = boundsOf(Operation::CrossEntropyWithGrad, x, 0, row);
  float tail = static_cast<float>(row.sums.tail), sum = 1 + tail;
  EXPECT_FALSE(accepts(row.loss, bounds.loss, std::log(sum)));
  EXPECT_FALSE(accepts(row.elements[0], bounds.elements[0], 1 / sum - 1));
  EXPECT_TRUE(accepts(row.loss, bounds.loss, std::log1p(tail)));
  EXPECT_TRUE(accepts(row.elements[0], bounds.elements[0], -tail / sum));
}

TEST(Bounds, ZerosAndSubnormals) {
  std::vector<double> x = {0, -100, -104, -kInf};
  RowResult row;
  RowBounds bounds = boundsOf(Operation::Softmax, x, 0, row);
  EXPECT_TRUE(accepts(row.elements[1], bounds.elements[1], 3.78e-44f));
  EXPECT_TRUE(accepts(row.elements[1], bounds.elements[1], 0)); // within 1e-43
  EXPECT_FALSE(accepts(row.elements[1], bounds.elements[1], 1e-42f));
  for (int j : {2, 3}) {
    EXPECT_TRUE(accepts(row.elements[j], bounds.elements[j], 0.0f));
    EXPECT_FALSE(accepts(row.elements[j], bounds.elements[j], -0.0f));
    EXPECT_FALSE(accepts(row.elements[j], bounds.elements[j], 1.4e-45f));
  }
}

TEST(Bounds, NarrowResultsAreRounded) {
  std::vector<double> x = {2.0, 1.0, 0.125};
  RowInput input;
  input.x = x;
  RowResult row = evaluateRow(Operation::Softmax, {}, input);
  double tolerance =
      boundRow(Operation::Softmax, Bounds(ElementType::BF16, false, {}), input,
               row, {ElementType::BF16})
          .elements[1];
  long double p = row.elements[1];
  uint16_t right = toBFloat(p), off = right + 1;
  EXPECT_TRUE(compare(ElementType::BF16, &right, p, tolerance).empty());
  EXPECT_FALSE(compare(ElementType::BF16, &off, p, tolerance).empty());
}

/// Bounds of an operator of f32 with options; the row's results go to `row`.
static RowBounds boundsOf(Operation op, const Formula &formula,
                          Operands &operands, RowResult &row) {
  const RowInput &input = operands.get();
  row = evaluateRow(op, formula, input);
  return boundRow(op, Bounds(ElementType::F32, false, formula), input, row, {});
}

/// A tolerance in units of u relative to the value.
static double unitsOf(double tolerance, long double value) {
  return static_cast<double>(tolerance / std::fabs(value) * 0x1p24L);
}

TEST(Bounds, NoiseOfLogits) {
  Operands operands;
  RowResult row;
  operands.x = {12, 0.75, 12};
  auto unitsWith = [&](const Formula &formula, size_t j) {
    RowBounds bounds = boundsOf(Operation::Softmax, formula, operands, row);
    return unitsOf(bounds.elements[j], row.elements[j]);
  };
  // (d + 4) ulp, each of which is u to 2u, of the class 11.25 below.
  Formula formula;
  double plain = unitsWith(formula, 1);
  EXPECT_GE(plain, 15.25);
  EXPECT_LE(plain, 2 * 15.25);
  double peak = unitsWith(formula, 0);
  // Of the same distance by a scale: one product; and if the scale is no f32,
  // its own rounding.
  operands.x = {24, 1.5, 24};
  formula.scale = 0.5;
  EXPECT_NEAR(unitsWith(formula, 1) - plain, 11.25, 0.01);
  operands.x = {120, 7.5, 120};
  formula.scale = 0.1;
  EXPECT_NEAR(unitsWith(formula, 1) - plain, 2 * 11.25, 0.01);
  // Equal logits are equal, whatever is done to them.
  EXPECT_NEAR(unitsWith(formula, 0), peak, 0.01);
  formula.softcap = 30;
  EXPECT_LE(unitsWith(formula, 0), 8.01);
  // Two tanh of 3u softcap at most, and little for small ones.
  double capped = unitsWith(formula, 1);
  EXPECT_GE(capped, 3 * 30);
  EXPECT_LE(capped, 2 * 3 * 30 + 2 * 20);
  // A sum with the mask is rounded, by 1000.5 u here, one with 0 is not. What
  // is off in one class weighs as much as the others have of p.
  formula = Formula();
  formula.mask = Mask::Additive;
  operands.x = {999, 1000.5, 1000};
  operands.mask = {0, 0, 0};
  EXPECT_LE(unitsWith(formula, 2), 10);
  operands.mask[0] = 1.5;
  double rounded = unitsWith(formula, 0), other = unitsWith(formula, 2);
  double p = static_cast<double>(row.elements[0]);
  EXPECT_NEAR(rounded, (1 - p) * 1000.5, 10);
  EXPECT_NEAR(other, p * 1000.5, 10);
}

TEST(Bounds, KernelsInFloatKeepThem) {
  // What a kernel computes in f32 for scale and soft-cap; twice the tolerance
  // beside it is wrong.
  Operands operands;
  operands.x = {40, -7, 3.3, 12, 28};
  for (auto [scale, softcap] : {std::pair(0.1, 0.0), {0.7, 15.0}}) {
    Formula formula;
    formula.scale = scale;
    formula.softcap = softcap;
    RowResult row;
    RowBounds bounds = boundsOf(Operation::Softmax, formula, operands, row);
    float e[5], s = softcap ? softcap : scale, sum = 0;
    for (int j = 0; j < 5; ++j) {
      float x = operands.x[j];
      e[j] = softcap ? std::tanh(x * static_cast<float>(scale / softcap)) : x;
    }
    for (float element : e)
      sum += std::exp(s * (element - e[0]));
    for (int j = 0; j < 5; ++j) {
      float p = std::exp(s * (e[j] - e[0])) / sum;
      EXPECT_TRUE(accepts(row.elements[j], bounds.elements[j], p)) << j;
      p += 2 * bounds.elements[j];
      EXPECT_FALSE(accepts(row.elements[j], bounds.elements[j], p)) << j;
    }
  }
}

TEST(Bounds, EqualLogitsWithSmoothing) { // E28
  Operands operands;
  operands.x = {1e8, 1e8, 1e8};
  operands.input.label = 1;
  Formula formula;
  formula.smoothing = 0.3;
  RowResult row;
  RowBounds bounds = boundsOf(Operation::CrossEntropy, formula, operands, row);
  EXPECT_EQ(bounds.loss, 0x1p-23); // an ulp of ln 3
  formula.softcap = 50;
  bounds = boundsOf(Operation::CrossEntropy, formula, operands, row);
  EXPECT_EQ(bounds.loss, 0x1p-23);
}

TEST(Bounds, ConfidentRowsWithWeights) {
  // The tail is 2e-11: it has to be right to 1e-6, weighted or not.
  Operands operands;
  operands.x = {25, 0.5, -0.5};
  operands.weights = {0.375, 1, 2};
  RowResult row;
  RowBounds bounds =
      boundsOf(Operation::CrossEntropyWithGrad, {}, operands, row);
  EXPECT_LE(unitsOf(bounds.loss, row.loss), 32);
  EXPECT_LE(unitsOf(bounds.elements[0], row.elements[0]), 32);
}

TEST(Bounds, MixedGradients) {
  // A p - B of magnitudes near 1 may be off by u of these, also where they
  // cancel; but not without one of its terms.
  Operands operands;
  operands.x = {25, 0.5, -0.5};
  Formula formula;
  formula.smoothing = 0.25;
  formula.zLoss = 1e-4;
  RowResult row;
  RowBounds bounds =
      boundsOf(Operation::CrossEntropyWithGrad, formula, operands, row);
  float others = static_cast<float>(row.sums.tail), p = 1 / (1 + others);
  float soft = 0.25f * p - 0.25f / 3, penalty = 2e-4f * 25 * p;
  float hard = 0.75f * (p - 1);
  EXPECT_TRUE(
      accepts(row.elements[0], bounds.elements[0], hard + soft + penalty));
  EXPECT_FALSE(accepts(row.elements[0], bounds.elements[0], hard + soft));
  EXPECT_FALSE(accepts(row.elements[0], bounds.elements[0], hard + penalty));
  EXPECT_LE(bounds.elements[0], 40 * 0x1p-24);
}

TEST(Bounds, OverflowOfADistance) { // E27
  // 0.1 of 6e38 and 0.45 of it are an f32, 6e38 itself is none.
  Operands operands;
  operands.x = {3e38, -3e38};
  operands.input.label = 1;
  Formula formula;
  formula.smoothing = 0.9;
  RowResult row;
  RowBounds bounds = boundsOf(Operation::CrossEntropy, formula, operands, row);
  EXPECT_TRUE(std::isfinite(static_cast<float>(row.loss)));
  EXPECT_TRUE(bounds.lossMayOverflow);
  operands.input.label = 0;
  EXPECT_FALSE(boundsOf(Operation::CrossEntropy, formula, operands, row)
                   .lossMayOverflow);
}

TEST(Bounds, PoisonIsNeverRight) {
  uint32_t poison = 0xffffffff;
  EXPECT_EQ(compare(ElementType::F32, &poison, kNotANumber, 0),
            "was not written");
  float nan = std::numeric_limits<float>::quiet_NaN();
  EXPECT_TRUE(compare(ElementType::F32, &nan, kNotANumber, 0).empty());
  float infinite = std::numeric_limits<float>::infinity();
  EXPECT_TRUE(compare(ElementType::F32, &infinite, 6e38L, 0).empty());
  EXPECT_FALSE(compare(ElementType::F32, &infinite, 3e38L, 1e30).empty());
}
