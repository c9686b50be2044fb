// The bounds that results are held to.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "test/numerics/OracleTest.h"

using namespace mlir::softmax::verify;

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
