// Guarded memory with mmap and mprotect.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "verify/GuardedBuffer.h"

#include <algorithm>
#include <cstring>
#include <sys/mman.h>
#include <unistd.h>

using namespace mlir::softmax::verify;

static size_t pageSize() {
  static const size_t size = sysconf(_SC_PAGESIZE);
  return size;
}

GuardedBuffer::GuardedBuffer(size_t bytes, Placement placement,
                             size_t misalignment)
    : bytes(bytes) {
  size_t page = pageSize();
  size_t inner = (bytes + misalignment + page - 1) / page * page;
  // A tensor without elements still has an address.
  inner = std::max(inner, page);
  mappedBytes = inner + 2 * page;
  void *memory = mmap(nullptr, mappedBytes, PROT_NONE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED)
    return;
  mapping = static_cast<char *>(memory);
  if (mprotect(mapping + page, inner, PROT_READ | PROT_WRITE) != 0)
    return;
  std::memset(mapping + page, kPoison, inner);
  start = placement == Placement::Start
              ? mapping + page + misalignment
              : mapping + page + inner - misalignment - bytes;
}

GuardedBuffer::~GuardedBuffer() {
  if (mapping)
    munmap(mapping, mappedBytes);
}

GuardedBuffer &GuardedBuffer::operator=(GuardedBuffer &&other) {
  std::swap(mapping, other.mapping);
  std::swap(start, other.start);
  std::swap(mappedBytes, other.mappedBytes);
  std::swap(bytes, other.bytes);
  return *this;
}

void GuardedBuffer::poison() {
  if (start)
    std::memset(start, kPoison, bytes);
}

bool GuardedBuffer::isSurroundingIntact() const {
  if (!start)
    return true;
  auto isPoison = [](char byte) {
    return static_cast<unsigned char>(byte) == kPoison;
  };
  size_t page = pageSize();
  return std::all_of(mapping + page, start, isPoison) &&
         std::all_of(start + bytes, mapping + mappedBytes - page, isPoison);
}

void GuardedBuffer::protect(bool readOnly) {
  size_t page = pageSize();
  if (start)
    mprotect(mapping + page, mappedBytes - 2 * page,
             readOnly ? PROT_READ : PROT_READ | PROT_WRITE);
}

bool GuardedBuffer::contains(const void *address) const {
  const char *byte = static_cast<const char *>(address);
  return mapping && byte >= mapping && byte < mapping + mappedBytes;
}

char *GuardedBuffer::inner() const {
  return mapping ? mapping + pageSize() : nullptr;
}

size_t GuardedBuffer::innerSize() const {
  return mapping ? mappedBytes - 2 * pageSize() : 0;
}
