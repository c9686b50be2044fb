// Moves, packing, and conversions between types.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "Convert.h"
#include "Lanes.h"

#include <cfenv>
#include <cmath>
#include <limits>
#include <type_traits>

using namespace ptx;

//===----------------------------------------------------------------------===//
// 16-bit numbers
//===----------------------------------------------------------------------===//

namespace {
struct Format {
  int mantissa, smallest, largest; ///< bits, exponents of normal numbers
};
constexpr Format kHalf = {10, -14, 15}, kBFloat = {7, -126, 127};

/// Rounded once, as fegetround says.
uint16_t narrow(double value, Format format) {
  if (value != value)
    return 0x7fff;
  uint16_t sign = std::signbit(value) ? 0x8000 : 0;
  uint16_t infinity = (format.largest - format.smallest + 2) << format.mantissa;
  if (std::isinf(value))
    return sign | infinity;
  if (value == 0)
    return sign;
  int exponent = std::max(std::ilogb(value), format.smallest);
  // A whole number of units in the last place; the sign steers the rounding.
  double units =
      std::fabs(std::nearbyint(std::ldexp(value, format.mantissa - exponent)));
  // Carries run into the exponent, up to that of infinity.
  int64_t bits = static_cast<int64_t>(units) +
                 (int64_t{exponent - format.smallest} << format.mantissa);
  if (bits >= infinity) {
    bool isInward = std::fegetround() == FE_TOWARDZERO ||
                    std::fegetround() == (sign ? FE_UPWARD : FE_DOWNWARD);
    bits = isInward ? infinity - 1 : infinity;
  }
  return sign | static_cast<uint16_t>(bits);
}

double widen(uint16_t bits, Format format) {
  int field = (bits & 0x7fff) >> format.mantissa;
  int fraction = bits & ((1 << format.mantissa) - 1);
  double value;
  if (field == format.largest - format.smallest + 2)
    value = fraction ? std::numeric_limits<double>::quiet_NaN()
                     : std::numeric_limits<double>::infinity();
  else if (field == 0)
    value = std::ldexp(fraction, format.smallest - format.mantissa);
  else
    value = std::ldexp(fraction + (1 << format.mantissa),
                       field - 1 + format.smallest - format.mantissa);
  return bits & 0x8000 ? -value : value;
}

struct Half {
  uint16_t bits;
};
struct BFloat {
  uint16_t bits;
};
template <class T>
constexpr bool kIsNarrow = std::is_same_v<T, Half> || std::is_same_v<T, BFloat>;
template <class T>
constexpr bool kIsFloat = std::is_floating_point_v<T> || kIsNarrow<T>;

float canonicalNaN() {
  constexpr uint32_t kBits = 0x7fffffff;
  float nan;
  std::memcpy(&nan, &kBits, sizeof nan);
  return nan;
}

template <class T> auto toReal(T value) {
  if constexpr (std::is_same_v<T, Half>)
    return widen(value.bits, kHalf);
  else if constexpr (std::is_same_v<T, BFloat>)
    return widen(value.bits, kBFloat);
  else
    return value;
}

template <class To, class From> To convert(From from) {
  auto value = toReal(from);
  if constexpr (std::is_same_v<To, Half>) {
    return {narrow(static_cast<double>(value), kHalf)};
  } else if constexpr (std::is_same_v<To, BFloat>) {
    return {narrow(static_cast<double>(value), kBFloat)};
  } else if constexpr (std::is_floating_point_v<To>) {
    if constexpr (std::is_same_v<To, float> && kIsFloat<From>)
      if (value != value)
        return canonicalNaN();
    return static_cast<To>(value);
  } else if constexpr (kIsFloat<From>) {
    // Clamped to the range; a NaN becomes 0.
    double whole = std::nearbyint(static_cast<double>(value));
    if (whole != whole)
      return 0;
    if (whole <= static_cast<double>(std::numeric_limits<To>::min()))
      return std::numeric_limits<To>::min();
    if (whole >= static_cast<double>(std::numeric_limits<To>::max()))
      return std::numeric_limits<To>::max();
    return static_cast<To>(whole);
  } else {
    return static_cast<To>(value);
  }
}

/// Registers may be wider than the types; results are extended to them.
template <class To, class From>
__attribute__((noinline)) void
convertAll(Warp &warp, const Instruction &instruction, Mask active) {
  const Operand &from = instruction.from[0], &to = instruction.to[0];
  const uint8_t *source = warp.at<uint8_t>(from);
  uint8_t *result = warp.at<uint8_t>(to);
  for (Mask rest = active; rest; rest &= rest - 1) {
    unsigned lane = __builtin_ctz(rest);
    From value;
    std::memcpy(&value, source + lane * from.size, sizeof value);
    if constexpr (std::is_same_v<From, float>)
      if (instruction.flushes && std::fpclassify(value) == FP_SUBNORMAL)
        value = std::copysign(0.0f, value);
    To converted = convert<To>(value);
    if (to.size == sizeof converted) {
      std::memcpy(result + lane * to.size, &converted, sizeof converted);
    } else if constexpr (std::is_integral_v<To>) {
      int64_t extended = static_cast<int64_t>(converted);
      std::memcpy(result + lane * to.size, &extended, to.size);
    }
  }
}

template <class To, class From>
void runConvert(Warp &warp, const Instruction &instruction, Mask active) {
  if (instruction.rounding != FE_TONEAREST)
    std::fesetround(instruction.rounding);
  convertAll<To, From>(warp, instruction, active);
  if (instruction.rounding != FE_TONEAREST)
    std::fesetround(FE_TONEAREST);
}

/// cvt.rn.bf16x2.f32 d, a, b: a is the upper half.
template <class To>
void runConvertPair(Warp &warp, const Instruction &instruction, Mask active) {
  const float *a = warp.at<float>(instruction.from[0]);
  const float *b = warp.at<float>(instruction.from[1]);
  uint32_t values[kLanes];
  std::fesetround(instruction.rounding);
  for (unsigned i = 0; i < kLanes; ++i)
    values[i] = uint32_t{convert<To>(a[i]).bits} << 16 | convert<To>(b[i]).bits;
  std::fesetround(FE_TONEAREST);
  commit(warp.at<uint32_t>(instruction.to[0]), values, active);
}

template <class To> Run convertFrom(Type from) {
  switch (from) {
  case Type::U8:
    return runConvert<To, uint8_t>;
  case Type::U16:
    return runConvert<To, uint16_t>;
  case Type::U32:
    return runConvert<To, uint32_t>;
  case Type::U64:
    return runConvert<To, uint64_t>;
  case Type::S8:
    return runConvert<To, int8_t>;
  case Type::S16:
    return runConvert<To, int16_t>;
  case Type::S32:
    return runConvert<To, int32_t>;
  case Type::S64:
    return runConvert<To, int64_t>;
  case Type::F16:
    return runConvert<To, Half>;
  case Type::BF16:
    return runConvert<To, BFloat>;
  case Type::F32:
    return runConvert<To, float>;
  case Type::F64:
    return runConvert<To, double>;
  default:
    return nullptr;
  }
}

Run conversion(Type to, Type from) {
  switch (to) {
  case Type::U8:
    return convertFrom<uint8_t>(from);
  case Type::U16:
    return convertFrom<uint16_t>(from);
  case Type::U32:
    return convertFrom<uint32_t>(from);
  case Type::U64:
    return convertFrom<uint64_t>(from);
  case Type::S8:
    return convertFrom<int8_t>(from);
  case Type::S16:
    return convertFrom<int16_t>(from);
  case Type::S32:
    return convertFrom<int32_t>(from);
  case Type::S64:
    return convertFrom<int64_t>(from);
  case Type::F16:
    return convertFrom<Half>(from);
  case Type::BF16:
    return convertFrom<BFloat>(from);
  case Type::F32:
    return convertFrom<float>(from);
  case Type::F64:
    return convertFrom<double>(from);
  default:
    return nullptr;
  }
}
} // namespace

