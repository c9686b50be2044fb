// column-sweep: one kernel, every number of classes from 1 to 1,200, the
// neighbours of every multiple of 16 up to 4,096 and of 16384, 32768 and 65536,
// and real vocabularies with their neighbours, against the oracle.
//
//   column-sweep [--full]
//
// Without --full only every 13th number of classes and every 17th
// vocabulary.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "EmitAndVerify.h"
#include "verify/Check.h"

#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/raw_ostream.h"

#include <set>

using namespace mlir::softmax;

static const char *const kLines[] = {
    "softmax 2x?xf32",
    "log-softmax 2x?xbf16",
    "logsumexp 2x?xf64",
    "softmax-grad 2x?xf16",
    "cross-entropy 2x?xf32 --label-smoothing=0.1 --weight --lse",
    "cross-entropy-with-grad 2x?xf32 --reduction=sum",
    "cross-entropy-with-grad 2x?xbf16 --softcap=30 --z-loss=1e-4",
    "softmax 2x?x3xf32 --axis=1",
    "softmax 2x?xf32 --mask=causal"};

static std::set<int64_t> classCounts() {
  std::set<int64_t> counts;
  for (int64_t c = 1; c <= 1200; ++c)
    counts.insert(c);
  auto around = [&](int64_t middle, int64_t reach) {
    for (int64_t c = middle - reach; c <= middle + reach; ++c)
      counts.insert(c);
  };
  for (int64_t c = 1216; c <= 4096; c += 16)
    around(c, 2);
  for (int64_t c : {16384, 32768, 65536})
    around(c, 2);
  return counts;
}

static std::set<int64_t> vocabularies() {
  std::set<int64_t> counts;
  for (int64_t c : {32000, 50257, 50304, 100277, 102400, 128256, 129920, 151936,
                    152064, 200019, 256000, 262144})
    counts.insert({c - 1, c, c + 1});
  return counts;
}

/// The first fault over all counts, or nothing.
static llvm::Error sweep(const verify::Manifest &manifest,
                         const std::set<int64_t> &counts, int64_t step,
                         int64_t &cases) {
  llvm::Expected<verify::Kernel> kernel = verify::Kernel::load(manifest);
  if (!kernel)
    return kernel.takeError();
  std::string classExtent = manifest.shape[manifest.axis].name;
  verify::KernelReport report;
  int64_t number = 0;
  for (int64_t count : counts) {
    if (number++ % step)
      continue;
    verify::Case test;
    test.extents[classExtent] = count;
    test.data = verify::Data::Finite;
    test.seed = count;
    test.placement =
        count % 2 ? verify::Placement::End : verify::Placement::Start;
    auto problem = verify::Problem::create(manifest, test);
    if (!problem)
      return problem.takeError();
    verify::CallResult call = kernel->call((*problem)->arguments);
    std::string fault =
        verify::checkCall(manifest, test, **problem, call, report);
    ++cases;
    if (!fault.empty())
      return llvm::createStringError(test.describe() + ": " + fault);
  }
  return llvm::Error::success();
}

int main(int count, char **arguments) {
  bool isFull = count > 1 && llvm::StringRef(arguments[1]) == "--full";
  int64_t cases = 0, kernels = 0, failed = 0;
  for (const char *line : kLines)
    for (const char *target : {"x86-64", "x86-64-v3", "x86-64-v4"}) {
      if (!test::runsHere(target))
        continue;
      std::string request = std::string(line) + " --target-cpu=" + target;
      ++kernels;
      llvm::Error error = [&]() -> llvm::Error {
        llvm::Expected<test::EmittedKernel> emitted = test::emit(request);
        if (!emitted)
          return emitted.takeError();
        llvm::Expected<verify::Manifest> manifest = emitted->readManifest();
        if (!manifest)
          return manifest.takeError();
        if (llvm::Error fault =
                sweep(*manifest, classCounts(), isFull ? 1 : 13, cases))
          return fault;
        // A prime, so that the neighbours take turns.
        return sweep(*manifest, vocabularies(), isFull ? 1 : 17, cases);
      }();
      if (error) {
        ++failed;
        llvm::outs() << "FAILED " << request << ": "
                     << llvm::toString(std::move(error)) << "\n";
      }
    }
  llvm::outs() << llvm::formatv("{0} kernels, {1} cases, {2} failed\n", kernels,
                                cases, failed);
  return failed ? 1 : 0;
}
