// Manifests, kernel loading and whole verifications, on kernels written in C.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "test/numerics/VerifyTest.h"

#include "test/numerics/OptionKernel.h"

#include "llvm/ADT/ScopeExit.h"

using namespace mlir::softmax::verify;

namespace {

const char kSoftmaxManifest[] = R"({
  "schema": 1, "name": "k", "op": "softmax", "type": "f32",
  "shape": ["d0", "d1"],
  "options": {"axis": 1, "in_place": false, "threads": "none"},
  "arguments": [
    {"name": "x", "role": "input", "type": "f32", "shape": ["d0", "d1"]},
    {"name": "y", "role": "output", "type": "f32", "shape": ["d0", "d1"]},
    {"name": "d0", "role": "extent", "type": "i64", "shape": []},
    {"name": "d1", "role": "extent", "type": "i64", "shape": []}
  ]})";

/// A right kernel; macros make it wrong.
const char kSoftmaxSource[] = R"(
#include <fenv.h>
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#ifndef LIMIT
#define LIMIT C
#endif
#ifndef NULL_STATUS
#define NULL_STATUS 1
#endif
__attribute__((weak)) void smx_kernel_failed(const char *, int32_t, int64_t);
static int32_t fail(int32_t status) {
  if (smx_kernel_failed)
    smx_kernel_failed("k", status, -1);
  return status;
}
int32_t k(const float *x, float *y, int64_t R, int64_t C) {
  if (R < 0 || C < 0)
    return fail(2);
  if (R * C == 0)
    return 0;
#ifdef WRITES_EARLY
  if (y)
    y[0] = 0;
#endif
  if (!x || !y)
    return fail(NULL_STATUS);
  if (x < y + R * C && y < x + R * C)
    return fail(4);
#ifdef WRITES_OPERAND
  ((float *)x)[0] = 0;
#endif
  for (int64_t i = 0; i < R; ++i, x += C, y += C) {
    double max = -INFINITY, sum = 0;
    int nan = 0;
    for (int64_t j = 0; j < C; ++j) {
      nan |= x[j] != x[j];
      max = x[j] > max ? x[j] : max;
    }
    for (int64_t j = 0; j < C; ++j)
      sum += exp(x[j] - max);
    for (int64_t j = 0; j < LIMIT; ++j)
      y[j] = nan ? NAN : exp(x[j] - max) / sum SCALE;
  }
#ifdef CHANGES_ROUNDING
  fesetround(FE_DOWNWARD);
#endif
  return 0;
}
)";

std::string softmaxSource(StringRef macros) {
  StringRef scale = macros.contains("SCALE") ? "" : "#define SCALE\n";
  return (macros + "\n" + scale + kSoftmaxSource).str();
}

const char kLossManifest[] = R"({
  "schema": 1, "name": "k", "op": "cross-entropy-with-grad", "type": "f64",
  "shape": ["d0", 5],
  "options": {"axis": 1, "reduction": "mean", "ignore_index": -100,
              "target_type": "i64", "lse": false, "dloss": false,
              "threads": "hook", "accuracy": "accurate"},
  "arguments": [
    {"name": "logits", "role": "input", "type": "f64", "shape": ["d0", 5]},
    {"name": "target", "role": "input", "type": "i64", "shape": ["d0"]},
    {"name": "loss", "role": "output", "type": "f64", "shape": []},
    {"name": "dlogits", "role": "output", "type": "f64", "shape": ["d0", 5]},
    {"name": "d0", "role": "extent", "type": "i64", "shape": []},
    {"name": "parallel_for", "role": "hook", "type": "pointer", "shape": []}
  ]})";

const char kLossSource[] = R"(
#include <math.h>
#include <stdint.h>
enum { C = 5 };
struct hook { int32_t (*run)(void *, int64_t,
                             void (*)(void *, int64_t, int64_t), void *);
              void *context; };
struct work { const double *x; const int64_t *t; double *loss, *dx;
              int64_t rows, counted; };
