// Linking of the launcher, runtime/gpu_launch.c, into kernels.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "codegen/gpu/Launcher.h"

#include "llvm/Bitcode/BitcodeReader.h"
#include "llvm/IR/Module.h"
#include "llvm/Linker/Linker.h"
#include "llvm/Support/MemoryBufferRef.h"
#include "llvm/TargetParser/Triple.h"
#include "llvm/Transforms/IPO/Internalize.h"

static const unsigned char softmax_gpu_launch_bitcode[] = {
#include "codegen/gpu/LauncherBitcode.inc"
};

/// Takes away what clang has noted of the machine that it compiled for.
static void removeTarget(llvm::Module &launcher) {
  for (llvm::Function &function : launcher)
    for (llvm::StringRef attribute :
         {"target-cpu", "target-features", "tune-cpu", "frame-pointer",
          "min-legal-vector-width"})
      function.removeFnAttr(attribute);
  // Flags of the module, such as the size of wchar_t.
  while (!launcher.named_metadata_empty())
    launcher.eraseNamedMetadata(&*launcher.named_metadata_begin());
}

llvm::Error mlir::softmax::linkLauncher(llvm::Module &kernel) {
  const llvm::Triple &triple = kernel.getTargetTriple();
  bool supported = triple.isOSLinux() && triple.isArch64Bit() &&
                   (triple.isX86() || triple.isAArch64()) &&
                   triple.isLittleEndian();
  if (!supported)
    return llvm::createStringError(
        "GPU kernels are launched from x86-64 and AArch64 Linux, not from '" +
        triple.str() + "'; name such a --target-cpu");
  llvm::StringRef bytes(
      reinterpret_cast<const char *>(softmax_gpu_launch_bitcode),
      sizeof softmax_gpu_launch_bitcode);
  auto launcher =
      llvm::parseBitcodeFile({bytes, "gpu_launch.c"}, kernel.getContext());
  if (!launcher)
    return launcher.takeError();
  removeTarget(**launcher);
  (*launcher)->setTargetTriple(triple);
  (*launcher)->setDataLayout(kernel.getDataLayout());
  bool failed = llvm::Linker::linkModules(
      kernel, std::move(*launcher), llvm::Linker::LinkOnlyNeeded,
      [](llvm::Module &linked, const llvm::StringSet<> &names) {
        llvm::internalizeModule(linked, [&](const llvm::GlobalValue &value) {
          return !names.contains(value.getName());
        });
      });
  if (failed)
    return llvm::createStringError("cannot link the launcher of GPU kernels");
  return llvm::Error::success();
}
