// Integers: arithmetic, bits, shifts, fields.
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
struct CountOnes {
  template <class T> static uint32_t apply(T a) {
    return __builtin_popcountll(a);
  }
};
struct CountZeros {
  template <class T> static uint32_t apply(T a) {
    return a ? __builtin_clzll(a) - (64 - kBits<T>) : kBits<T>;
  }
};
struct Reverse {
  template <class T> static T apply(T a) {
    T result = 0;
    for (unsigned i = 0; i < kBits<T>; ++i)
      result |= ((a >> i) & 1) << (kBits<T> - 1 - i);
    return result;
  }
};

/// Shifts by the register's width and more leave nothing but the sign.
struct Shl {
  template <class T> static T apply(T a, uint32_t n) {
    return n >= kBits<T> ? T{0} : static_cast<T>(Unsigned<T>(a) << n);
  }
};
struct Shr {
  template <class T> static T apply(T a, uint32_t n) {
    if (n >= kBits<T>)
      return a < 0 ? static_cast<T>(-1) : T{0};
    return static_cast<T>(a >> n);
  }
};
template <class Operation, class T>
void runShift(Warp &warp, const Instruction &instruction, Mask active) {
  const T *a = warp.at<T>(instruction.from[0]);
  const uint32_t *b = warp.at<uint32_t>(instruction.from[1]);
  T values[kLanes];
  for (unsigned i = 0; i < kLanes; ++i)
    values[i] = Operation::apply(a[i], b[i]);
  commit(warp.at<T>(instruction.to[0]), values, active);
}

template <class Operation, class T>
void runCount(Warp &warp, const Instruction &instruction, Mask active) {
  const T *a = warp.at<T>(instruction.from[0]);
  uint32_t values[kLanes];
  for (unsigned i = 0; i < kLanes; ++i)
    values[i] = Operation::apply(a[i]);
  commit(warp.at<uint32_t>(instruction.to[0]), values, active);
}

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

/// shf.l and shf.r of {b, a} as 64 bits: the upper or the lower word.
template <bool isLeft, bool isClamped> struct Funnel {
  static uint32_t apply(uint32_t a, uint32_t b, uint32_t c) {
    unsigned n = isClamped ? std::min(c, 32u) : c & 31;
    uint64_t both = uint64_t{b} << 32 | a;
    return isLeft ? static_cast<uint32_t>(both << n >> 32)
                  : static_cast<uint32_t>(both >> n);
  }
};

/// The selectors of the generic mode; bit 3 replicates the sign.
struct Permute {
  static uint32_t apply(uint32_t a, uint32_t b, uint32_t c) {
    uint64_t both = uint64_t{b} << 32 | a;
    uint32_t result = 0;
    for (unsigned i = 0; i < 4; ++i) {
      unsigned selector = c >> 4 * i & 15;
      uint32_t byte = both >> 8 * (selector & 7) & 255;
      if (selector & 8)
        byte = byte & 128 ? 255 : 0;
      result |= byte << 8 * i;
    }
    return result;
  }
};

/// bfe d, a, position, length: 8 bits of either count.
template <class T>
void runExtract(Warp &warp, const Instruction &instruction, Mask active) {
  const T *a = warp.at<T>(instruction.from[0]);
  const uint32_t *b = warp.at<uint32_t>(instruction.from[1]);
  const uint32_t *c = warp.at<uint32_t>(instruction.from[2]);
  T values[kLanes];
  for (unsigned i = 0; i < kLanes; ++i) {
    unsigned position = b[i] & 255, length = c[i] & 255;
    unsigned top = std::min(position + length - 1, kBits<T> - 1);
    Unsigned<T> value = a[i];
    bool sign = std::is_signed_v<T> && length && (value >> top & 1);
    Unsigned<T> field = Shr::apply(value, position);
    Unsigned<T> keep = Shl::apply(static_cast<Unsigned<T>>(~Unsigned<T>{0}), length);
    // Bits beyond the register are the sign too.
    if (position + length > kBits<T> && position < kBits<T>)
      keep = Shl::apply(static_cast<Unsigned<T>>(~Unsigned<T>{0}), kBits<T> - position);
    values[i] = (field & ~keep) | (sign ? keep : 0);
  }
  commit(warp.at<T>(instruction.to[0]), values, active);
}