static double row(const double *x, int64_t t, double g, double *dx) {
  int64_t peak = 0;
  long double tail = 0;
  double poison = 0;
  for (int j = 0; j < C; ++j) {
    peak = x[j] > x[peak] ? j : peak;
    poison += (x[j] != x[j] || x[j] == INFINITY) ? NAN : 0;
  }
  poison += x[peak] - x[peak];
  for (int j = 0; j < C; ++j)
    tail += j == peak ? 0 : expl((long double)x[j] - x[peak]);
  for (int j = 0; j < C; ++j) {
    long double e = expl((long double)x[j] - x[peak]);
    if (j == t)
      e = j == peak ? -tail : -(1 + (tail - e));
    dx[j] = e / (1 + tail) * g + poison;
  }
  return ((long double)x[peak] - x[t]) + log1pl(tail) + poison;
}
static void body(void *closure, int64_t begin, int64_t end) {
  struct work *w = closure;
  for (int64_t i = begin; i < end; ++i)
    for (int j = 0; j < C; ++j)
      if (w->t[i] == -100)
        w->dx[i * C + j] = 0;
      else if (j == 0)
        row(w->x + i * C, w->t[i], 1.0 / w->counted CUT, w->dx + i * C);
}
int32_t k(const double *x, const int64_t *t, double *loss, double *dx,
          int64_t rows, const struct hook *hook) {
  if (rows < 0)
    return 2;
  if (!loss || (rows && (!x || !t || !dx)))
    return 1;
  uintptr_t from[] = {(uintptr_t)x, (uintptr_t)t, (uintptr_t)loss,
                      (uintptr_t)dx};
  uintptr_t size[] = {rows * C * 8, rows * 8, 8, rows * C * 8};
  for (int i = 2; i < 4; ++i)
    for (int j = 0; j < i; ++j)
      if (from[i] < from[j] + size[j] && from[j] < from[i] + size[i])
        return 4;
  if (!hook || !hook->run)
    return 7;
  struct work work = {x, t, loss, dx, rows, 0};
  for (int64_t i = 0; i < rows; ++i) {
    if (t[i] != -100 && (t[i] < 0 || t[i] >= C))
      return 5;
    work.counted += t[i] != -100;
  }
  if (hook->run(hook->context, rows, body, &work))
    return 8;
  long double sum = 0;
  double ignored[C];
  for (int64_t i = 0; i < rows; ++i)
    sum += t[i] != -100 ? row(x + i * C, t[i], 1, ignored) : IGNORED;
  *loss = sum / DENOMINATOR;
  return 0;
}
)";

} // namespace

//===----------------------------------------------------------------------===//
// Manifests
//===----------------------------------------------------------------------===//

TEST_F(VerifyTest, ManifestIsRead) {
  write("k.manifest.json", kLossManifest);
  auto manifest = readManifest(directory + "/k.manifest.json");
  ASSERT_TRUE(static_cast<bool>(manifest))
      << llvm::toString(manifest.takeError());
  EXPECT_EQ(manifest->op, Operation::CrossEntropyWithGrad);
  EXPECT_EQ(manifest->reduction, Reduction::Mean);
  EXPECT_EQ(manifest->threads, "hook");
  ASSERT_EQ(manifest->arguments.size(), 6u);
  EXPECT_EQ(manifest->arguments[0].shape[0].name, "d0");
  EXPECT_EQ(manifest->arguments[0].shape[1].value, 5);
  EXPECT_EQ(manifest->arguments[5].role, Role::Hook);
}

TEST_F(VerifyTest, ManifestOptionsAreRead) {
  auto read = [&](StringRef op, StringRef options) {
    write("k.manifest.json", OptionKernel(op, options).getManifest());
    auto manifest = readManifest(directory + "/k.manifest.json");
    if (manifest)
      return manifest->formula;
    ADD_FAILURE() << llvm::toString(manifest.takeError());
    return Formula();
  };
  Formula absent = read("softmax", "");
  EXPECT_FALSE(absent.isScaled());
  EXPECT_TRUE(absent.isPlain());
  EXPECT_EQ(absent.mask, Mask::None);
  Formula softmax = read("softmax-grad", R"("scale": -2, "softcap": 7.5,
      "mask": "additive", "masked_rows": "zero")");
  EXPECT_EQ(softmax.scale, -2);
  EXPECT_EQ(softmax.softcap, 7.5);
  EXPECT_EQ(softmax.mask, Mask::Additive);
  EXPECT_TRUE(softmax.maskedRowsAreZero);
  Formula loss = read("cross-entropy-grad", R"("label_smoothing": 0.5,
      "z_loss": 0.25, "target": "probabilities", "zero_times_inf": "zero",
      "empty_mean": "zero", "weight": true)");
  EXPECT_EQ(loss.smoothing, 0.5);
  EXPECT_EQ(loss.zLoss, 0.25);
  EXPECT_TRUE(loss.probabilities);
  EXPECT_TRUE(loss.zeroTimesInfIsZero);
  EXPECT_TRUE(loss.emptyMeanIsZero);
  EXPECT_FALSE(loss.maskedRowsAreZero);
}

