// Kernels for NVIDIA's GPUs, executed as PTX and held against the oracle.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "DriverKernel.h"

#include "numerics/EmitAndVerify.h"
#include "numerics/KernelLines.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/raw_ostream.h"
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
  void TearDown() override { llvm::outs() << cases << " cases\n"; }
  static int64_t cases;
};
int64_t OnlyPtx::cases = 0;
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
  setenv("PTX_SEED", "1", 0);
  setenv("PTX_ULPS", "2", 0);
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
  OnlyPtx::cases += report->cases;
}

class PtxKernels : public testing::TestWithParam<std::string> {};

TEST_P(PtxKernels, MatchTheOracle) { expectRight(GetParam()); }

/// What matters to CPUs only is left out.
std::vector<std::string> forDevices(std::vector<std::string> lines) {
  llvm::erase_if(lines, [](StringRef line) {
    return line.contains("--threads=") || line.contains("--target-cpu=");
  });
  return lines;
}

/// Compiling a kernel takes half a second, so the suite takes some of them.
/// SOFTMAX_EXHAUSTIVE=1 takes all.
template <class T> std::vector<T> some(std::vector<T> lines, size_t step) {
  if (std::getenv("SOFTMAX_EXHAUSTIVE"))
    return lines;
  std::vector<T> result;
  for (size_t i = 0; i < lines.size(); i += step)
    result.push_back(lines[i]);
  return result;
}

INSTANTIATE_TEST_SUITE_P(Matrix, PtxKernels,
                         testing::ValuesIn(some(test::matrixLines(), 5)),
                         test::nameOf);
INSTANTIATE_TEST_SUITE_P(
    Special, PtxKernels,
    testing::ValuesIn(some(forDevices(test::specialLines()), 9)), test::nameOf);
INSTANTIATE_TEST_SUITE_P(Options, PtxKernels,
                         testing::ValuesIn(some(forDevices(test::optionLines()),
                                                7)),
                         test::nameOf);

//===----------------------------------------------------------------------===//
// Schedules
//===----------------------------------------------------------------------===//

/// A request, its schedule, and a target.
struct Scheduled {
  std::string line, schedule;
  int target = 90;
  int64_t elements = 1 << 13;
};

class PtxSchedules : public testing::TestWithParam<Scheduled> {};

TEST_P(PtxSchedules, MatchTheOracle) {
  const Scheduled &test = GetParam();
  expectRight(test.line, "#softmax.gpu_schedule<" + test.schedule + ">",
              test.target, test.elements);
}

std::string nameOfSchedule(const testing::TestParamInfo<Scheduled> &info) {
  std::string name = std::to_string(info.index) + "_" + info.param.line + "_" +
                     info.param.schedule + "_sm_" +
                     std::to_string(info.param.target);
  std::string result;
  for (char c : name)
    if (llvm::isAlnum(c))
      result += c;
    else if (c == '?')
      result += 'd';
    else if (result.back() != '_')
      result += '_';
  return result;
}

/// Where the threads of a row and its columns lie.
std::vector<Scheduled> residences() {
  std::vector<Scheduled> result;
  for (StringRef residence : {"registers", "shared", "memory"})
    for (int64_t threads : {1, 8, 32, 128})
      for (int64_t vector : {1, 2, 4, 8}) {
        if (residence == "shared" && (vector != 4 || threads < 8))
          continue;
        // A thread keeps at most 64 accesses.
        int64_t classes = threads == 1 ? 60 : 200;
        int64_t steps = residence == "registers"
                            ? llvm::divideCeil(classes, threads * vector)
                        : residence == "shared" ? 1
                                                : 2;
        std::string schedule =
            llvm::formatv("residence = {0}, threads = {1}, block = 128, vector "
                          "= {2}, steps = {3}, blocks = 3",
                          residence, threads, vector, steps);
        // Whole vectors, and rows that end within one.
        std::string length = std::to_string(classes);
        if (vector < 8)
          result.push_back({"softmax ?x" + length + "xf32", schedule, 80});
        if (vector >= 4)
          result.push_back({"cross-entropy-with-grad ?x" +
                                std::to_string(classes - 3) +
                                "xbf16 --label-smoothing=0.1 --weight",
                            schedule, 80});
        if (vector == 1)
          result.push_back({"softmax " + length + "x?xf32 --axis=0", schedule});
        if (residence == "memory" && vector == 4)
          result.push_back({"softmax ?x?xf16", schedule});
      }
  return result;
}
INSTANTIATE_TEST_SUITE_P(Residences, PtxSchedules,
                         testing::ValuesIn(some(residences(), 3)),
                         nameOfSchedule);

