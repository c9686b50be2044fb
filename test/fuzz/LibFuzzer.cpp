// The entry points of libFuzzer for the target FUZZ_TARGET.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "test/fuzz/Fuzz.h"

#include <algorithm>
#include <cstring>

using namespace mlir::softmax::fuzz;
using llvm::StringRef;

extern "C" size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t maxSize);

static Target &target() {
  static std::unique_ptr<Target> created = createTarget(FUZZ_TARGET);
  return *created;
}

static StringRef textOf(const uint8_t *data, size_t size) {
  return StringRef(reinterpret_cast<const char *>(data), size);
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  target().run(textOf(data, size));
  return 0;
}

static size_t store(const std::string &text, uint8_t *data, size_t maxSize) {
  size_t size = std::min(text.size(), maxSize);
  std::memcpy(data, text.data(), size);
  return size;
}

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size,
                                          size_t maxSize, unsigned seed) {
  Random random(seed);
  if (random.oneIn(16))
    return LLVMFuzzerMutate(data, size, maxSize);
  StringRef input = textOf(data, size);
  return store(target().mutate(input, input, random), data, maxSize);
}

extern "C" size_t LLVMFuzzerCustomCrossOver(const uint8_t *first,
                                            size_t firstSize,
                                            const uint8_t *second,
                                            size_t secondSize, uint8_t *out,
                                            size_t maxSize, unsigned seed) {
  Random random(seed);
  return store(target().mutate(textOf(first, firstSize),
                               textOf(second, secondSize), random),
               out, maxSize);
}
