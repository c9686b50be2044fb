// Files that appear together or not at all.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef CODEGEN_OUTPUTFILES_H
#define CODEGEN_OUTPUTFILES_H

#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <string>
#include <vector>

namespace mlir::softmax {

/// Collects the contents of files and writes them in one go: each into a
/// temporary beside its place, then all are renamed. Nothing half-written is
/// ever visible under a final name.
class OutputFiles {
public:
  explicit OutputFiles(llvm::StringRef directory) : directory(directory) {}

  void add(llvm::StringRef name, llvm::StringRef contents) {
    files.push_back({name.str(), contents.str()});
  }
  /// Creates the directory and writes; on an error nothing stays.
  llvm::Error commit();

  struct File {
    std::string name, contents;
  };
  const std::vector<File> &list() const { return files; }
  std::string pathOf(llvm::StringRef name) const;

private:
  std::string directory;
  std::vector<File> files;
};

} // namespace mlir::softmax

#endif // CODEGEN_OUTPUTFILES_H
