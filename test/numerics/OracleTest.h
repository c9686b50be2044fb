// What the tests of the oracle share.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef TEST_NUMERICS_ORACLETEST_H
#define TEST_NUMERICS_ORACLETEST_H

#include "verify/Bounds.h"
#include "verify/Check.h"
#include "verify/Transform.h"

#include "gtest/gtest.h"

#include <cmath>
#include <cstring>
#include <limits>

namespace mlir::softmax::verify {

inline const double kInf = std::numeric_limits<double>::infinity();
inline const double kNotANumber = std::numeric_limits<double>::quiet_NaN();

inline void expectNear(const RowResult &row, std::vector<long double> expected,
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

} // namespace mlir::softmax::verify

#endif // TEST_NUMERICS_ORACLETEST_H
