// PTX text to modules: directives, operands as they are written, instructions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "KernelParser.h"

#include <algorithm>

using namespace ptx;

static uint64_t roundUp(uint64_t value, uint64_t multiple) {
  return (value + multiple - 1) / multiple * multiple;
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
    throw Fault(fault.code, "line " + std::to_string(instruction.line) + ": " +
                                opcode + ": " + fault.what());
  }
  kernel.code.push_back(std::move(instruction));
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
