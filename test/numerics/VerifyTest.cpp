// Manifests, kernel loading and whole verifications, on kernels written in C.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "verify/Verify.h"
#include "verify/Kernel.h"

#include "llvm/ADT/ScopeExit.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Program.h"
#include "gtest/gtest.h"

#include <map>

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
    options.shownFailures = 1000;
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

/// A right kernel of every option, in double, for f32 data of two dimensions.
/// All that options change is a macro, and so is all that can be got wrong.
const char kOptionSource[] = R"(
#include <math.h>
#include <stdint.h>
enum { SOFTMAX, LOG_SOFTMAX, LOGSUMEXP, SOFTMAX_GRAD, LOG_SOFTMAX_GRAD,
       CROSS_ENTROPY_WITH_GRAD, CROSS_ENTROPY_GRAD };
struct args { const float *x, *dy, *y, *weight, *dloss, *saved;
              const mask_t *mask; const target_t *target;
              float *out, *loss, *lse; int64_t R, C; };
struct row { double max, tail, lse; int64_t peak; int nan, empty; };
static double logit(const struct args *a, int64_t i, int64_t j) {
  double x = SCALE * a->x[i * a->C + j];
  if (CAP)
    x = CAP * tanh(x / CAP);
  return EXCLUDED ? -INFINITY : x + ADDEND;
}
static double slope(double x) {
  double c = CAP ? cosh(SCALE * x / CAP) : 1;
  return SLOPE;
}
static struct row prepare(const struct args *a, int64_t i) {
  struct row r = {-INFINITY};
  for (int64_t j = 0; j < a->C; ++j) {
    double z = logit(a, i, j);
    r.nan |= z != z;
    r.peak = z > r.max ? j : r.peak;
    r.max = z > r.max ? z : r.max;
  }
  r.empty = ZERO_ROWS && EMPTY;
  for (int64_t j = 0; j < a->C; ++j)
    r.tail += j == r.peak ? 0 : exp(logit(a, i, j) - r.max);
  r.lse = r.nan ? NAN : isinf(r.max) ? r.max : r.max + log1p(r.tail);
  r.nan |= isinf(r.max);
  return r;
}
static void softmax(const struct args *a, int64_t i) {
  struct row r = prepare(a, i);
  if (OP == LOGSUMEXP)
    a->out[i] = r.lse;
  for (int64_t j = 0; OP != LOGSUMEXP && j < a->C; ++j) {
    double d = logit(a, i, j) - r.max;
    double y = OP == SOFTMAX ? exp(d) / (1 + r.tail) : d - log1p(r.tail);
    double empty = OP == SOFTMAX ? 0 : -INFINITY;
    a->out[i * a->C + j] = r.empty ? empty : r.nan ? NAN : y;
  }
}
static void backward(const struct args *a, int64_t i) {
  const float *dy = a->dy + i * a->C, *y = a->y + i * a->C;
  double sum = 0;
  int empty = ZERO_ROWS;
  for (int64_t j = 0; j < a->C; ++j) {
    empty &= y[j] == (OP == SOFTMAX_GRAD ? 0 : -INFINITY);
    if (SUMMED)
      sum += OP == SOFTMAX_GRAD ? dy[j] * y[j] : dy[j];
  }
  for (int64_t j = 0; j < a->C; ++j) {
    double d = OP == SOFTMAX_GRAD ? y[j] * (dy[j] - sum)
                                  : dy[j] - exp(y[j]) * sum;
    d *= slope(CAP ? a->x[i * a->C + j] : 0);
    a->out[i * a->C + j] = EXCLUDED ? (y[j] != y[j] && !empty ? NAN : 0)
                           : empty ? 0 : d;
  }
}
static double share(const struct args *a, int64_t i, int64_t j) {
  double w = WEIGHT(j), q = QUANTITY;
  return SHARE;
}
static int ignored(const struct args *a, int64_t i) { return LABEL == -100; }
static double entropy(const struct args *a, int64_t i, struct row r) {
  double sum = 0, empty = r.empty ? INFINITY : r.nan ? NAN : 0;
  for (int64_t j = 0; j < a->C; ++j) {
    double s = r.max - logit(a, i, j) + log1p(r.tail), b = share(a, i, j);
    s = empty ? empty : s; // -log p
    if (SOFT && !(SKIP_ZEROS && b == 0))
      sum += b * s;
    if (j == LABEL)
      sum += (1 - SMOOTHING) * WEIGHT(j) * s;
  }
  return sum;
}
static void gradient(const struct args *a, int64_t i, struct row r, double g,
                     double gz) {
  double total = 0, lse = a->saved ? a->saved[i] : r.lse;
  for (int64_t j = 0; j < a->C; ++j)
    total += SOFT ? share(a, i, j) : 0;
  for (int64_t j = 0; j < a->C; ++j) {
    double z = ignored(a, i) ? 0 : logit(a, i, j);
    double p = a->saved ? exp(z - lse) : exp(z - r.max) / (1 + r.tail);
    double rest = p;
    if (j == LABEL && a->saved)
      rest = expm1(z - lse);
    else if (j == LABEL) {
      rest = 0;
      for (int64_t c = 0; c < a->C; ++c)
        rest -= c == j ? 0 : exp(logit(a, i, c) - r.max) / (1 + r.tail);
    }
    double d = SOFT ? g * (TOTAL * p - share(a, i, j)) : 0;
    if (LABEL >= 0)
      d += g * (1 - SMOOTHING) * WEIGHT(LABEL) * rest;
    if (Z)
      d += PENALTY_GRADIENT;
    d *= slope(a->x[i * a->C + j]);
    int empty = a->saved ? ZERO_ROWS && lse == -INFINITY : r.empty;
    int nan = a->saved ? !isfinite(lse) : r.nan;
    a->out[i * a->C + j] = ignored(a, i) || empty ? 0 : nan ? NAN : d;
  }
}
static int32_t losses(const struct args *a) {
  double D = 0, first = 0, second = 0;
  int64_t count = 0;
  for (int64_t i = 0; i < a->R; ++i) {
    if (SOFT < 2 && !ignored(a, i) && (LABEL < 0 || LABEL >= a->C))
      return 5;
    D += ignored(a, i) ? 0 : D_TERM;
    count += !ignored(a, i);
  }
  for (int64_t i = 0; i < a->R; ++i) {
    struct row r = {0};
    double up = UPSTREAM, g = up, gz = up;
    if (!ignored(a, i))
      r = prepare(a, i);
    float one = ignored(a, i) ? 0 : entropy(a, i, r);
    float two = ignored(a, i) || !Z ? 0 : Z * r.lse * r.lse;
    first += one;
    second += two;
    if (REDUCTION == 1) {
      g = D == 0 ? 0 : up / D;
      gz = PENALTY_UPSTREAM;
    }
    gradient(a, i, r, g, gz);
    if (!a->loss)
      continue;
    a->lse[i] = r.lse;
    if (REDUCTION == 0)
      a->loss[i] = one + two;
  }
  double none = ZERO_MEAN ? 0 : NAN;
  if (REDUCTION == 1)
    first = NO_TARGETS ? none : first / D,
    second = !Z ? 0 : count == 0 ? none : second / PENALTY_ROWS;
  if (REDUCTION && a->loss)
    *a->loss = first + second;
  return 0;
}
int32_t k(PARAMETERS, int64_t R, int64_t C) {
  struct args a = {FIELDS};
  a.R = R, a.C = C;
  const struct { const void *at; int64_t bytes; } tensors[] = {TENSORS};
  int count = sizeof tensors / sizeof *tensors;
  if (R < 0 || C < 0)
    return 2;
  for (int i = 0; i < count; ++i)
    if (!tensors[i].at && tensors[i].bytes)
      return 1;
  for (int i = count - RESULTS; i < count; ++i)
    for (int j = 0; j < count; ++j) {
      uintptr_t x = (uintptr_t)tensors[i].at, y = (uintptr_t)tensors[j].at;
      if (i != j && x < y + tensors[j].bytes && y < x + tensors[i].bytes)
        return 4;
    }
  if (OP >= CROSS_ENTROPY_WITH_GRAD)
    return losses(&a);
  for (int64_t i = 0; i < R; ++i)
    (OP <= LOGSUMEXP ? softmax : backward)(&a, i);
  return 0;
}
)";