TEST_F(VerifyTest, ManifestErrorsAreOneLine) {
  auto replace = [](StringRef from, StringRef to) {
    std::string text = kSoftmaxManifest;
    size_t at = text.find(from.str());
    EXPECT_NE(at, std::string::npos);
    return text.replace(at, from.size(), to.str());
  };
  std::pair<std::string, StringRef> cases[] = {
      {"{", "object key"},
      {"[]", "JSON object"},
      {replace("\"schema\": 1", "\"schema\": 2"), "'schema' is not 1"},
      {replace("\"op\": \"softmax\"", "\"op\": \"soft\""),
       "unknown operation 'soft'"},
      {replace("\"role\": \"output\"", "\"role\": \"result\""),
       "unknown role 'result'"},
      {replace("\"type\": \"f32\"", "\"type\": \"f8\""), "unknown type 'f8'"},
      {replace("\"axis\": 1", "\"axis\": 2"), "'axis' is outside"},
      {replace("\"in_place\": false", "\"hardcap\": 30"),
       "does not know the option 'hardcap'"},
      {replace("\"in_place\": false", "\"softcap\": 0"),
       "does not know the option 'softcap', or its value"},
      {replace("\"in_place\": false", "\"scale\": \"2\""),
       "does not know the option 'scale', or its value"},
      {replace("\"in_place\": false", "\"mask\": \"boolean\""),
       "option and argument 'mask' contradict"},
      {replace("\"in_place\": false", "\"label_smoothing\": 0.5"),
       "softmax has no loss to change"},
      {OptionKernel("cross-entropy-grad", "\"label_smoothing\": 1.5")
           .getManifest(),
       "option 'label_smoothing', or its value"},
      {OptionKernel("cross-entropy-grad", "\"mask\": \"causal\"").getManifest(),
       "cross-entropy-grad has no 'mask'"},
      {replace("\"name\": \"d1\"", "\"name\": \"d2\""), "which is no argument"},
      {replace("\"name\": \"y\"", "\"name\": \"z\""), "'y' of softmax"},
      {replace("\"shape\": [\"d0\", \"d1\"]", "\"shape\": [\"d1\", \"d0\"]"),
       "'x' has another shape than it needs"}};
  for (const auto &[text, expected] : cases) {
    std::string error = manifestError(text);
    EXPECT_TRUE(StringRef(error).contains(expected)) << error;
    EXPECT_TRUE(StringRef(error).contains("k.manifest.json")) << error;
    EXPECT_FALSE(StringRef(error).contains("\n")) << error;
  }
  auto missing = readManifest(directory + "/none.manifest.json");
  ASSERT_FALSE(static_cast<bool>(missing));
  EXPECT_TRUE(StringRef(llvm::toString(missing.takeError()))
                  .contains("none.manifest.json"));
  llvm::sys::fs::remove(directory + "/k.manifest.json");
  auto empty = listManifests(directory);
  ASSERT_FALSE(static_cast<bool>(empty));
  llvm::consumeError(empty.takeError());
}

//===----------------------------------------------------------------------===//
// Kernels
//===----------------------------------------------------------------------===//

TEST_F(VerifyTest, KernelsLoadFromObjectArchiveAndLibrary) {
  write("k.manifest.json", kSoftmaxManifest);
  auto manifest = readManifest(directory + "/k.manifest.json");
  ASSERT_TRUE(static_cast<bool>(manifest));
  auto none = Kernel::load(*manifest);
  ASSERT_FALSE(static_cast<bool>(none));
  llvm::consumeError(none.takeError());

  for (StringRef kind : {"o", "a", "so"}) {
    compile("k", softmaxSource(""), kind);
    auto kernel = Kernel::load(*manifest, kind == "o" ? directory + "/k.o"
                                                      : file("k", kind));
    ASSERT_TRUE(static_cast<bool>(kernel))
        << llvm::toString(kernel.takeError());
    float x[2] = {1, 1}, y[2] = {0, 0};
    CallArgument arguments[4] = {};
    arguments[0].pointer = x;
    arguments[1].pointer = y;
    arguments[2].integer = 1;
    arguments[3].integer = 2;
    EXPECT_EQ(kernel->call(arguments).status, 0);
    EXPECT_EQ(y[0], 0.5f);
    arguments[2].integer = -1;
    EXPECT_EQ(kernel->call(arguments).status, 2); // the weak function is null
    arguments[1].pointer = reinterpret_cast<void *>(8);
    arguments[2].integer = 1;
    EXPECT_NE(kernel->call(arguments).signal, 0);
  }
}

