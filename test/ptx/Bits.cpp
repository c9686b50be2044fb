// Bits of integers: shifts, fields, permutations, counts.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "Lanes.h"

#include <algorithm>
#include <type_traits>

using namespace ptx;

namespace {

template <class T> using Unsigned = std::make_unsigned_t<T>;
template <class T> constexpr unsigned kBits = 8 * sizeof(T);

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

/// shf.l and shf.r of {b, a} as 64 bits: the upper or the lower word.
template <bool isLeft, bool isClamped> struct Funnel {
  static uint32_t apply(uint32_t a, uint32_t b, uint32_t c) {
    unsigned n = isClamped ? std::min(c, 32u) : c & 31;
    uint64_t both = uint64_t{b} << 32 | a;
    return isLeft ? static_cast<uint32_t>(both << n >> 32)
                  : static_cast<uint32_t>(both >> n);
  }
};

/// Four neighbouring bytes out of two words (`f4e`).
struct PermuteForward {
  static uint32_t apply(uint32_t a, uint32_t b, uint32_t c) {
    uint64_t bytes = uint64_t(b) << 32 | a;
    return static_cast<uint32_t>(bytes >> 8 * (c & 3));
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
    Unsigned<T> keep =
        Shl::apply(static_cast<Unsigned<T>>(~Unsigned<T>{0}), length);
    // Bits beyond the register are the sign too.
    if (position + length > kBits<T> && position < kBits<T>)
      keep = Shl::apply(static_cast<Unsigned<T>>(~Unsigned<T>{0}),
                        kBits<T> - position);
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
    T field = Shl::apply(
        static_cast<T>(~Shl::apply(static_cast<T>(~T{0}), d[i] & 255)),
        c[i] & 255);
    values[i] = (b[i] & ~field) | (Shl::apply(a[i], c[i] & 255) & field);
  }
  commit(warp.at<T>(instruction.to[0]), values, active);
}

template <class Operation> Run shiftOf(Type type) {
  switch (type) {
  case Type::S16:
    return runShift<Operation, int16_t>;
  case Type::S32:
    return runShift<Operation, int32_t>;
  case Type::S64:
    return runShift<Operation, int64_t>;
  case Type::B16:
  case Type::U16:
    return runShift<Operation, uint16_t>;
  case Type::B32:
  case Type::U32:
    return runShift<Operation, uint32_t>;
  case Type::B64:
  case Type::U64:
    return runShift<Operation, uint64_t>;
  default:
    return nullptr;
  }
}

bool decodeShiftOrField(Decoder &d, Type type, unsigned size) {
  if (d.is("shl") || d.is("shr")) {
    d.allow({});
    d.take(size, {size, 4});
    d.instruction.run = d.is("shl") ? shiftOf<Shl>(type) : shiftOf<Shr>(type);
    return true;
  }
  if (d.is("prmt")) {
    d.allow({"f4e"});
    d.take(4, {4, 4, 4});
    d.instruction.run = d.has("f4e") ? runTernary<PermuteForward, uint32_t>
                                     : runTernary<Permute, uint32_t>;
    return true;
  }
  if (d.is("brev")) {
    d.allow({});
    d.take(size, {size});
    d.instruction.run = type == Type::B32   ? runUnary<Reverse, uint32_t>
                        : type == Type::B64 ? runUnary<Reverse, uint64_t>
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

} // namespace

bool ptx::decodeBits(Decoder &d) {
  static const char *const names[] = {"shl", "shr",  "shf", "prmt", "bfe",
                                      "bfi", "popc", "clz", "brev"};
  if (std::none_of(std::begin(names), std::end(names),
                   [&](const char *name) { return d.is(name); }))
    return false;
  // The mode of a permutation follows its type.
  Type type = d.type(d.has("f4e") ? 1 : 0);
  if (!decodeShiftOrField(d, type, sizeOf(type)) || !d.instruction.run)
    d.fail("not known for this type");
  return true;
}
