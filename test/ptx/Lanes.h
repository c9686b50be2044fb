// Operations on all lanes of a warp.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef TEST_PTX_LANES_H
#define TEST_PTX_LANES_H

#include "Machine.h"

#include <cstring>

namespace ptx {

using Run = void (*)(Warp &, const Instruction &, Mask);

/// Stores what was computed in the lanes of the mask; `Count` values are those
/// of 32 lanes, so one or two of each.
template <class T, unsigned Count>
void commit(T *to, const T (&values)[Count], Mask active) {
  constexpr unsigned each = Count / kLanes;
  if (active == kAll) {
    std::memcpy(to, values, sizeof values);
    return;
  }
  for (Mask rest = active; rest; rest &= rest - 1) {
    unsigned lane = __builtin_ctz(rest);
    std::memcpy(to + lane * each, values + lane * each, sizeof(T) * each);
  }
}

/// An operation on one, two or three values of T; `Each` values in a register.
template <class Operation, class T, unsigned Each = 1>
void runUnary(Warp &warp, const Instruction &instruction, Mask active) {
  const T *a = warp.at<T>(instruction.from[0]);
  T values[kLanes * Each];
  for (unsigned i = 0; i < kLanes * Each; ++i)
    values[i] = Operation::apply(a[i]);
  commit(warp.at<T>(instruction.to[0]), values, active);
}
template <class Operation, class T, unsigned Each = 1>
void runBinary(Warp &warp, const Instruction &instruction, Mask active) {
  const T *a = warp.at<T>(instruction.from[0]);
  const T *b = warp.at<T>(instruction.from[1]);
  T values[kLanes * Each];
  for (unsigned i = 0; i < kLanes * Each; ++i)
    values[i] = Operation::apply(a[i], b[i]);
  commit(warp.at<T>(instruction.to[0]), values, active);
}
template <class Operation, class T, unsigned Each = 1>
void runTernary(Warp &warp, const Instruction &instruction, Mask active) {
  const T *a = warp.at<T>(instruction.from[0]);
  const T *b = warp.at<T>(instruction.from[1]);
  const T *c = warp.at<T>(instruction.from[2]);
  T values[kLanes * Each];
  for (unsigned i = 0; i < kLanes * Each; ++i)
    values[i] = Operation::apply(a[i], b[i], c[i]);
  commit(warp.at<T>(instruction.to[0]), values, active);
}

/// The parts of an opcode, and what decoding one needs. Those that know the
/// opcode fill the instruction and return true.
struct Decoder {
  std::vector<std::string> parts; ///< "add", "rn", "f32"
  std::vector<Written> &operands;
  Places &places;
  Instruction &instruction;

  bool is(const char *name) const { return parts[0] == name; }
  bool has(const char *modifier) const;
  /// The type with this number from the end.
  Type type(unsigned fromEnd = 0) const;
  /// An error unless all modifiers between name and type are among these.
  void allow(std::initializer_list<const char *> modifiers) const;
  /// One result and `sources` operands of these sizes.
  void take(unsigned resultSize, std::initializer_list<unsigned> sources);
  void count(size_t operands) const;
  [[noreturn]] void fail(const std::string &what) const;
};

bool decodeInteger(Decoder &);
bool decodeBits(Decoder &);
bool decodeFloat(Decoder &);
bool decodeCompare(Decoder &); ///< setp, selp, operations on predicates
bool decodeConvert(Decoder &); ///< cvt, mov
bool decodeMemory(Decoder &);
bool decodeControl(Decoder &); ///< barriers, shuffles, votes, ret

} // namespace ptx

#endif // TEST_PTX_LANES_H
