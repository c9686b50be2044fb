// 16-bit numbers, for tests.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef TEST_PTX_CONVERT_H
#define TEST_PTX_CONVERT_H

#include <cstdint>

namespace ptx {

/// To the nearest number, ties to even.
uint16_t toHalf(float value);
uint16_t toBFloat(float value);
float fromHalf(uint16_t bits);

} // namespace ptx

#endif // TEST_PTX_CONVERT_H
