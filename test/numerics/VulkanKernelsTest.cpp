// Every operator, type and option as kernels for Vulkan devices: run on the
// best device there is, and held against the oracle. SPDX-License-Identifier:
// Apache-2.0 WITH LLVM-exception

#include "EmitAndVerify.h"
#include "KernelLines.h"

#include "runtime/smx.h"
#include "runtime/smx_vulkan.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/FormatVariadic.h"
#include "gtest/gtest.h"

using namespace mlir;
using namespace mlir::softmax;

namespace {

/// Without a device nothing runs, and one line says so.
class Device : public testing::Environment {
public:
  void SetUp() override {
    int32_t count = 0;
    if (smx_vulkan_count(&count) != SMX_OK)
      GTEST_SKIP() << "no Vulkan device: " << smx_last_error();
    if (count == 0)
      GTEST_SKIP() << "no Vulkan device: none is suitable";
  }
};
testing::Environment *const kDevice =
    testing::AddGlobalTestEnvironment(new Device);

/// Software devices are slow, and they compile each kernel anew.
verify::Options limits() {
  verify::Options options;
  options.limits.elements = 1 << 14;
  options.limits.total = 1 << 18;
  return options;
}

void expectRight(StringRef line, StringRef schedule) {
  auto report = test::emitAndVerifyVulkan(line, schedule, limits());
  ASSERT_TRUE(static_cast<bool>(report)) << llvm::toString(report.takeError());
  EXPECT_EQ(report->failedCases, 0) << test::textOf(*report);
  EXPECT_TRUE(report->skipped.empty()) << report->skipped;
  EXPECT_GE(report->cases, 5);
}

/// A command line without the tool's name: "softmax ?x67xf32 --axis=0".
class VulkanKernels : public testing::TestWithParam<std::string> {};

TEST_P(VulkanKernels, MatchTheOracle) { expectRight(GetParam(), ""); }

/// What matters to CPUs only is left out, and what takes more than the 128
/// bytes of parameters that every device has: weights and two tensors with
/// strides.
std::vector<std::string> forDevices(std::vector<std::string> lines) {
  llvm::erase_if(lines, [](StringRef line) {
    return line.contains("--threads=") || line.contains("--target-cpu=") ||
           (line.contains("--strided") && line.contains("--weight"));
  });
  return lines;
}

/// Rows that no block keeps in registers, and a length known at run time.
const std::string kLong[] = {
    "softmax 3x32000xf32",
    "softmax 3x50257xbf16",
    "log-softmax 2x128256xf16",
    "softmax-grad 3x32000xbf16",
    "cross-entropy 3x50257xf32",
    "cross-entropy 3x128256xbf16 --lse --reduction=none",
    "cross-entropy-with-grad 3x32000xf64",
    "cross-entropy-with-grad 3x50257xf16 --label-smoothing=0.1",
    "cross-entropy-with-grad 3x128256xbf16 --in-place",
    "cross-entropy ?x?xbf16 --weight --label-smoothing=0.1",
    "cross-entropy-with-grad ?x?xf32 --z-loss=1e-4 --reduction=sum",
    "softmax 1025x?xbf16 --axis=0",
    "softmax-grad ?x3x5xf64 --axis=0",
    "cross-entropy 3x5003x7xf16 --weight",
};

INSTANTIATE_TEST_SUITE_P(Matrix, VulkanKernels,
                         testing::ValuesIn(test::matrixLines()), test::nameOf);
INSTANTIATE_TEST_SUITE_P(Special, VulkanKernels,
                         testing::ValuesIn(forDevices(test::specialLines())),
                         test::nameOf);
INSTANTIATE_TEST_SUITE_P(Options, VulkanKernels,
                         testing::ValuesIn(forDevices(test::optionLines())),
                         test::nameOf);
INSTANTIATE_TEST_SUITE_P(Long, VulkanKernels, testing::ValuesIn(kLong),
                         test::nameOf);

/// Rows in slices, which as many blocks fold where few rows are: 8 rows and
/// less in launches of 64 blocks. The bits of a row are the same in both cases.
class VulkanSlices : public testing::TestWithParam<std::string> {};

TEST_P(VulkanSlices, MatchTheOracle) {
  expectRight(GetParam(),
              "#softmax.gpu_schedule<isa = spirv, threads = 32, block = 32, "
              "vector = 4, steps = 1, slices = 8, blocks = 64>");
}

/// Reductions that come from one and from two sweeps, results that depend on
/// none, lookups, in place, rows of fewer columns than there are slices.
INSTANTIATE_TEST_SUITE_P(
    All, VulkanSlices,
    testing::Values("softmax ?x?xf32", "softmax ?x1003xbf16",
                    "softmax ?x9001xf32", "softmax ?x2000xf32 --mask=causal",
                    "softmax-grad ?x1027xf32 --mask=causal --scale=0.5",
                    "softmax ?x2000xf16 --mask=boolean --masked-rows=zero",
                    "logsumexp ?x2000xf16", "softmax-grad ?x1501xf64",
                    "log-softmax-grad ?x700xf32",
                    "cross-entropy ?x1999xbf16 --lse",
                    "cross-entropy ?x1000xf32 --target=probabilities",
                    "cross-entropy-grad ?x1000xf32 --lse --in-place",
                    "cross-entropy-with-grad ?x?xf32 --in-place --z-loss=0.1",
                    "cross-entropy-with-grad ?x777xbf16 --label-smoothing=0.1 "
                    "--weight --reduction=none"),
    test::nameOf);

struct Schedule {
  const char *residence;
  int64_t threads, vector;
};

class VulkanSchedules : public testing::TestWithParam<Schedule> {};

TEST_P(VulkanSchedules, MatchTheOracle) {
  const Schedule &schedule = GetParam();
  // A thread keeps at most 64 accesses.
  int64_t classes = schedule.threads == 1 ? 60 : 200;
  int64_t steps = 2;
  if (StringRef(schedule.residence) == "registers")
    steps = llvm::divideCeil(classes, schedule.threads * schedule.vector);
  if (StringRef(schedule.residence) == "shared")
    steps = 1;
  std::string text = llvm::formatv(
      "#softmax.gpu_schedule<isa = spirv, residence = {0}, threads = {1}, "
      "block = 128, vector = {2}, steps = {3}>",
      schedule.residence, schedule.threads, schedule.vector, steps);
  // Whole vectors, and rows that end within one.
  expectRight("softmax ?x" + std::to_string(classes) + "xf32", text);
  expectRight("cross-entropy-with-grad ?x" + std::to_string(classes - 3) +
                  "xbf16 --label-smoothing=0.1 --weight",
              text);
  // Threads that share a row have neighbouring rows where its columns lie
  // apart.
  if (schedule.vector == 1) {
    std::string apart = std::to_string(classes);
    expectRight("softmax " + apart + "x?xf32 --axis=0", text);
    expectRight("cross-entropy-with-grad 2x" + apart +
                    "x?xbf16 --label-smoothing=0.1 --weight",
                text);
  }
  // Rows whose length is known at run time are read once or twice.
  if (StringRef(schedule.residence) == "memory")
    expectRight("softmax ?x?xf32", text);
}

std::vector<Schedule> schedules() {
  std::vector<Schedule> result;
  for (const char *residence : {"registers", "memory"})
    for (int64_t threads : {1, 8, 128})
      for (int64_t vector : {1, 2, 4})
        result.push_back({residence, threads, vector});
  for (int64_t threads : {8, 128})
    result.push_back({"shared", threads, 4});
  return result;
}

INSTANTIATE_TEST_SUITE_P(All, VulkanSchedules, testing::ValuesIn(schedules()),
                         [](const testing::TestParamInfo<Schedule> &info) {
                           return llvm::formatv("{0}_{1}_threads_vector_{2}",
                                                info.param.residence,
                                                info.param.threads,
                                                info.param.vector)
                               .str();
                         });

} // namespace
