// The hyperbolic tangent and its derivative: all f32 inputs, many f64 inputs,
// every instruction set.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "test/numerics/Accuracy.h"

#include "llvm/ADT/bit.h"
#include "gtest/gtest.h"
#include <cmath>
#include <cstring>

using namespace mlir;
using namespace mlir::softmax;
using namespace mlir::softmax::test;

namespace {

constexpr double infinity = INFINITY;
constexpr Interval everywhere = {-infinity, infinity};

/// Where the reduction steps to another n, results round to 1, underflow, or
/// arguments are clamped.
constexpr double bordersF32[] = {0.17328680, 0.51986039, 0.86643398, 9.0109134,
                                 20.97,      44.3614196, 52.3,       53.0};
constexpr double bordersF64[] = {0.17328679513998632,
                                 0.51986038541995897,
                                 0.86643397569993164,
                                 19.061547465398498,
                                 20.97,
                                 354.8913564733142,
                                 372.9,
                                 374.0};

/// (1 - tanh(x)^2) without the cancellation.
template <typename T> T sechSquared(T x) {
  T e = std::exp(-2 * std::fabs(x));
  return 4 * e / ((1 + e) * (1 + e));
}

double tanhF32(double x) { return std::tanh(x); }
double sechSquaredF32(double x) { return sechSquared(x); }
long double tanhF64(long double x) { return std::tanh(x); }
long double sechSquaredF64(long double x) { return sechSquared(x); }

std::vector<Kernel> kernels(Element element, const BuildFunction &build,
                            bool fast = false) {
  std::vector<Kernel> compiled;
  for (InstructionSet isa : hostInstructionSets()) {
    isa.options.fast = fast;
    compiled.push_back(compile(isa, element, element, build));
  }
  return compiled;
}

std::vector<double> bounds(ArrayRef<Kernel> kernels, double bound) {
  return std::vector<double>(kernels.size(), bound);
}

TEST(Tanh, F32) {
  std::vector<Kernel> all = kernels(Element::F32, buildTanh);
  report("f32 tanh", all, sweepF32(all, tanhF32, everywhere, bordersF32),
         bounds(all, 1.463));
}

TEST(Tanh, FastF32) {
  std::vector<Kernel> all = kernels(Element::F32, buildTanh, /*fast=*/true);
  report("f32 fast tanh", all, sweepF32(all, tanhF32, everywhere, bordersF32),
         bounds(all, 2.289));
}

TEST(SechSquared, F32) {
  std::vector<Kernel> all = kernels(Element::F32, buildSechSquared);
  report("f32 sech_squared", all,
         sweepF32(all, sechSquaredF32, everywhere, bordersF32),
         bounds(all, 2.417));
}

TEST(SechSquared, FastF32) {
  std::vector<Kernel> all =
      kernels(Element::F32, buildSechSquared, /*fast=*/true);
  report("f32 fast sech_squared", all,
         sweepF32(all, sechSquaredF32, everywhere, bordersF32),
         bounds(all, 4.7));
  report("f32 fast sech_squared, |x| <= 8", all,
         sweepF32(all, sechSquaredF32, {-8.0, 8.0}, bordersF32),
         bounds(all, 2.5));
}

// f64 is a sample: the bounds leave room above the largest error found.
TEST(Tanh, F64) {
  std::vector<Kernel> all = kernels(Element::F64, buildTanh);
  report("f64 tanh", all, sweepF64(all, tanhF64, everywhere, bordersF64),
         bounds(all, 1.45));
  // Few of all inputs lie where the result is neither x nor 1.
  report("f64 tanh, -2 <= x <= 2", all,
         sweepF64(all, tanhF64, {-2.0, 2.0}, bordersF64), bounds(all, 1.45));
}

TEST(SechSquared, F64) {
  std::vector<Kernel> all = kernels(Element::F64, buildSechSquared);
  report("f64 sech_squared", all,
         sweepF64(all, sechSquaredF64, everywhere, bordersF64),
         bounds(all, 2.5));
  report("f64 sech_squared, -2 <= x <= 2", all,
         sweepF64(all, sechSquaredF64, {-2.0, 2.0}, bordersF64),
         bounds(all, 2.5));
}

/// Calls `check` with blocks of f32 whose bit patterns lie `stride` apart: each
/// 509th, or each 17th, from 0 to NaN.
void forBlocks(function_ref<void(ArrayRef<float>)> check) {
  constexpr int64_t blockSize = 4096;
  int64_t stride = exhaustive() ? 17 : 509;
  std::vector<float> x(blockSize);
  for (int64_t first = 0; first < int64_t(1) << 32;
       first += blockSize * stride) {
    for (int64_t i = 0; i < blockSize; ++i)
      x[i] = llvm::bit_cast<float>(static_cast<uint32_t>(first + i * stride));
    check(x);
  }
}

/// What was computed for one element does not depend on whether it fell into a
/// vector or a remainder: where both have FMA, or both have not, bits agree.
TEST(Tanh, ScalarsAndVectorsAgree) {
  std::vector<InstructionSet> isas = hostInstructionSets();
  for (bool fast : {false, true})
    for (BuildFunction build : {buildTanh, buildSechSquared}) {
      std::vector<Kernel> all = kernels(Element::F32, build, fast);
      std::vector<std::vector<float>> y(all.size());
      int64_t different = 0;
      forBlocks([&](ArrayRef<float> x) {
        for (auto [kernel, result] : llvm::zip(all, y)) {
          result.resize(x.size());
          kernel.run(x.data(), result.data(), x.size());
        }
        for (size_t i = 0; i < all.size(); ++i)
          for (size_t j = i + 1; j < all.size(); ++j)
            if (isas[i].options.fma == isas[j].options.fma)
              different += std::memcmp(y[i].data(), y[j].data(),
                                       x.size() * sizeof(float)) != 0;
      });
      EXPECT_EQ(different, 0) << "blocks";
    }
}

TEST(Tanh, ScalarsAndVectorsAgreeF64) {
  std::vector<InstructionSet> isas = hostInstructionSets();
  std::vector<double> x;
  for (int64_t i = 0; i < int64_t(1) << 18; ++i)
    x.push_back(std::ldexp(i - (1 << 17) + 0.1, i % 32 - 20));
  for (BuildFunction build : {buildTanh, buildSechSquared}) {
    std::vector<Kernel> all = kernels(Element::F64, build);
    std::vector<std::vector<double>> y(all.size());
    for (size_t i = 0; i < all.size(); ++i) {
      y[i].resize(x.size());
      all[i].run(x.data(), y[i].data(), x.size());
      for (size_t j = 0; j < i; ++j)
        if (isas[i].options.fma == isas[j].options.fma)
          EXPECT_EQ(y[i], y[j]) << all[i].name << " and " << all[j].name;
    }
  }
}

/// Not promised, since neither function is rounded correctly: two neighbours
/// may come out in the wrong order, but no further apart than 1 ULP.
TEST(Tanh, Monotonicity) {
  for (bool fast : {false, true})
    for (const Kernel &kernel : kernels(Element::F32, buildTanh, fast)) {
      constexpr int64_t blockSize = 4096;
      std::vector<float> x(blockSize), y(blockSize);
      int64_t pairs = 0, falling = 0, worst = 0;
      // Of consecutive floats every 64th block, or all; up to where
      // the function is 1.
      int64_t step = (blockSize - 1) * (exhaustive() ? 1 : 64);
      for (int64_t first = 0; first < llvm::bit_cast<int32_t>(10.0f);
           first += step) {
        for (int64_t i = 0; i < blockSize; ++i)
          x[i] = llvm::bit_cast<float>(static_cast<int32_t>(first + i));
        kernel.run(x.data(), y.data(), blockSize);
        for (int64_t i = 1; i < blockSize; ++i) {
          int64_t fall =
              llvm::bit_cast<int32_t>(y[i - 1]) - llvm::bit_cast<int32_t>(y[i]);
          ++pairs;
          falling += fall > 0;
          worst = std::max(worst, fall);
        }
      }
      std::printf("f32 %stanh, %-12s falls at %lld of %lld neighbours, by %lld "
                  "ULP at most\n",
                  fast ? "fast " : "", kernel.name.c_str(),
                  static_cast<long long>(falling),
                  static_cast<long long>(pairs), static_cast<long long>(worst));
      EXPECT_LE(worst, 1) << kernel.name;
    }
}

template <typename T> void expectSpecialValues(Element element) {
  constexpr T huge = std::numeric_limits<T>::max();
  constexpr T tiny = std::numeric_limits<T>::min();
  constexpr T subnormal = std::numeric_limits<T>::denorm_min();
  const T inputs[] = {T(0),
                      tiny,
                      subnormal,
                      3 * subnormal,
                      tiny / 3,
                      huge,
                      std::numeric_limits<T>::infinity()};
  for (bool fast : {false, true}) {
    std::vector<T> x(64, T(0)), y(64);
    for (auto [i, value] : llvm::enumerate(inputs)) {
      x[2 * i] = value;
      x[2 * i + 1] = -value;
    }
    for (const Kernel &kernel : kernels(element, buildTanh, fast)) {
      kernel.run(x.data(), y.data(), 64);
      for (int64_t i = 0; i < 64; ++i) {
        EXPECT_EQ(std::signbit(y[i]), std::signbit(x[i])) << kernel.name;
        EXPECT_EQ(std::fabs(y[i]), std::min(std::fabs(x[i]), T(1)))
            << kernel.name << " of " << x[i];
      }
    }
    for (const Kernel &kernel : kernels(element, buildSechSquared, fast)) {
      kernel.run(x.data(), y.data(), 64);
      for (int64_t i = 0; i < 64; ++i)
        EXPECT_EQ(y[i], std::fabs(x[i]) < 1 ? T(1) : T(0))
            << kernel.name << " of " << x[i];
    }
  }
}

/// Zeros keep their sign, tiny arguments their bits, infinity gives 1.
TEST(Tanh, SpecialValues) {
  expectSpecialValues<float>(Element::F32);
  expectSpecialValues<double>(Element::F64);
}

/// Rounding takes neither function beyond 1, which would amplify a gradient.
TEST(Tanh, AtMostOne) {
  for (bool fast : {false, true})
    for (BuildFunction build : {buildTanh, buildSechSquared})
      for (const Kernel &kernel : kernels(Element::F32, build, fast)) {
        int64_t outside = 0;
        std::vector<float> y;
        forBlocks([&](ArrayRef<float> x) {
          y.resize(x.size());
          kernel.run(x.data(), y.data(), x.size());
          outside +=
              llvm::count_if(y, [](float v) { return std::fabs(v) > 1; });
        });
        EXPECT_EQ(outside, 0) << kernel.name;
      }
}

} // namespace
