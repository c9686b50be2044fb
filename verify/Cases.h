// The cases that a kernel is run on: extents, data, labels, layout, misuse.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef VERIFY_CASES_H
#define VERIFY_CASES_H

#include "verify/GuardedBuffer.h"
#include "verify/Manifest.h"

#include "llvm/ADT/StringMap.h"

namespace mlir::softmax::verify {

/// What the numbers of a row are.
enum class Data {
  Normal,     ///< N(0,1)
  Wide,       ///< 8 N(0,1)
  Dominant15, ///< N(0,1), and one class 15 above 0
  Dominant20,
  Dominant25,
  Constant,      ///< equal logits
  ConstantLarge, ///< equal logits at 1e8
  Offset,        ///< N(0,1) + 1000 or - 1000
  Increasing,    ///< the maximum changes at every element
  TwoValued,     ///< one class above equal ones: sums whose roundings agree
  Subnormal,     ///< probabilities that are subnormal, and 0
  Huge,          ///< +-3e38
  SomeMinusInf,  ///< -inf at a tenth of the classes, the target excepted
  TargetMinusInf,
  PlusInf, ///< one +inf
  NaN,     ///< one NaN; without a loss also among -inf
  AllMinusInf,
  Finite, ///< all kinds up to Huge, in turn from row to row
  All     ///< all kinds, in turn from row to row
};

enum class Labels {
  Random, ///< a fifth of the rows are ignored
  AllIgnored,
  First,
  Last,
  OutOfRange ///< one row, otherwise random
};

/// Of the classes, where the loss has weights.
enum class Weights {
  Positive,
  SomeZero, ///< a fifth of the classes, targets among them
  AllZero,
  Cancelling ///< 1 and -1 in turn at the targets: D is 0 (E26)
};

/// Of tensors in a kernel with strides.
enum class Layout {
  Dense,
  Padded,
  Transposed,
  Spread,
  Broadcast ///< some operands have stride 0 along `broadcastAxis` (E43)
};

/// A call that has to be refused; nothing may be written.
enum class Misuse {
  None,
  NullPointer,
  NegativeExtent,
  ZeroStride,
  Alias,
  NullHook,
  NullWorkspace,
  NullStream,
  FailingHook ///< status only: what has been written is unspecified
};

struct Case {
  llvm::StringMap<int64_t> extents;
  Data data = Data::Normal;
  Labels labels = Labels::Random;
  Weights weights = Weights::Positive;
  Layout layout = Layout::Dense;
  Placement placement = Placement::End;
  unsigned misalignment = 0; ///< in elements
  /// Numbers of some operands are the same along this axis of the shape; -1:
  /// of none. That holds in any layout.
  int64_t broadcastAxis = -1;
  bool inPlace = false;
  /// The first result begins where the first operand ends: no overlap (E40).
  bool adjacent = false;
  unsigned cut = 0; ///< how a hook cuts the range of tasks
  Misuse misuse = Misuse::None;
  std::string victim;   ///< the argument that is misused
  unsigned overlap = 0; ///< of Misuse::Alias, in halves of the operand
  int64_t badLabel = 0; ///< for Labels::OutOfRange
  uint64_t seed = 0;

  /// All of it in one line, from which the case can be built again.
  std::string describe() const;
};

struct CaseLimits {
  int64_t elements = int64_t(1) << 22; ///< of a case with dynamic extents
  int64_t total = int64_t(1) << 26;    ///< of all cases of a kernel
  uint64_t seed = 1;
};

llvm::StringRef getName(Data data);
llvm::StringRef getName(Labels labels);

/// The axis of an operand along which its numbers are the same in the case;
/// -1 where there is none.
int64_t broadcastAxisOf(const Manifest &manifest, const Case &test,
                        const Argument &argument);

/// A shape with the extents of a case.
llvm::SmallVector<int64_t, 4> resolve(const std::vector<Extent> &shape,
                                      const Case &test);

/// The cases of a kernel, the most telling first; there are always some, even
/// when the shape alone exceeds the limits.
std::vector<Case> makeCases(const Manifest &manifest, const CaseLimits &limits);

} // namespace mlir::softmax::verify

#endif // VERIFY_CASES_H
