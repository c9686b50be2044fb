// Read and copy at the speed of memory.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "verify/Sweeps.h"

#include <cstring>

#ifdef __x86_64__
#include <immintrin.h>
#endif

using namespace mlir::softmax::verify;

/// What vectors leave over, and all of it on machines without vectors here.
static uint64_t readBytes(const unsigned char *source, size_t bytes) {
  uint64_t sum = 0;
  for (size_t i = 0; i < bytes; ++i)
    sum ^= source[i];
  return sum;
}

#ifdef __x86_64__

__attribute__((target("avx2"))) static uint64_t
readVectors(const unsigned char *source, size_t bytes) {
  __m256i sums[8] = {};
  for (size_t i = 0; i + 256 <= bytes; i += 256)
    for (int k = 0; k < 8; ++k)
      sums[k] = _mm256_xor_si256(
          sums[k], _mm256_loadu_si256(
                       reinterpret_cast<const __m256i *>(source + i) + k));
  for (int k = 1; k < 8; ++k)
    sums[0] = _mm256_xor_si256(sums[0], sums[k]);
  return _mm256_extract_epi64(sums[0], 0) ^ _mm256_extract_epi64(sums[0], 1) ^
         _mm256_extract_epi64(sums[0], 2) ^ _mm256_extract_epi64(sums[0], 3);
}

__attribute__((target("avx2"))) static void
copyVectors(unsigned char *destination, const unsigned char *source,
            size_t bytes) {
  for (size_t i = 0; i + 64 <= bytes; i += 64) {
    auto *from = reinterpret_cast<const __m256i *>(source + i);
    auto *to = reinterpret_cast<__m256i *>(destination + i);
    __m256i low = _mm256_loadu_si256(from), high = _mm256_loadu_si256(from + 1);
    _mm256_stream_si256(to, low);
    _mm256_stream_si256(to + 1, high);
  }
  _mm_sfence();
}

uint64_t mlir::softmax::verify::sweepRead(const void *source, size_t bytes) {
  auto *from = static_cast<const unsigned char *>(source);
  if (!__builtin_cpu_supports("avx2"))
    return readBytes(from, bytes);
  size_t whole = bytes / 256 * 256;
  return readVectors(from, whole) ^ readBytes(from + whole, bytes - whole);
}

void mlir::softmax::verify::sweepCopy(void *destination, const void *source,
                                      size_t bytes) {
  if (!__builtin_cpu_supports("avx2")) {
    std::memcpy(destination, source, bytes);
    return;
  }
  auto *to = static_cast<unsigned char *>(destination);
  auto *from = static_cast<const unsigned char *>(source);
  size_t whole = bytes / 64 * 64;
  copyVectors(to, from, whole);
  std::memcpy(to + whole, from + whole, bytes - whole);
}

#else

uint64_t mlir::softmax::verify::sweepRead(const void *source, size_t bytes) {
  return readBytes(static_cast<const unsigned char *>(source), bytes);
}

void mlir::softmax::verify::sweepCopy(void *destination, const void *source,
                                      size_t bytes) {
  std::memcpy(destination, source, bytes);
}

#endif
