// The words of a PTX text.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef TEST_PTX_TOKENS_H
#define TEST_PTX_TOKENS_H

#include "Program.h"

namespace ptx {

class Tokens {
public:
  explicit Tokens(const std::string &text);

  bool isEnd() const { return at == words.size(); }
  const std::string &peek() const;
  std::string take();
  bool accept(const char *word);
  void expect(const char *word);
  uint32_t line() const;

  bool isNumber() const;
  bool isLabel() const;
  std::string takeLabel();
  /// A whole number, two's complement where it is negative.
  uint64_t integer();
  /// A number of any kind.
  void number(Written &written);
  /// A type such as ".b32".
  Type type();

  [[noreturn]] void fail(const std::string &what) const;

private:
  struct Word {
    std::string text;
    uint32_t line;
  };
  std::vector<Word> words;
  size_t at = 0;
};

/// The type of this name, without the dot; None for another word.
Type typeOf(const std::string &name);

struct SharedVariable {
  std::string name;
  uint32_t address, size, align;
  bool isExternal; ///< dynamic memory; its address is not known yet
};
using SharedVariables = std::vector<SharedVariable>;
/// In the place of the address of dynamic memory until the end of a kernel.
constexpr uint32_t kExternalMark = 0xfffffff0;

/// After ".shared": adds one variable behind the others.
void parseShared(Tokens &tokens, SharedVariables &variables, uint32_t base,
                 bool isExternal = false);

} // namespace ptx

#endif // TEST_PTX_TOKENS_H
