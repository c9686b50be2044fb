// Opcodes to functions: what all families of them share.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "Lanes.h"
#include "Tokens.h"

#include <algorithm>

using namespace ptx;

void Decoder::fail(const std::string &what) const {
  throw Fault(kInvalidPtx, what);
}

bool Decoder::has(const char *modifier) const {
  return std::find(parts.begin() + 1, parts.end(), modifier) != parts.end();
}

Type Decoder::type(unsigned fromEnd) const {
  Type type = fromEnd + 1 < parts.size()
                  ? typeOf(parts[parts.size() - 1 - fromEnd])
                  : Type::None;
  if (type == Type::None)
    fail("not known: it has no type at its end");
  return type;
}

void Decoder::allow(std::initializer_list<const char *> modifiers) const {
  for (size_t i = 1; i < parts.size(); ++i)
    if (typeOf(parts[i]) == Type::None &&
        std::find(modifiers.begin(), modifiers.end(), parts[i]) ==
            modifiers.end())
      fail("modifier ." + parts[i] + " is not known");
}

void Decoder::count(size_t expected) const {
  if (operands.size() != expected)
    fail("has " + std::to_string(operands.size()) + " operands, expected " +
         std::to_string(expected));
}

void Decoder::take(unsigned resultSize,
                   std::initializer_list<unsigned> sources) {
  count(1 + sources.size());
  instruction.to.push_back(places.result(operands[0], resultSize, false));
  size_t i = 0;
  for (unsigned size : sources)
    instruction.from.push_back(places.source(operands[++i], size, false));
}

static std::vector<std::string> split(const std::string &opcode) {
  std::vector<std::string> parts;
  for (size_t begin = 0; begin <= opcode.size();) {
    size_t end = std::min(opcode.find('.', begin), opcode.size());
    parts.push_back(opcode.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

void ptx::decode(const std::string &opcode, std::vector<Written> &operands,
                 Places &places, Instruction &instruction) {
  Decoder decoder{split(opcode), operands, places, instruction};
  for (auto family : {decodeInteger, decodeBits, decodeFloat, decodeCompare,
                      decodeConvert, decodeMemory, decodeControl})
    if (family(decoder))
      return;
  decoder.fail("not known");
}
