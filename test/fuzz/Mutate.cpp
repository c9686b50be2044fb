// Mutation of texts by tokens and of other inputs by bytes.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "test/fuzz/Fuzz.h"

#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/MemoryBuffer.h"

using namespace mlir::softmax;
using namespace mlir::softmax::fuzz;
using llvm::StringRef;

static constexpr size_t kLongest = 1 << 14;

uint64_t Random::next() {
  uint64_t z = state += 0x9e3779b97f4a7c15;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

/// Lines of the form "word", with C's escapes, as libFuzzer reads them.
llvm::ArrayRef<std::string> fuzz::getDictionary() {
  static const std::vector<std::string> words = [] {
    std::vector<std::string> read;
    auto buffer = llvm::MemoryBuffer::getFile(FUZZ_DICTIONARY);
    if (!buffer)
      finding("cannot read " FUZZ_DICTIONARY);
    for (StringRef line : llvm::split((*buffer)->getBuffer(), '\n')) {
      line = line.trim();
      if (!line.consume_front("\"") || !line.consume_back("\""))
        continue;
      std::string word;
      for (size_t i = 0; i < line.size(); ++i) {
        uint8_t byte;
        if (line[i] == '\\' && i + 1 < line.size()) {
          ++i;
          if (line[i] == 'x' && !line.substr(i + 1, 2).getAsInteger(16, byte)) {
            word += static_cast<char>(byte);
            i += 2;
            continue;
          }
        }
        word += line[i];
      }
      read.push_back(word);
    }
    return read;
  }();
  return words;
}

/// Words and numbers as a whole, everything else by character.
static llvm::SmallVector<StringRef> tokenize(StringRef text) {
  auto inWord = [](char c) {
    return llvm::isAlnum(c) || c == '_' || c == '.' || c == '%' || c == '#' ||
           c == '@' || c == '!' || c == '^';
  };
  llvm::SmallVector<StringRef> tokens;
  while (!text.empty()) {
    size_t length = text.find_if_not(inWord);
    length = length == StringRef::npos ? text.size() : std::max<size_t>(length, 1);
    tokens.push_back(text.take_front(length));
    text = text.drop_front(length);
  }
  return tokens;
}

static bool isNumber(StringRef token) {
  return !token.empty() && llvm::isDigit(token.front());
}

static std::string hostileNumber(Random &random) {
  static constexpr llvm::StringLiteral kNumbers[] = {
      "0", "1", "2", "3", "7", "8", "9", "16", "17", "64", "255", "4096",
      "65536", "65537", "2147483647", "2147483648", "4294967296",
      "4611686018427387904", "9223372036854775807", "9223372036854775808",
      "18446744073709551615", "18446744073709551616", "1.0e39", "1.0e-46",
      "0x7FC00000", "0x7F800000", "0x7FF8000000000000", "0x7FF0000000000000",
      "0.5", "1.0", "1.5"};
  return random.pick(kNumbers).str();
}

std::string fuzz::mutateText(StringRef input, StringRef other, Random &random) {
  llvm::SmallVector<StringRef> tokens = tokenize(input);
  llvm::SmallVector<StringRef> strange = tokenize(other);
  std::vector<std::string> made; // what tokens refer to
  made.reserve(64);
  auto make = [&](std::string text) -> StringRef {
    made.push_back(std::move(text));
    return made.back();
  };
  auto dictionary = getDictionary();
  unsigned changes = 1 + random.below(random.oneIn(4) ? 8 : 3);
  for (unsigned i = 0; i < changes; ++i) {
    size_t at = random.below(tokens.size() + 1);
    auto position = tokens.begin() + at;
    bool inside = at < tokens.size();
    switch (random.below(9)) {
    case 0: // a word more
      tokens.insert(position, StringRef(random.pick(dictionary)));
      break;
    case 1: // another word
      if (inside)
        *position = random.pick(dictionary);
      break;
    case 2: // a token less
      if (inside)
        tokens.erase(position);
      break;
    case 3: { // another number
      auto found = std::find_if(position, tokens.end(), isNumber);
      if (found != tokens.end())
        *found = make(hostileNumber(random));
      break;
    }
    case 4: { // a token of the same kind from elsewhere in the text
      if (!inside || tokens.empty())
        break;
      StringRef from = random.pick(tokens);
      if (from.front() == position->front() || random.oneIn(4))
        *position = from;
      break;
    }
    case 5: { // a line twice, or not at all
      auto end = std::find(position, tokens.end(), "\n");
      llvm::SmallVector<StringRef> line(position, end);
      if (random.oneIn(2))
        tokens.erase(position, end);
      else
        tokens.insert(end, line.begin(), line.end());
      break;
    }
    case 6: { // a piece of another text
      if (strange.empty())
        break;
      size_t from = random.below(strange.size());
      size_t length = std::min<size_t>(1 + random.below(24), strange.size() - from);
      tokens.insert(position, strange.begin() + from,
                    strange.begin() + from + length);
      break;
    }
    case 7: // two tokens change places
      if (inside)
        std::swap(*position, tokens[random.below(tokens.size())]);
      break;
    case 8: // a character
      if (inside) {
        std::string word = position->str();
        if (!word.empty())
          word[random.below(word.size())] =
              random.oneIn(8) ? static_cast<char>(random.next())
                              : static_cast<char>(32 + random.below(95));
        *position = make(word);
      }
      break;
    }
  }
  std::string text = llvm::join(tokens, "");
  if (text.size() > kLongest)
    text.resize(kLongest);
  return text;
}

std::string fuzz::mutateBytes(StringRef input, StringRef other, Random &random) {
  std::string bytes = input.str();
  unsigned changes = 1 + random.below(4);
  for (unsigned i = 0; i < changes; ++i) {
    size_t at = random.below(bytes.size() + 1);
    switch (random.below(6)) {
    case 0:
      if (at < bytes.size())
        bytes[at] ^= 1 << random.below(8);
      break;
    case 1:
      if (at < bytes.size())
        bytes[at] = static_cast<char>(random.next());
      break;
    case 2:
      bytes.insert(at, 1, static_cast<char>(random.next()));
      break;
    case 3:
      bytes.erase(at, 1 + random.below(8));
      break;
    case 4: {
      size_t from = random.below(other.size());
      bytes.insert(at, other.substr(from, 1 + random.below(16)).str());
      break;
    }
    case 5:
      bytes.insert(at, bytes.substr(random.below(bytes.size()),
                                    1 + random.below(16)));
      break;
    }
  }
  if (bytes.size() > kLongest)
    bytes.resize(kLongest);
  return bytes;
}

std::string fuzz::mutateDecisions(StringRef input, StringRef other,
                                  Random &random, size_t longest) {
  if (random.oneIn(2))
    return mutateBytes(input, other, random);
  std::string bytes(8 + random.below(longest - 8), 0);
  for (char &byte : bytes)
    byte = static_cast<char>(random.next());
  return bytes;
}

std::string Target::mutate(StringRef input, StringRef other, Random &random) {
  return random.oneIn(8) ? mutateBytes(input, other, random)
                         : mutateText(input, other, random);
}