const StringRef kOperators[] = {"softmax",           "log-softmax",
                                "logsumexp",         "softmax-grad",
                                "log-softmax-grad",  "cross-entropy-with-grad",
                                "cross-entropy-grad"};

/// kOptionSource for an operator and options, and the manifest of it.
class OptionKernel {
public:
  /// `options` as in the manifest, without braces.
  OptionKernel(StringRef op, StringRef options);
  std::string getManifest() const;
  /// `fault` is NAME=EXPRESSION, a macro that is defined otherwise.
  std::string getSource(StringRef fault) const;

private:
  void add(StringRef name, StringRef role, StringRef cType, StringRef type,
           StringRef shape, StringRef field, StringRef elements);
  void addArguments(const llvm::json::Object &options);
  void setMacros(const llvm::json::Object &options);

  StringRef op, options;
  size_t number;
  std::string arguments, parameters, fields, tensors;
  int results = 0;
  std::map<std::string, std::string> macros;
};

OptionKernel::OptionKernel(StringRef op, StringRef options)
    : op(op), options(options),
      number(llvm::find(kOperators, op) - std::begin(kOperators)) {
  auto json = llvm::json::parse(("{" + options + "}").str());
  if (!json) {
    ADD_FAILURE() << llvm::toString(json.takeError());
    return;
  }
  setMacros(*json->getAsObject());
  addArguments(*json->getAsObject());
}

