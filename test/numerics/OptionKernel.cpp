// Kernels of every option in C, right ones and wrong ones.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "test/numerics/OptionKernel.h"

#include "llvm/Support/raw_ostream.h"
#include "gtest/gtest.h"

using namespace mlir::softmax::verify;

namespace {

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

} // namespace

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
