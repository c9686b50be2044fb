// The verifier on kernels of every option, right ones and wrong ones.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "test/numerics/OptionKernel.h"
#include "test/numerics/VerifyTest.h"

using namespace mlir::softmax::verify;

class OptionTest : public VerifyTest {
protected:
  KernelReport verifyOptions(StringRef op, StringRef options,
                             StringRef fault = "") {
    OptionKernel kernel(op, options);
    write("k.manifest.json", kernel.getManifest());
    compile("k", kernel.getSource(fault));
    return verify("k");
  }
};

/// Options of the logits, alone and together.
const StringRef kLogitOptions[] = {
    "",
    R"("scale": 0.125)",
    R"("scale": -0.3, "mask": "boolean")",
    R"("scale": 2.5, "mask": "additive")",
    R"("softcap": 30, "mask": "causal")",
    R"("softcap": 3.7, "scale": 0.7, "mask": "boolean", "masked_rows": "zero")",
    R"("softcap": 5, "mask": "additive", "masked_rows": "zero")",
    R"("mask": "causal", "masked_rows": "zero")"};

TEST_F(OptionTest, RightSoftmaxKernelsPass) {
  for (StringRef op : llvm::ArrayRef(kOperators).take_front(5))
    for (StringRef options : kLogitOptions) {
      KernelReport report = verifyOptions(op, options);
      EXPECT_EQ(report.failedCases, 0) << options.str() << '\n'
                                       << describe(report);
    }
}

const StringRef kLossOptions[] = {
    R"("scale": -0.3, "z_loss": 0.001)",
    R"("softcap": 20, "label_smoothing": 0.1, "reduction": "sum")",
    R"("weight": true, "reduction": "none", "masked_rows": "zero")",
    R"("weight": true, "label_smoothing": 0.25, "z_loss": 0.01)",
    R"("weight": true, "empty_mean": "zero", "z_loss": 0.01)",
    R"("label_smoothing": 1)",
    R"("target": "probabilities", "weight": true, "scale": 2)",
    R"("target": "probabilities", "zero_times_inf": "zero",
       "masked_rows": "zero", "reduction": "none")",
    R"("target": "probabilities", "label_smoothing": 0.1, "z_loss": 0.01)"};

TEST_F(OptionTest, RightLossKernelsPass) {
  std::map<int, int64_t> specials;
  for (StringRef op : llvm::ArrayRef(kOperators).drop_front(5))
    for (StringRef options : kLossOptions) {
      KernelReport report = verifyOptions(op, options);
      EXPECT_EQ(report.failedCases, 0) << options.str() << '\n'
                                       << describe(report);
      for (const auto &[id, count] : report.specials)
        specials[id] += count.checked;
    }
  for (int id : {1, 2, 3, 4, 8, 13, 14, 15, 16, 17, 18, 20, 21, 24, 25, 26, 27})
    EXPECT_GT(specials[id], 0) << "E" << id;
}

struct OptionFault {
  StringRef op, options, fault;
};

