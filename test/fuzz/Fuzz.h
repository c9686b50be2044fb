// What the fuzz targets share: randomness, mutation, findings.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef TEST_FUZZ_FUZZ_H
#define TEST_FUZZ_FUZZ_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/ADT/Twine.h"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace mlir::softmax::fuzz {

/// SplitMix64: the same numbers everywhere, from any seed.
class Random {
public:
  explicit Random(uint64_t seed) : state(seed) {}
  uint64_t next();
  /// In [0, limit); 0 for limit 0.
  uint64_t below(uint64_t limit) { return limit ? next() % limit : 0; }
  bool oneIn(uint64_t n) { return below(n) == 0; }
  template <typename ContainerT> const auto &pick(const ContainerT &choices) {
    return *(std::begin(choices) + below(std::size(choices)));
  }

private:
  uint64_t state;
};

/// Reads an input as a stream of small decisions; zeros behind its end.
class Decisions {
public:
  explicit Decisions(llvm::StringRef bytes) : bytes(bytes) {}
  unsigned below(unsigned limit) {
    if (bytes.empty())
      return 0;
    unsigned char byte = bytes.front();
    bytes = bytes.drop_front();
    return byte % limit;
  }
  bool oneIn(unsigned n) { return below(n) == n - 1; }
  bool done() const { return bytes.empty(); }

private:
  llvm::StringRef bytes;
};

/// A program under test, which takes one input after the other. Whatever it is
/// given, it must neither crash nor hang nor contradict itself.
class Target {
public:
  virtual ~Target() = default;
  virtual void run(llvm::StringRef input) = 0;
  /// Another input, made of one or two given ones.
  virtual std::string mutate(llvm::StringRef input, llvm::StringRef other,
                             Random &random);
};

/// The target of that name, or null.
std::unique_ptr<Target> createTarget(llvm::StringRef name);
/// All names.
llvm::ArrayRef<llvm::StringLiteral> getTargetNames();

std::unique_ptr<Target> createParserTarget();
std::unique_ptr<Target> createPipelineTarget();
std::unique_ptr<Target> createCommandTarget();
std::unique_ptr<Target> createManifestTarget();
std::unique_ptr<Target> createScheduleTarget();
std::unique_ptr<Target> createEntryTarget();
std::unique_ptr<Target> createTraversalTarget();

/// Says what is wrong and aborts; the driver keeps the input.
[[noreturn]] void finding(const llvm::Twine &text);

/// The words of softmax.dict.
llvm::ArrayRef<std::string> getDictionary();

/// Token-wise changes of IR and other text.
std::string mutateText(llvm::StringRef input, llvm::StringRef other,
                       Random &random);
/// Bit flips, cuts and repetitions.
std::string mutateBytes(llvm::StringRef input, llvm::StringRef other,
                        Random &random);
/// Half of the time mutateBytes, else bytes of chance, at most `longest`.
std::string mutateDecisions(llvm::StringRef input, llvm::StringRef other,
                            Random &random, size_t longest);
/// A module around one operator or row program, right or nearly right.
std::string generateModule(Random &random);

/// A path under which `contents` can be read while this object lives; nothing
/// gets onto a disk.
class MemoryFile {
public:
  explicit MemoryFile(llvm::StringRef contents);
  ~MemoryFile();
  MemoryFile(const MemoryFile &) = delete;
  const std::string &path() const { return name; }

private:
  int descriptor;
  std::string name;
};

/// An error message for users is one line that says something.
void checkMessage(llvm::StringRef message);

} // namespace mlir::softmax::fuzz

#endif // TEST_FUZZ_FUZZ_H
