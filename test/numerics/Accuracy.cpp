// Worst errors of compiled functions against a reference of higher precision.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "test/numerics/Accuracy.h"

#include "llvm/ADT/bit.h"
#include "gtest/gtest.h"
#include <cmath>
#include <random>
#include <thread>

using namespace mlir;
using namespace mlir::softmax;
using namespace mlir::softmax::test;

namespace {

constexpr int64_t blockSize = 1024;
/// Bit patterns looked at on either side of a point of interest.
constexpr int64_t neighbourhood = 64;

template <typename T> struct Format;
template <> struct Format<float> {
  using Bits = uint32_t;
  using Wide = double;
  static constexpr int mantissaBits = 23, smallestExponent = -126;
};
template <> struct Format<double> {
  using Bits = uint64_t;
  using Wide = long double;
  static constexpr int mantissaBits = 52, smallestExponent = -1022;
};

/// The inputs of a sweep by number.
template <typename T> struct Inputs {
  int64_t size;
  std::function<T(int64_t)> at;
};

template <typename T>
std::vector<T> pointsOfInterest(ArrayRef<double> borders) {
  using Bits = typename Format<T>::Bits;
  constexpr int mantissaBits = Format<T>::mantissaBits;
  constexpr Bits sign = Bits(1) << (8 * sizeof(T) - 1);
  std::vector<Bits> centres;
  for (double border : borders)
    centres.push_back(llvm::bit_cast<Bits>(static_cast<T>(border)));
  // Powers of two, zero, infinity and the NaN patterns next to it.
  for (Bits power = 0; power < (sign >> mantissaBits); ++power)
    centres.push_back(power << mantissaBits);
  // Quiet NaN and the last signalling one, and the last NaN of all.
  Bits infinity = ((sign >> mantissaBits) - 1) << mantissaBits;
  centres.push_back(infinity | (Bits(1) << (mantissaBits - 1)));
  centres.push_back(sign - 1);
  std::vector<T> points;
  for (Bits centre : centres)
    for (int64_t offset = -neighbourhood; offset <= neighbourhood; ++offset)
      for (Bits flip : {Bits(0), sign})
        points.push_back(
            llvm::bit_cast<T>(static_cast<Bits>((centre + offset) ^ flip)));
  return points;
}

/// The distance of neighbouring numbers around `exact`.
template <typename T>
typename Format<T>::Wide lastPlace(typename Format<T>::Wide exact) {
  int exponent = Format<T>::smallestExponent;
  if (exact != 0)
    exponent = std::max(exponent, std::ilogb(exact));
  return std::ldexp(typename Format<T>::Wide(1),
                    exponent - Format<T>::mantissaBits);
}

template <typename T> bool isQuietNaN(T y) {
  auto bits = llvm::bit_cast<typename Format<T>::Bits>(y);
  return y != y && (bits >> (Format<T>::mantissaBits - 1)) & 1;
}

template <typename T>
void judge(T x, T y, typename Format<T>::Wide exact, Worst &worst) {
  T rounded = static_cast<T>(exact);
  bool right;
  if (exact != exact)
    right = isQuietNaN(y);
  else if (std::isinf(rounded))
    right = y == rounded;
  else
    right = std::isfinite(y) && std::signbit(y) == std::signbit(rounded);
  if (!right) {
    ++worst.wrong;
    worst.wrongInput = x;
    return;
  }
  if (!std::isfinite(rounded))
    return;
  double ulp = static_cast<double>(std::fabs(y - exact) / lastPlace<T>(exact));
  if (ulp > worst.ulp) {
    worst.ulp = ulp;
    worst.input = x;
  }
}

template <typename T, typename Reference>
std::vector<Worst> sweep(const Inputs<T> &inputs, ArrayRef<Kernel> kernels,
                         Reference reference, Interval domain) {
  unsigned threads = exhaustive() ? std::thread::hardware_concurrency() : 1;
  threads = std::max(threads, 1u);
  std::vector<std::vector<Worst>> found(threads,
                                        std::vector<Worst>(kernels.size()));
  auto work = [&](unsigned thread) {
    std::vector<T> x(blockSize), y(blockSize);
    std::vector<typename Format<T>::Wide> exact(blockSize);
    for (int64_t first = thread * blockSize; first < inputs.size;
         first += threads * blockSize) {
      int64_t size = std::min(blockSize, inputs.size - first);
      for (int64_t i = 0; i < blockSize; ++i) {
        x[i] = inputs.at(first + std::min(i, size - 1));
        exact[i] = reference(x[i]);
      }
      for (auto [kernel, worst] : llvm::zip(kernels, found[thread])) {
        kernel.run(x.data(), y.data(), blockSize);
        for (int64_t i = 0; i < size; ++i)
          if (!(x[i] < domain.first || x[i] > domain.second))
            judge<T>(x[i], y[i], exact[i], worst);
      }
    }
  };
  std::vector<std::thread> pool;
  for (unsigned thread = 0; thread < threads; ++thread)
    pool.emplace_back(work, thread);
  for (std::thread &thread : pool)
    thread.join();

  std::vector<Worst> total(kernels.size());
  for (const std::vector<Worst> &part : found)
    for (auto [sum, worst] : llvm::zip(total, part)) {
      if (worst.ulp > sum.ulp)
        std::tie(sum.ulp, sum.input) = std::tie(worst.ulp, worst.input);
      if (worst.wrong)
        sum.wrongInput = worst.wrongInput;
      sum.wrong += worst.wrong;
    }
  return total;
}

} // namespace

