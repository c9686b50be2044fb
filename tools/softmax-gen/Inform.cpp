// The commands that only tell: list, doctor, explain.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "tools/softmax-gen/Commands.h"

#include "codegen/Emit.h"
#include "codegen/Version.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Config/llvm-config.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Program.h"
#include "llvm/Support/raw_ostream.h"

#include <thread>

using namespace mlir;
using namespace mlir::softmax;

llvm::Expected<int> softmax::runList() {
  llvm::raw_ostream &os = llvm::outs();
  os << "operators\n";
  for (const OperatorInfo &op : getOperators())
    os << "  " << llvm::left_justify(op.name, 25) << op.formula << "\n"
       << "  " << llvm::left_justify("", 25) << "--"
       << llvm::join(llvm::split(op.options, ','), " --") << "\n";
  os << "types       f32, f64, f16, bf16; labels i64, i32, u8\n"
     << "shapes      rank 1 to 8, static or dynamic ('?') extents\n"
     << "targets     " << llvm::join(getCPUTargetNames(), ", ") << "\n"
     << "GPU targets " << llvm::join(getGPUTargetNames(), ", ") << "\n"
     << "traversals  stream (vectors along the class axis), inner (vectors of "
        "neighbouring rows), reference (scalar loops)\n"
     << "emit        " << llvm::join(getEmitKinds(), ", ") << "\n"
     << "not in this version  --backend=halide tune cache\n";
  return 0;
}

llvm::Expected<int> softmax::runDoctor() {
  llvm::raw_ostream &os = llvm::outs();
  os << "softmax-gen " << kVersion << ", LLVM " << LLVM_VERSION_STRING << "\n";
  llvm::Expected<CPUTarget> host = parseCPUTarget("host");
  if (host)
    os << "host        " << host->cpu << ", "
       << stringifyIsa(host->isa) << ", " << host->vectorBits
       << "-bit vectors, " << std::thread::hardware_concurrency()
       << " processors\n";
  else
    os << "host        " << llvm::toString(host.takeError()) << "\n";
  struct Tool {
    StringRef purpose, package;
    SmallVector<StringRef> names;
  };
  Tool tools[] = {
      {"--emit=so", "gcc", {"cc", "clang", "clang-22", "gcc"}},
      {"--emit=so for other machines", "lld-22", {"ld.lld", "ld.lld-22"}},
      {"running AArch64 kernels here", "qemu-user", {"qemu-aarch64"}},
  };
  for (const Tool &tool : tools) {
    std::string found;
    for (StringRef name : tool.names)
      if (found.empty())
        if (auto path = llvm::sys::findProgramByName(name))
          found = *path;
    os << "tool        " << tool.purpose << ": "
       << (found.empty() ? "missing; apt-get install " + tool.package.str()
                         : found)
       << "\n";
  }
  os << "network     never used; kernels compile nothing when they run\n";
  return 0;
}

llvm::Expected<int> softmax::runExplain(StringRef directory) {
  std::error_code error;
  unsigned count = 0;
  for (llvm::sys::fs::directory_iterator it(directory, error), end;
       it != end && !error; it.increment(error)) {
    StringRef path = it->path();
    if (!path.ends_with(".manifest.json"))
      continue;
    auto buffer = llvm::MemoryBuffer::getFile(path);
    if (!buffer)
      return llvm::make_error<EmitError>(ExitCode::WrongRequest,
                                         "cannot read '" + path.str() + "'");
    auto parsed = llvm::json::parse((*buffer)->getBuffer());
    llvm::json::Object *manifest = parsed ? parsed->getAsObject() : nullptr;
    if (!manifest) {
      if (!parsed)
        llvm::consumeError(parsed.takeError());
      return llvm::make_error<EmitError>(
          ExitCode::WrongRequest,
          "'" + path.str() + "' is no manifest; emit the kernel again");
    }
    ++count;
    llvm::outs() << manifest->getString("name").value_or("?") << "\n"
                 << "  command   "
                 << manifest->getString("command").value_or("?") << "\n"
                 << "  error     "
                 << manifest->getString("error_bound").value_or("?") << "\n";
    if (llvm::json::Array *variants = manifest->getArray("variants"))
      for (llvm::json::Value &value : *variants) {
        llvm::json::Object *variant = value.getAsObject();
        if (!variant)
          continue;
        StringRef schedule = variant->getString("schedule").value_or("");
        llvm::outs() << "  variant   "
                     << variant->getString("target").value_or("?") << ": "
                     << schedule << "\n";
        StringRef reason =
            schedule.contains("traversal = stream")
                ? "stream: vectors along the class axis, a row is read once "
                  "for its sums"
            : schedule.contains("traversal = inner")
                ? "inner: the class axis is not the last one, the lanes of a "
                  "vector are neighbouring rows"
                : "reference: scalar loops";
        llvm::outs() << "            " << reason << "\n";
      }
  }
  if (count == 0)
    return llvm::make_error<EmitError>(ExitCode::WrongRequest,
                                       "no *.manifest.json in '" +
                                           directory.str() +
                                           "'; emit a kernel into it first");
  return 0;
}