TEST_F(VerifyTest, MissingSymbolIsAnError) {
  write("k.manifest.json", kSoftmaxManifest);
  compile("k", "int other(void) { return 0; }");
  auto manifest = readManifest(directory + "/k.manifest.json");
  ASSERT_TRUE(static_cast<bool>(manifest));
  auto kernel = Kernel::load(*manifest);
  ASSERT_FALSE(static_cast<bool>(kernel));
  EXPECT_FALSE(StringRef(llvm::toString(kernel.takeError())).contains("\n"));
}

TEST_F(VerifyTest, RightSoftmaxPasses) {
  write("k.manifest.json", kSoftmaxManifest);
  compile("k", softmaxSource(""), "a");
  KernelReport report = verify("k");
  EXPECT_GT(report.cases, 100);
  EXPECT_EQ(report.failedCases, 0) << describe(report);
  EXPECT_LT(report.results[0].worstUlp, 0.6);
  for (int id : {1, 2, 3, 4, 5, 6, 7, 27, 28, 29, 30, 40, 42})
    EXPECT_GT(report.specials[id].checked, 0) << "E" << id;
}

TEST_F(VerifyTest, WrongSoftmaxFails) {
  std::pair<StringRef, StringRef> faults[] = {
      {"#define SCALE * 1.000002", "ULP off"},
      {"#define LIMIT (C - 1)", "was not written"},
      {"#define LIMIT (C + 1)", "behind the end of"},
      {"#define LIMIT (i + 1 < R ? C : C + 1)", "memory around y"},
      {"#define WRITES_OPERAND", "written to the operand x"},
      {"#define NULL_STATUS 2", "returned status 2, expected 1"},
      {"#define WRITES_EARLY", "returned an error, but has written to y"},
      {"#define CHANGES_ROUNDING", "floating-point environment was changed"},
      {"#define SCALE + (R * C == 37 * 77 ? *(const float *)(x + C) * 0 : 0)",
       "behind the end of x"}};
  for (const auto &[macro, expected] : faults) {
    write("k.manifest.json", kSoftmaxManifest);
    compile("k", softmaxSource(macro));
    KernelReport report = verify("k");
    EXPECT_GT(report.failedCases, 0) << macro.str();
    EXPECT_NE(describe(report).find(expected.str()), std::string::npos)
        << macro.str() << '\n'
        << describe(report);
  }
}

TEST_F(VerifyTest, LossWithHook) {
  auto source = [](StringRef denominator, StringRef cut,
                   StringRef ignored = "0") {
    return ("#define DENOMINATOR " + denominator + "\n#define CUT " + cut +
            "\n#define IGNORED " + ignored + "\n" + kLossSource)
        .str();
  };
  write("k.manifest.json", kLossManifest);
  compile("k", source("work.counted", ""));
  KernelReport report = verify("k");
  EXPECT_EQ(report.failedCases, 0) << describe(report);
  for (int id : {7, 8, 9, 11, 12, 13, 14})
    EXPECT_GT(report.specials[id].checked, 0) << "E" << id;
  // The mean over all rows, ignored ones included.
  compile("k", source("rows", ""));
  EXPECT_GT(verify("k").failedCases, 0);
  // E9: ignored rows are read, also where all others are finite.
  compile("k", source("work.counted", "", "0 * x[i * C]"));
  report = verify("k");
  EXPECT_TRUE(llvm::any_of(report.failures, [](const Failure &failure) {
    return StringRef(failure.test).contains("data=finite");
  })) << describe(report);
  // An ULP more in ranges that do not begin at 0.
  compile("k", source("work.counted", "* (begin ? 1 + 0x1p-52 : 1)"));
  EXPECT_NE(describe(verify("k")).find("two calls on the same numbers differ"),
            std::string::npos);
}