/// bfi f, a, b, position, length: a's lowest bits replace a field of b.
template <class T>
void runInsert(Warp &warp, const Instruction &instruction, Mask active) {
  const T *a = warp.at<T>(instruction.from[0]);
  const T *b = warp.at<T>(instruction.from[1]);
  const uint32_t *c = warp.at<uint32_t>(instruction.from[2]);
  const uint32_t *d = warp.at<uint32_t>(instruction.from[3]);
  T values[kLanes];
  for (unsigned i = 0; i < kLanes; ++i) {
    T field = Shl::apply(static_cast<T>(~Shl::apply(static_cast<T>(~T{0}), d[i] & 255)),
                         c[i] & 255);
    values[i] = (b[i] & ~field) | (Shl::apply(a[i], c[i] & 255) & field);
  }
  commit(warp.at<T>(instruction.to[0]), values, active);
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
BY_TYPE(shiftOf, runShift)
#undef BY_TYPE

bool isInteger(Type type) {
  return type >= Type::B8 && type <= Type::S64;
}

} // namespace

/// mul.wide, mad.wide and the fields, whose operands differ in size.
static bool decodeUneven(Decoder &d, Type type, unsigned size) {
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
  if (d.is("shf")) {
    d.allow({"l", "r", "wrap", "clamp"});
    d.take(4, {4, 4, 4});
    bool isClamped = d.has("clamp");
    if (d.has("l"))
      d.instruction.run = isClamped ? runTernary<Funnel<true, true>, uint32_t>
                                    : runTernary<Funnel<true, false>, uint32_t>;
    else
      d.instruction.run = isClamped
                              ? runTernary<Funnel<false, true>, uint32_t>
                              : runTernary<Funnel<false, false>, uint32_t>;
    return true;
  }
  if (d.is("bfe")) {
    d.allow({});
    d.take(size, {size, 4, 4});
    d.instruction.run = type == Type::U32   ? runExtract<uint32_t>
                        : type == Type::S32 ? runExtract<int32_t>
                        : type == Type::U64 ? runExtract<uint64_t>
                        : type == Type::S64 ? runExtract<int64_t>
                                            : nullptr;
    return true;
  }
  if (d.is("bfi")) {
    d.allow({});
    d.take(size, {size, size, 4, 4});
    d.instruction.run = type == Type::B32   ? runInsert<uint32_t>
                        : type == Type::B64 ? runInsert<uint64_t>
                                            : nullptr;
    return true;
  }
  if (d.is("popc") || d.is("clz")) {
    d.allow({});
    d.take(4, {size});
    if (type == Type::B32)
      d.instruction.run = d.is("popc") ? runCount<CountOnes, uint32_t>
                                       : runCount<CountZeros, uint32_t>;
    else if (type == Type::B64)
      d.instruction.run = d.is("popc") ? runCount<CountOnes, uint64_t>
                                       : runCount<CountZeros, uint64_t>;
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
  } else if (d.is("shl") || d.is("shr")) {
    d.take(size, {size, 4});
    run = d.is("shl") ? shiftOf<Shl>(type) : shiftOf<Shr>(type);
  } else if (d.is("neg") || d.is("abs") || d.is("not") || d.is("brev")) {
    d.take(size, {size});
    if (d.is("brev"))
      run = type == Type::B32   ? runUnary<Reverse, uint32_t>
            : type == Type::B64 ? runUnary<Reverse, uint64_t>
                                : nullptr;
    else
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
  static const char *const names[] = {
      "add", "sub", "mul", "mad", "div", "rem", "min",  "max", "neg",  "abs", "and",
      "or",  "xor", "not", "shl", "shr", "shf", "prmt", "bfe", "bfi", "popc", "clz", "brev"};
  if (std::none_of(std::begin(names), std::end(names),
                   [&](const char *name) { return d.is(name); }))
    return false;
  Type type = d.type();
  if (!isInteger(type))
    return false;
  if (d.is("prmt")) {
    d.allow({});
    d.take(4, {4, 4, 4});
    d.instruction.run = runTernary<Permute, uint32_t>;
    return true;
  }
  unsigned size = sizeOf(type);
  bool isKnown = decodeUneven(d, type, size) || decodeEven(d, type, size);
  if (!isKnown || !d.instruction.run)
    d.fail("not known for this type");
  return true;
}
