// Manifests, kernel loading and whole verifications, on kernels written in C.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "verify/Verify.h"
#include "verify/Kernel.h"

#include "llvm/ADT/ScopeExit.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Program.h"
#include "gtest/gtest.h"

using namespace mlir::softmax::verify;
using llvm::StringRef;

namespace {

class VerifyTest : public ::testing::Test {
protected:
  void SetUp() override {
    llvm::SmallString<128> path;
    ASSERT_FALSE(llvm::sys::fs::createUniqueDirectory("verify", path));
    directory = path.str().str();
  }
  void TearDown() override { llvm::sys::fs::remove_directories(directory); }

  void write(StringRef name, StringRef text) {
    std::error_code code;
    llvm::raw_fd_ostream stream(directory + "/" + name.str(), code);
    ASSERT_FALSE(code);
    stream << text;
  }

  void run(StringRef program, std::vector<std::string> arguments) {
    auto path = llvm::sys::findProgramByName(program);
    ASSERT_TRUE(static_cast<bool>(path)) << program.str();
    std::vector<StringRef> argv = {*path};
    argv.insert(argv.end(), arguments.begin(), arguments.end());
    ASSERT_EQ(llvm::sys::ExecuteAndWait(*path, argv), 0);
  }

  /// Makes NAME.o, and from it what `kind` asks for: o, a or so.
  void compile(StringRef name, StringRef source, StringRef kind = "o") {
    std::string stem = directory + "/" + name.str();
    write((name + ".c").str(), source);
    run("cc", {"-O1", "-fPIC", "-c", stem + ".c", "-o", stem + ".o"});
    if (kind == "a")
      run("ar", {"rc", file(name, "a"), stem + ".o"});
    if (kind == "so")
      run("cc", {"-shared", stem + ".o", "-o", file(name, "so"), "-lm"});
  }

  std::string file(StringRef name, StringRef kind) {
    return directory + "/lib" + name.str() + "." + kind.str();
  }

  std::string manifestError(StringRef text) {
    write("k.manifest.json", text);
    auto manifest = readManifest(directory + "/k.manifest.json");
    return manifest ? "" : llvm::toString(manifest.takeError());
  }

  KernelReport verify(StringRef name) {
    auto manifest =
        readManifest(directory + "/" + name.str() + ".manifest.json");
    if (!manifest) {
      ADD_FAILURE() << llvm::toString(manifest.takeError());
      return {};
    }
    Options options;
    options.limits.elements = 1 << 14;
    auto report = verifyKernel(*manifest, options);
    if (!report) {
      ADD_FAILURE() << llvm::toString(report.takeError());
      return {};
    }
    return *report;
  }

  std::string directory;
};

std::string describe(const KernelReport &kernel) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  Report report;
  report.kernels.push_back(kernel);
  report.print(stream);
  return text;
}

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
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#ifndef LIMIT
#define LIMIT C
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
  if (!x || !y)
    return fail(1);
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
        row(w->x + i * C, w->t[i], 1.0 / w->counted, w->dx + i * C);
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
    if (t[i] != -100)
      sum += row(x + i * C, t[i], 1, ignored);
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
      {replace("\"name\": \"d1\"", "\"name\": \"d2\""), "which is no argument"},
      {replace("\"name\": \"y\"", "\"name\": \"z\""), "'y' of softmax"}};
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
  write("k.manifest.json", kLossManifest);
  compile("k", "#define DENOMINATOR work.counted\n" + std::string(kLossSource));
  KernelReport report = verify("k");
  EXPECT_EQ(report.failedCases, 0) << describe(report);
  for (int id : {7, 8, 9, 11, 12, 13, 14})
    EXPECT_GT(report.specials[id].checked, 0) << "E" << id;
  // The mean over all rows, ignored ones included.
  compile("k", "#define DENOMINATOR rows\n" + std::string(kLossSource));
  EXPECT_GT(verify("k").failedCases, 0);
}