void OptionKernel::setMacros(const llvm::json::Object &json) {
  auto number = [&](StringRef key, double absent) {
    return std::to_string(json.getNumber(key).value_or(absent));
  };
  auto isZero = [&](StringRef key) {
    return std::to_string(json.getString(key) == StringRef("zero"));
  };
  StringRef mask = json.getString("mask").value_or("");
  StringRef reduction = json.getString("reduction").value_or("mean");
  bool isSoft = json.getString("target") == StringRef("probabilities");
  macros = {{"OP", std::to_string(this->number)},
            {"SCALE", number("scale", 1)},
            {"CAP", number("softcap", 0)},
            {"SMOOTHING", number("label_smoothing", 0)},
            {"Z", number("z_loss", 0)},
            {"REDUCTION", reduction == "none"   ? "0"
                          : reduction == "mean" ? "1"
                                                : "2"},
            {"ZERO_ROWS", isZero("masked_rows")},
            {"ZERO_MEAN", isZero("empty_mean")},
            {"SKIP_ZEROS", isZero("zero_times_inf")},
            {"SOFT", isSoft                              ? "2"
                     : json.getNumber("label_smoothing") ? "1"
                                                         : "0"},
            {"mask_t", mask == "boolean" ? "uint8_t" : "float"},
            {"target_t", isSoft ? "float" : "int64_t"},
            {"EXCLUDED", mask == "causal"    ? "(j > i + a->C - a->R)"
                         : mask == "boolean" ? "(a->mask[i * a->C + j] == 0)"
                                             : "0"},
            {"ADDEND", mask == "additive" ? "a->mask[i * a->C + j]" : "0"},
            {"LABEL", isSoft ? "(-1)" : "a->target[i]"},
            {"QUANTITY", isSoft ? "a->target[i * a->C + j]" : "0"},
            {"WEIGHT(j)", json.getBoolean("weight") ? "a->weight[j]" : "1"},
            // What follows is there to be got wrong.
            {"SLOPE", "SCALE / (c * c)"},
            {"EMPTY", "(r.max == -INFINITY && !r.nan)"},
            {"SUMMED", "(OP == LOG_SOFTMAX_GRAD || !EXCLUDED)"},
            {"SHARE", "w * ((1 - SMOOTHING) * q + SMOOTHING / a->C)"},
            {"TOTAL", "total"},
            {"PENALTY_GRADIENT", "gz * 2 * Z * lse * p"},
            {"UPSTREAM", "a->dloss ? a->dloss[REDUCTION ? 0 : i] : 1"},
            {"PENALTY_UPSTREAM", "up / count"},
            {"PENALTY_ROWS", "count"},
            {"D_TERM", isSoft ? "1" : "WEIGHT(LABEL)"},
            {"NO_TARGETS", "D == 0"}};
}

