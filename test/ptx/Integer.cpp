// Arithmetic and logic of integers.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "Lanes.h"

#include <algorithm>
#include <type_traits>

using namespace ptx;

namespace {

template <class T> using Unsigned = std::make_unsigned_t<T>;
template <class T> constexpr unsigned kBits = 8 * sizeof(T);

/// Twice as wide.
template <class T>
using Wide = std::conditional_t<
    sizeof(T) == 8,
    std::conditional_t<std::is_signed_v<T>, __int128, unsigned __int128>,
    std::conditional_t<
        sizeof(T) == 4,
        std::conditional_t<std::is_signed_v<T>, int64_t, uint64_t>,
        std::conditional_t<std::is_signed_v<T>, int32_t, uint32_t>>>;

// Overflow wraps around.
struct Add {
  template <class T> static T apply(T a, T b) {
    return static_cast<T>(Unsigned<T>(a) + Unsigned<T>(b));
  }
};
struct Sub {
  template <class T> static T apply(T a, T b) {
    return static_cast<T>(Unsigned<T>(a) - Unsigned<T>(b));
  }
};
struct MulLo {
  template <class T> static T apply(T a, T b) {
    return static_cast<T>(static_cast<Wide<Unsigned<T>>>(Unsigned<T>(a)) *
                          Unsigned<T>(b));
  }
};
struct MulHi {
  template <class T> static T apply(T a, T b) {
    return static_cast<T>((static_cast<Wide<T>>(a) * static_cast<Wide<T>>(b)) >>
                          kBits<T>);
  }
};
struct MadLo {
  template <class T> static T apply(T a, T b, T c) {
    return Add::apply(MulLo::apply(a, b), c);
  }
};
struct MadHi {
  template <class T> static T apply(T a, T b, T c) {
    return Add::apply(MulHi::apply(a, b), c);
  }
};
// Division by zero and overflow have unspecified results.
struct Div {
  template <class T> static T apply(T a, T b) {
    if (b == 0)
      return static_cast<T>(~T{0});
    if (std::is_signed_v<T> && b == static_cast<T>(-1))
      return Sub::apply(T{0}, a);
    return static_cast<T>(a / b);
  }
};
struct Rem {
  template <class T> static T apply(T a, T b) {
    if (b == 0)
      return a;
    if (std::is_signed_v<T> && b == static_cast<T>(-1))
      return 0;
    return static_cast<T>(a % b);
  }
};
struct Min {
  template <class T> static T apply(T a, T b) { return b < a ? b : a; }
};
struct Max {
  template <class T> static T apply(T a, T b) { return a < b ? b : a; }
};
struct Neg {
  template <class T> static T apply(T a) { return Sub::apply(T{0}, a); }
};
struct Abs {
  template <class T> static T apply(T a) { return a < 0 ? Neg::apply(a) : a; }
};
struct And {
  template <class T> static T apply(T a, T b) { return a & b; }
};
struct Or {
  template <class T> static T apply(T a, T b) { return a | b; }
};
struct Xor {
  template <class T> static T apply(T a, T b) { return a ^ b; }
};
struct Not {
  template <class T> static T apply(T a) { return static_cast<T>(~a); }
};
template <class T>
void runMulWide(Warp &warp, const Instruction &instruction, Mask active) {
  const T *a = warp.at<T>(instruction.from[0]);
  const T *b = warp.at<T>(instruction.from[1]);
  Wide<T> values[kLanes];
  for (unsigned i = 0; i < kLanes; ++i)
    values[i] = static_cast<Wide<T>>(a[i]) * static_cast<Wide<T>>(b[i]);
  if (instruction.from.size() == 3) {
    const Wide<T> *c = warp.at<Wide<T>>(instruction.from[2]);
    for (unsigned i = 0; i < kLanes; ++i)
      values[i] = Add::apply(values[i], c[i]);
  }
  commit(warp.at<Wide<T>>(instruction.to[0]), values, active);
}

template <class Operation> Run unaryOf(Type type) {
  switch (type) {
  case Type::S16:
    return runUnary<Operation, int16_t>;
  case Type::S32:
    return runUnary<Operation, int32_t>;
  case Type::S64:
    return runUnary<Operation, int64_t>;
  case Type::B16:
  case Type::U16:
    return runUnary<Operation, uint16_t>;
  case Type::B32:
  case Type::U32:
    return runUnary<Operation, uint32_t>;
  case Type::B64:
  case Type::U64:
    return runUnary<Operation, uint64_t>;
  default:
    return nullptr;
  }
}

#define BY_TYPE(NAME, RUN)                                                     \
  template <class Operation> Run NAME(Type type) {                             \
    switch (type) {                                                            \
    case Type::S16:                                                            \
      return RUN<Operation, int16_t>;                                          \
    case Type::S32:                                                            \
      return RUN<Operation, int32_t>;                                          \
    case Type::S64:                                                            \
      return RUN<Operation, int64_t>;                                          \
    case Type::B16:                                                            \
    case Type::U16:                                                            \
      return RUN<Operation, uint16_t>;                                         \
    case Type::B32:                                                            \
    case Type::U32:                                                            \
      return RUN<Operation, uint32_t>;                                         \
    case Type::B64:                                                            \
    case Type::U64:                                                            \
      return RUN<Operation, uint64_t>;                                         \
    default:                                                                   \
      return nullptr;                                                          \
    }                                                                          \
  }
BY_TYPE(binaryOf, runBinary)
BY_TYPE(ternaryOf, runTernary)
#undef BY_TYPE

bool isInteger(Type type) { return type >= Type::B8 && type <= Type::S64; }

} // namespace

