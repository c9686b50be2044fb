// Every operator, type, option and instruction set: emitted in this process,
// run on guarded buffers and held against the oracle.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "EmitAndVerify.h"
#include "KernelLines.h"

#include "llvm/ADT/StringExtras.h"
#include "gtest/gtest.h"

using namespace mlir;
using namespace mlir::softmax;

namespace {

/// A command line without the tool's name: "softmax ?x67xf32 --axis=0".
class Kernels : public testing::TestWithParam<std::string> {};

TEST_P(Kernels, MatchTheOracle) {
  StringRef line = GetParam();
  StringRef target = line.split("--target-cpu=").second.split(' ').first;
  if (!target.empty() && !test::runsHere(target))
    GTEST_SKIP() << "this CPU does not run " << target.str();
  verify::Options limits;
  limits.limits.elements = 1 << 17;
  limits.limits.total = 1 << 21;
  auto report = test::emitAndVerify(line, /*schedule=*/"", limits);
  ASSERT_TRUE(static_cast<bool>(report)) << llvm::toString(report.takeError());
  EXPECT_TRUE(report->passed()) << test::textOf(*report);
}

/// E31: results of 16 bits are the true value rounded once, but for those that
/// lie so near to a tie that the error of f32 decides: one in 10,000 at most.
class Rounding : public testing::TestWithParam<std::string> {};

TEST_P(Rounding, IsThatOfTheTrueValue) {
  verify::Options limits;
  limits.limits.elements = 1 << 17;
  limits.limits.total = 1 << 21;
  auto report = test::emitAndVerify(GetParam(), /*schedule=*/"", limits);
  ASSERT_TRUE(static_cast<bool>(report)) << llvm::toString(report.takeError());
  for (const verify::ResultErrors &errors : report->kernels.front().results) {
    EXPECT_GT(errors.values, 100000);
    EXPECT_LE(errors.misrounded, 1e-4 * errors.values) << errors.name;
  }
}

INSTANTIATE_TEST_SUITE_P(Half, Rounding,
                         testing::Values("softmax ?x197xbf16",
                                         "softmax ?x197xf16",
                                         "softmax ?x32000xbf16"));

// E41: losses are compared by value, so that -0 and +0 are equal; E39 runs with
// the option --in-place, E43 with --strided.

/// With all instruction sets.
std::vector<std::string> matrix() {
  std::vector<std::string> requests;
  for (const std::string &line : test::matrixLines())
    for (const char *target : {"x86-64", "x86-64-v3", "x86-64-v4"})
      requests.push_back(line + " --target-cpu=" + target);
  return requests;
}

INSTANTIATE_TEST_SUITE_P(Matrix, Kernels, testing::ValuesIn(matrix()),
                         test::nameOf);
INSTANTIATE_TEST_SUITE_P(Special, Kernels,
                         testing::ValuesIn(test::specialLines()), test::nameOf);
INSTANTIATE_TEST_SUITE_P(Options, Kernels,
                         testing::ValuesIn(test::optionLines()), test::nameOf);

} // namespace
