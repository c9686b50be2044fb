// The words of a PTX text, numbers, types and variables among them.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "Tokens.h"

#include <algorithm>
#include <cctype>

using namespace ptx;

static bool isWordCharacter(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '$' ||
         c == '.' || c == '%';
}

Tokens::Tokens(const std::string &text) {
  uint32_t line = 1;
  for (size_t i = 0; i < text.size();) {
    char c = text[i];
    if (c == '\n') {
      ++line;
      ++i;
    } else if (std::isspace(static_cast<unsigned char>(c)) || c == '\0') {
      ++i;
    } else if (text.compare(i, 2, "//") == 0) {
      i = std::min(text.find('\n', i), text.size());
    } else if (text.compare(i, 2, "/*") == 0) {
      size_t end = text.find("*/", i);
      end = end == std::string::npos ? text.size() : end + 2;
      line += std::count(text.begin() + i, text.begin() + end, '\n');
      i = end;
    } else if (isWordCharacter(c) ||
               (c == '-' && i + 1 < text.size() &&
                std::isdigit(static_cast<unsigned char>(text[i + 1])))) {
      // "::" belongs to the word in st.shared::cluster.
      size_t end = i + 1;
      while (end < text.size() && (isWordCharacter(text[end]) ||
                                   (text.compare(end, 2, "::") == 0 && ++end)))
        ++end;
      words.push_back({text.substr(i, end - i), line});
      i = end;
    } else {
      words.push_back({std::string(1, c), line});
      ++i;
    }
  }
}

void Tokens::fail(const std::string &what) const {
  throw Fault(kInvalidPtx, "line " + std::to_string(line()) + ": " + what);
}

uint32_t Tokens::line() const {
  if (words.empty())
    return 0;
  return words[std::min(at, words.size() - 1)].line;
}

const std::string &Tokens::peek() const {
  if (isEnd())
    fail("the text ends");
  return words[at].text;
}

std::string Tokens::take() {
  std::string word = peek();
  ++at;
  return word;
}

bool Tokens::accept(const char *word) {
  if (isEnd() || words[at].text != word)
    return false;
  ++at;
  return true;
}

void Tokens::expect(const char *word) {
  if (!accept(word))
    fail("expected '" + std::string(word) + "', found '" + peek() + "'");
}

bool Tokens::isNumber() const {
  if (isEnd())
    return false;
  char c = words[at].text[0];
  return std::isdigit(static_cast<unsigned char>(c)) || c == '-';
}

bool Tokens::isLabel() const {
  return at + 1 < words.size() && words[at + 1].text == ":";
}

std::string Tokens::takeLabel() {
  std::string name = take();
  expect(":");
  return name;
}

uint64_t Tokens::integer() {
  std::string word = take();
  bool isNegative = word[0] == '-';
  size_t end = 0;
  uint64_t value = 0;
  try {
    value = std::stoull(word.substr(isNegative), &end, 0);
  } catch (const std::exception &) {
  }
  if (end + isNegative != word.size() && word.substr(end + isNegative) != "U")
    fail("'" + word + "' is no whole number");
  return isNegative ? -value : value;
}

void Tokens::number(Written &written) {
  const std::string &word = peek();
  bool isSingle =
      word.compare(0, 2, "0f") == 0 || word.compare(0, 2, "0F") == 0;
  written.isDouble =
      word.compare(0, 2, "0d") == 0 || word.compare(0, 2, "0D") == 0;
  if (!isSingle && !written.isDouble) {
    written.kind = Written::Integer;
    written.value = integer();
    return;
  }
  written.kind = Written::Float;
  size_t end = 0;
  if (word.size() == (isSingle ? 10u : 18u))
    written.value = std::stoull(word.substr(2), &end, 16);
  if (end + 2 != word.size())
    fail("'" + word + "' is no number");
  ++at;
}

Type ptx::typeOf(const std::string &name) {
  static const std::map<std::string, Type> types = {
      {"pred", Type::Pred},   {"b8", Type::B8},         {"b16", Type::B16},
      {"b32", Type::B32},     {"b64", Type::B64},       {"u8", Type::U8},
      {"u16", Type::U16},     {"u32", Type::U32},       {"u64", Type::U64},
      {"s8", Type::S8},       {"s16", Type::S16},       {"s32", Type::S32},
      {"s64", Type::S64},     {"f16", Type::F16},       {"f16x2", Type::F16x2},
      {"bf16", Type::BF16},   {"bf16x2", Type::BF16x2}, {"f32", Type::F32},
      {"f32x2", Type::F32x2}, {"f64", Type::F64}};
  auto it = types.find(name);
  return it == types.end() ? Type::None : it->second;
}

Type Tokens::type() {
  std::string word = take();
  Type type = word[0] == '.' ? typeOf(word.substr(1)) : Type::None;
  if (type == Type::None)
    fail("'" + word + "' is no type");
  return type;
}

void ptx::parseShared(Tokens &tokens, SharedVariables &variables, uint32_t base,
                      bool isExternal) {
  SharedVariable variable = {};
  variable.isExternal = isExternal;
  if (tokens.accept(".align"))
    variable.align = tokens.integer();
  unsigned size = sizeOf(tokens.type());
  variable.align = std::max(variable.align, size);
  variable.name = tokens.take();
  uint64_t count = 1;
  if (tokens.accept("[")) {
    count = isExternal ? 0 : tokens.integer();
    tokens.expect("]");
  }
  tokens.expect(";");
  variable.size = size * count;
  uint32_t end = base;
  for (const SharedVariable &other : variables)
    if (!other.isExternal)
      end = std::max(end, other.address + other.size);
  variable.address =
      (end + variable.align - 1) / variable.align * variable.align;
  variables.push_back(variable);
}