std::vector<Worst> test::sweepF32(ArrayRef<Kernel> kernels,
                                  double (*reference)(double), Interval domain,
                                  ArrayRef<double> borders) {
  // 509 is prime, hence hits every low-order pattern of the mantissa.
  int64_t stride = exhaustive() ? 1 : 509;
  int64_t dense = ((int64_t(1) << 32) + stride - 1) / stride;
  std::vector<float> points = pointsOfInterest<float>(borders);
  Inputs<float> inputs{
      dense + static_cast<int64_t>(points.size()), [&](int64_t i) {
        return i < dense
                   ? llvm::bit_cast<float>(static_cast<uint32_t>(i * stride))
                   : points[i - dense];
      }};
  return sweep(inputs, kernels, reference, domain);
}

std::vector<Worst> test::sweepF64(ArrayRef<Kernel> kernels,
                                  long double (*reference)(long double),
                                  Interval domain, ArrayRef<double> borders) {
  int64_t random = int64_t(1) << (exhaustive() ? 28 : 19);
  std::vector<double> points = pointsOfInterest<double>(borders);
  double lowest = std::max(domain.first, -1000.0);
  double width = std::min(domain.second, 1000.0) - lowest;
  Inputs<double> inputs{
      random + static_cast<int64_t>(points.size()), [&](int64_t i) {
        if (i >= random)
          return points[i - random];
        // splitmix64: the same inputs whatever the number of threads.
        uint64_t z = i * 0x9E3779B97F4A7C15;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        z ^= z >> 31;
        return i % 2 ? llvm::bit_cast<double>(z)
                     : lowest + width * static_cast<double>(z >> 11) * 0x1p-53;
      }};
  return sweep(inputs, kernels, reference, domain);
}

void test::report(StringRef function, ArrayRef<Kernel> kernels,
                  ArrayRef<Worst> worst, ArrayRef<double> bounds) {
  for (auto [kernel, found, bound] : llvm::zip(kernels, worst, bounds)) {
    std::string name = (function + ", " + kernel.name).str();
    std::printf("%-36s %.6f ULP at %.17g (%a)\n", name.c_str(), found.ulp,
                found.input, found.input);
    EXPECT_LE(found.ulp, bound) << name << " at " << found.input;
    EXPECT_EQ(found.wrong, 0)
        << name << ", for example at " << found.wrongInput;
  }
  std::fflush(stdout);
}
