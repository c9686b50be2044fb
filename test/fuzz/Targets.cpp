// The list of targets, and what they use.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "test/fuzz/Fuzz.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/Support/raw_ostream.h"

#include <cstdlib>
#include <sys/mman.h>
#include <unistd.h>

using namespace mlir::softmax;
using namespace mlir::softmax::fuzz;
using llvm::StringRef;

static constexpr llvm::StringLiteral kNames[] = {
    "parser", "pipeline", "command", "manifest", "schedule", "entry",
    "traversal"};

llvm::ArrayRef<llvm::StringLiteral> fuzz::getTargetNames() { return kNames; }

std::unique_ptr<Target> fuzz::createTarget(StringRef name) {
  using Create = std::unique_ptr<Target> (*)();
  auto create = llvm::StringSwitch<Create>(name)
                    .Case("parser", createParserTarget)
                    .Case("pipeline", createPipelineTarget)
                    .Case("command", createCommandTarget)
                    .Case("manifest", createManifestTarget)
                    .Case("schedule", createScheduleTarget)
                    .Case("entry", createEntryTarget)
                    .Case("traversal", createTraversalTarget)
                    .Default(nullptr);
  return create ? create() : nullptr;
}

void fuzz::finding(const llvm::Twine &text) {
  llvm::errs() << "FINDING: " << text << "\n";
  std::abort();
}

void fuzz::checkMessage(StringRef message) {
  if (message.trim().empty())
    finding("an error without a message");
  if (message.contains('\n'))
    finding("an error message of several lines: " + message);
}

MemoryFile::MemoryFile(StringRef contents)
    : descriptor(memfd_create("input", MFD_CLOEXEC)) {
  if (descriptor < 0)
    finding("memfd_create failed");
  for (StringRef rest = contents; !rest.empty();) {
    ssize_t written = write(descriptor, rest.data(), rest.size());
    if (written <= 0)
      finding("cannot write a memory file");
    rest = rest.drop_front(written);
  }
  name = "/proc/self/fd/" + std::to_string(descriptor);
}

MemoryFile::~MemoryFile() { close(descriptor); }
