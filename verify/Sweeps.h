// Plain sweeps over memory, against which kernels are timed.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef VERIFY_SWEEPS_H
#define VERIFY_SWEEPS_H

#include <cstddef>
#include <cstdint>

namespace mlir::softmax::verify {

/// Reads `bytes` bytes once; the result keeps the reads alive.
uint64_t sweepRead(const void *source, size_t bytes);

/// Copies without reading the destination's lines first, where the machine has
/// such stores (elsewhere memcpy). Both addresses are multiples of 64.
void sweepCopy(void *destination, const void *source, size_t bytes);

} // namespace mlir::softmax::verify

#endif // VERIFY_SWEEPS_H
