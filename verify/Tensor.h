// Host tensors of the verifier: element types, bit-exact conversions, views.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef VERIFY_TENSOR_H
#define VERIFY_TENSOR_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringRef.h"

#include <cstdint>
#include <optional>

namespace mlir::softmax::verify {

enum class ElementType { F64, F32, BF16, F16, I64, I32, U8 };

std::optional<ElementType> parseElementType(llvm::StringRef name);
llvm::StringRef getName(ElementType type);
unsigned getByteSize(ElementType type);
bool isFloat(ElementType type);

/// A binary floating-point format: what rounding and ULPs depend on.
struct FloatFormat {
  int precision;         ///< significand bits, the hidden one included
  int minUlpExponent;    ///< the smallest subnormal is 2^minUlpExponent
  long double maxFinite; ///< values that round beyond it become infinite
};
const FloatFormat &getFormat(ElementType type);

/// `value` rounded once to the format of `type`, to nearest even.
long double roundTo(ElementType type, long double value);
/// The distance of two neighbours at `value`, from the binade that holds it.
long double ulpOf(ElementType type, long double value);
/// The smallest normal number.
long double minNormal(ElementType type);

double halfToDouble(uint16_t bits);
double bfloatToDouble(uint16_t bits);
uint16_t toHalf(long double value);
uint16_t toBFloat(long double value);

/// Reads an element; integers convert exactly where a double can hold them.
double loadReal(ElementType type, const void *element);
int64_t loadInteger(ElementType type, const void *element);
/// Writes an element with one rounding to nearest even.
void storeReal(ElementType type, void *element, long double value);
void storeInteger(ElementType type, void *element, int64_t value);

/// A view on memory that somebody else owns.
struct Tensor {
  ElementType type = ElementType::F32;
  llvm::SmallVector<int64_t, 4> shape;
  llvm::SmallVector<int64_t, 4> strides; ///< in elements
  char *data = nullptr;

  int64_t getNumElements() const;
  /// Elements from the first to behind the last one that the strides reach.
  int64_t getSpan() const;
  char *at(int64_t offset) const {
    return data + offset * static_cast<int64_t>(getByteSize(type));
  }
};

llvm::SmallVector<int64_t, 4> rowMajorStrides(llvm::ArrayRef<int64_t> shape);

/// Numbers the rows of a shape along its class axis in row-major order of the
/// other axes, and finds where a row starts in a tensor that has all axes, or
/// in one without the class axis.
class Rows {
public:
  Rows(llvm::ArrayRef<int64_t> shape, int64_t axis);
  int64_t count() const { return rows; }
  int64_t classes() const { return extent; }
  int64_t start(const Tensor &tensor, int64_t row) const;
  /// The row with the same coordinates, but 0 along `axis`.
  int64_t project(int64_t row, int64_t axis) const;

private:
  llvm::SmallVector<int64_t, 4> shape;
  int64_t axis, rows, extent;
};

} // namespace mlir::softmax::verify

#endif // VERIFY_TENSOR_H
