// Kernel loading with ORC or dlopen, calls through libffi, caught faults.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "verify/Kernel.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ExecutionEngine/Orc/ExecutionUtils.h"
#include "llvm/ExecutionEngine/Orc/LLJIT.h"
#include "llvm/ExecutionEngine/Orc/ObjectLinkingLayer.h"
#include "llvm/Support/DynamicLibrary.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/TargetSelect.h"

#include <csetjmp>
#include <csignal>
#include <dlfcn.h>
#include <ffi.h>
#include <pthread.h>

#ifdef __x86_64__
#include <xmmintrin.h>
#else
#include <cfenv>
#endif

using namespace mlir::softmax::verify;
using llvm::Error;
using llvm::Expected;
using llvm::StringRef;

struct Kernel::Loaded {
  ~Loaded() {
    if (library)
      dlclose(library);
  }

  Error load(const Manifest &manifest);
  Error loadArchiveOrObject(bool isArchive);
  Error loadShared();
  Expected<void (*)()> lookup(StringRef name);
  Error describe(const Manifest &manifest);
  Error describeWorkspace(const Manifest &manifest);

  std::string file;
  std::unique_ptr<llvm::orc::LLJIT> jit;
  void *library = nullptr;
  void (*function)() = nullptr, (*workspace)() = nullptr;
  std::vector<ffi_type *> types, extentTypes;
  std::vector<size_t> extents; ///< which arguments they are
  mutable ffi_cif cif, workspaceCif;
};

Kernel::Kernel(std::unique_ptr<Loaded> loaded) : loaded(std::move(loaded)) {}
Kernel::Kernel(Kernel &&) = default;
Kernel::~Kernel() = default;
StringRef Kernel::getFile() const { return loaded->file; }

//===----------------------------------------------------------------------===//
// Loading
//===----------------------------------------------------------------------===//

/// OpenMP kernels call the library of GNU or LLVM; either has both interfaces.
/// Absent ones show as a missing symbol when such a kernel is loaded.
static void loadOpenMP() {
  for (const char *name : {"libgomp.so.1", "libomp.so.5", "libomp.so"})
    if (!llvm::sys::DynamicLibrary::LoadLibraryPermanently(name))
      return;
}

Error Kernel::Loaded::loadArchiveOrObject(bool isArchive) {
  static const bool failed = llvm::InitializeNativeTarget() ||
                             llvm::InitializeNativeTargetAsmPrinter();
  if (failed)
    return llvm::createStringError("LLVM cannot load code for this machine");
  auto created =
      llvm::orc::LLJITBuilder()
          .setObjectLinkingLayerCreator(
              [](llvm::orc::ExecutionSession &session)
                  -> Expected<std::unique_ptr<llvm::orc::ObjectLayer>> {
                return std::make_unique<llvm::orc::ObjectLinkingLayer>(session);
              })
          .create();
  if (!created)
    return created.takeError();
  jit = std::move(*created);
  llvm::orc::JITDylib &main = jit->getMainJITDylib();

  if (isArchive) {
    auto archive = llvm::orc::StaticLibraryDefinitionGenerator::Load(
        jit->getObjLinkingLayer(), file.c_str());
    if (!archive)
      return archive.takeError();
    main.addGenerator(std::move(*archive));
  } else {
    auto buffer = llvm::MemoryBuffer::getFile(file);
    if (!buffer)
      return llvm::errorCodeToError(buffer.getError());
    if (Error error = jit->addObjectFile(std::move(*buffer)))
      return error;
  }
  auto process = llvm::orc::DynamicLibrarySearchGenerator::GetForCurrentProcess(
      jit->getDataLayout().getGlobalPrefix());
  if (!process)
    return process.takeError();
  main.addGenerator(std::move(*process));
  return Error::success();
}

Error Kernel::Loaded::loadShared() {
  library = dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!library)
    return llvm::createStringError(dlerror());
  return Error::success();
}

Expected<void (*)()> Kernel::Loaded::lookup(StringRef name) {
  if (jit) {
    Expected<llvm::orc::ExecutorAddr> address = jit->lookup(name);
    if (!address)
      return address.takeError();
    return address->toPtr<void (*)()>();
  }
  void *address = dlsym(library, name.str().c_str());
  if (!address)
    return llvm::createStringError("no function '" + name + "' in it");
  return reinterpret_cast<void (*)()>(address);
}

Error Kernel::Loaded::load(const Manifest &manifest) {
  StringRef name = file;
  Error error = name.ends_with(".so")
                    ? loadShared()
                    : loadArchiveOrObject(name.ends_with(".a"));
  if (error)
    return error;
  Expected<void (*)()> found = lookup(manifest.entry());
  if (!found)
    return found.takeError();
  function = *found;
  if (Error error = describe(manifest))
    return error;
  return manifest.device ? describeWorkspace(manifest) : Error::success();
}

/// Prepares the call: the C type of every argument.
Error Kernel::Loaded::describe(const Manifest &manifest) {
  for (const Argument &argument : manifest.arguments) {
    bool isPointer = argument.isTensor() || argument.role == Role::Hook ||
                     argument.role == Role::Stream ||
                     argument.role == Role::Workspace;
    if (isPointer)
      types.push_back(&ffi_type_pointer);
    else if (argument.type == ElementType::F32)
      types.push_back(&ffi_type_float);
    else if (argument.type == ElementType::F64)
      types.push_back(&ffi_type_double);
    else if (argument.type == ElementType::I64)
      types.push_back(&ffi_type_sint64);
    else
      return llvm::createStringError("argument '" + argument.name +
                                     "' has no type that goes by value");
  }
  if (ffi_prep_cif(&cif, FFI_DEFAULT_ABI, types.size(), &ffi_type_sint32,
                   types.data()) != FFI_OK)
    return llvm::createStringError("libffi cannot describe the function");
  return Error::success();
}