/// mul.wide and mad.wide, whose operands differ in size.
static bool decodeWide(Decoder &d, Type type, unsigned size) {
  if ((d.is("mul") || d.is("mad")) && d.has("wide")) {
    d.allow({"wide"});
    if (d.is("mul"))
      d.take(2 * size, {size, size});
    else
      d.take(2 * size, {size, size, 2 * size});
    d.instruction.run = type == Type::U16   ? runMulWide<uint16_t>
                        : type == Type::S16 ? runMulWide<int16_t>
                        : type == Type::U32 ? runMulWide<uint32_t>
                        : type == Type::S32 ? runMulWide<int32_t>
                                            : nullptr;
    return true;
  }
  return false;
}

static bool decodeEven(Decoder &d, Type type, unsigned size) {
  Run run = nullptr;
  bool isMul = d.is("mul"), isMad = d.is("mad");
  if (isMul || isMad) {
    d.allow({"lo", "hi"});
    bool isHigh = d.has("hi");
    if (isMul)
      run = isHigh ? binaryOf<MulHi>(type) : binaryOf<MulLo>(type);
    else
      run = isHigh ? ternaryOf<MadHi>(type) : ternaryOf<MadLo>(type);
  } else {
    d.allow({});
  }
  if (isMad) {
    d.take(size, {size, size, size});
  } else if (d.is("neg") || d.is("abs") || d.is("not")) {
    d.take(size, {size});
    run = d.is("neg")   ? unaryOf<Neg>(type)
          : d.is("abs") ? unaryOf<Abs>(type)
                        : unaryOf<Not>(type);
  } else {
    if (!run)
      run = d.is("add")   ? binaryOf<Add>(type)
            : d.is("sub") ? binaryOf<Sub>(type)
            : d.is("div") ? binaryOf<Div>(type)
            : d.is("rem") ? binaryOf<Rem>(type)
            : d.is("min") ? binaryOf<Min>(type)
            : d.is("max") ? binaryOf<Max>(type)
            : d.is("and") ? binaryOf<And>(type)
            : d.is("or")  ? binaryOf<Or>(type)
            : d.is("xor") ? binaryOf<Xor>(type)
                          : nullptr;
    if (!run)
      return false;
    d.take(size, {size, size});
  }
  d.instruction.run = run;
  return run != nullptr;
}

bool ptx::decodeInteger(Decoder &d) {
  static const char *const names[] = {"add", "sub", "mul", "mad", "div",
                                      "rem", "min", "max", "neg", "abs",
                                      "and", "or",  "xor", "not"};
  if (std::none_of(std::begin(names), std::end(names),
                   [&](const char *name) { return d.is(name); }))
    return false;
  Type type = d.type();
  if (!isInteger(type))
    return false;
  unsigned size = sizeOf(type);
  bool isKnown = decodeWide(d, type, size) || decodeEven(d, type, size);
  if (!isKnown || !d.instruction.run)
    d.fail("not known for this type");
  return true;
}
