// What a schedule is expected to cost on a GPU.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef CODEGEN_GPU_COSTMODEL_H
#define CODEGEN_GPU_COSTMODEL_H

#include "codegen/gpu/Target.h"

namespace mlir::softmax {

/// What selection has to know of a function: the longest rows that it sweeps.
struct GPUWork {
  row::ProgramOp program;
  int64_t columns = 0;     ///< ShapedType::kDynamic when not known
  int64_t rows = 0;        ///< the same
  int64_t reads = 1;       ///< row operands whose elements are read
  int64_t readBytes = 4;   ///< of all of them, for a column
  int64_t writeBytes = 0;  ///< of all results along the class axis
  unsigned narrowest = 32; ///< bits of the narrowest operand
  unsigned widest = 32;
  int64_t sweeps = 1;     ///< of reductions, `sweepsOf`
  bool innermost = true;  ///< class axis last in every operand
  bool contiguous = true; ///< and without strides known at run time only
};

/// The time of a launch, and what it is made of.
struct GPUCost {
  double seconds;
  double memorySeconds; ///< what memory needs for every element once
  StringRef boundBy;    ///< "memory", "instructions" or "latency"
  int64_t registers;    ///< of a thread, estimated
  int64_t blocksPerMultiprocessor;
};

/// Assumed where the number of rows or columns is known at run time only:
/// enough to fill a device, and rows of a vocabulary.
constexpr int64_t kManyRows = 32768, kLongRow = 32768;

/// Null when the schedule does not fit the device: registers, shared memory.
///
/// The model, for all rows of a launch: the largest of
///   * bytes over the device's bandwidth, a second read of a row counting less
///     where the rows at hand fit into the cache;
///   * instructions over what the multiprocessors issue;
///   * rows times their latency (a load, the exchanges, the arithmetic of one
///     row) over the rows in flight, which registers, threads and shared memory
///     limit: Little's law.
/// Few rows leave multiprocessors idle, whose share of the bandwidth is lost.
/// Unit counts, latencies and the 64 bytes per clock that a multiprocessor can
/// take in are the vendors' or published measurements, see codegen/README.md.
std::optional<GPUCost> estimateCost(const GPUTarget &machine,
                                    const GPUWork &work,
                                    GPUScheduleAttr schedule);

} // namespace mlir::softmax

#endif // CODEGEN_GPU_COSTMODEL_H
