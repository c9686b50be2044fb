// The requests that tests of kernels make.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "KernelLines.h"

#include "llvm/ADT/StringExtras.h"

using namespace mlir::softmax;

const char *const kOperators[] = {"softmax",
                                  "log-softmax",
                                  "logsumexp",
                                  "softmax-grad",
                                  "log-softmax-grad",
                                  "cross-entropy",
                                  "cross-entropy-grad",
                                  "cross-entropy-with-grad",
                                  "sgd"};

/// What the matrix does not reach: axes, ranks, strides, threads, options, and
/// rows of more than one block.
const char *const kSpecial[] = {
    "softmax f32", // E35
    "softmax 1xf32",
    "softmax ?xf32",
    "softmax ?x1xf32",
    "softmax ?x2xbf16",
    "softmax ?x16xf32",
    "softmax ?x64xf32",
    "softmax ?x2048xf32", // the longest sums of a block, with equal terms
    "softmax 8x2048xf64 --target-cpu=x86-64",
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
    "softmax 64x38xbf16 --threads=openmp --target-cpu=x86-64",
    "softmax 64x38xf16 --threads=hook --target-cpu=x86-64-v3",
    "log-softmax ?x9001xf32",
    "logsumexp ?x9001xf32 --threads=hook",
    "logsumexp ?x?xf32 --axis=0",
    "logsumexp ?x?x3xf64 --axis=1",
    "softmax-grad ?x4097xf32 --in-place",
    "softmax-grad ?x2048xf64 --target-cpu=x86-64",
    "log-softmax-grad ?x?x5xf32 --axis=1",
    "cross-entropy ?x9001xf32 --lse",
    "cross-entropy ?x?xf32 --reduction=none --ignore-index=0",
    "cross-entropy ?x?xf64 --reduction=sum --lse",
    "cross-entropy ?x10x6x5xf32",                                  // E37
    "cross-entropy 3x10x2x2x2x2x2x2xf32 --reduction=none",         // E37
    "cross-entropy 7xf32",                                         // E35
    "cross-entropy 7xf32 --reduction=none --lse",                  // E35
    "cross-entropy ?x197xf32 --target-type=u8 --ignore-index=255", // E34
    "cross-entropy ?x197xf32 --target-type=i32 --threads=openmp",
    "cross-entropy ?x?xf32 --strided",
    "cross-entropy-grad ?x197xf32 --lse",
    "cross-entropy-grad ?x197xbf16 --reduction=none --lse",
    "cross-entropy-grad ?x10x6xf32 --reduction=sum",
    "cross-entropy-with-grad ?x197xf32 --in-place",
    "cross-entropy-with-grad ?x197xf32 --lse --dloss --reduction=none",
    "cross-entropy-with-grad ?x9001xbf16 --dloss --threads=hook",
    "cross-entropy-with-grad 40x32001xf32 --threads=openmp",
    "cross-entropy-with-grad 65537x17xf32", // targets behind the last whole
                                            // step
    "cross-entropy-with-grad ?x5x9xf64 --reduction=sum",
    "sgd ?xf32",
    "sgd 3x5x7xf32 --strided",
    // Vectors of neighbouring rows: every type and instruction set, with full
    // steps, single vectors and a tail; blocks and what is left of them.
    "softmax ?x83x75xf32 --axis=1 --target-cpu=x86-64",
    "softmax ?x83x75xf32 --axis=1 --target-cpu=x86-64-v3",
    "softmax ?x83x75xf32 --axis=1 --target-cpu=x86-64-v4",
    "softmax ?x?xbf16 --axis=0 --target-cpu=x86-64",
    "softmax ?x?xbf16 --axis=0 --target-cpu=x86-64-v3",
    "softmax ?x?xbf16 --axis=0 --target-cpu=x86-64-v4",
    "softmax 70x?xf16 --axis=0 --target-cpu=x86-64",
    "softmax 70x?xf16 --axis=0 --target-cpu=x86-64-v3",
    "softmax 70x?xf16 --axis=0 --target-cpu=x86-64-v4",
    "softmax ?x?x5x9xf64 --axis=1 --target-cpu=x86-64",
    "softmax ?x?x5x9xf64 --axis=1 --target-cpu=x86-64-v3",
    "softmax ?x?x5x9xf64 --axis=1 --target-cpu=x86-64-v4",
    "softmax 4099x70xf32 --axis=0",
    "softmax 70x1301xf32 --axis=0",
    "softmax 1100x?xf64 --axis=0",
    "softmax-grad 65x1040xbf16 --axis=0 --in-place",
    "cross-entropy 2x100x27x41xf32 --label-smoothing=0.1 --weight",
    "cross-entropy-with-grad 2x100x?xbf16 --z-loss=0.001 --lse",
    "cross-entropy-grad 3x70x640xf32 --softcap=15 --ignore-index=3",
    "softmax 2x66x600xf16 --axis=1 --mask=boolean --masked-rows=zero",
    "softmax 32x70xf32 --axis=0",
    "softmax 33x70xf32 --axis=0",
    "softmax 0x7xf32 --axis=0",
    "softmax 7x0xf32 --axis=0",
    "softmax 9x1x1xf32 --axis=1",
    "softmax ?x300xbf16 --axis=0 --in-place",
    "softmax ?x300xf32 --axis=0 --out-type=bf16",
    "softmax 20x?x300xf32 --axis=0 --threads=openmp",
    "log-softmax ?x9001x3xf32 --axis=1",
    "log-softmax 500x70xbf16 --axis=0",
    "logsumexp 500x?xf32 --axis=0 --threads=hook",
    "softmax-grad 700x?xf32 --axis=0 --in-place",
    "log-softmax-grad 700x70xf16 --axis=0",
    "cross-entropy ?x197x70xf32 --lse",
    "cross-entropy ?x1000x7x7xbf16 --reduction=none --lse",
    "cross-entropy ?x197x70xf32 --target-type=u8 --ignore-index=255",
    "cross-entropy ?x197x70xf64 --threads=hook --target-type=i32",
    "cross-entropy-grad ?x197x70xf32 --lse",
    "cross-entropy-with-grad ?x197x70xf32 --in-place",
    "cross-entropy-with-grad 3x40x70xf16 --lse --dloss --reduction=none",
    // Strides at run time.
    "softmax ?x?xf32 --strided --axis=0",
    "softmax 40x?xf32 --strided --target-cpu=x86-64",
    "softmax 40x?xf64 --strided --axis=0 --target-cpu=x86-64-v3",
    "softmax ?x?x?xbf16 --strided --axis=1 --target-cpu=x86-64-v3",
    "softmax ?x2100xf16 --strided --target-cpu=x86-64-v4",
    "softmax ?xf32 --strided",
    "cross-entropy ?x?x70xf32 --strided --lse",
    "cross-entropy-with-grad ?x?x9x5xbf16 --strided --weight --threads=hook",
};

