// Conversions between element types, and the layout of rows in tensors.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "verify/Tensor.h"

#include "llvm/ADT/StringSwitch.h"
#include "llvm/Support/ErrorHandling.h"

#include <cfloat>
#include <cmath>
#include <cstring>
#include <limits>

using namespace mlir::softmax::verify;

std::optional<ElementType>
mlir::softmax::verify::parseElementType(llvm::StringRef name) {
  return llvm::StringSwitch<std::optional<ElementType>>(name)
      .Case("f64", ElementType::F64)
      .Case("f32", ElementType::F32)
      .Case("bf16", ElementType::BF16)
      .Case("f16", ElementType::F16)
      .Case("i64", ElementType::I64)
      .Case("i32", ElementType::I32)
      .Case("u8", ElementType::U8)
      .Default(std::nullopt);
}

llvm::StringRef mlir::softmax::verify::getName(ElementType type) {
  static const char *const names[] = {"f64", "f32", "bf16", "f16",
                                      "i64", "i32", "u8"};
  return names[static_cast<int>(type)];
}

unsigned mlir::softmax::verify::getByteSize(ElementType type) {
  static const unsigned sizes[] = {8, 4, 2, 2, 8, 4, 1};
  return sizes[static_cast<int>(type)];
}

bool mlir::softmax::verify::isFloat(ElementType type) {
  return type <= ElementType::F16;
}

const FloatFormat &mlir::softmax::verify::getFormat(ElementType type) {
  static const FloatFormat formats[] = {{53, -1074, DBL_MAX},
                                        {24, -149, FLT_MAX},
                                        {8, -133, 0x1.fep127L},
                                        {11, -24, 65504.0L}};
  assert(isFloat(type) && "integers have no format");
  return formats[static_cast<int>(type)];
}

/// The exponent of the ULP in the binade of `value`, which is finite and not 0.
static int ulpExponent(const FloatFormat &format, long double value) {
  int exponent;
  std::frexp(value, &exponent);
  return std::max(exponent - format.precision, format.minUlpExponent);
}

long double mlir::softmax::verify::roundTo(ElementType type,
                                           long double value) {
  if (value == 0 || !std::isfinite(value))
    return value;
  const FloatFormat &format = getFormat(type);
  // Every step but nearbyint is exact: it only moves the binary point.
  int exponent = ulpExponent(format, value);
  long double rounded =
      std::ldexp(std::nearbyint(std::ldexp(value, -exponent)), exponent);
  if (std::fabs(rounded) > format.maxFinite)
    rounded = std::numeric_limits<long double>::infinity();
  return std::copysign(rounded, value);
}

long double mlir::softmax::verify::ulpOf(ElementType type, long double value) {
  const FloatFormat &format = getFormat(type);
  if (value == 0 || std::isnan(value))
    return std::ldexp(1.0L, format.minUlpExponent);
  if (std::fabs(value) > format.maxFinite)
    value = format.maxFinite;
  return std::ldexp(1.0L, ulpExponent(format, value));
}

long double mlir::softmax::verify::minNormal(ElementType type) {
  const FloatFormat &format = getFormat(type);
  return std::ldexp(1.0L, format.minUlpExponent + format.precision - 1);
}

/// Decodes a 16-bit pattern whose format stores precision - 1 fraction bits.
static double decode16(uint16_t bits, const FloatFormat &format) {
  int fractionBits = format.precision - 1;
  int fraction = bits & ((1 << fractionBits) - 1);
  int exponent = (bits & 0x7fff) >> fractionBits;
  int top = 0x7fff >> fractionBits;
  double magnitude;
  if (exponent == top)
    magnitude = fraction ? std::numeric_limits<double>::quiet_NaN()
                         : std::numeric_limits<double>::infinity();
  else if (exponent == 0)
    magnitude = std::ldexp(fraction, format.minUlpExponent);
  else
    magnitude = std::ldexp(fraction + (1 << fractionBits),
                           format.minUlpExponent + exponent - 1);
  return std::copysign(magnitude, bits & 0x8000 ? -1.0 : 1.0);
}

static uint16_t encode16(ElementType type, long double value) {
  const FloatFormat &format = getFormat(type);
  int fractionBits = format.precision - 1;
  int top = 0x7fff >> fractionBits;
  uint16_t sign = std::signbit(value) ? 0x8000 : 0;
  if (std::isnan(value)) // quiet: the first fraction bit is set
    return sign | (top << fractionBits) | (1 << (fractionBits - 1));
  long double magnitude = std::fabs(roundTo(type, value));
  if (std::isinf(magnitude))
    return sign | (top << fractionBits);
  if (magnitude == 0)
    return sign;
  int ulp = ulpExponent(format, magnitude);
  // A normal significand holds the hidden bit, which adds 1 to the exponent
  // field; a subnormal one does not, and its field is 0.
  uint16_t significand = std::ldexp(magnitude, -ulp);
  return sign | (((ulp - format.minUlpExponent) << fractionBits) + significand);
}