void OptionKernel::add(StringRef name, StringRef role, StringRef cType,
                       StringRef type, StringRef shape, StringRef field,
                       StringRef elements) {
  if (!parameters.empty()) {
    parameters += ", ";
    fields += ", ";
    tensors += ", ";
  }
  parameters += (cType + " *" + name).str();
  fields += ("." + field + " = " + name).str();
  tensors += ("{" + name + ", " + elements + " * sizeof *" + name + "}").str();
  arguments += ("{\"name\": \"" + name + "\", \"role\": \"" + role +
                "\", \"type\": \"" + type + "\", \"shape\": " + shape + "},\n")
                   .str();
  results += role == "output";
}

void OptionKernel::addArguments(const llvm::json::Object &json) {
  StringRef all = "[\"d0\", \"d1\"]", rows = "[\"d0\"]";
  auto input = [&](StringRef name, StringRef field) {
    add(name, "input", "const float", "f32", all, field, "R * C");
  };
  auto output = [&](StringRef name, StringRef field, bool perRow) {
    add(name, "output", "float", "f32", perRow ? rows : all, field,
        perRow ? "R" : "R * C");
  };
  bool isEach = json.getString("reduction") == StringRef("none");
  bool isLoss = number >= 5;
  if (number <= 2) {
    input("x", "x");
  } else if (!isLoss) {
    input("dy", "dy");
    input("y", "y");
    if (json.getNumber("softcap"))
      input("x", "x");
  } else {
    if (number == 6)
      add("dloss", "input", "const float", "f32", isEach ? rows : "[]", "dloss",
          isEach ? "R" : "1");
    input("logits", "x");
    bool isSoft = macros["target_t"] == "float";
    add("target", "input", "const target_t", isSoft ? "f32" : "i64",
        isSoft ? all : rows, "target", isSoft ? "R * C" : "R");
    if (json.getBoolean("weight"))
      add("weight", "input", "const float", "f32", "[\"d1\"]", "weight", "C");
    if (number == 6)
      add("lse", "input", "const float", "f32", rows, "saved", "R");
    else
      add("loss", "output", "float", "f32", isEach ? rows : "[]", "loss",
          isEach ? "R" : "1");
  }
  StringRef mask = json.getString("mask").value_or("");
  if (mask == "boolean" || mask == "additive")
    add("mask", "input", "const mask_t", mask == "boolean" ? "u8" : "f32", all,
        "mask", "R * C");
  if (number == 5)
    output("lse", "lse", true);
  if (number == 2)
    output("lse", "out", true);
  else
    output(number < 2 ? "y" : isLoss ? "dlogits" : "dx", "out", false);
}

std::string OptionKernel::getManifest() const {
  return (R"({"schema": 1, "name": "k", "op": ")" + op +
          R"(", "type": "f32", "shape": ["d0", "d1"],
  "options": {"axis": 1)" +
          (options.empty() ? "" : ", ") + options + "},\n\"arguments\": [" +
          arguments +
          R"({"name": "d0", "role": "extent", "type": "i64", "shape": []},
  {"name": "d1", "role": "extent", "type": "i64", "shape": []}]})")
      .str();
}

std::string OptionKernel::getSource(StringRef fault) const {
  std::map<std::string, std::string> used = macros;
  used["PARAMETERS"] = parameters;
  used["FIELDS"] = fields;
  used["TENSORS"] = tensors;
  used["RESULTS"] = std::to_string(results);
  auto [name, expression] = fault.split('=');
  if (!name.empty()) {
    EXPECT_TRUE(used.count(name.str())) << name.str();
    used[name.str()] = expression.str();
  }
  std::string text;
  for (const auto &[macro, value] : used)
    text += "#define " + macro + " " + value + "\n";
  return text + kOptionSource;
}

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

//===----------------------------------------------------------------------===//
// Options
//===----------------------------------------------------------------------===//

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