/// `int64_t ENTRY_workspace(<extents>)`.
Error Kernel::Loaded::describeWorkspace(const Manifest &manifest) {
  Expected<void (*)()> found = lookup(manifest.device->entry + "_workspace");
  if (!found)
    return found.takeError();
  workspace = *found;
  for (auto [i, argument] : llvm::enumerate(manifest.arguments))
    if (argument.role == Role::Extent)
      extents.push_back(i);
  extentTypes.assign(extents.size(), &ffi_type_sint64);
  if (ffi_prep_cif(&workspaceCif, FFI_DEFAULT_ABI, extents.size(),
                   &ffi_type_sint64, extentTypes.data()) != FFI_OK)
    return llvm::createStringError("libffi cannot describe the function");
  return Error::success();
}

Expected<Kernel> Kernel::load(const Manifest &manifest, StringRef file) {
  auto loaded = std::make_unique<Loaded>();
  loaded->file = file.str();
  if (manifest.threads == "openmp")
    loadOpenMP();
  if (Error error = loaded->load(manifest)) {
    std::string text = llvm::toString(std::move(error));
    for (char &c : text)
      if (c == '\n')
        c = ' ';
    return llvm::createStringError(file + ": " + text);
  }
  return Kernel(std::move(loaded));
}

Expected<Kernel> Kernel::load(const Manifest &manifest) {
  const std::string stem = manifest.directory + "/";
  for (const std::string &file :
       {stem + "lib" + manifest.name + ".a", stem + manifest.name + ".o",
        stem + "lib" + manifest.name + ".so"})
    if (llvm::sys::fs::exists(file))
      return load(manifest, file);
  return llvm::createStringError(manifest.directory + ": neither lib" +
                                 manifest.name + ".a nor " + manifest.name +
                                 ".o nor lib" + manifest.name + ".so is here");
}

//===----------------------------------------------------------------------===//
// Calls
//===----------------------------------------------------------------------===//

int32_t
Kernel::callDirectly(llvm::MutableArrayRef<CallArgument> arguments) const {
  llvm::SmallVector<void *, 16> values;
  for (CallArgument &argument : arguments)
    values.push_back(&argument);
  ffi_arg result = 0; // libffi widens small results to a register
  ffi_call(&loaded->cif, loaded->function, &result, values.data());
  return static_cast<int32_t>(result);
}

int64_t Kernel::workspaceBytes(llvm::ArrayRef<CallArgument> arguments) const {
  llvm::SmallVector<int64_t, 8> extents;
  llvm::SmallVector<void *, 8> values;
  for (size_t i : loaded->extents)
    extents.push_back(arguments[i].integer);
  for (int64_t &extent : extents)
    values.push_back(&extent);
  ffi_sarg result = 0;
  ffi_call(&loaded->workspaceCif, loaded->workspace, &result, values.data());
  return static_cast<int64_t>(result);
}

namespace {

/// What a fault needs to find its way back. Faults are raised in the thread
/// that faults, so one of these per thread would do no more: other threads have
/// no frame to return to.
struct FaultFrame {
  sigjmp_buf jump;
  pthread_t thread;
  volatile int signal;
  const void *volatile address;
};
FaultFrame *volatile currentFrame = nullptr;

constexpr int kSignals[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE};

void handleFault(int signal, siginfo_t *info, void *) {
  FaultFrame *frame = currentFrame;
  if (frame && pthread_equal(frame->thread, pthread_self())) {
    frame->signal = signal;
    frame->address = info->si_addr;
    siglongjmp(frame->jump, 1);
  }
  // A kernel's helper thread, or not a kernel at all: as without a handler.
  std::signal(signal, SIG_DFL);
  std::raise(signal);
}

/// Catches faults while it lives.
class FaultHandlers {
public:
  FaultHandlers() {
    struct sigaction action = {};
    action.sa_sigaction = handleFault;
    action.sa_flags = SA_SIGINFO | SA_NODEFER;
    for (size_t i = 0; i < std::size(kSignals); ++i)
      sigaction(kSignals[i], &action, &previous[i]);
  }
  ~FaultHandlers() {
    for (size_t i = 0; i < std::size(kSignals); ++i)
      sigaction(kSignals[i], &previous[i], nullptr);
  }

private:
  struct sigaction previous[std::size(kSignals)];
};

} // namespace

/// The control bits of the floating-point unit; the sticky flags are free to
/// change (E42).
static unsigned readEnvironment() {
#ifdef __x86_64__
  return _mm_getcsr() & ~0x3fu;
#else
  return std::fegetround();
#endif
}

static void writeEnvironment(unsigned environment) {
#ifdef __x86_64__
  _mm_setcsr(environment);
#else
  std::fesetround(environment);
#endif
}

CallResult Kernel::call(llvm::MutableArrayRef<CallArgument> arguments) const {
  CallResult result;
  FaultHandlers handlers;
  FaultFrame frame = {};
  frame.thread = pthread_self();
  const unsigned before = readEnvironment();
  currentFrame = &frame;
  if (sigsetjmp(frame.jump, 1) == 0)
    result.status = callDirectly(arguments);
  currentFrame = nullptr;
  result.signal = frame.signal;
  result.address = frame.address;
  result.changedEnvironment = readEnvironment() != before;
  writeEnvironment(before);
  return result;
}
