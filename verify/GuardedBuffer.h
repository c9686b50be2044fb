// Memory between two inaccessible pages, to catch accesses outside a tensor.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef VERIFY_GUARDEDBUFFER_H
#define VERIFY_GUARDEDBUFFER_H

#include <cstddef>
#include <cstdint>
#include <utility>

namespace mlir::softmax::verify {

/// Which inaccessible page the data touches.
enum class Placement { End, Start };

/// A read or write one byte past the touched side faults; bytes between the
/// data and the other page are poison, and changes there are found later. All
/// of a fresh buffer is poison: 0xff bytes, a NaN in every format.
class GuardedBuffer {
public:
  GuardedBuffer() = default;
  /// `misalignment` bytes lie between the data and the page that it touches.
  GuardedBuffer(size_t bytes, Placement placement, size_t misalignment);
  ~GuardedBuffer();
  GuardedBuffer(GuardedBuffer &&other) { *this = std::move(other); }
  GuardedBuffer &operator=(GuardedBuffer &&other);

  static constexpr unsigned char kPoison = 0xff;

  /// Null when the system had no memory.
  char *data() const { return start; }
  size_t size() const { return bytes; }
  /// Fills the data, not its surroundings, with poison.
  void poison();
  /// True while nothing has been written around the data.
  bool isSurroundingIntact() const;
  /// Data that is protected faults on writing.
  void protect(bool readOnly);
  bool contains(const void *address) const;
  /// The bytes between the two pages: the data, and the poison beside it.
  char *inner() const;
  size_t innerSize() const;

private:
  char *mapping = nullptr, *start = nullptr;
  size_t mappedBytes = 0, bytes = 0;
};

} // namespace mlir::softmax::verify

#endif // VERIFY_GUARDEDBUFFER_H
