// The exponentials: all f32 inputs, many f64 inputs, every instruction set.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "test/numerics/Accuracy.h"

#include "gtest/gtest.h"
#include <cmath>

using namespace mlir;
using namespace mlir::softmax;
using namespace mlir::softmax::test;

namespace {

constexpr double infinity = INFINITY;
constexpr Interval everywhere = {-infinity, infinity};

/// Where the form of the kernel changes, overflows or underflows.
constexpr double bordersF32[] = {-104.0,     -103.97208, -103.27893,
                                 -87.336548, 88.722839,  89.0,
                                 1.0,        0.34657359, 43.667};
constexpr double bordersF64[] = {
    -746.0, -745.13321910194122, -708.39641853226411,
    710.0,  709.78271289338397,  0.34657359027997264,
    1.0};

double expF32(double x) { return std::exp(x); }
long double expF64(long double x) { return std::exp(x); }

std::vector<Kernel> kernels(Element element, const BuildFunction &build,
                            bool fast = false) {
  std::vector<Kernel> compiled;
  for (InstructionSet isa : hostInstructionSets()) {
    isa.options.fast = fast;
    compiled.push_back(compile(isa, element, element, build));
  }
  return compiled;
}

/// The bound for forms with FMA or without.
std::vector<double> bounds(double fma, double plain) {
  std::vector<double> result;
  for (const InstructionSet &isa : hostInstructionSets())
    result.push_back(isa.options.fma ? fma : plain);
  return result;
}

TEST(Exp, NonPositiveF32) {
  std::vector<Kernel> all = kernels(Element::F32, buildExpNonPositive);
  report("f32 exp_nonpositive", all,
         sweepF32(all, expF32, {-infinity, 0.0}, bordersF32),
         bounds(0.892, 0.892));
}

TEST(Exp, F32) {
  std::vector<Kernel> all = kernels(Element::F32, buildExp);
  report("f32 exp", all, sweepF32(all, expF32, everywhere, bordersF32),
         bounds(0.892, 0.892));
}

TEST(Exp, FastNonPositiveF32) {
  std::vector<Kernel> all =
      kernels(Element::F32, buildExpNonPositive, /*fast=*/true);
  report("f32 fast exp_nonpositive", all,
         sweepF32(all, expF32, {-infinity, 0.0}, bordersF32),
         bounds(4.66, 2.19));
  report("f32 fast exp_nonpositive, x >= -16", all,
         sweepF32(all, expF32, {-16.0, 0.0}, bordersF32), bounds(2.25, 2.19));
}

TEST(Exp, FastF32) {
  std::vector<Kernel> all = kernels(Element::F32, buildExp, /*fast=*/true);
  report("f32 fast exp", all, sweepF32(all, expF32, everywhere, bordersF32),
         bounds(5.11, 2.19));
}

// f64 is a sample: the bounds leave room above the largest error found.
TEST(Exp, NonPositiveF64) {
  std::vector<Kernel> all = kernels(Element::F64, buildExpNonPositive);
  report("f64 exp_nonpositive", all,
         sweepF64(all, expF64, {-infinity, 0.0}, bordersF64),
         bounds(0.95, 0.95));
}

TEST(Exp, F64) {
  std::vector<Kernel> all = kernels(Element::F64, buildExp);
  report("f64 exp", all, sweepF64(all, expF64, everywhere, bordersF64),
         bounds(0.95, 0.95));
}

/// e^0 = 1 to the bit makes a row of equal logits come out exact.
TEST(Exp, OfZeroIsOne) {
  for (bool fast : {false, true})
    for (BuildFunction build : {buildExp, buildExpNonPositive})
      for (const Kernel &kernel : kernels(Element::F32, build, fast)) {
        std::vector<float> x(64, -0.0f), y(64);
        x[1] = 0.0f;
        kernel.run(x.data(), y.data(), 64);
        EXPECT_EQ(y[0], 1.0f) << kernel.name;
        EXPECT_EQ(y[1], 1.0f) << kernel.name;
      }
}

} // namespace
