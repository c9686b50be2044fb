// Conversions between types, ULPs, rows of tensors.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "test/numerics/OracleTest.h"

using namespace mlir::softmax::verify;

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
