// The logarithms: all f32 inputs, many f64 inputs, every instruction set.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "test/numerics/Accuracy.h"

#include "gtest/gtest.h"
#include <cmath>

using namespace mlir;
using namespace mlir::softmax;
using namespace mlir::softmax::test;

namespace {

constexpr Interval everywhere = {-INFINITY, INFINITY};

/// Where the argument is split, and where the result crosses zero.
constexpr double borders[] = {0.70710678118654752,  1.4142135623730951,
                              -0.29289321881345248, 0.41421356237309505,
                              2.8284271247461903,   0.99};

double logF32(double x) { return std::log(x); }
double log1pF32(double x) { return std::log1p(x); }
long double logF64(long double x) { return std::log(x); }
long double log1pF64(long double x) { return std::log1p(x); }

std::vector<Kernel> kernels(Element element, const BuildFunction &build) {
  std::vector<Kernel> compiled;
  for (const InstructionSet &isa : hostInstructionSets())
    compiled.push_back(compile(isa, element, element, build));
  return compiled;
}

std::vector<double> bounds(ArrayRef<Kernel> kernels, double bound) {
  return std::vector<double>(kernels.size(), bound);
}

TEST(Log, F32) {
  std::vector<Kernel> all = kernels(Element::F32, buildLog);
  report("f32 log", all, sweepF32(all, logF32, everywhere, borders),
         bounds(all, 0.502));
}

TEST(Log1p, F32) {
  std::vector<Kernel> all = kernels(Element::F32, buildLog1p);
  report("f32 log1p", all, sweepF32(all, log1pF32, everywhere, borders),
         bounds(all, 0.502));
}

// f64 is a sample: the bounds leave room above the largest error found.
TEST(Log, F64) {
  std::vector<Kernel> all = kernels(Element::F64, buildLog);
  report("f64 log", all, sweepF64(all, logF64, everywhere, borders),
         bounds(all, 0.95));
  // Both terms of the result matter most here.
  report("f64 log, 0.5 <= x <= 2", all,
         sweepF64(all, logF64, {0.5, 2.0}, borders), bounds(all, 0.95));
}

TEST(Log1p, F64) {
  std::vector<Kernel> all = kernels(Element::F64, buildLog1p);
  report("f64 log1p", all, sweepF64(all, log1pF64, everywhere, borders),
         bounds(all, 0.95));
  report("f64 log1p, -1 <= x <= 1", all,
         sweepF64(all, log1pF64, {-1.0, 1.0}, borders), bounds(all, 0.95));
}

} // namespace