double mlir::softmax::verify::halfToDouble(uint16_t bits) {
  return decode16(bits, getFormat(ElementType::F16));
}
double mlir::softmax::verify::bfloatToDouble(uint16_t bits) {
  return decode16(bits, getFormat(ElementType::BF16));
}
uint16_t mlir::softmax::verify::toHalf(long double value) {
  return encode16(ElementType::F16, value);
}
uint16_t mlir::softmax::verify::toBFloat(long double value) {
  return encode16(ElementType::BF16, value);
}

// memcpy throughout: tensors are only aligned to their elements, and the
// verifier misaligns buffers on purpose.
template <typename T> static T load(const void *element) {
  T value;
  std::memcpy(&value, element, sizeof value);
  return value;
}

template <typename T> static void store(void *element, T value) {
  std::memcpy(element, &value, sizeof value);
}

double mlir::softmax::verify::loadReal(ElementType type, const void *element) {
  switch (type) {
  case ElementType::F64:
    return load<double>(element);
  case ElementType::F32:
    return load<float>(element);
  case ElementType::BF16: {
    uint32_t wide = static_cast<uint32_t>(load<uint16_t>(element)) << 16;
    return load<float>(&wide);
  }
  case ElementType::F16:
    return halfToDouble(load<uint16_t>(element));
  default:
    return static_cast<double>(loadInteger(type, element));
  }
}

int64_t mlir::softmax::verify::loadInteger(ElementType type,
                                           const void *element) {
  switch (type) {
  case ElementType::I64:
    return load<int64_t>(element);
  case ElementType::I32:
    return load<int32_t>(element);
  case ElementType::U8:
    return load<uint8_t>(element);
  default:
    llvm_unreachable("not an integer type");
  }
}

void mlir::softmax::verify::storeReal(ElementType type, void *element,
                                      long double value) {
  switch (type) {
  case ElementType::F64:
    return store(element, static_cast<double>(value));
  case ElementType::F32:
    return store(element, static_cast<float>(value));
  case ElementType::BF16:
    return store(element, toBFloat(value));
  case ElementType::F16:
    return store(element, toHalf(value));
  default:
    llvm_unreachable("not a floating-point type");
  }
}

void mlir::softmax::verify::storeInteger(ElementType type, void *element,
                                         int64_t value) {
  switch (type) {
  case ElementType::I64:
    return store(element, value);
  case ElementType::I32:
    return store(element, static_cast<int32_t>(value));
  case ElementType::U8:
    return store(element, static_cast<uint8_t>(value));
  default:
    llvm_unreachable("not an integer type");
  }
}

int64_t Tensor::getNumElements() const {
  int64_t count = 1;
  for (int64_t extent : shape)
    count *= extent;
  return count;
}

int64_t Tensor::getSpan() const {
  if (getNumElements() == 0)
    return 0;
  int64_t last = 0;
  for (size_t i = 0; i < shape.size(); ++i)
    last += (shape[i] - 1) * strides[i];
  return last + 1;
}

llvm::SmallVector<int64_t, 4>
mlir::softmax::verify::rowMajorStrides(llvm::ArrayRef<int64_t> shape) {
  llvm::SmallVector<int64_t, 4> strides(shape.size(), 1);
  for (size_t i = shape.size(); i > 1; --i)
    strides[i - 2] = strides[i - 1] * std::max<int64_t>(shape[i - 1], 1);
  return strides;
}

Rows::Rows(llvm::ArrayRef<int64_t> shape, int64_t axis)
    : shape(shape), axis(axis), rows(1), extent(shape[axis]) {
  for (size_t i = 0; i < shape.size(); ++i)
    if (static_cast<int64_t>(i) != axis)
      rows *= shape[i];
}

int64_t Rows::start(const Tensor &tensor, int64_t row) const {
  bool hasAxis = tensor.shape.size() == shape.size();
  int64_t offset = 0;
  for (int64_t i = shape.size() - 1; i >= 0; --i) {
    if (i == axis)
      continue;
    int64_t position = hasAxis || i < axis ? i : i - 1;
    offset += row % shape[i] * tensor.strides[position];
    row /= shape[i];
  }
  return offset;
}

int64_t Rows::project(int64_t row, int64_t projected) const {
  int64_t step = 1;
  for (int64_t i = shape.size() - 1; i > projected; --i)
    if (i != axis)
      step *= shape[i];
  return row - row / step % shape[projected] * step;
}
