// Files that appear together or not at all.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "codegen/OutputFiles.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir::softmax;

std::string OutputFiles::pathOf(llvm::StringRef name) const {
  llvm::SmallString<128> path(directory);
  llvm::sys::path::append(path, name);
  return path.str().str();
}

llvm::Error OutputFiles::commit() {
  namespace fs = llvm::sys::fs;
  auto failure = [](const std::string &path, std::error_code error) {
    return llvm::createStringError("cannot write '" + path + "' (" +
                                   error.message() +
                                   "); choose another directory with -o DIR");
  };
  if (std::error_code error = fs::create_directories(directory))
    return failure(directory, error);
  std::vector<fs::TempFile> temporaries;
  auto discard = [&] {
    for (fs::TempFile &temporary : temporaries)
      llvm::consumeError(temporary.discard());
  };
  for (const File &file : files) {
    std::string path = pathOf(file.name);
    if (fs::is_directory(path)) {
      discard();
      return failure(path, std::make_error_code(std::errc::is_a_directory));
    }
    llvm::Expected<fs::TempFile> temporary =
        fs::TempFile::create(path + ".%%%%%%.tmp", fs::all_read | fs::owner_write);
    if (!temporary) {
      discard();
      return failure(path, llvm::errorToErrorCode(temporary.takeError()));
    }
    llvm::raw_fd_ostream stream(temporary->FD, /*shouldClose=*/false);
    stream << file.contents;
    stream.flush();
    std::error_code error = stream.error();
    stream.clear_error();
    temporaries.push_back(std::move(*temporary));
    if (error) {
      discard();
      return failure(path, error);
    }
  }
  for (size_t i = 0; i < files.size(); ++i)
    if (llvm::Error error = temporaries[i].keep(pathOf(files[i].name))) {
      for (size_t j = i + 1; j < files.size(); ++j)
        llvm::consumeError(temporaries[j].discard());
      return failure(pathOf(files[i].name),
                     llvm::errorToErrorCode(std::move(error)));
    }
  return llvm::Error::success();
}
