// Every operator, type, option and instruction set: emitted in this process,
// run on guarded buffers and held against the oracle.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "codegen/Emit.h"
#include "verify/Verify.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "gtest/gtest.h"

#include <cstdlib>

using namespace mlir;
using namespace mlir::softmax;

namespace {

/// A command line without the tool's name: "softmax ?x67xf32 --axis=0".
class Kernels : public testing::TestWithParam<std::string> {};

/// Whether this machine runs kernels for the target.
bool runsHere(StringRef target) {
  llvm::Expected<CPUTarget> wanted = parseCPUTarget(target);
  llvm::Expected<CPUTarget> host = parseCPUTarget("host");
  if (!wanted || !host) {
    llvm::consumeError(wanted.takeError());
    llvm::consumeError(host.takeError());
    return false;
  }
  return wanted->isX86() == host->isX86() && wanted->level <= host->level;
}

TEST_P(Kernels, MatchTheOracle) {
  SmallVector<StringRef> words;
  StringRef(GetParam()).split(words, ' ');
  llvm::Expected<KernelRequest> request = createRequest(words[0], words[1]);
  ASSERT_TRUE(static_cast<bool>(request)) << llvm::toString(request.takeError());
  EmitOptions options;
  options.kinds = {"a"};
  for (StringRef word : llvm::drop_begin(words, 2)) {
    auto [key, value] = word.drop_front(2).split('=');
    if (key == "target-cpu") {
      if (!runsHere(value))
        GTEST_SKIP() << "this CPU does not run " << value.str();
      options.targetNames = {value.str()};
    } else if (key == "threads") {
      options.compile.threads = *symbolizeThreads(value);
    } else {
      if (key == "accuracy")
        options.compile.accuracy = *symbolizeAccuracy(value);
      llvm::Error error = request->set(key, value);
      ASSERT_FALSE(static_cast<bool>(error)) << llvm::toString(std::move(error));
    }
  }
  llvm::Error checked = request->check();
  ASSERT_FALSE(static_cast<bool>(checked)) << llvm::toString(std::move(checked));

  llvm::SmallString<128> directory;
  ASSERT_FALSE(llvm::sys::fs::createUniqueDirectory("kernels", directory));
  options.directory = directory.str().str();
  DialectRegistry registry;
  registerCompilerDialects(registry);
  MLIRContext context(registry, MLIRContext::Threading::DISABLED);
  context.loadAllAvailableDialects();
  llvm::Error resolved = resolve(options, &context);
  ASSERT_FALSE(static_cast<bool>(resolved))
      << llvm::toString(std::move(resolved));
  auto kernel =
      emitKernel(&context, *request, request->defaultName(), options);
  ASSERT_TRUE(static_cast<bool>(kernel)) << llvm::toString(kernel.takeError());

  verify::Options limits;
  limits.limits.elements = 1 << 17;
  limits.limits.total = 1 << 21;
  auto report = verify::verifyDirectory(directory, limits);
  ASSERT_TRUE(static_cast<bool>(report)) << llvm::toString(report.takeError());
  std::string text;
  llvm::raw_string_ostream stream(text);
  report->print(stream);
  EXPECT_TRUE(report->passed()) << text;
  (void)llvm::sys::fs::remove_directories(directory);
}

const char *const kOperators[] = {
    "softmax",         "log-softmax",    "logsumexp",
    "softmax-grad",    "log-softmax-grad", "cross-entropy",
    "cross-entropy-grad", "cross-entropy-with-grad", "sgd"};

/// Operators x types x instruction sets, with a tail in every vector width.
std::vector<std::string> matrix() {
  std::vector<std::string> requests;
  for (StringRef op : kOperators)
    for (StringRef type : {"f32", "f64", "f16", "bf16"})
      for (StringRef target : {"x86-64", "x86-64-v3", "x86-64-v4"})
        requests.push_back(
            (op + " ?x197x" + type + " --target-cpu=" + target).str());
  return requests;
}

/// What the matrix does not reach: axes, ranks, strides, threads, options, and
/// rows of more than one block.
const char *const kSpecial[] = {
    "softmax f32",
    "softmax 1xf32",
    "softmax ?xf32",
    "softmax ?x1xf32",
    "softmax ?x2xbf16",
    "softmax ?x16xf32",
    "softmax ?x64xf32",
    "softmax ?x4096xf32",
    "softmax ?x4097xf32",
    "softmax ?x8193xbf16",
    "softmax ?x?xf32",
    "softmax 0x5xf32",
    "softmax 5x0xf32",
    "softmax 64x32001xf32",
    "softmax 40x32000xf32",
    "softmax 3x5x7x9xf32 --axis=0",
    "softmax 3x5x7x9xf32 --axis=-2",
    "softmax ?x?x?xf16 --axis=1",
    "softmax 2x2x2x2x2x2x2x3xf32",
    "softmax ?x?xf32 --strided",
    "softmax ?x33xbf16 --in-place",
    "softmax ?x197xbf16 --out-type=f32",
    "softmax ?x197xf32 --out-type=bf16",
    "softmax ?x197xf32 --accuracy=fast",
    "softmax ?x197xf32 --threads=openmp",
    "softmax ?x197xf32 --threads=hook",
    "log-softmax ?x9001xf32",
    "logsumexp ?x9001xf32 --threads=hook",
    "logsumexp ?x?x3xf64 --axis=1",
    "softmax-grad ?x4097xf32 --in-place",
    "log-softmax-grad ?x?x5xf32 --axis=1",
    "cross-entropy ?x9001xf32 --lse",
    "cross-entropy ?x?xf32 --reduction=none --ignore-index=0",
    "cross-entropy ?x?xf64 --reduction=sum --lse",
    "cross-entropy ?x10x6x5xf32",
    "cross-entropy 7xf32",
    "cross-entropy ?x197xf32 --target-type=u8 --ignore-index=255",
    "cross-entropy ?x197xf32 --target-type=i32 --threads=openmp",
    "cross-entropy ?x?xf32 --strided",
    "cross-entropy-grad ?x197xf32 --lse",
    "cross-entropy-grad ?x197xbf16 --reduction=none --lse",
    "cross-entropy-grad ?x10x6xf32 --reduction=sum",
    "cross-entropy-with-grad ?x197xf32 --in-place",
    "cross-entropy-with-grad ?x197xf32 --lse --dloss --reduction=none",
    "cross-entropy-with-grad ?x9001xbf16 --dloss --threads=hook",
    "cross-entropy-with-grad 40x32001xf32 --threads=openmp",
    "cross-entropy-with-grad ?x5x9xf64 --reduction=sum",
    "sgd ?xf32",
    "sgd 3x5x7xf32 --strided",
};

std::string nameOf(const testing::TestParamInfo<std::string> &info) {
  std::string name;
  for (char c : info.param)
    name += llvm::isAlnum(c) ? c : c == '?' ? 'd' : '_';
  return name;
}

INSTANTIATE_TEST_SUITE_P(Matrix, Kernels, testing::ValuesIn(matrix()), nameOf);
INSTANTIATE_TEST_SUITE_P(Special, Kernels,
                         testing::ValuesIn(std::vector<std::string>(std::begin(kSpecial),
                                           std::end(kSpecial))),
                         nameOf);

} // namespace
