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
         bounds(all, 2.6));
}

TEST(Tanh, FastF32) {
  std::vector<Kernel> all = kernels(Element::F32, buildTanh, /*fast=*/true);
  report("f32 fast tanh", all, sweepF32(all, tanhF32, everywhere, bordersF32),
         bounds(all, 10.0));
}

TEST(SechSquared, F32) {
  std::vector<Kernel> all = kernels(Element::F32, buildSechSquared);
  report("f32 sech_squared", all,
         sweepF32(all, sechSquaredF32, everywhere, bordersF32),
         bounds(all, 4.0));
}

TEST(SechSquared, FastF32) {
  std::vector<Kernel> all =
      kernels(Element::F32, buildSechSquared, /*fast=*/true);
  report("f32 fast sech_squared", all,
         sweepF32(all, sechSquaredF32, everywhere, bordersF32),
         bounds(all, 8.0));
}

// f64 is a sample: the bounds leave room above the largest error found.
TEST(Tanh, F64) {
  std::vector<Kernel> all = kernels(Element::F64, buildTanh);
  report("f64 tanh", all, sweepF64(all, tanhF64, everywhere, bordersF64),
         bounds(all, 2.6));
  // Few of all inputs lie where the result is neither x nor 1.
  report("f64 tanh, -2 <= x <= 2", all,
         sweepF64(all, tanhF64, {-2.0, 2.0}, bordersF64), bounds(all, 2.6));
}

TEST(SechSquared, F64) {
  std::vector<Kernel> all = kernels(Element::F64, buildSechSquared);
  report("f64 sech_squared", all,
         sweepF64(all, sechSquaredF64, everywhere, bordersF64),
         bounds(all, 4.0));
  report("f64 sech_squared, -2 <= x <= 2", all,
         sweepF64(all, sechSquaredF64, {-2.0, 2.0}, bordersF64),
         bounds(all, 4.0));
}

} // namespace
