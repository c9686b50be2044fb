// Facts of the machines that kernels are written for.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "codegen/Target.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/TargetParser/Host.h"
#include "llvm/TargetParser/Triple.h"

using namespace mlir;
using namespace mlir::softmax;

/// Break-even of non-temporal stores: an output this large does not stay in the
/// part of the last-level cache that one thread can count on.
static constexpr int64_t kNontemporalBytes = 4 << 20;

static constexpr llvm::StringLiteral kNames[] = {
    "host",    "x86-64",      "x86-64-v3", "x86-64-v4",
    "aarch64", "aarch64+sve", "riscv64+v", "wasm32"};

llvm::ArrayRef<llvm::StringLiteral> softmax::getCPUTargetNames() {
  return kNames;
}

std::string CPUTarget::symbolSuffix() const {
  std::string suffix = name;
  for (char &c : suffix)
    if (!llvm::isAlnum(c))
      c = '_';
  return suffix;
}

static CPUTarget x86(StringRef name, Isa isa, StringRef cpu,
                     StringRef features) {
  int64_t bits = isa == Isa::AVX512 ? 512 : isa == Isa::AVX2 ? 256 : 128;
  int64_t level = isa == Isa::AVX512 ? 2 : isa == Isa::AVX2 ? 1 : 0;
  return {name.str(), "x86_64-unknown-linux-gnu", cpu.str(), features.str(),
          isa,        bits,                       level,     kNontemporalBytes};
}

/// The machine the tool runs on, with the instructions LLVM finds there.
static llvm::Expected<CPUTarget> host() {
  llvm::Triple triple(llvm::sys::getProcessTriple());
  llvm::StringMap<bool> found = llvm::sys::getHostCPUFeatures();
  std::vector<std::string> features;
  for (const auto &feature : found)
    features.push_back((feature.second ? "+" : "-") + feature.first().str());
  llvm::sort(features); // so that the same machine gives the same object
  std::string list = llvm::join(features, ",");
  StringRef cpu = llvm::sys::getHostCPUName();
  auto has = [&](std::initializer_list<StringRef> names) {
    return llvm::all_of(names, [&](StringRef n) { return found.lookup(n); });
  };
  if (triple.getArch() == llvm::Triple::x86_64) {
    bool avx2 = has({"avx2", "fma", "f16c", "bmi", "bmi2", "lzcnt", "movbe"});
    bool avx512 = avx2 && has({"avx512f", "avx512bw", "avx512cd", "avx512dq",
                               "avx512vl"});
    Isa isa = avx512 ? Isa::AVX512 : avx2 ? Isa::AVX2 : Isa::SSE2;
    CPUTarget target = x86("host", isa, cpu, list);
    target.triple = triple.str();
    return target;
  }
  if (triple.isAArch64()) {
    CPUTarget target{"host", triple.str(), cpu.str(), list,
                     Isa::NEON, 128, 0, -1};
    return target;
  }
  return llvm::createStringError(
      "target 'host' is not known for " + triple.str() +
      "; name one of the others, e.g. --target-cpu=aarch64");
}

llvm::Expected<CPUTarget> softmax::parseCPUTarget(StringRef name) {
  if (name == "host")
    return host();
  if (name == "x86-64")
    return x86(name, Isa::SSE2, "x86-64", "");
  // 512-bit vectors are what the schedule asks for; without the preference LLVM
  // would split them on the generic v4.
  if (name == "x86-64-v3")
    return x86(name, Isa::AVX2, "x86-64-v3", "");
  if (name == "x86-64-v4")
    return x86(name, Isa::AVX512, "x86-64-v4", "-prefer-256-bit");
  if (name == "aarch64")
    return CPUTarget{name.str(), "aarch64-unknown-linux-gnu", "generic",
                     "+neon",    Isa::NEON, 128, 0, -1};
  if (name == "aarch64+sve")
    return CPUTarget{name.str(), "aarch64-unknown-linux-gnu", "generic",
                     "+neon,+sve", Isa::SVE, 128, 1, -1};
  if (name == "riscv64+v")
    return CPUTarget{name.str(), "riscv64-unknown-linux-gnu", "generic-rv64",
                     "+m,+a,+f,+d,+c,+v", Isa::RVV, 128, 0, -1};
  if (name == "wasm32")
    return CPUTarget{name.str(), "wasm32-unknown-unknown", "generic",
                     "+simd128", Isa::SIMD128, 128, 0, -1};
  return llvm::createStringError("unknown target '" + name +
                                 "'; expected one of " +
                                 llvm::join(getCPUTargetNames(), ", "));
}