/// Every option, alone and with others, of the operators that have it.
const char *const kOptions[] = {
    "softmax ?x197xf32 --scale=0.125",
    "softmax ?x197xf64 --scale=-3",
    "softmax ?x197xf32 --softcap=30",
    "softmax ?x9001xbf16 --softcap=5 --scale=2 --out-type=f32",
    "softmax ?x197xf32 --mask=boolean",
    "softmax ?x9001xf32 --mask=boolean --masked-rows=zero --softcap=20",
    "softmax ?x197xf16 --mask=additive --scale=0.5",
    "softmax 3x?x?xf32 --mask=causal",
    "softmax 3x?x?xf64 --mask=causal --masked-rows=zero",
    "softmax 2x70x4099xbf16 --mask=causal --scale=0.088",
    "softmax ?x197xf32 --masked-rows=zero",
    "softmax 5x?x7xf32 --axis=1 --mask=boolean --masked-rows=zero",
    "softmax ?x?xf32 --strided --mask=additive --softcap=10",
    "log-softmax ?x197xf32 --scale=0.5 --masked-rows=zero",
    "log-softmax ?x197xf32 --softcap=30 --mask=boolean",
    "log-softmax 3x?x?xf32 --mask=causal --masked-rows=zero",
    "log-softmax ?x9001xf16 --mask=additive",
    "logsumexp ?x197xf32 --scale=2 --mask=boolean",
    "softmax ?x?xf32 --mask=causal --softcap=15 --masked-rows=zero",
    "logsumexp ?x?xf32 --mask=causal --softcap=15",
    "logsumexp ?x9001xf64 --mask=additive --softcap=15",
    "softmax-grad ?x197xf32 --scale=0.5",
    "softmax-grad ?x197xf32 --softcap=30 --mask=boolean",
    "softmax-grad 3x?x?xf32 --mask=causal --scale=0.5",
    "softmax-grad ?x197xbf16 --mask=additive --softcap=30 --masked-rows=zero",
    "log-softmax-grad ?x197xf32 --softcap=30",
    "log-softmax-grad ?x197xf32 --mask=boolean --masked-rows=zero",
    "log-softmax-grad 3x?x?xf64 --mask=causal --masked-rows=zero --scale=-2",
    "cross-entropy ?x197xf32 --weight",
    "cross-entropy ?x197xf32 --weight --reduction=sum --lse",
    "cross-entropy ?x9001xf32 --label-smoothing=0.1",
    "cross-entropy ?x9001xf32 --label-smoothing=1 --reduction=none",
    "cross-entropy ?x197xbf16 --label-smoothing=0.2 --weight --ignore-index=3",
    "cross-entropy ?x197xf32 --z-loss=1e-4",
    "cross-entropy ?x197xf32 --z-loss=1e-4 --weight --empty-mean=zero",
    "cross-entropy ?x197xf32 --softcap=30 --scale=0.5",
    "cross-entropy ?x197xf32 --target=probabilities",
    "cross-entropy 3x0xf32 --target=probabilities", // E6
    "cross-entropy ?x9001xf32 --target=probabilities --weight --reduction=none",
    "cross-entropy ?x197xf16 --target=probabilities --label-smoothing=0.1",
    "cross-entropy ?x197xf32 --target=probabilities --zero-times-inf=zero",
    "cross-entropy ?x197xf32 --empty-mean=zero --masked-rows=zero",
    "cross-entropy ?x10x6x5xf32 --weight --label-smoothing=0.1 --z-loss=1e-3",
    "cross-entropy-grad ?x197xf32 --weight --label-smoothing=0.1",
    "cross-entropy-grad ?x197xf32 --z-loss=1e-3 --softcap=30 --scale=2",
    "cross-entropy-grad ?x197xf32 --z-loss=1e-3 --lse --weight",
    "cross-entropy-grad ?x197xf32 --lse --softcap=30 --label-smoothing=0.1",
    "cross-entropy-grad ?x197xf32 --target=probabilities --weight",
    "cross-entropy-grad ?x197xbf16 --target=probabilities --lse --z-loss=0.01",
    "cross-entropy-grad ?x197xf32 --masked-rows=zero --reduction=none",
    "cross-entropy-with-grad ?x9001xf32 --weight --label-smoothing=0.1 "
    "--z-loss=1e-4 --softcap=30 --lse --dloss",
    "cross-entropy-with-grad ?x197xf64 --weight --z-loss=1e-4 --reduction=none",
    "cross-entropy-with-grad ?x197xf32 --target=probabilities "
    "--label-smoothing=0.1 --weight --lse",
    "cross-entropy-with-grad ?x197xbf16 --in-place --softcap=30 --z-loss=1e-4",
    "cross-entropy-with-grad ?x197xf16 --out-type=f32 --label-smoothing=0.1",
    "cross-entropy-with-grad ?x?xf32 --strided --weight --dloss",
    "cross-entropy-with-grad ?x197xf32 --masked-rows=zero --empty-mean=zero "
    "--label-smoothing=0.1 --z-loss=1e-3",
    "cross-entropy-with-grad ?x197xf32 --threads=hook --weight --dloss",
    // The same for vectors of neighbouring rows.
    "softmax ?x197x70xf32 --axis=1 --scale=-3 --masked-rows=zero",
    "softmax 197x70xbf16 --axis=0 --softcap=5 --scale=2",
    "softmax 197x70xf32 --axis=0 --mask=boolean --softcap=20",
    "softmax 197x70xf16 --axis=0 --mask=additive --scale=0.5",
    "softmax 197x70xf32 --axis=0 --accuracy=fast",
    "log-softmax 197x70xf32 --axis=0 --mask=boolean --masked-rows=zero",
    "logsumexp 197x70xf64 --axis=0 --mask=additive --softcap=15",
    "softmax-grad 197x70xf32 --axis=0 --softcap=30 --mask=boolean",
    "log-softmax-grad 197x70xf32 --axis=0 --mask=boolean --masked-rows=zero",
    "cross-entropy ?x197x70xf32 --weight --label-smoothing=0.1 --z-loss=1e-3",
    "cross-entropy ?x197x70xf32 --target=probabilities --weight --lse",
    "cross-entropy ?x197x70xf32 --target=probabilities --zero-times-inf=zero",
    "cross-entropy ?x197x70xf32 --softcap=30 --scale=0.5 --empty-mean=zero",
    "cross-entropy-grad ?x197x70xf32 --lse --softcap=30 --label-smoothing=0.1",
    "cross-entropy-grad ?x197x70xbf16 --target=probabilities --weight",
    "cross-entropy-with-grad ?x197x70xf32 --weight --label-smoothing=0.1 "
    "--z-loss=1e-4 --softcap=30 --lse --dloss",
    "cross-entropy-with-grad ?x197x70xf64 --masked-rows=zero --weight "
    "--empty-mean=zero --label-smoothing=0.1 --z-loss=1e-3",
    "cross-entropy-with-grad ?x?x70xf32 --strided --weight --dloss "
    "--z-loss=1e-4",
};

template <size_t count>
static std::vector<std::string> listOf(const char *const (&lines)[count]) {
  return std::vector<std::string>(std::begin(lines), std::end(lines));
}

std::vector<std::string> test::matrixLines() {
  std::vector<std::string> lines;
  for (llvm::StringRef op : kOperators)
    for (llvm::StringRef type : {"f32", "f64", "f16", "bf16"})
      lines.push_back((op + " ?x197x" + type).str());
  return lines;
}
std::vector<std::string> test::specialLines() { return listOf(kSpecial); }
std::vector<std::string> test::optionLines() { return listOf(kOptions); }

std::string test::nameOf(const testing::TestParamInfo<std::string> &info) {
  std::string name;
  for (char c : info.param)
    name += llvm::isAlnum(c) ? c : c == '?' ? 'd' : '_';
  return name;
}
