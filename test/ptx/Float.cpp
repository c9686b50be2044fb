// Floating-point arithmetic. Approximations give the number nearest to the
// exact value, or one as far from it as was asked for. SPDX-License-Identifier:
// Apache-2.0 WITH LLVM-exception

#include "Lanes.h"

#include <algorithm>
#include <cfenv>
#include <cmath>
#include <limits>

using namespace ptx;

int ptx::approximationUlps = 0;

namespace {

/// NaN results of single precision are this one; of double precision they are
/// the operands'.
inline float canonical(float value) {
  constexpr uint32_t kNaN = 0x7fffffff;
  float nan;
  std::memcpy(&nan, &kNaN, sizeof nan);
  return value != value ? nan : value;
}
inline double canonical(double value) { return value; }

template <class T> T flush(T value) { return value; }
template <> float flush(float value) {
  return std::fpclassify(value) == FP_SUBNORMAL ? std::copysign(0.0f, value)
                                                : value;
}

// The calls of `canonical` come last: operands need none.
struct Add {
  template <class T> static T apply(T a, T b) { return canonical(a + b); }
};
struct Sub {
  template <class T> static T apply(T a, T b) { return canonical(a - b); }
};
struct Mul {
  template <class T> static T apply(T a, T b) { return canonical(a * b); }
};
struct Div {
  template <class T> static T apply(T a, T b) { return canonical(a / b); }
};
struct Fma {
  template <class T> static T apply(T a, T b, T c) {
    return canonical(std::fma(a, b, c));
  }
};
struct Rcp {
  template <class T> static T apply(T a) { return canonical(1 / a); }
};
struct Sqrt {
  template <class T> static T apply(T a) { return canonical(std::sqrt(a)); }
};
struct RSqrt {
  static float apply(float a) {
    return canonical(static_cast<float>(1 / std::sqrt(double{a})));
  }
};
/// Powers of two are exact, as everybody's exponential relies on.
struct Exp2 {
  static float apply(float a) {
    float power = canonical(static_cast<float>(std::exp2(double{a})));
    if (approximationUlps == 0 || std::nearbyint(a) == a ||
        !std::isnormal(power))
      return power;
    // One way or the other, by the last bits of the operand.
    uint32_t bits;
    std::memcpy(&bits, &a, sizeof bits);
    bool isUp = (bits ^ bits >> 1 ^ bits >> 2) & 1;
    std::memcpy(&bits, &power, sizeof bits);
    bits += isUp ? approximationUlps : -approximationUlps;
    std::memcpy(&power, &bits, sizeof bits);
    return power;
  }
};
struct Log2 {
  static float apply(float a) {
    return canonical(static_cast<float>(std::log2(double{a})));
  }
};
struct Tanh {
  static float apply(float a) {
    return canonical(static_cast<float>(std::tanh(double{a})));
  }
};
struct Neg {
  template <class T> static T apply(T a) { return -a; }
};
struct Abs {
  template <class T> static T apply(T a) { return std::fabs(a); }
};
/// The sign of the first on the second operand.
struct CopySign {
  template <class T> static T apply(T a, T b) { return std::copysign(b, a); }
};

/// -0 is less than +0; a NaN gives way to a number.
template <bool isMax> struct Extreme {
  template <class T> static T apply(T a, T b) {
    if (a != a)
      return canonical(b);
    if (b != b)
      return a;
    bool isLess = a == b ? std::signbit(a) : a < b;
    return isLess == isMax ? b : a;
  }
};
using Max = Extreme<true>;
using Min = Extreme<false>;
/// .NaN: numbers give way.
template <class Operation> struct OrNaN {
  template <class T> static T apply(T a, T b) {
    return a != a || b != b ? canonical(a + b) : Operation::apply(a, b);
  }
};

/// What the modifiers do to the operands and to the result, around `compute`.
template <class T, unsigned Arity, unsigned Each>
void runModified(Warp &warp, const Instruction &instruction, Mask active,
                 void (*compute)(const T *const *, T *)) {
  constexpr unsigned kCount = kLanes * Each;
  T operands[Arity][kCount], values[kCount];
  const T *pointers[Arity];
  for (unsigned k = 0; k < Arity; ++k) {
    const T *from = warp.at<T>(instruction.from[k]);
    for (unsigned i = 0; i < kCount; ++i)
      operands[k][i] = instruction.flushes ? flush(from[i]) : from[i];
    pointers[k] = operands[k];
  }
  std::fesetround(instruction.rounding);
  compute(pointers, values);
  std::fesetround(FE_TONEAREST);
  for (T &value : values) {
    if (instruction.flushes)
      value = flush(value);
    if (instruction.saturates) // NaN becomes 0
      value = value > 0 ? (value < 1 ? value : T{1}) : T{0};
  }
  commit(warp.at<T>(instruction.to[0]), values, active);
}

template <class Operation, class T, unsigned Arity, unsigned Each>
__attribute__((noinline)) void compute(const T *const *from, T *to) {
  for (unsigned i = 0; i < kLanes * Each; ++i)
    if constexpr (Arity == 1)
      to[i] = Operation::apply(from[0][i]);
    else if constexpr (Arity == 2)
      to[i] = Operation::apply(from[0][i], from[1][i]);
    else
      to[i] = Operation::apply(from[0][i], from[1][i], from[2][i]);
}

template <class Operation, class T, unsigned Arity, unsigned Each = 1>
void runFloat(Warp &warp, const Instruction &instruction, Mask active) {
  if (instruction.flushes || instruction.saturates ||
      instruction.rounding != FE_TONEAREST)
    runModified<T, Arity, Each>(warp, instruction, active,
                                compute<Operation, T, Arity, Each>);
  else if constexpr (Arity == 1)
    runUnary<Operation, T, Each>(warp, instruction, active);
  else if constexpr (Arity == 2)
    runBinary<Operation, T, Each>(warp, instruction, active);
  else
    runTernary<Operation, T, Each>(warp, instruction, active);
}

/// By type: f32, f64, and f32x2 where `isPacked`.
template <class Operation, unsigned Arity>
Run of(Type type, bool isPacked = false) {
  if (type == Type::F32)
    return runFloat<Operation, float, Arity>;
  if (type == Type::F64)
    return runFloat<Operation, double, Arity>;
  if (type == Type::F32x2 && isPacked)
    return runFloat<Operation, float, Arity, 2>;
  return nullptr;
}

int roundingOf(const Decoder &d) {
  return d.has("rz")   ? FE_TOWARDZERO
         : d.has("rm") ? FE_DOWNWARD
         : d.has("rp") ? FE_UPWARD
                       : FE_TONEAREST;
}

Run findUnary(Decoder &d, Type type) {
  if (d.is("neg") || d.is("abs")) {
    d.allow({"ftz"});
    return d.is("neg") ? of<Neg, 1>(type) : of<Abs, 1>(type);
  }
  if (d.has("approx")) {
    d.allow({"approx", "ftz"});
    if (type != Type::F32)
      return nullptr;
    return d.is("ex2")     ? runFloat<Exp2, float, 1>
           : d.is("lg2")   ? runFloat<Log2, float, 1>
           : d.is("rcp")   ? runFloat<Rcp, float, 1>
           : d.is("sqrt")  ? runFloat<Sqrt, float, 1>
           : d.is("rsqrt") ? runFloat<RSqrt, float, 1>
           : d.is("tanh")  ? runFloat<Tanh, float, 1>
                           : nullptr;
  }
  d.allow({"rn", "rz", "rm", "rp", "ftz"});
  return d.is("rcp")    ? of<Rcp, 1>(type)
         : d.is("sqrt") ? of<Sqrt, 1>(type)
                        : nullptr;
}

Run findBinary(Decoder &d, Type type) {
  if (d.is("min") || d.is("max")) {
    d.allow({"ftz", "NaN"});
    bool isNaN = d.has("NaN");
    if (isNaN && type != Type::F32)
      return nullptr;
    if (d.is("max"))
      return isNaN ? of<OrNaN<Max>, 2>(type) : of<Max, 2>(type);
    return isNaN ? of<OrNaN<Min>, 2>(type) : of<Min, 2>(type);
  }
  if (d.is("copysign")) {
    d.allow({});
    return of<CopySign, 2>(type);
  }
  if (d.is("div")) {
    d.allow({"rn", "rz", "rm", "rp", "ftz", "approx", "full"});
    return of<Div, 2>(type);
  }
  d.allow({"rn", "rz", "rm", "rp", "ftz", "sat"});
  return d.is("add")   ? of<Add, 2>(type, true)
         : d.is("sub") ? of<Sub, 2>(type, true)
         : d.is("mul") ? of<Mul, 2>(type, true)
                       : nullptr;
}

} // namespace

