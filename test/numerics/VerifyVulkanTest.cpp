// Verification of Vulkan entries, on right and wrong ones written in C.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "verify/Verify.h"

#include "runtime/smx.h"
#include "runtime/smx_vulkan.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Program.h"
#include "gtest/gtest.h"

using namespace mlir::softmax::verify;
using llvm::StringRef;

namespace {

/// The software device lies in this process and its addresses are the host's,
/// so that a C function may stand for the kernel.
class VerifyVulkanTest : public ::testing::Test {
protected:
  void SetUp() override {
    smx_vulkan_device *device = nullptr;
    if (smx_vulkan_open(-1, &device) != SMX_OK)
      GTEST_SKIP() << "no Vulkan device: " << smx_last_error();
    bool isSoftware =
        StringRef(smx_vulkan_device_name(device)).starts_with("llvmpipe");
    smx_vulkan_close(device);
    if (!isSoftware)
      GTEST_SKIP() << "no Vulkan device: only llvmpipe serves these tests";
    llvm::SmallString<128> path;
    ASSERT_FALSE(llvm::sys::fs::createUniqueDirectory("verify", path));
    directory = path.str().str();
  }
  void TearDown() override {
    if (!directory.empty())
      llvm::sys::fs::remove_directories(directory);
  }

  void write(StringRef name, StringRef text) {
    std::error_code code;
    llvm::raw_fd_ostream(directory + "/" + name.str(), code) << text;
    ASSERT_FALSE(code);
  }

  /// What is found in the cross-entropy kernel below; `macros` make it wrong.
  KernelReport verify(std::vector<std::string> macros) {
    write("k.manifest.json", R"({
      "schema": 1, "name": "k", "op": "cross-entropy", "type": "f64",
      "shape": ["d0", 5],
      "options": {"axis": 1, "reduction": "none", "ignore_index": -100},
      "arguments": [
        {"name": "logits", "role": "input", "type": "f64", "shape": ["d0", 5]},
        {"name": "target", "role": "input", "type": "i64", "shape": ["d0"]},
        {"name": "loss", "role": "output", "type": "f64", "shape": ["d0"]},
        {"name": "d0", "role": "extent", "type": "i64", "shape": []}],
      "devices": [{"entry": "k_vulkan", "launcher": "vulkan",
                   "targets": ["spirv"], "workspace": true}]})");
    write("k.c", R"(
#include <math.h>
#include <stdint.h>
int64_t k_vulkan_workspace(int64_t rows) { return 16; }
int32_t k_vulkan(const double *x, const int64_t *t, double *loss, int64_t rows,
                 int32_t *workspace, void *stream) {
  if (rows < 0)
    return 2;
  if (rows && (!x || !t || !loss))
    return 1;
  uintptr_t from[] = {(uintptr_t)x, (uintptr_t)t, (uintptr_t)loss};
  uintptr_t size[] = {rows * 40, rows * 8, rows * 8};
  for (int i = 0; i < 2; ++i)
    if (from[2] < from[i] + size[i] && from[i] < from[2] + size[2])
      return 4;
#ifndef WORKSPACE_MAY_BE_NULL
  if (!workspace)
    return 15;
#endif
  if (!stream)
    return 1;
  for (int64_t i = 0; i < rows; ++i, x += 5) {
    if (t[i] == -100) {
      loss[i] = 0;
      continue;
    }
    if (t[i] < 0 || t[i] >= 5) {
      loss[i] = NAN;
#ifdef NEIGHBOUR_OF_BAD_LABEL
      if (i)
        loss[i - 1] = NAN;
#endif
#ifndef NO_ERROR_WORD
      *workspace = 5;
#endif
      continue;
    }
    int peak = 0;
    double undefined = 0;
    for (int j = 0; j < 5; ++j) {
      peak = x[j] > x[peak] || x[peak] != x[peak] ? j : peak;
      undefined += x[j] != x[j] || x[j] == INFINITY ? NAN : 0;
    }
    undefined += x[peak] - x[peak];
    long double tail = 0;
    for (int j = 0; j < 5; ++j)
      tail += j == peak ? 0 : expl((long double)x[j] - x[peak]);
    loss[i] = ((long double)x[peak] - x[t[i]]) + log1pl(tail) + undefined;
  }
#ifdef SPURIOUS_ERROR_WORD
  *workspace = 5;
#endif
#ifdef BEHIND_RESULT
  loss[rows] = 0;
#endif
#ifdef FAR_BEHIND_RESULT
  loss[rows + 512] = 0;
#endif
#ifdef OPERAND
  if (rows)
    ((int64_t *)t)[rows - 1] ^= 1;
#endif
#ifdef BEHIND_WORKSPACE
  workspace[4] = 0;
#endif
  return 0;
}
)");
    auto compiler = llvm::sys::findProgramByName("cc");
    EXPECT_TRUE(static_cast<bool>(compiler));
    std::vector<std::string> words = {
        *compiler,          "-O1", "-fPIC",           "-c",
        directory + "/k.c", "-o",  directory + "/k.o"};
    for (const std::string &macro : macros)
      words.push_back("-D" + macro);
    std::vector<StringRef> arguments(words.begin(), words.end());
    EXPECT_EQ(llvm::sys::ExecuteAndWait(*compiler, arguments), 0);
    auto manifest = readManifest(directory + "/k.manifest.json");
    if (!manifest) {
      ADD_FAILURE() << llvm::toString(manifest.takeError());
      return {};
    }
    Options options;
    options.limits.elements = 1 << 12;
    options.shownFailures = 1000;
    auto report = verifyDevice(*manifest, manifest->devices.front(), options);
    if (!report) {
      ADD_FAILURE() << llvm::toString(report.takeError());
      return {};
    }
    return *report;
  }

