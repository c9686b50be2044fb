// Folders, compilers and reports for the tests of the verifier.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef TEST_NUMERICS_VERIFYTEST_H
#define TEST_NUMERICS_VERIFYTEST_H

#include "verify/Kernel.h"
#include "verify/Verify.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Program.h"
#include "gtest/gtest.h"

namespace mlir::softmax::verify {

using llvm::StringRef;

class VerifyTest : public ::testing::Test {
protected:
  void SetUp() override {
    llvm::SmallString<128> path;
    ASSERT_FALSE(llvm::sys::fs::createUniqueDirectory("verify", path));
    directory = path.str().str();
  }
  void TearDown() override { llvm::sys::fs::remove_directories(directory); }

  void write(StringRef name, StringRef text) {
    std::error_code code;
    llvm::raw_fd_ostream stream(directory + "/" + name.str(), code);
    ASSERT_FALSE(code);
    stream << text;
  }

  void run(StringRef program, std::vector<std::string> arguments) {
    auto path = llvm::sys::findProgramByName(program);
    ASSERT_TRUE(static_cast<bool>(path)) << program.str();
    std::vector<StringRef> argv = {*path};
    argv.insert(argv.end(), arguments.begin(), arguments.end());
    ASSERT_EQ(llvm::sys::ExecuteAndWait(*path, argv), 0);
  }

  /// Makes NAME.o, and from it what `kind` asks for: o, a or so.
  void compile(StringRef name, StringRef source, StringRef kind = "o") {
    std::string stem = directory + "/" + name.str();
    write((name + ".c").str(), source);
    run("cc", {"-O1", "-fPIC", "-c", stem + ".c", "-o", stem + ".o"});
    if (kind == "a")
      run("ar", {"rc", file(name, "a"), stem + ".o"});
    if (kind == "so")
      run("cc", {"-shared", stem + ".o", "-o", file(name, "so"), "-lm"});
  }

  std::string file(StringRef name, StringRef kind) {
    return directory + "/lib" + name.str() + "." + kind.str();
  }

  std::string manifestError(StringRef text) {
    write("k.manifest.json", text);
    auto manifest = readManifest(directory + "/k.manifest.json");
    return manifest ? "" : llvm::toString(manifest.takeError());
  }

  KernelReport verify(StringRef name) {
    auto manifest =
        readManifest(directory + "/" + name.str() + ".manifest.json");
    if (!manifest) {
      ADD_FAILURE() << llvm::toString(manifest.takeError());
      return {};
    }
    Options options;
    options.limits.elements = 1 << 14;
    options.shownFailures = 1000;
    auto report = verifyKernel(*manifest, options);
    if (!report) {
      ADD_FAILURE() << llvm::toString(report.takeError());
      return {};
    }
    return *report;
  }

  std::string directory;
};

inline std::string describe(const KernelReport &kernel) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  Report report;
  report.kernels.push_back(kernel);
  report.print(stream);
  return text;
}

} // namespace mlir::softmax::verify

#endif // TEST_NUMERICS_VERIFYTEST_H
