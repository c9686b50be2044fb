// The oracle of rows without options against values computed by hand.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "test/numerics/OracleTest.h"

using namespace mlir::softmax::verify;

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
