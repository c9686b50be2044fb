// Comparisons, selections and operations on predicates.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "Lanes.h"

using namespace ptx;

namespace {

enum Relation : uint8_t { Eq, Ne, Lt, Le, Gt, Ge, Num, NaN };
enum Join : uint8_t { Plain, And, Or, Xor };

/// In `Instruction::mode`.
struct Mode {
  Relation relation;
  bool isUnordered; ///< true where an operand is NaN
  Join join;
  uint8_t pack() const { return relation | isUnordered << 3 | join << 4; }
  static Mode unpack(uint8_t mode) {
    return {static_cast<Relation>(mode & 7), (mode & 8) != 0,
            static_cast<Join>(mode >> 4)};
  }
};

template <class T, class Compare>
Mask compareAll(const T *a, const T *b, Compare compare) {
  Mask mask = 0;
  for (unsigned i = 0; i < kLanes; ++i)
    mask |= Mask{compare(a[i], b[i])} << i;
  return mask;
}

template <class T>
void runCompare(Warp &warp, const Instruction &instruction, Mask active) {
  const T *a = warp.at<T>(instruction.from[0]);
  const T *b = warp.at<T>(instruction.from[1]);
  Mode mode = Mode::unpack(instruction.mode);
  Mask nan = compareAll(a, b, [](T x, T y) { return x != x || y != y; });
  Mask mask = 0;
  switch (mode.relation) {
  case Eq:
    mask = compareAll(a, b, [](T x, T y) { return x == y; });
    break;
  case Ne:
    mask = compareAll(a, b, [](T x, T y) { return x != y; }) & ~nan;
    break;
  case Lt:
    mask = compareAll(a, b, [](T x, T y) { return x < y; });
    break;
  case Le:
    mask = compareAll(a, b, [](T x, T y) { return x <= y; });
    break;
  case Gt:
    mask = compareAll(a, b, [](T x, T y) { return x > y; });
    break;
  case Ge:
    mask = compareAll(a, b, [](T x, T y) { return x >= y; });
    break;
  case Num:
    mask = ~nan;
    break;
  case NaN:
    mask = nan;
    break;
  }
  if (mode.isUnordered)
    mask |= nan;
  Mask other = mode.join == Plain ? 0 : warp.read(instruction.from[2]);
  auto join = [&](Mask value) {
    return mode.join == And   ? value & other
           : mode.join == Or  ? value | other
           : mode.join == Xor ? value ^ other
                              : value;
  };
  warp.write(instruction.to[0], join(mask), active);
  if (instruction.to.size() == 2)
    warp.write(instruction.to[1], join(~mask), active);
}

template <class T>
void runSelect(Warp &warp, const Instruction &instruction, Mask active) {
  const T *a = warp.at<T>(instruction.from[0]);
  const T *b = warp.at<T>(instruction.from[1]);
  Mask chosen = warp.read(instruction.from[2]);
  T values[kLanes];
  for (unsigned i = 0; i < kLanes; ++i)
    values[i] = chosen >> i & 1 ? a[i] : b[i];
  commit(warp.at<T>(instruction.to[0]), values, active);
}

void runPredicate(Warp &warp, const Instruction &instruction, Mask active) {
  Mask a = warp.read(instruction.from[0]);
  if (instruction.from.size() == 2) {
    Mask b = warp.read(instruction.from[1]);
    a = instruction.mode == And  ? a & b
        : instruction.mode == Or ? a | b
                                 : a ^ b;
  } else if (instruction.mode == Xor) { // not
    a = ~a;
  }
  warp.write(instruction.to[0], a, active);
}

Run compareOf(Type type) {
  switch (type) {
  case Type::B16:
  case Type::U16:
    return runCompare<uint16_t>;
  case Type::B32:
  case Type::U32:
    return runCompare<uint32_t>;
  case Type::B64:
  case Type::U64:
    return runCompare<uint64_t>;
  case Type::S16:
    return runCompare<int16_t>;
  case Type::S32:
    return runCompare<int32_t>;
  case Type::S64:
    return runCompare<int64_t>;
  case Type::F32:
    return runCompare<float>;
  case Type::F64:
    return runCompare<double>;
  default:
    return nullptr;
  }
}

void decodeSetp(Decoder &d) {
  static const std::map<std::string, Relation> relations = {
      {"eq", Eq}, {"ne", Ne}, {"lt", Lt},   {"le", Le},
      {"gt", Gt}, {"ge", Ge}, {"lo", Lt},   {"ls", Le},
      {"hi", Gt}, {"hs", Ge}, {"num", Num}, {"nan", NaN}};
  Type type = d.type();
  bool isFloat = type == Type::F32 || type == Type::F64;
  Mode mode = {Eq, false, Plain};
  std::string name = d.parts[1];
  if (isFloat && name.size() == 3 && name[2] == 'u') {
    mode.isUnordered = true;
    name.pop_back();
  }
  auto it = relations.find(name);
  if (it == relations.end() || (!isFloat && it->second >= Num))
    d.fail("comparison ." + d.parts[1] + " is not known");
  mode.relation = it->second;
  mode.join = d.has("and")   ? And
              : d.has("or")  ? Or
              : d.has("xor") ? Xor
                             : Plain;
  d.allow({d.parts[1].c_str(), "and", "or", "xor"});
  d.count(mode.join == Plain ? 3 : 4);
  Written &result = d.operands[0];
  if (result.kind == Written::List)
    for (const Written &part : result.parts)
      d.instruction.to.push_back(d.places.predicate(part, true));
  else
    d.instruction.to.push_back(d.places.predicate(result, true));
  unsigned size = sizeOf(type);
  for (int i : {1, 2})
    d.instruction.from.push_back(d.places.source(d.operands[i], size, false));
  if (mode.join != Plain)
    d.instruction.from.push_back(d.places.predicate(d.operands[3], false));
  d.instruction.mode = mode.pack();
  d.instruction.run = compareOf(type);
}

void decodeSelp(Decoder &d) {
  d.allow({});
  d.count(4);
  unsigned size = sizeOf(d.type());
  d.instruction.to.push_back(d.places.result(d.operands[0], size, false));
  for (int i : {1, 2})
    d.instruction.from.push_back(d.places.source(d.operands[i], size, false));
  d.instruction.from.push_back(d.places.predicate(d.operands[3], false));
  d.instruction.run = size == 2   ? runSelect<uint16_t>
                      : size == 4 ? runSelect<uint32_t>
                      : size == 8 ? runSelect<uint64_t>
                                  : nullptr;
}

void decodePredicate(Decoder &d) {
  d.allow({});
  bool isUnary = d.is("mov") || d.is("not");
  d.count(isUnary ? 2 : 3);
  d.instruction.to.push_back(d.places.predicate(d.operands[0], true));
  for (size_t i = 1; i < d.operands.size(); ++i)
    d.instruction.from.push_back(d.places.predicate(d.operands[i], false));
  d.instruction.mode = d.is("and")   ? And
                       : d.is("or")  ? Or
                       : d.is("mov") ? Plain
                                     : Xor;
  d.instruction.run = runPredicate;
}

} // namespace

bool ptx::decodeCompare(Decoder &d) {
  if (d.is("setp"))
    decodeSetp(d);
  else if (d.is("selp"))
    decodeSelp(d);
  else if ((d.is("and") || d.is("or") || d.is("xor") || d.is("not") ||
            d.is("mov")) &&
           d.type() == Type::Pred)
    decodePredicate(d);
  else
    return false;
  if (!d.instruction.run)
    d.fail("not known for this type");
  return true;
}