uint16_t ptx::toHalf(float value) { return narrow(value, kHalf); }
uint16_t ptx::toBFloat(float value) { return narrow(value, kBFloat); }
float ptx::fromHalf(uint16_t bits) {
  return static_cast<float>(widen(bits, kHalf));
}

static int roundingOf(const Decoder &d) {
  if (d.has("rz") || d.has("rzi"))
    return FE_TOWARDZERO;
  if (d.has("rm") || d.has("rmi"))
    return FE_DOWNWARD;
  if (d.has("rp") || d.has("rpi"))
    return FE_UPWARD;
  return FE_TONEAREST;
}

static void decodeCvt(Decoder &d) {
  d.allow({"rn", "rz", "rm", "rp", "rni", "rzi", "rmi", "rpi", "ftz"});
  Type from = d.type(), to = d.type(1);
  Instruction &instruction = d.instruction;
  instruction.rounding = roundingOf(d);
  instruction.flushes = d.has("ftz");
  if (to == Type::F16x2 || to == Type::BF16x2) {
    d.take(4, {4, 4});
    if (from == Type::F32)
      instruction.run =
          to == Type::F16x2 ? runConvertPair<Half> : runConvertPair<BFloat>;
    return;
  }
  d.count(2);
  instruction.to.push_back(d.places.result(d.operands[0], sizeOf(to), true));
  instruction.from.push_back(
      d.places.source(d.operands[1], sizeOf(from), true));
  bool isFloat = to >= Type::F16;
  if (isFloat && instruction.to[0].size != sizeOf(to))
    d.fail("a number in a wider register");
  // Rounding to whole numbers of the same type is not needed so far.
  if (isFloat && from >= Type::F16 && d.parts[1].back() == 'i')
    return;
  instruction.run = conversion(to, from);
}

