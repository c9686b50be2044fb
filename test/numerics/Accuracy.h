// Worst errors of compiled functions against a reference of higher precision.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef TEST_NUMERICS_ACCURACY_H
#define TEST_NUMERICS_ACCURACY_H

#include "test/numerics/KernelJit.h"

namespace mlir::softmax::test {

/// What is known about one kernel after a sweep.
struct Worst {
  /// In units of the last place of the exact result.
  double ulp = 0.0;
  double input = 0.0;
  /// Results that are wrong in kind: NaN, infinity or sign.
  int64_t wrong = 0;
  double wrongInput = 0.0;
};

using Interval = std::pair<double, double>;

/// f32 inputs: NaN and what lies in `domain`. Every 509th bit pattern with all
/// neighbourhoods of powers of two and of `borders`, or all in exhaustive mode.
std::vector<Worst> sweepF32(ArrayRef<Kernel> kernels,
                            double (*reference)(double), Interval domain,
                            ArrayRef<double> borders);

/// f64 inputs, likewise: random bit patterns and random numbers.
std::vector<Worst> sweepF64(ArrayRef<Kernel> kernels,
                            long double (*reference)(long double),
                            Interval domain, ArrayRef<double> borders);

/// Prints what was found and expects errors of at most `bound`.
void report(StringRef function, ArrayRef<Kernel> kernels, ArrayRef<Worst> worst,
            ArrayRef<double> bounds);

} // namespace mlir::softmax::test

#endif // TEST_NUMERICS_ACCURACY_H
