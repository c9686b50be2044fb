// Verifiers and derived queries of the schedules.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "dialect/softmax/Softmax.h"

#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace mlir::softmax;

LogicalResult CPUScheduleAttr::verify(
    function_ref<InFlightDiagnostic()> emitError, Traversal traversal, Isa isa,
    int64_t lanes, int64_t unroll, int64_t block, int64_t prefetch,
    int64_t nontemporal, int64_t rowsPerTask, int64_t tile, Threads, Accuracy) {
  if (lanes < 1 || lanes > 64 || !llvm::isPowerOf2_64(lanes)) // C1
    return emitError() << "expected 'lanes' to be a power of two in [1, 64], "
                          "got "
                       << lanes;
  if (unroll < 1 || unroll > 8) // C2
    return emitError() << "expected 'unroll' in [1, 8], got " << unroll;
  bool inner = traversal == Traversal::Inner;
  int64_t unit = inner ? 8 : 2 * lanes * unroll;
  if (block < 1 || block > 65536 || block % unit != 0) // C3
    return emitError() << "expected 'block' to be a multiple of "
                       << (inner ? "8" : "2 * lanes * unroll (= ")
                       << (inner ? "" : std::to_string(unit) + ")")
                       << " in [1, 65536], got " << block;
  if (prefetch < 0 || prefetch > 65536) // C4
    return emitError() << "expected 'prefetch' in [0, 65536], got " << prefetch;
  bool streams =
      !inner && (isa == Isa::SSE2 || isa == Isa::AVX2 || isa == Isa::AVX512);
  if (nontemporal < -1 || (nontemporal != -1 && !streams)) // C5
    return emitError() << "expected 'nontemporal' to be -1 for '"
                       << stringifyIsa(isa) << "', got " << nontemporal;
  if (rowsPerTask < 1) // C6
    return emitError() << "expected 'rows_per_task' to be positive, got "
                       << rowsPerTask;
  bool vectors = traversal != Traversal::Reference;
  if (vectors != (isa != Isa::Scalar) || vectors != (lanes != 1)) // C7
    return emitError() << "expected vectors for traversal '"
                       << stringifyTraversal(traversal) << "': "
                       << (vectors ? "more than one lane and a vector ISA"
                                   : "one lane and the 'scalar' ISA")
                       << ", got " << lanes << " and '" << stringifyIsa(isa)
                       << "'";
  if (tile < 1 || tile > 4096 || (tile != 1 && !inner)) // C8
    return emitError() << "expected 'tile' in [1, 4096] for 'inner' and 1 for "
                          "other traversals, got "
                       << tile;
  return success();
}

CPUScheduleAttr CPUScheduleAttr::getReference(MLIRContext *context) {
  return get(context, Traversal::Reference, Isa::Scalar, /*lanes=*/1,
             /*unroll=*/1, /*block=*/4096, /*prefetch=*/0, /*nontemporal=*/-1,
             /*rows_per_task=*/1, /*tile=*/1, Threads::None,
             Accuracy::Accurate);
}

bool CPUScheduleAttr::isScalable() const {
  return getIsa() == Isa::SVE || getIsa() == Isa::RVV;
}

bool CPUScheduleAttr::hasFMA() const {
  switch (getIsa()) {
  case Isa::AVX2:
  case Isa::AVX512:
  case Isa::NEON:
  case Isa::SVE:
  case Isa::RVV:
    return true;
  case Isa::Scalar:
  case Isa::SSE2:
  case Isa::SIMD128:
    return false;
  }
  llvm_unreachable("unknown ISA");
}

bool CPUScheduleAttr::hasScalef() const { return getIsa() == Isa::AVX512; }

bool CPUScheduleAttr::hasHalfConversion() const {
  switch (getIsa()) {
  case Isa::AVX2:
  case Isa::AVX512:
  case Isa::NEON:
  case Isa::SVE:
    return true;
  case Isa::RVV: // needs Zvfhmin, which the V extension does not imply
  case Isa::Scalar:
  case Isa::SSE2:
  case Isa::SIMD128:
    return false;
  }
  llvm_unreachable("unknown ISA");
}

bool CPUScheduleAttr::hasMaskedAccess(unsigned bits) const {
  switch (getIsa()) {
  case Isa::AVX512:
  case Isa::SVE:
  case Isa::RVV:
    return true;
  case Isa::AVX2: // vmaskmov has no 16-bit form
    return bits >= 32;
  default:
    return false;
  }
}

LogicalResult
GPUScheduleAttr::verify(function_ref<InFlightDiagnostic()> emitError,
                        GPUIsa isa, Residence residence, int64_t threads,
                        int64_t block, int64_t vector, int64_t steps,
                        int64_t blocks, int64_t cluster, int64_t slices,
                        Exponential exp, Accuracy) {
  auto isPower = [](int64_t value) {
    return value >= 1 && value <= 1024 && llvm::isPowerOf2_64(value);
  };
  if (!isPower(threads) || !isPower(block) || threads > block) // G1
    return emitError() << "expected 'threads' and 'block' to be powers of two "
                          "with 1 <= threads <= block <= 1024, got "
                       << threads << " and " << block;
  int64_t widest = isa == GPUIsa::SPIRV ? 4 : 8;
  if (!isPower(vector) || vector > widest) // G2
    return emitError() << "expected 'vector' to be a power of two in [1, "
                       << widest << "] for '" << stringifyGPUIsa(isa)
                       << "', got " << vector;
  if (steps < 1 || steps > 64) // G3
    return emitError() << "expected 'steps' in [1, 64], got " << steps;
  if (blocks < 1 || blocks > 65535) // G4
    return emitError() << "expected 'blocks' in [1, 65535], got " << blocks;
  if (exp != Exponential::Polynomial && isa == GPUIsa::SPIRV) // G5
    return emitError() << "expected exp = polynomial for 'spirv'";
  if (!isPower(cluster) || cluster > 16) // G6
    return emitError() << "expected 'cluster' to be a power of two in [1, 16], "
                          "got "
                       << cluster;
  if (cluster > 1 && (isa != GPUIsa::NVVM || threads != block || threads < 32))
    return emitError() << "expected clusters for 'nvvm' only, with threads = "
                          "block >= 32";
  if (slices < 1 || slices > 64) // G7
    return emitError() << "expected 'slices' in [1, 64], got " << slices;
  if (slices > 1 && (residence != Residence::Memory || cluster > 1 ||
                     threads != block || slices > threads))
    return emitError() << "expected slices for residence = memory without "
                          "clusters, with slices <= threads = block";
  return success();
}

int64_t GPUScheduleAttr::getLanes() const {
  return getIsa() == GPUIsa::SPIRV ? 8 : 32;
}

bool GPUScheduleAttr::hasHalfTypes() const { return getIsa() != GPUIsa::SPIRV; }

bool GPUScheduleAttr::hasFMA() const { return getIsa() != GPUIsa::SPIRV; }