//===----------------------------------------------------------------------===//
// Moves
//===----------------------------------------------------------------------===//

template <class T>
static void runMove(Warp &warp, const Instruction &instruction, Mask active) {
  T values[kLanes];
  std::memcpy(values, warp.at<T>(instruction.from[0]), sizeof values);
  commit(warp.at<T>(instruction.to[0]), values, active);
}

/// {a, b}: a is the lowest part. LLVM packs registers that it has never written
/// to, and drops these parts again; they are NaNs here.
template <class Part, class Whole>
static void runPack(Warp &warp, const Instruction &instruction, Mask active) {
  Whole values[kLanes] = {};
  unsigned shift = 0;
  for (const Operand &operand : instruction.from) {
    const Part *part = warp.at<Part>(operand);
    const Mask written = warp.lanesWritten(operand);
    for (unsigned i = 0; i < kLanes; ++i)
      values[i] |= Whole{written >> i & 1 ? part[i] : static_cast<Part>(~0u)}
                   << shift;
    shift += 8 * sizeof(Part);
  }
  commit(warp.at<Whole>(instruction.to[0]), values, active);
}

template <class Part, class Whole>
static void runUnpack(Warp &warp, const Instruction &instruction, Mask active) {
  Whole wholes[kLanes];
  std::memcpy(wholes, warp.at<Whole>(instruction.from[0]), sizeof wholes);
  unsigned shift = 0;
  for (const Operand &operand : instruction.to) {
    Part values[kLanes];
    for (unsigned i = 0; i < kLanes; ++i)
      values[i] = static_cast<Part>(wholes[i] >> shift);
    shift += 8 * sizeof(Part);
    if (operand.size)
      commit(warp.at<Part>(operand), values, active);
  }
}

static void decodeMov(Decoder &d) {
  d.allow({});
  d.count(2);
  Instruction &instruction = d.instruction;
  unsigned size = sizeOf(d.type());
  Written &to = d.operands[0], &from = d.operands[1];
  bool packs = from.kind == Written::List, unpacks = to.kind == Written::List;
  if (!packs && !unpacks) {
    d.take(size, {size});
    instruction.isMove = true;
    instruction.run = size == 2   ? runMove<uint16_t>
                      : size == 4 ? runMove<uint32_t>
                      : size == 8 ? runMove<uint64_t>
                                  : nullptr;
    return;
  }
  std::vector<Written> &parts = packs ? from.parts : to.parts;
  if (packs && unpacks)
    d.fail("lists on both sides");
  unsigned each = size / parts.size();
  if (each * parts.size() != size || each < 2)
    d.fail("parts that do not make up the whole");
  for (const Written &part : parts)
    if (packs)
      instruction.from.push_back(d.places.source(part, each, false));
    else
      instruction.to.push_back(d.places.result(part, each, false));
  instruction.isMove = packs;
  if (packs)
    instruction.to.push_back(d.places.result(to, size, false));
  else
    instruction.from.push_back(d.places.source(from, size, false));
  if (size == 4 && each == 2)
    instruction.run =
        packs ? runPack<uint16_t, uint32_t> : runUnpack<uint16_t, uint32_t>;
  else if (size == 8 && each == 4)
    instruction.run =
        packs ? runPack<uint32_t, uint64_t> : runUnpack<uint32_t, uint64_t>;
  else if (size == 8 && each == 2)
    instruction.run =
        packs ? runPack<uint16_t, uint64_t> : runUnpack<uint16_t, uint64_t>;
}

bool ptx::decodeConvert(Decoder &d) {
  if (d.is("cvt"))
    decodeCvt(d);
  else if (d.is("mov") && d.type() != Type::Pred)
    decodeMov(d);
  else
    return false;
  if (!d.instruction.run)
    d.fail("not known for these types");
  return true;
}
