// The oracle, its bounds and conversions against values computed by hand.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "verify/Bounds.h"
#include "verify/Check.h"

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