const OptionFault kOptionFaults[] = {
    // Scale and soft-cap.
    {"softmax", R"("scale": 0.5)", "SCALE=0.50001"},
    {"softmax", R"("softcap": 30)", "CAP=30.001"},
    {"logsumexp", R"("softcap": 30)", "CAP=1e30"},
    {"softmax-grad", R"("softcap": 5)", "SLOPE=SCALE"},
    {"log-softmax-grad", R"("scale": 2)", "SLOPE=1"},
    {"cross-entropy-grad", R"("softcap": 5, "scale": 2)", "SLOPE=1 / (c * c)"},
    // Masks.
    {"softmax", R"("mask": "causal")", "EXCLUDED=(j > i)"},
    {"log-softmax", R"("mask": "causal")", "EXCLUDED=(j >= i + a->C - a->R)"},
    {"softmax", R"("mask": "boolean")",
     "EXCLUDED=(a->mask[i * a->C + j] != 1)"},
    {"softmax", R"("mask": "additive", "scale": 2)",
     "ADDEND=SCALE * a->mask[i * a->C + j]"},
    {"softmax-grad", R"("mask": "boolean")", "SUMMED=1"},
    {"log-softmax-grad", R"("mask": "boolean")", "SUMMED=!EXCLUDED"},
    {"softmax-grad", R"("mask": "boolean")", "EXCLUDED=0"},
    {"log-softmax-grad", R"("mask": "causal")", "EXCLUDED=0"},
    // Rows of nothing but -inf. NaN is no -inf.
    {"softmax", R"("mask": "boolean", "masked_rows": "zero")", "ZERO_ROWS=0"},
    {"softmax", R"("mask": "additive")", "ZERO_ROWS=1"},
    {"log-softmax", R"("masked_rows": "zero")",
     "EMPTY=(r.max == -INFINITY || r.nan)"},
    {"log-softmax-grad", R"("mask": "causal", "masked_rows": "zero")",
     "ZERO_ROWS=0"},
    {"cross-entropy-with-grad", R"("masked_rows": "zero")", "ZERO_ROWS=0"},
    {"cross-entropy-grad", R"("masked_rows": "zero")", "ZERO_ROWS=0"},
    // Smoothing.
    {"cross-entropy-with-grad", R"("label_smoothing": 0.1)",
     "SHARE=j == LABEL ? 0 : w * SMOOTHING / (a->C - 1)"},
    {"cross-entropy-with-grad", R"("label_smoothing": 0.1, "weight": true)",
     "SHARE=SMOOTHING / a->C"},
    {"cross-entropy-grad", R"("label_smoothing": 0.1, "weight": true)",
     "TOTAL=SMOOTHING"},
    // The mean.
    {"cross-entropy-with-grad", R"("weight": true)", "D_TERM=1"},
    {"cross-entropy-with-grad", R"("weight": true)", "NO_TARGETS=count == 0"},
    {"cross-entropy-with-grad", "", "ZERO_MEAN=1"},
    {"cross-entropy-with-grad", R"("empty_mean": "zero")", "ZERO_MEAN=0"},
    {"cross-entropy-with-grad", R"("target": "probabilities", "weight": true)",
     "D_TERM=WEIGHT(0)"},
    // z-loss.
    {"cross-entropy-with-grad", R"("z_loss": 0.01, "weight": true)",
     "PENALTY_ROWS=D"},
    {"cross-entropy-with-grad", R"("z_loss": 0.01)", "PENALTY_ROWS=a->R"},
    {"cross-entropy-grad", R"("z_loss": 0.01, "weight": true)",
     "PENALTY_UPSTREAM=g"},
    {"cross-entropy-grad", R"("z_loss": 0.01)", "PENALTY_UPSTREAM=1.0 / count"},
    {"cross-entropy-grad", R"("z_loss": 0.01, "weight": true)",
     "PENALTY_GRADIENT=WEIGHT(LABEL) * gz * 2 * Z * lse * p"},
    {"cross-entropy-with-grad", R"("z_loss": 0.01)",
     "PENALTY_GRADIENT=gz * Z * lse * p"},
    // Soft targets.
    {"cross-entropy-grad", R"("target": "probabilities")", "TOTAL=1"},
    {"cross-entropy-with-grad", R"("target": "probabilities")", "SKIP_ZEROS=1"},
    {"cross-entropy-with-grad",
     R"("target": "probabilities", "zero_times_inf": "zero")", "SKIP_ZEROS=0"},
    {"cross-entropy-with-grad",
     R"("target": "probabilities", "label_smoothing": 0.1)", "SHARE=w * q"},
    {"cross-entropy-with-grad", R"("target": "probabilities", "weight": true)",
     "SHARE=q"}};

TEST_F(OptionTest, WrongKernelsFail) {
  for (const auto &[op, options, fault] : kOptionFaults)
    EXPECT_GT(verifyOptions(op, options, fault).failedCases, 0)
        << op.str() << ' ' << options.str() << ' ' << fault.str();
}

TEST_F(OptionTest, WrongUpstreamGradientsFail) {
  StringRef none = R"("reduction": "none")";
  const OptionFault faults[] = {
      {"cross-entropy-grad", "", "UPSTREAM=1"},
      {"cross-entropy-grad", none, "UPSTREAM=1"},
      {"cross-entropy-grad", none, "UPSTREAM=a->dloss[0]"}};
  for (const auto &[op, options, fault] : faults)
    EXPECT_GT(verifyOptions(op, options, fault).failedCases, 0)
        << options.str() << ' ' << fault.str();
}
