// The places of operands: registers, constants, special registers, parameters,
// and variables of shared memory. SPDX-License-Identifier: Apache-2.0 WITH
// LLVM-exception

#include "KernelParser.h"

#include <algorithm>
#include <cstring>

using namespace ptx;

unsigned ptx::sizeOf(Type type) {
  switch (type) {
  case Type::None:
    return 0;
  case Type::B8:
  case Type::U8:
  case Type::S8:
    return 1;
  case Type::B16:
  case Type::U16:
  case Type::S16:
  case Type::F16:
  case Type::BF16:
    return 2;
  case Type::B64:
  case Type::U64:
  case Type::S64:
  case Type::F64:
  case Type::F32x2:
    return 8;
  default:
    return 4;
  }
}

static const std::map<std::string, Special> kSpecials = {
    {"%tid.x", Special::TidX},
    {"%tid.y", Special::TidY},
    {"%tid.z", Special::TidZ},
    {"%ntid.x", Special::NtidX},
    {"%ntid.y", Special::NtidY},
    {"%ntid.z", Special::NtidZ},
    {"%ctaid.x", Special::CtaidX},
    {"%ctaid.y", Special::CtaidY},
    {"%ctaid.z", Special::CtaidZ},
    {"%nctaid.x", Special::NctaidX},
    {"%nctaid.y", Special::NctaidY},
    {"%nctaid.z", Special::NctaidZ},
    {"%laneid", Special::LaneId},
    {"%warpid", Special::WarpId},
    {"%cluster_ctaid.x", Special::ClusterCtaidX},
    {"%cluster_nctaid.x", Special::ClusterNctaidX},
    {"%cluster_ctarank", Special::ClusterCtarank},
    {"%cluster_nctarank", Special::ClusterNctarank},
    {"%clusterid.x", Special::ClusterIdX},
    {"%nclusterid.x", Special::NclusterIdX},
    {"%lanemask_lt", Special::LanemaskLt},
};

Operand KernelParser::allocate(unsigned size) {
  Operand operand;
  operand.offset = kernel.registerBytes;
  operand.index = kernel.registerCount++;
  operand.size = size;
  kernel.registerBytes += size * kLanes;
  return operand;
}

Operand KernelParser::constant(uint64_t value, unsigned size) {
  if (size < 8)
    value &= (uint64_t{1} << 8 * size) - 1;
  auto [it, isNew] = constants.try_emplace({value, size});
  if (isNew) {
    it->second = allocate(size);
    kernel.constants.push_back(
        {it->second.offset, static_cast<uint8_t>(size), value});
    kernel.written.push_back(it->second.index);
  }
  return it->second;
}

Operand KernelParser::find(const Written &written, bool mayBeSpecial) {
  auto it = registers.find(written.name);
  if (it != registers.end())
    return it->second;
  auto special = kSpecials.find(written.name);
  if (special == kSpecials.end() || !mayBeSpecial)
    tokens.fail("no register " + written.name);
  Operand operand = allocate(4);
  registers[written.name] = operand;
  kernel.specials.push_back({special->second, operand});
  kernel.written.push_back(operand.index);
  return operand;
}

Operand KernelParser::source(const Written &written, unsigned size,
                             bool mayBeWider) {
  switch (written.kind) {
  case Written::Integer:
    return constant(written.value, size);
  case Written::Float: {
    uint64_t bits = written.value;
    if (written.isDouble && size == 4) {
      double wide;
      std::memcpy(&wide, &bits, sizeof wide);
      float narrow = static_cast<float>(wide);
      uint32_t word;
      std::memcpy(&word, &narrow, sizeof word);
      bits = word;
    } else if (written.isDouble != (size == 8)) {
      tokens.fail("a number of another size than its instruction");
    }
    return constant(bits, size);
  }
  case Written::Symbol:
    return constant(sharedAddress(written.name), size);
  case Written::Register: {
    Operand operand = find(written, true);
    if (operand.isPredicate || operand.size < size ||
        (operand.size > size && !mayBeWider))
      tokens.fail(written.name + " has not the size of the instruction");
    return operand;
  }
  default:
    tokens.fail("an operand of another kind than expected");
  }
}

Operand KernelParser::result(const Written &written, unsigned size,
                             bool mayBeWider) {
  if (written.kind == Written::Nothing)
    return {};
  if (written.kind != Written::Register)
    tokens.fail("a result that is no register");
  Operand operand = find(written, false);
  if (operand.isPredicate || operand.size < size ||
      (operand.size > size && !mayBeWider))
    tokens.fail(written.name + " has not the size of the instruction");
  return operand;
}

Operand KernelParser::predicate(const Written &written, bool isResult) {
  if (written.kind == Written::Integer && !isResult) {
    Operand operand = constant(written.value ? kAll : 0, 4);
    operand.isPredicate = true;
    return operand;
  }
  if (written.kind == Written::Nothing && isResult)
    return {};
  if (written.kind != Written::Register)
    tokens.fail("expected a predicate");
  Operand operand = find(written, false);
  if (!operand.isPredicate)
    tokens.fail(written.name + " is no predicate");
  operand.negated = written.negated;
  return operand;
}

uint32_t KernelParser::parameter(const std::string &name) {
  auto it = parameters.find(name);
  if (it == parameters.end())
    tokens.fail("no parameter " + name);
  return it->second;
}

uint32_t KernelParser::sharedAddress(const std::string &name) {
  for (const SharedVariable &variable : variables)
    if (variable.name == name)
      // That of dynamic memory is known only when all others are.
      return variable.isExternal ? kExternalMark : variable.address;
  tokens.fail("no variable " + name);
}

/// Dynamic memory begins behind all static variables.
void KernelParser::layOutShared() {
  uint32_t end = kSharedBase, align = 16;
  for (const SharedVariable &variable : variables)
    if (variable.isExternal)
      align = std::max(align, variable.align);
    else
      end = std::max(end, variable.address + variable.size);
  kernel.sharedBytes = end - kSharedBase;
  for (const SharedVariable &variable : variables)
    if (variable.isExternal)
      kernel.sharedBytes = (end + align - 1) / align * align - kSharedBase;
  for (Constant &constant : kernel.constants)
    if (constant.value == kExternalMark)
      constant.value = kSharedBase + kernel.sharedBytes;
}
