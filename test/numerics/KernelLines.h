// The requests that tests of kernels make, for CPUs and for GPUs.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef TEST_NUMERICS_KERNELLINES_H
#define TEST_NUMERICS_KERNELLINES_H

#include "gtest/gtest.h"

#include <string>
#include <vector>

namespace mlir::softmax::test {

/// All operators with all element types, and a tail in every vector width.
std::vector<std::string> matrixLines();
/// Axes, ranks, strides, threads, extents, result types: command lines without
/// the tool's name, e.g. "softmax ?x67xf32 --axis=0".
std::vector<std::string> specialLines();
/// Every option of the operation, alone and with others.
std::vector<std::string> optionLines();

/// The name of a test whose parameter is a command line.
std::string nameOf(const testing::TestParamInfo<std::string> &info);

} // namespace mlir::softmax::test

#endif // TEST_NUMERICS_KERNELLINES_H