  /// The fault is found, and described with `text` in some case.
  void expectFailure(const std::string &macro, StringRef text) {
    KernelReport report = verify({macro});
    EXPECT_GT(report.failedCases, 0) << macro;
    EXPECT_TRUE(llvm::any_of(report.failures, [&](const Failure &failure) {
      return StringRef(failure.text).contains(text);
    })) << macro;
  }

  std::string directory;
};

TEST_F(VerifyVulkanTest, RightEntryPasses) {
  KernelReport report = verify({});
  for (const Failure &failure : report.failures)
    ADD_FAILURE() << failure.test << ": " << failure.text;
  EXPECT_GT(report.cases, 30);
  EXPECT_EQ(report.name, "k_vulkan");
  EXPECT_TRUE(StringRef(report.device).starts_with("llvmpipe"));
  EXPECT_GT(report.specials[12].checked, 0);
  Report all;
  all.kernels.push_back(report);
  std::string text;
  llvm::raw_string_ostream stream(text);
  all.print(stream);
  EXPECT_TRUE(StringRef(text).contains("k_vulkan: ")) << text;
  EXPECT_TRUE(StringRef(text).contains(", llvmpipe")) << text;
}

TEST_F(VerifyVulkanTest, WritesOutsideOfResultsFail) {
  expectFailure("BEHIND_RESULT", "memory ");
  expectFailure("FAR_BEHIND_RESULT", "device memory ");
  expectFailure("OPERAND", "the operand target");
  expectFailure("BEHIND_WORKSPACE", "device memory behind the workspace");
}

TEST_F(VerifyVulkanTest, BadLabelsAreNaNAndSetTheErrorWord) {
  expectFailure("NO_ERROR_WORD", "the error word is 0, expected 5");
  expectFailure("SPURIOUS_ERROR_WORD", "the error word is 5, expected 0");
  expectFailure("NEIGHBOUR_OF_BAD_LABEL", "is nan, expected");
}

TEST_F(VerifyVulkanTest, NullWorkspaceHasToBeRefused) {
  KernelReport report = verify({"WORKSPACE_MAY_BE_NULL"});
  ASSERT_EQ(report.failedCases, 1);
  EXPECT_TRUE(StringRef(report.failures[0].test).contains("null-workspace"));
}

} // namespace
