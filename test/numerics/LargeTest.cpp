// More than 2^31 elements, in one row and in many: indices are 64 bits wide.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "CallOnce.h"
#include "Repeated.h"

#include "gtest/gtest.h"

#include <cmath>

using namespace mlir::softmax;
using namespace mlir::softmax::test;

namespace {

TEST(Large, OneRowWithATargetBeyondTheOthers) {
  int64_t classes = (int64_t(1) << 31) + 17;
  Repeated x(2 * classes);
  ASSERT_TRUE(x.isThere());
  x.fill(kMinus8, classes);
  int64_t target = classes - 3;
  x.halves()[target] = kTwenty;
  float loss = -1, lse = -1;
  ASSERT_EQ(callOnce("cross-entropy 1x?xbf16 --lse",
                     {pointer(x.halves()), pointer(&target), pointer(&loss),
                      pointer(&lse), number(classes)}),
            0);
  // log(1 + (C - 1) e^-28)
  double expected = std::log1p((classes - 1.0) * std::exp(-28.0));
  EXPECT_NEAR(loss, expected, 1e-6 * expected);
  EXPECT_NEAR(lse, 20 + expected, 1e-5);
}

TEST(Large, ManyRowsAreWrittenToTheEnd) {
  int64_t rows = (int64_t(1) << 21) + 5, classes = 1031;
  Repeated x(2 * rows * classes), y(2 * rows * classes);
  ASSERT_TRUE(x.isThere() && y.isThere());
  for (size_t i = 0; i < Repeated::kPeriod / 2; ++i)
    x.halves()[i] = kOne;
  // The last row: one class stands out.
  uint16_t *last = x.halves() + (rows - 1) * classes;
  uint16_t *result = y.halves() + (rows - 1) * classes;
  for (int64_t j = 0; j < classes; ++j) {
    last[j] = kOne;
    result[j] = 0xffff;
  }
  last[classes - 1] = kTwenty;
  ASSERT_EQ(callOnce("softmax ?x1031xbf16",
                     {pointer(x.halves()), pointer(y.halves()), number(rows)}),
            0);
  auto valueOf = [](uint16_t bits) {
    uint32_t wide = uint32_t(bits) << 16;
    float value;
    memcpy(&value, &wide, sizeof(value));
    return value;
  };
  double sum = 1 + 1030 * std::exp(-19.0);
  EXPECT_NEAR(valueOf(result[classes - 1]), 1 / sum, 0.004);
  double other = std::exp(-19.0) / sum;
  for (int64_t j = 0; j < classes - 1; ++j)
    ASSERT_NEAR(valueOf(result[j]), other, other / 200) << j;
  // A row before it is uniform.
  EXPECT_NEAR(valueOf(result[-5]), 1.0 / classes, 0.004 / classes);
}

TEST(Large, StridesBeyondFourGigabytes) {
  // Two rows of three classes, 2^31 + 16 elements of 16 bits apart.
  int64_t stride = (int64_t(1) << 31) + 16, extents = 2;
  Repeated x(2 * (stride + 8));
  ASSERT_TRUE(x.isThere());
  float lse[2] = {-1, -1};
  for (int64_t row = 0; row < extents; ++row)
    for (int64_t j = 0; j < 3; ++j)
      x.halves()[row * stride + j] = row ? kTwenty : kOne;
  ASSERT_EQ(callOnce("logsumexp ?x3xbf16 --strided",
                     {pointer(x.halves()), number(stride), number(1),
                      pointer(lse), number(1), number(extents)}),
            0);
  EXPECT_NEAR(lse[0], 1 + std::log(3.0), 1e-6);
  EXPECT_NEAR(lse[1], 20 + std::log(3.0), 1e-5);
}

} // namespace
