// Random arithmetic with exact values or known errors.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef TEST_FUZZ_ROWTERMS_H
#define TEST_FUZZ_ROWTERMS_H

#include "test/fuzz/Fuzz.h"

namespace mlir::softmax::fuzz {

/// A scalar of the type of sums. Without an error it is a multiple of
/// 2^-fraction.
struct Term {
  std::string name;
  double bound = 0; ///< of its magnitude, when it is finite
  int fraction = 0;
  double error = 0; ///< absolute

  bool isExact() const { return error == 0; }
  /// Exact in 24 bits, with room for the sums of vectors and blocks.
  bool fits() const;
};

/// Writes operations on scalars as text, one on each line.
class TermBuilder {
public:
  explicit TermBuilder(Decisions &decide) : decide(decide) {}

protected:
  std::string fresh() { return "%v" + std::to_string(next++); }
  void line(const llvm::Twine &code) { body += ("    " + code + "\n").str(); }
  /// A line with one result; gives its name.
  std::string define(const llvm::Twine &code);
  Term constant(double value, int fraction);
  /// An element of an input, or a number, as the type of sums.
  Term widen(const std::string &name, const std::string &type);
  std::string narrow(Term term, const std::string &type);
  Term clamp(Term term, double bound);
  const Term &pick(const std::vector<Term> &terms) {
    return terms[decide.below(terms.size())];
  }
  /// A few random operations on terms, some scalars and constants.
  Term expression(std::vector<Term> terms, const std::vector<Term> &scalars);

  Decisions &decide;
  std::string body, real; ///< what has been written; the type of sums
  double epsilon = 0;     ///< the distance of 1 and its successor there

private:
  Term combine(const std::vector<Term> &terms);
  Term combineSmoothly(const Term &x, const Term &y);

  unsigned next = 0;
};

} // namespace mlir::softmax::fuzz

#endif // TEST_FUZZ_ROWTERMS_H
