// Tensors larger than the machine's memory.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef TEST_NUMERICS_REPEATED_H
#define TEST_NUMERICS_REPEATED_H

#include <cstddef>
#include <cstdint>
#include <sys/mman.h>
#include <unistd.h>

namespace mlir::softmax::test {

/// A tensor of which all pages but the last few are the same memory, so that it
/// may be larger than the machine's. What is written anywhere but at its end is
/// overwritten by what comes later.
class Repeated {
public:
  static constexpr size_t kPeriod = size_t(1) << 22;

  explicit Repeated(size_t bytes) {
    size_t periods = bytes / kPeriod + 2;
    int file = memfd_create("repeated", 0);
    if (file < 0 || ftruncate(file, 2 * kPeriod) != 0)
      return;
    void *all = mmap(nullptr, periods * kPeriod, PROT_NONE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (all == MAP_FAILED)
      return;
    base = static_cast<char *>(all);
    mapped = periods * kPeriod;
    for (size_t i = 0; i < periods; ++i) {
      bool isLast = i + 2 >= periods;
      // The end of the tensor lies in memory of its own.
      off_t offset = isLast ? kPeriod : 0;
      if (i + 1 < periods || bytes % kPeriod)
        (void)mmap(base + i * kPeriod, kPeriod, PROT_READ | PROT_WRITE,
                   MAP_SHARED | MAP_FIXED, file, offset);
    }
    close(file);
  }
  ~Repeated() {
    if (base)
      munmap(base, mapped);
  }
  Repeated(const Repeated &) = delete;

  bool isThere() const { return base; }
  /// The first period, hence all but the end, and the last of `count` elements.
  void fill(uint16_t value, int64_t count) {
    for (size_t i = 0; i < kPeriod / 2; ++i)
      halves()[i] = value;
    for (int64_t i = count - 1024; i < count; ++i)
      halves()[i] = value;
  }
  uint16_t *halves() { return reinterpret_cast<uint16_t *>(base); }

private:
  char *base = nullptr;
  size_t mapped = 0;
};

// In bf16.
constexpr uint16_t kOne = 0x3f80, kMinus8 = 0xc100, kTwenty = 0x41a0;

} // namespace mlir::softmax::test

#endif // TEST_NUMERICS_REPEATED_H
