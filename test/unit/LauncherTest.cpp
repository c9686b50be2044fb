// Linking of the launcher of GPU kernels, and kernels that call it.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "codegen/gpu/Launcher.h"
#include "runtime/gpu_launch.h"
#include "runtime/smx_abi.h"

#include "llvm/AsmParser/Parser.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Module.h"
#include "llvm/IR/Verifier.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Object/ELFObjectFile.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Program.h"
#include "llvm/Support/SourceMgr.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Support/raw_ostream.h"
#include "llvm/Target/TargetMachine.h"
#include "llvm/TargetParser/Host.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include <cstddef>
#include <string>
#include <vector>

using testing::IsSubsetOf;
using testing::IsSupersetOf;
using testing::UnorderedElementsAre;

namespace {

// The layout of runtime/gpu_launch.h, as an emitted entry states it.
const char kernelText[] = R"(
%function = type { ptr, i32, i32 }
%image = type { ptr, ptr, ptr, i32 }
%kernel = type { ptr, ptr, i32, ptr }
%grid = type { i64, i32, i32, i32, i32 }

@name = private constant [4 x i8] c"rms\00"
@row = private constant [4 x i8] c"row\00"
@target = private constant [7 x i8] c"ptx_80\00"
@data = private constant [9 x i8] c"ptx text\00"
@functions = private constant [1 x %function] [%function { ptr @row, i32 0, i32 1 }]
@images = private constant [1 x %image]
    [%image { ptr @target, ptr @data, ptr @functions, i32 1 }]
@kernel = private global %kernel { ptr @name, ptr @images, i32 1, ptr null }

declare i32 @smx_gpu_open(ptr, ptr, ptr)
declare i32 @smx_gpu_launch(ptr, ptr, i32, ptr, ptr, ptr)

define i32 @rms_gpu(i32 %x, i32 %y, ptr %stream) {
  %code = alloca ptr
  %opened = call i32 @smx_gpu_open(ptr @kernel, ptr %stream, ptr %code)
  %failed = icmp ne i32 %opened, 0
  br i1 %failed, label %fail, label %launch
fail:
  ret i32 %opened
launch:
  %loaded = load ptr, ptr %code
  %image = load i32, ptr %loaded
  %threads = add i32 %image, 128
  %grid = alloca %grid
  store %grid { i64 5, i32 2, i32 0, i32 1, i32 0 }, ptr %grid
  %at = getelementptr %grid, ptr %grid, i32 0, i32 2
  store i32 %threads, ptr %at
  %first = alloca i32
  %second = alloca i32
  store i32 %x, ptr %first
  store i32 %y, ptr %second
  %arguments = alloca [2 x ptr]
  store ptr %first, ptr %arguments
  %next = getelementptr [2 x ptr], ptr %arguments, i32 0, i32 1
  store ptr %second, ptr %next
  %status = call i32 @smx_gpu_launch(ptr @kernel, ptr %loaded, i32 0, ptr %grid,
                                     ptr %arguments, ptr %stream)
  ret i32 %status
})";

static_assert(sizeof(smx_gpu_function) == 16 && sizeof(smx_gpu_image) == 32 &&
                  sizeof(smx_gpu_kernel) == 32 && sizeof(smx_gpu_grid) == 24 &&
                  offsetof(smx_gpu_kernel, state) == 24 &&
                  offsetof(smx_gpu_code, image) == 0,
              "the text above states another layout");

class Launcher : public testing::Test {
protected:
  static void SetUpTestSuite() {
    llvm::InitializeAllTargetInfos();
    llvm::InitializeAllTargets();
    llvm::InitializeAllTargetMCs();
    llvm::InitializeAllAsmPrinters();
  }

  void parse(llvm::StringRef text, llvm::StringRef tripleText) {
    llvm::SMDiagnostic diagnostic;
    module = llvm::parseAssemblyString(text, diagnostic, context);
    ASSERT_TRUE(module) << diagnostic.getMessage().str();
    llvm::Triple triple(tripleText);
    std::string error;
    const llvm::Target *target =
        llvm::TargetRegistry::lookupTarget(triple, error);
    ASSERT_TRUE(target) << error;
    machine.reset(
        target->createTargetMachine(triple, "", "", {}, llvm::Reloc::PIC_));
    module->setTargetTriple(triple);
    module->setDataLayout(machine->createDataLayout());
  }

  std::string link() {
    return llvm::toString(mlir::softmax::linkLauncher(*module));
  }

  llvm::SmallVector<char, 0> compile() {
    llvm::SmallVector<char, 0> object;
    llvm::raw_svector_ostream stream(object);
    llvm::legacy::PassManager passes;
    EXPECT_FALSE(machine->addPassesToEmitFile(
        passes, stream, nullptr, llvm::CodeGenFileType::ObjectFile));
    passes.run(*module);
    return object;
  }

  llvm::LLVMContext context;
  std::unique_ptr<llvm::Module> module;
  std::unique_ptr<llvm::TargetMachine> machine;
};

const char *const triples[] = {"x86_64-unknown-linux-gnu",
                               "aarch64-unknown-linux-gnu"};

