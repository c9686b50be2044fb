// Expressions over arith values, so that numerical sequences read as formulas.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef LOWERING_MATH_ARITH_H
#define LOWERING_MATH_ARITH_H

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/IR/TypeUtilities.h"

namespace mlir::softmax::expr {

/// `type` with its element type replaced.
inline Type withElement(Type type, Type element) {
  if (auto vector = dyn_cast<VectorType>(type))
    return vector.clone(element);
  return element;
}

inline Value constant(ImplicitLocOpBuilder &b, Type type, TypedAttr element) {
  if (auto vector = dyn_cast<VectorType>(type))
    element = DenseElementsAttr::get(vector, element);
  return arith::ConstantOp::create(b, element);
}

/// A value and the builder that extends the expression it belongs to.
struct Expr {
  ImplicitLocOpBuilder *b;
  Value value;

  Type type() const { return value.getType(); }
  Type element() const { return getElementTypeOrSelf(value); }
};

struct Int;
struct Float;

/// The result of a comparison.
struct Bool : Expr {
  template <typename T> T select(const T &yes, const T &no) const {
    return {{b, arith::SelectOp::create(*b, value, yes.value, no.value)}};
  }
};

/// Integers wrap, shifts and comparisons are unsigned.
struct Int : Expr {
  Int like(uint64_t literal) const {
    unsigned width = element().getIntOrFloatBitWidth();
    APInt bits(width, literal, /*isSigned=*/false, /*implicitTrunc=*/true);
    return {{b, constant(*b, type(), b->getIntegerAttr(element(), bits))}};
  }
  template <typename Op> Int apply(const Int &rhs) const {
    return {{b, Op::create(*b, value, rhs.value)}};
  }
  Int operator+(const Int &r) const { return apply<arith::AddIOp>(r); }
  Int operator-(const Int &r) const { return apply<arith::SubIOp>(r); }
  Int operator&(const Int &r) const { return apply<arith::AndIOp>(r); }
  Int operator|(const Int &r) const { return apply<arith::OrIOp>(r); }
  Int operator+(uint64_t r) const { return *this + like(r); }
  Int operator-(uint64_t r) const { return *this - like(r); }
  Int operator&(uint64_t r) const { return *this & like(r); }
  Int operator|(uint64_t r) const { return *this | like(r); }
  Int operator<<(uint64_t r) const { return apply<arith::ShLIOp>(like(r)); }
  Int operator>>(uint64_t r) const { return apply<arith::ShRUIOp>(like(r)); }
  Bool operator<(uint64_t r) const {
    return {{b, arith::CmpIOp::create(*b, arith::CmpIPredicate::ult, value,
                                      like(r).value)}};
  }
  Bool operator>(uint64_t r) const {
    return {{b, arith::CmpIOp::create(*b, arith::CmpIPredicate::ugt, value,
                                      like(r).value)}};
  }

  Int zeroExtend(unsigned width) const {
    Type wide = withElement(type(), b->getIntegerType(width));
    return {{b, arith::ExtUIOp::create(*b, wide, value)}};
  }
  Int truncate(unsigned width) const {
    Type narrow = withElement(type(), b->getIntegerType(width));
    return {{b, arith::TruncIOp::create(*b, narrow, value)}};
  }
  /// The floats of element type `element` that have these bits.
  Float asFloat(Type element) const;
};

/// Comparisons are ordered: false when an operand is NaN.
struct Float : Expr {
  Float like(double literal) const {
    return {{b, constant(*b, type(), b->getFloatAttr(element(), literal))}};
  }
  template <typename Op> Float apply(const Float &rhs) const {
    return {{b, Op::create(*b, value, rhs.value)}};
  }
  Float operator+(const Float &r) const { return apply<arith::AddFOp>(r); }
  Float operator-(const Float &r) const { return apply<arith::SubFOp>(r); }
  Float operator*(const Float &r) const { return apply<arith::MulFOp>(r); }
  Float operator/(const Float &r) const { return apply<arith::DivFOp>(r); }
  Float operator-() const { return {{b, arith::NegFOp::create(*b, value)}}; }
  Float operator+(double r) const { return *this + like(r); }
  Float operator-(double r) const { return *this - like(r); }
  Float operator*(double r) const { return *this * like(r); }

  Bool compare(arith::CmpFPredicate predicate, const Float &r) const {
    return {{b, arith::CmpFOp::create(*b, predicate, value, r.value)}};
  }
  Bool operator<(const Float &r) const {
    return compare(arith::CmpFPredicate::OLT, r);
  }
  Bool operator<(double r) const { return *this < like(r); }
  Bool operator<=(double r) const {
    return compare(arith::CmpFPredicate::OLE, like(r));
  }
  Bool operator>(double r) const {
    return compare(arith::CmpFPredicate::OGT, like(r));
  }
  Bool operator==(double r) const {
    return compare(arith::CmpFPredicate::OEQ, like(r));
  }

  Bool isNaN() const { return compare(arith::CmpFPredicate::UNO, *this); }
  Float magnitude() const { return {{b, math::AbsFOp::create(*b, value)}}; }
  Float withSignOf(const Float &r) const { return apply<math::CopySignOp>(r); }
  Int bits() const {
    Type integer = b->getIntegerType(element().getIntOrFloatBitWidth());
    Type result = withElement(type(), integer);
    return {{b, arith::BitcastOp::create(*b, result, value)}};
  }
  Float extend(Type element) const {
    Type wide = withElement(type(), element);
    return {{b, arith::ExtFOp::create(*b, wide, value)}};
  }
  Float truncate(Type element) const {
    Type narrow = withElement(type(), element);
    return {{b, arith::TruncFOp::create(*b, narrow, value)}};
  }
};

inline Float Int::asFloat(Type element) const {
  Type result = withElement(type(), element);
  return {{b, arith::BitcastOp::create(*b, result, value)}};
}

/// x * y + z with one rounding where the machine can, with two otherwise.
struct MultiplyAdd {
  bool fused;

  Float operator()(const Float &x, const Float &y, const Float &z) const {
    if (!fused)
      return x * y + z;
    return {{x.b, math::FmaOp::create(*x.b, x.value, y.value, z.value)}};
  }
  Float operator()(const Float &x, double y, const Float &z) const {
    return (*this)(x, x.like(y), z);
  }
  Float operator()(const Float &x, const Float &y, double z) const {
    return (*this)(x, y, x.like(z));
  }
  Float operator()(const Float &x, double y, double z) const {
    return (*this)(x, x.like(y), x.like(z));
  }

  /// Horner's rule; `coefficients` begin with the highest power. The serial
  /// chain is hidden by other vectors in flight, and it has the fewest steps.
  Float horner(const Float &x, ArrayRef<double> coefficients,
               double scale = 1.0) const {
    Float sum = (*this)(x, coefficients[0] * scale, coefficients[1] * scale);
    for (double coefficient : coefficients.drop_front(2))
      sum = (*this)(sum, x, coefficient * scale);
    return sum;
  }
};

} // namespace mlir::softmax::expr

#endif // LOWERING_MATH_ARITH_H