/// More shared memory than a launch may have without asking.
INSTANTIATE_TEST_SUITE_P(Large, PtxSchedules,
                         testing::Values(Scheduled{
                             "softmax ?x16384xf32",
                             "residence = shared, threads = 256, block = 256, "
                             "vector = 4, steps = 1",
                             90, 1 << 15}),
                         nameOfSchedule);

/// Rows of several blocks. Fewer clusters than rows, so that what was sent for
/// a row is overwritten for the next.
std::vector<Scheduled> clusters() {
  std::vector<Scheduled> result;
  for (int64_t cluster : {2, 4, 8, 16})
    for (StringRef residence : {"registers", "shared", "memory"}) {
      int64_t classes = cluster * 128 * 4 * 2;
      std::string schedule = llvm::formatv(
          "residence = {0}, threads = 128, block = 128, vector = 4, steps = "
          "{1}, blocks = {2}, cluster = {3}",
          residence, residence == "shared" ? 1 : 2, 2 * cluster, cluster);
      std::string length = std::to_string(classes);
      std::string odd = std::to_string(classes - 5);
      int64_t elements = 7 * classes;
      result.push_back(
          {"softmax ?x" + length + "xf32", schedule, 90, elements});
      result.push_back(
          {"softmax-grad ?x" + odd + "xbf16", schedule, 90, elements});
      result.push_back({"cross-entropy-with-grad ?x" + odd +
                            "xf16 --label-smoothing=0.1 --weight",
                        schedule, 100, elements});
      result.push_back(
          {"cross-entropy ?x" + length + "xf64 --lse", schedule, 90, elements});
    }
  return result;
}
INSTANTIATE_TEST_SUITE_P(Clusters, PtxSchedules,
                         testing::ValuesIn(some(clusters(), 3)),
                         nameOfSchedule);

/// Rows in slices, which as many blocks fold where few rows are: 8 rows and
/// less in launches of 64 blocks. The bits of a row are the same in both cases.
std::vector<Scheduled> slices() {
  std::vector<Scheduled> result;
  for (const char *line :
       {"softmax ?x?xf32", "softmax ?x1003xbf16", "softmax ?x9001xf32",
        "softmax ?x2000xf32 --mask=causal",
        "softmax-grad ?x1027xf32 --mask=causal --scale=0.5",
        "softmax ?x2000xf16 --mask=boolean --masked-rows=zero",
        "logsumexp ?x2000xf16", "softmax-grad ?x1501xf64",
        "log-softmax-grad ?x700xf32", "cross-entropy ?x1999xbf16 --lse",
        "cross-entropy ?x1000xf32 --target=probabilities",
        "cross-entropy-grad ?x1000xf32 --lse --in-place",
        "cross-entropy-with-grad ?x?xf32 --in-place --z-loss=0.1",
        "cross-entropy-with-grad ?x777xbf16 --label-smoothing=0.1 --weight "
        "--reduction=none"})
    result.push_back({line, "threads = 32, block = 32, vector = 4, steps = 1, "
                            "slices = 8, blocks = 64"});
  return result;
}
INSTANTIATE_TEST_SUITE_P(Slices, PtxSchedules,
                         testing::ValuesIn(some(slices(), 3)), nameOfSchedule);

/// What is chosen for long rows of each target.
class PtxTargets : public testing::TestWithParam<int> {};

TEST_P(PtxTargets, MatchTheOracle) {
  for (const char *line :
       {"softmax 3x32768xf32", "cross-entropy 2x128256xbf16 --lse",
        "softmax ?x4096xbf16 --accuracy=fast"})
    expectRight(line, "", GetParam());
}
INSTANTIATE_TEST_SUITE_P(All, PtxTargets, testing::Values(80, 90, 100));

} // namespace