TEST_F(Launcher, ObjectNeedsLibcAlone) {
  for (const char *triple : triples) {
    SCOPED_TRACE(triple);
    parse(kernelText, triple);
    ASSERT_EQ(link(), "");
    EXPECT_FALSE(llvm::verifyModule(*module, &llvm::errs()));
    llvm::SmallVector<char, 0> object = compile();
    auto file = llvm::object::ObjectFile::createObjectFile(
        {llvm::StringRef(object.data(), object.size()), "object"});
    ASSERT_TRUE(bool(file)) << llvm::toString(file.takeError());
    std::vector<std::string> defined, undefined, weak;
    for (llvm::object::SymbolRef symbol : (*file)->symbols()) {
      uint32_t flags = llvm::cantFail(symbol.getFlags());
      if (!(flags & llvm::object::SymbolRef::SF_Global) ||
          (flags & llvm::object::SymbolRef::SF_FormatSpecific))
        continue;
      std::string name = llvm::cantFail(symbol.getName()).str();
      if (name == "_GLOBAL_OFFSET_TABLE_")
        continue;
      if (!(flags & llvm::object::SymbolRef::SF_Undefined))
        defined.push_back(name);
      else if (flags & llvm::object::SymbolRef::SF_Weak)
        weak.push_back(name);
      else
        undefined.push_back(name);
    }
    EXPECT_THAT(defined, UnorderedElementsAre("rms_gpu"));
    EXPECT_THAT(weak,
                UnorderedElementsAre("dlopen", "dlsym", "smx_gpu_failed"));
    const std::vector<std::string> libc = {"calloc", "free",      "memcpy",
                                           "memset", "nanosleep", "strcspn",
                                           "strlen", "strncat",   "strncmp"};
    EXPECT_THAT(undefined, IsSubsetOf(libc));
    EXPECT_THAT(undefined, IsSupersetOf({"calloc", "nanosleep"}));
  }
}

TEST_F(Launcher, CarriesNothingOfTheBuildMachine) {
  parse(kernelText, triples[1]);
  ASSERT_EQ(link(), "");
  std::string text;
  llvm::raw_string_ostream(text) << *module;
  for (const char *trace :
       {"x86", "target-cpu", "target-features", "!llvm.module.flags",
        "!llvm.ident", "/runtime/", "sse"})
    EXPECT_EQ(text.find(trace), std::string::npos) << trace;
}

TEST_F(Launcher, ModuleWithoutCallsIsLeftAsItIs) {
  parse("define i32 @f() {\n  ret i32 0\n}\n", triples[0]);
  std::string before, after;
  llvm::raw_string_ostream(before) << *module;
  ASSERT_EQ(link(), "");
  llvm::raw_string_ostream(after) << *module;
  EXPECT_EQ(before, after);
}

TEST_F(Launcher, OtherTargetsAreRefused) {
  for (const char *triple :
       {"riscv64-unknown-linux-gnu", "wasm32-unknown-unknown",
        "x86_64-apple-macos", "i686-unknown-linux-gnu"}) {
    parse(kernelText, triple);
    EXPECT_EQ(link(), "GPU kernels are launched from x86-64 and AArch64 Linux, "
                      "not from '" +
                          module->getTargetTriple().str() +
                          "'; name such a --target-cpu");
  }
}

/// Writes a file of the test's folder and answers with its path.
std::string write(const std::string &name, llvm::StringRef contents) {
  std::string path = std::string(TEST_FOLDER) + "/" + name;
  std::error_code error;
  llvm::raw_fd_ostream file(path, error);
  EXPECT_FALSE(error) << error.message();
  file << contents;
  return path;
}

/// The exit status of a command; what it printed on stderr.
std::pair<int, std::string> run(const std::vector<llvm::StringRef> &command,
                                llvm::ArrayRef<llvm::StringRef> environment) {
  std::string errors = write("stderr.txt", "");
  int status = llvm::sys::ExecuteAndWait(
      command[0], command, environment,
      {std::nullopt, std::nullopt, llvm::StringRef(errors)});
  auto text = llvm::MemoryBuffer::getFile(errors);
  return {status, text ? (*text)->getBuffer().str() : ""};
}

// A whole program around an emitted object, on the fake driver of
// GpuLaunchTest: no -ldl, no CUDA, no runtime library.
TEST_F(Launcher, EmittedEntryReachesTheDriver) {
  parse(kernelText, llvm::sys::getProcessTriple());
  ASSERT_EQ(link(), "");
  llvm::SmallVector<char, 0> code = compile();
  std::string object = write("rms.o", {code.data(), code.size()});
  std::string source =
      write("rms.c", "int rms_gpu(int x, int y, void *stream);\n"
                     "int main(void) {\n"
                     "  int status = rms_gpu(3, 4, (void *)256);\n"
                     "  return status ? status : rms_gpu(5, 6, (void *)256);\n"
                     "}\n");
  std::string program = TEST_FOLDER "/rms";
  llvm::StringRef path = "PATH=/usr/bin:/bin";
  std::pair<int, std::string> succeeds(0, "");
  ASSERT_EQ(run({C_COMPILER, "-o", program, source, object}, {path}), succeeds);
  std::string library = "LD_LIBRARY_PATH=" FAKE_DRIVERS "/cuda";
  EXPECT_EQ(
      run({program}, {library, "FAKE_DEVICES=90"}),
      std::pair(0, std::string("cuStreamGetCtx\nload ptx text\n"
                               "launch row grid=5,2,1 block=128,1,1 shared=0 "
                               "stream=256 mode=0 arguments=3,4\n"
                               "launch row grid=5,2,1 block=128,1,1 shared=0 "
                               "stream=256 mode=0 arguments=5,6\n")));
  EXPECT_EQ(run({program}, {library, "FAKE_DEVICES=75"}).first, SMX_E_ARCH);
  EXPECT_EQ(run({program}, {path}).first, SMX_E_DRIVER);
}

} // namespace
