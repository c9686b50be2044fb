// Conversions of 16-bit floats: every f16, bf16 and f32, and many f64.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "test/numerics/KernelJit.h"

#include "mlir/IR/BuiltinTypes.h"
#include "llvm/ADT/APFloat.h"
#include "gtest/gtest.h"

using namespace mlir;
using namespace mlir::softmax;
using namespace mlir::softmax::test;
using llvm::APFloat;

namespace {

/// APFloat is the reference. It quiets NaN and keeps the payload's top bits.
uint64_t convert(uint64_t bits, const llvm::fltSemantics &from,
                 const llvm::fltSemantics &to) {
  APFloat value(from, APInt(APFloat::getSizeInBits(from), bits));
  bool losesInfo;
  value.convert(to, APFloat::rmNearestTiesToEven, &losesInfo);
  return value.bitcastToAPInt().getZExtValue();
}

const llvm::fltSemantics &semantics(Element element) {
  switch (element) {
  case Element::F16:
    return APFloat::IEEEhalf();
  case Element::BF16:
    return APFloat::BFloat();
  case Element::F32:
    return APFloat::IEEEsingle();
  case Element::F64:
    return APFloat::IEEEdouble();
  }
  llvm_unreachable("unknown element type");
}

std::vector<Kernel> kernels(Element from, Element to) {
  bool extends = from == Element::F16 || from == Element::BF16;
  auto build = [&](ImplicitLocOpBuilder &b, Value x,
                   const MathOptions &options) {
    Type target = elementType(b.getContext(), to);
    if (auto vector = dyn_cast<VectorType>(x.getType()))
      target = vector.clone(target);
    return extends ? buildExtend(b, x, target, options)
                   : buildTruncate(b, x, target, options);
  };
  std::vector<Kernel> compiled;
  for (const InstructionSet &isa : hostInstructionSets())
    compiled.push_back(compile(isa, from, to, build));
  return compiled;
}

/// Compares all kernels with the reference on `count` inputs.
template <typename From, typename To>
void expectEqual(Element from, Element to, int64_t count,
                 function_ref<uint64_t(int64_t)> input) {
  std::vector<Kernel> all = kernels(from, to);
  constexpr int64_t blockSize = 1024;
  std::vector<From> x(blockSize);
  std::vector<To> y(blockSize), exact(blockSize);
  std::vector<int64_t> wrong(all.size());
  for (int64_t first = 0; first < count; first += blockSize) {
    for (int64_t i = 0; i < blockSize; ++i) {
      x[i] = static_cast<From>(input(first + i));
      exact[i] = static_cast<To>(convert(x[i], semantics(from), semantics(to)));
    }
    for (auto [kernel, errors] : llvm::zip(all, wrong)) {
      kernel.run(x.data(), y.data(), blockSize);
      for (int64_t i = 0; i < blockSize; ++i)
        if (y[i] != exact[i] && ++errors == 1)
          ADD_FAILURE() << kernel.name << std::hex << ": " << +x[i] << " gives "
                        << +y[i] << ", not " << +exact[i];
    }
  }
}

TEST(Extend, EveryHalfToF32) {
  for (Element from : {Element::F16, Element::BF16})
    expectEqual<uint16_t, uint32_t>(from, Element::F32, 1 << 16,
                                    [](int64_t i) { return i; });
}

TEST(Extend, EveryHalfToF64) {
  for (Element from : {Element::F16, Element::BF16})
    expectEqual<uint16_t, uint64_t>(from, Element::F64, 1 << 16,
                                    [](int64_t i) { return i; });
}

TEST(Truncate, F32) {
  // Besides the stride, all patterns of the bits that decide about a tie.
  int64_t stride = exhaustive() ? 1 : 1021;
  int64_t dense = (int64_t(1) << 32) / stride;
  for (Element to : {Element::F16, Element::BF16})
    expectEqual<uint32_t, uint16_t>(
        Element::F32, to, dense + (1 << 21), [&](int64_t i) -> uint64_t {
          if (i < dense)
            return i * stride;
          i -= dense;
          int64_t shift = to == Element::F16 ? 12 : 15;
          return (i << shift) + (i % 3 - 1);
        });
}

TEST(Truncate, F64RoundsOnce) {
  int64_t count = int64_t(1) << (exhaustive() ? 27 : 20);
  for (Element to : {Element::F16, Element::BF16})
    expectEqual<uint64_t, uint16_t>(
        Element::F64, to, count, [&](int64_t i) -> uint64_t {
          uint64_t z = i * 0x9E3779B97F4A7C15;
          z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
          z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
          z ^= z >> 31;
          if (i % 16 == 0)
            return z;
          // Exponents around the range of the type, and mantissas at or next
          // to a tie of it or of f32.
          uint64_t exponent = 1023 - 160 + (z >> 52) % 300;
          uint64_t kept = ~uint64_t(0) << (20 + (z & 31));
          return (((z & 0x800FFFFFFFFFFFFF) | (exponent << 52)) & kept) +
                 (i % 3 - 1);
        });
}

} // namespace
