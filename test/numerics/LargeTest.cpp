// More than 2^31 elements, in one row and in many: indices are 64 bits wide.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "EmitAndVerify.h"
#include "Repeated.h"
#include "verify/Kernel.h"

#include "gtest/gtest.h"

#include <cmath>

using namespace mlir::softmax;
using namespace mlir::softmax::test;

namespace {

/// Emits, loads and calls; the status.
int32_t run(llvm::StringRef line,
            llvm::MutableArrayRef<verify::CallArgument> arguments) {
  llvm::Expected<test::EmittedKernel> emitted = test::emit(line);
  if (!emitted) {
    ADD_FAILURE() << llvm::toString(emitted.takeError());
    return -1;
  }
  auto manifest = emitted->readManifest();
  if (!manifest) {
    ADD_FAILURE() << llvm::toString(manifest.takeError());
    return -1;
  }
  auto kernel = verify::Kernel::load(*manifest);
  if (!kernel) {
    ADD_FAILURE() << llvm::toString(kernel.takeError());
    return -1;
  }
  verify::CallResult result = kernel->call(arguments);
  EXPECT_EQ(result.signal, 0);
  return result.status;
}

TEST(Large, OneRowWithATargetBeyondTheOthers) {
  int64_t classes = (int64_t(1) << 31) + 17;
  Repeated x(2 * classes);
  if (!x.isThere())
    GTEST_SKIP() << "no address space";
  // -8 everywhere, but 20 at the target and 1 at what its low 32 bits name.
  x.fill(kMinus8, classes);
  int64_t target = classes - 3;
  x.halves()[target] = kTwenty;
  float loss = -1, lse = -1;
  verify::CallArgument arguments[] = {pointer(x.halves()), pointer(&target),
                                      pointer(&loss), pointer(&lse),
                                      number(classes)};
  ASSERT_EQ(run("cross-entropy 1x?xbf16 --lse", arguments), 0);
  // log(1 + (C - 1) e^-28)
  double expected = std::log1p((classes - 1.0) * std::exp(-28.0));
  EXPECT_NEAR(loss, expected, 1e-6 * expected);
  EXPECT_NEAR(lse, 20 + expected, 1e-5);
}

TEST(Large, ManyRowsAreWrittenToTheEnd) {
  int64_t rows = (int64_t(1) << 21) + 5, classes = 1031;
  Repeated x(2 * rows * classes), y(2 * rows * classes);
  if (!x.isThere() || !y.isThere())
    GTEST_SKIP() << "no address space";
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
  verify::CallArgument arguments[] = {pointer(x.halves()), pointer(y.halves()),
                                      number(rows)};
  ASSERT_EQ(run("softmax ?x1031xbf16", arguments), 0);
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
  if (!x.isThere())
    GTEST_SKIP() << "no address space";
  float lse[2] = {-1, -1};
  for (int64_t row = 0; row < extents; ++row)
    for (int64_t j = 0; j < 3; ++j)
      x.halves()[row * stride + j] = row ? kTwenty : kOne;
  verify::CallArgument arguments[] = {pointer(x.halves()), number(stride),
                                      number(1),           pointer(lse),
                                      number(1),           number(extents)};
  ASSERT_EQ(run("logsumexp ?x3xbf16 --strided", arguments), 0);
  EXPECT_NEAR(lse[0], 1 + std::log(3.0), 1e-6);
  EXPECT_NEAR(lse[1], 20 + std::log(3.0), 1e-5);
}

} // namespace
