// Kernels for NVIDIA's GPUs, executed as PTX and held against the oracle.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "DriverKernel.h"

#include "numerics/EmitAndVerify.h"
#include "numerics/KernelLines.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/FormatVariadic.h"
#include "gtest/gtest.h"

#include <cstdlib>

using namespace mlir::softmax;
using llvm::StringRef;

namespace {

/// The machine executes PTX, so no ptxas may be found.
class OnlyPtx : public testing::Environment {
public:
  void SetUp() override {
    setenv("PATH", "/nowhere", 1);
    setenv("CUDA_HOME", "/nowhere", 1);
    setenv("PTX_QUIET", "1", 1);
  }
};
testing::Environment *const kOnlyPtx =
    testing::AddGlobalTestEnvironment(new OnlyPtx);

verify::Options limits(int64_t elements) {
  verify::Options options;
  options.limits.elements = elements;
  options.limits.total = 4 * elements;
  return options;
}

/// `target` is a number: 90 of sm_90. The device is of that kind.
void expectRight(StringRef line, StringRef schedule = "", int target = 90,
                 int64_t elements = 1 << 13) {
  std::string capability = std::to_string(target);
  setenv("PTX_CAPABILITY", capability.c_str(), 1);
  setenv("PTX_SEED", "1", 1);
  std::string request = (line + " --target-gpu=sm_" + capability).str();
  // The kernel for CPUs is not run here: whatever compiles fastest.
  request += " --target-cpu=x86-64";
  auto emitted = test::emit(request, schedule);
  ASSERT_TRUE(static_cast<bool>(emitted))
      << llvm::toString(emitted.takeError());
  auto manifest = emitted->readManifest();
  ASSERT_TRUE(static_cast<bool>(manifest))
      << llvm::toString(manifest.takeError());
  ASSERT_EQ(manifest->devices.size(), 1u);
  verify::Manifest own = manifest->onDevice(manifest->devices[0]);
  auto kernel = verify::Kernel::load(own);
  ASSERT_TRUE(static_cast<bool>(kernel)) << llvm::toString(kernel.takeError());
  test::DriverKernel device(own, *kernel);
  auto report = verify::verifyCalls(
      own, [&](verify::Problem &problem) { return device.call(problem); },
      limits(elements));
  ASSERT_TRUE(static_cast<bool>(report)) << llvm::toString(report.takeError());
  EXPECT_EQ(report->failedCases, 0) << test::textOf(*report);
  EXPECT_GE(report->cases, 5);
}

class PtxKernels : public testing::TestWithParam<std::string> {};

TEST_P(PtxKernels, MatchTheOracle) { expectRight(GetParam()); }

/// Operators x types.
std::vector<std::string> matrix() {
  std::vector<std::string> requests;
  for (StringRef op : test::operators())
    for (StringRef type : {"f32", "f64", "f16", "bf16"})
      requests.push_back((op + " ?x197x" + type).str());
  return requests;
}
INSTANTIATE_TEST_SUITE_P(Matrix, PtxKernels, testing::ValuesIn(matrix()),
                         test::nameOf);

} // namespace