const char kStridedManifest[] = R"({
  "schema": 1, "name": "k", "op": "softmax", "type": "f32",
  "shape": ["d0", "d1"], "options": {"axis": 1, "strided": true},
  "arguments": [
    {"name": "x", "role": "input", "type": "f32", "shape": ["d0", "d1"]},
    {"name": "x0", "role": "stride", "of": "x", "axis": 0},
    {"name": "x1", "role": "stride", "of": "x", "axis": 1},
    {"name": "y", "role": "output", "type": "f32", "shape": ["d0", "d1"]},
    {"name": "y0", "role": "stride", "of": "y", "axis": 0},
    {"name": "y1", "role": "stride", "of": "y", "axis": 1},
    {"name": "d0", "role": "extent", "type": "i64", "shape": []},
    {"name": "d1", "role": "extent", "type": "i64", "shape": []}
  ]})";

/// A right kernel; other definitions of X0, SPAN and LESS make it wrong. LESS
/// rows have results that are an ULP less, which all bounds allow.
const char kStridedSource[] = R"(
#include <math.h>
#include <stdint.h>
int32_t k(const float *x, int64_t x0, int64_t x1, float *y, int64_t y0,
          int64_t y1, int64_t R, int64_t C) {
  if (R < 0 || C < 0)
    return 2;
  if (R * C == 0)
    return 0;
  if (!x || !y)
    return 1;
  if ((R > 1 && y0 == 0) || (C > 1 && y1 == 0))
    return 3;
  if (x < y + ((R - 1) * y0 + (C - 1) * y1 + 1) && y < x + (SPAN))
    return 4;
  for (int64_t i = 0; i < R; ++i) {
    double max = -INFINITY, sum = 0;
    int nan = 0;
    for (int64_t j = 0; j < C; ++j) {
      double z = x[i * (X0) + j * x1];
      nan |= z != z;
      max = z > max ? z : max;
    }
    for (int64_t j = 0; j < C; ++j)
      sum += exp(x[i * (X0) + j * x1] - max);
    for (int64_t j = 0; j < C; ++j) {
      float p = nan ? NAN : exp(x[i * (X0) + j * x1] - max) / sum;
      y[i * y0 + j * y1] = (LESS) && p > 1e-30 && p < 1 ? nextafterf(p, 0) : p;
#ifdef BETWEEN
      if (y1 > 1 && j + 1 < C)
        y[i * y0 + j * y1 + 1] = p;
#endif
    }
  }
  return 0;
}
)";

TEST_F(VerifyTest, StridedSoftmax) {
  struct {
    StringRef x0, span, less, expected;
  } kernels[] = {
      {"x0", "(R - 1) * x0 + (C - 1) * x1 + 1", "0", ""},
      // E43: a stride of 0 is one.
      {"x0 ? x0 : C", "(R - 1) * x0 + (C - 1) * x1 + 1", "0", "broadcast"},
      // E40: too small and too large a span.
      {"x0", "1", "0", "misuse=alias(y) overlap=1"},
      {"x0", "R * x0", "0", "adjacent"},
      // Columns between those of the result.
      {"x0", "(R - 1) * x0 + (C - 1) * x1 + 1", "0\n#define BETWEEN",
       "memory between the elements of y was overwritten"},
      // Bits that depend on what they may not depend on.
      {"x0", "(R - 1) * x0 + (C - 1) * x1 + 1", "(uintptr_t)x / 4 % 2",
       "in other memory"},
      {"x0", "(R - 1) * x0 + (C - 1) * x1 + 1", "x1 > 1", "in other memory"},
      {"x0", "(R - 1) * x0 + (C - 1) * x1 + 1", "i % 8 == 7",
       "at another place"},
      {"x0", "(R - 1) * x0 + (C - 1) * x1 + 1", "R > 30", "of another batch"}};
  write("k.manifest.json", kStridedManifest);
  for (const auto &[x0, span, less, expected] : kernels) {
    compile("k", ("#define X0 " + x0 + "\n#define SPAN " + span +
                  "\n#define LESS " + less + "\n" + kStridedSource)
                     .str());
    KernelReport report = verify("k");
    EXPECT_GT(report.specials[43].checked, 0);
    if (expected.empty()) {
      EXPECT_EQ(report.failedCases, 0) << describe(report);
      continue;
    }
    EXPECT_GT(report.failedCases, 0) << x0.str() << span.str() << less.str();
    EXPECT_NE(describe(report).find(expected.str()), std::string::npos)
        << describe(report);
  }
}
