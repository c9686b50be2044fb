// PTX text to modules: tokens, directives, and the places of all operands.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "Shared.h"
#include "Tokens.h"

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

namespace {



const std::map<std::string, Special> kSpecials = {
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

uint64_t roundUp(uint64_t value, uint64_t multiple) {
  return (value + multiple - 1) / multiple * multiple;
}

/// One kernel while it is read.
class KernelParser : public Places {
public:
  KernelParser(Tokens &tokens, Module &module, const SharedVariables &outer)
      : tokens(tokens), module(module), variables(outer) {}

  Kernel parse();

  Operand source(const Written &, unsigned size, bool mayBeWider) override;
  Operand result(const Written &, unsigned size, bool mayBeWider) override;
  Operand predicate(const Written &, bool isResult) override;
  uint32_t parameter(const std::string &name) override;
  void accessShared(unsigned bytes) override {
    kernel.sharedGranule = std::min(kernel.sharedGranule, bytes);
  }

private:
  void parseParameters();
  void parseRegisters();
  void parseInstruction();
  Written parseOperand();
  Operand find(const Written &, bool mayBeSpecial);
  Operand allocate(unsigned size);
  Operand constant(uint64_t value, unsigned size);
  void layOutShared();
  uint32_t sharedAddress(const std::string &name);

  Tokens &tokens;
  Module &module;
  Kernel kernel;
  SharedVariables variables;
  std::map<std::string, Operand> registers;
  std::map<std::pair<uint64_t, unsigned>, Operand> constants;
  std::map<std::string, uint32_t> parameters, labels;
  std::vector<std::pair<size_t, std::string>> branches;
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

void KernelParser::parseParameters() {
  tokens.expect("(");
  while (!tokens.accept(")")) {
    tokens.expect(".param");
    unsigned align = 0, size = 0;
    if (tokens.accept(".align"))
      align = tokens.integer();
    size = sizeOf(tokens.type());
    std::string name = tokens.take();
    if (tokens.accept("[")) {
      size *= tokens.integer();
      tokens.expect("]");
    }
    uint32_t offset = roundUp(kernel.parameterBytes, align ? align : size);
    parameters[name] = offset;
    kernel.parameters.push_back({offset, size});
    kernel.parameterBytes = offset + size;
    tokens.accept(",");
  }
}

/// After ".reg".
void KernelParser::parseRegisters() {
  Type type = tokens.type();
  do {
    std::string name = tokens.take();
    uint64_t count = 0;
    bool isRange = tokens.accept("<");
    if (isRange) {
      count = tokens.integer();
      tokens.expect(">");
    }
    for (uint64_t i = 0; i < std::max<uint64_t>(count, 1); ++i) {
      Operand operand;
      if (type == Type::Pred) {
        // A mask, in the place of one lane.
        operand.offset = kernel.registerBytes;
        operand.index = kernel.registerCount++;
        operand.size = 4;
        operand.isPredicate = true;
        kernel.registerBytes += 64;
      } else {
        operand = allocate(std::max(2u, sizeOf(type)));
      }
      registers[isRange ? name + std::to_string(i) : name] = operand;
    }
  } while (tokens.accept(","));
  tokens.expect(";");
}

uint32_t KernelParser::sharedAddress(const std::string &name) {
  for (const SharedVariable &variable : variables)
    if (variable.name == name)
      // That of dynamic memory is known only when all others are.
      return variable.isExternal ? kExternalMark : variable.address;
  tokens.fail("no variable " + name);
}

Written KernelParser::parseOperand() {
  Written written;
  written.kind = Written::Register;
  if (tokens.accept("!")) {
    written = parseOperand();
    written.negated = true;
  } else if (tokens.accept("{")) {
    written.kind = Written::List;
    do
      written.parts.push_back(parseOperand());
    while (tokens.accept(","));
    tokens.expect("}");
  } else if (tokens.accept("[")) {
    written.kind = Written::Address;
    if (tokens.isNumber()) {
      Written base;
      base.kind = Written::Integer;
      base.value = tokens.integer();
      written.parts.push_back(base);
    } else {
      written.parts.push_back(parseOperand());
    }
    if (tokens.accept("+"))
      written.offset = static_cast<int64_t>(tokens.integer());
    else if (tokens.isNumber()) // "[%rd-4]"
      written.offset = static_cast<int64_t>(tokens.integer());
    tokens.expect("]");
  } else if (tokens.isNumber()) {
    tokens.number(written);
  } else if (tokens.accept("_")) {
    written.kind = Written::Nothing;
  } else {
    written.name = tokens.take();
    if (written.name[0] != '%')
      written.kind = Written::Symbol;
  }
  if (tokens.accept("|")) {
    Written pair;
    pair.kind = Written::List;
    pair.parts = {written, parseOperand()};
    return pair;
  }
  return written;
}

void KernelParser::parseInstruction() {
  Instruction instruction;
  instruction.line = tokens.line();
  if (tokens.accept("@")) {
    instruction.isGuarded = true;
    instruction.guard = predicate(parseOperand(), false);
  }
  std::string opcode = tokens.take();
  module.opcodes.push_back(std::make_unique<std::string>(opcode));
  instruction.opcode = module.opcodes.back()->c_str();
  std::vector<Written> operands;
  while (!tokens.accept(";")) {
    operands.push_back(parseOperand());
    if (!tokens.accept(",")) {
      tokens.expect(";");
      break;
    }
  }
  try {
    if (opcode == "bra" || opcode == "bra.uni") {
      if (operands.size() != 1)
        tokens.fail("a branch has one target");
      instruction.kind = Kind::Branch;
      branches.push_back({kernel.code.size(), operands[0].name});
    } else {
      decode(opcode, operands, *this, instruction);
    }
  } catch (const Fault &fault) {
    throw Fault(fault.code, "line " + std::to_string(instruction.line) +
                                ": " + opcode + ": " + fault.what());
  }
  kernel.code.push_back(std::move(instruction));
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
      kernel.sharedBytes = roundUp(end, align) - kSharedBase;
  for (Constant &constant : kernel.constants)
    if (constant.value == kExternalMark)
      constant.value = kSharedBase + kernel.sharedBytes;
}

Kernel KernelParser::parse() {
  kernel.name = tokens.take();
  parseParameters();
  while (!tokens.accept("{")) {
    std::string directive = tokens.take();
    std::vector<uint64_t> values;
    while (tokens.isNumber()) {
      values.push_back(tokens.integer());
      tokens.accept(",");
    }
    if (directive == ".maxntid" || directive == ".reqntid") {
      kernel.maxThreads = 1;
      for (uint64_t value : values)
        kernel.maxThreads *= value;
    } else if (directive != ".minnctapersm" && directive != ".maxnreg") {
      tokens.fail("directive " + directive + " is not known");
    }
  }
  while (!tokens.accept("}")) {
    if (tokens.accept(".reg"))
      parseRegisters();
    else if (tokens.accept(".shared"))
      parseShared(tokens, variables, kSharedBase);
    else if (tokens.peek()[0] == '.')
      tokens.fail("directive " + tokens.peek() + " is not known");
    else if (tokens.isLabel())
      labels[tokens.takeLabel()] = kernel.code.size();
    else
      parseInstruction();
  }
  // Control that runs over the end is as good as a return.
  kernel.code.emplace_back();
  kernel.code.back().kind = Kind::Exit;
  kernel.isLabel.assign(kernel.code.size() + 1, false);
  for (const auto &[at, name] : branches) {
    auto label = labels.find(name);
    if (label == labels.end())
      tokens.fail("no label " + name);
    kernel.code[at].target = label->second;
    kernel.isLabel[label->second] = true;
  }
  layOutShared();
  return std::move(kernel);
}

} // namespace

std::unique_ptr<Module> ptx::parse(const std::string &text) {
  Tokens tokens(text);
  auto module = std::make_unique<Module>();
  SharedVariables outer;
  while (!tokens.isEnd()) {
    if (tokens.accept(".version")) {
      tokens.take();
    } else if (tokens.accept(".target")) {
      std::string name = tokens.take();
      if (name.compare(0, 3, "sm_") != 0)
        tokens.fail("target " + name + " is not known");
      module->target = std::stoi(name.substr(3));
      module->isExact = name.back() == 'a';
    } else if (tokens.accept(".address_size")) {
      if (tokens.integer() != 64)
        tokens.fail("addresses have 64 bits");
    } else if (tokens.accept(".visible") || tokens.accept(".weak")) {
    } else if (tokens.accept(".entry")) {
      Kernel kernel = KernelParser(tokens, *module, outer).parse();
      std::string name = kernel.name;
      module->kernels[name] = std::move(kernel);
    } else if (tokens.accept(".extern")) {
      tokens.expect(".shared");
      parseShared(tokens, outer, kSharedBase, /*isExternal=*/true);
    } else if (tokens.accept(".shared")) {
      parseShared(tokens, outer, kSharedBase);
    } else {
      tokens.fail("'" + tokens.peek() + "' is not known");
    }
  }
  return module;
}