bool ptx::decodeFloat(Decoder &d) {
  static const char *const unary[] = {"neg", "abs",  "ex2",   "lg2",
                                      "rcp", "sqrt", "rsqrt", "tanh"};
  static const char *const binary[] = {"add", "sub", "mul",     "div",
                                       "min", "max", "copysign"};
  auto isIn = [&](const char *name) { return d.is(name); };
  bool isUnary = std::any_of(std::begin(unary), std::end(unary), isIn);
  bool isBinary = std::any_of(std::begin(binary), std::end(binary), isIn);
  bool isTernary = d.is("fma") || d.is("mad");
  if (!isUnary && !isBinary && !isTernary)
    return false;
  Type type = d.type();
  unsigned size = sizeOf(type);
  d.instruction.flushes = d.has("ftz");
  d.instruction.saturates = d.has("sat");
  d.instruction.rounding = roundingOf(d);
  if (isUnary) {
    d.instruction.run = findUnary(d, type);
    d.take(size, {size});
  } else if (isBinary) {
    d.instruction.run = findBinary(d, type);
    d.take(size, {size, size});
  } else {
    d.allow({"rn", "rz", "rm", "rp", "ftz", "sat"});
    d.instruction.run = of<Fma, 3>(type, true);
    d.take(size, {size, size, size});
  }
  if (!d.instruction.run)
    d.fail("not known for this type");
  return true;
}
