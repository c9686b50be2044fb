// Random arithmetic with exact values or known errors.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "test/fuzz/RowTerms.h"

#include "llvm/Support/FormatVariadic.h"

#include <cmath>

using namespace mlir::softmax;
using namespace mlir::softmax::fuzz;
using llvm::Twine;

bool Term::fits() const {
  return error > 0 ? bound < 0x1p20 : std::ldexp(bound, fraction) <= 0x1p22;
}

std::string TermBuilder::define(const Twine &code) {
  std::string name = fresh();
  line(name + " = " + code);
  return name;
}

Term TermBuilder::constant(double value, int fraction) {
  std::string text = llvm::formatv("{0:f}", value).str();
  return {define("arith.constant " + text + " : " + real), std::fabs(value),
          fraction, 0};
}

Term TermBuilder::widen(const std::string &name, const std::string &type) {
  Term term = {name, 4, 1, 0};
  if (type != real)
    term.name = define("arith.extf " + name + " : " + type + " to " + real);
  return term;
}

std::string TermBuilder::narrow(Term term, const std::string &type) {
  if (type == real)
    return term.name;
  if (type == "f64")
    return define("arith.extf " + term.name + " : " + real + " to " + type);
  // Where it rounds to infinity an error would not be bounded.
  if (type == "f16" && !term.isExact())
    term = clamp(term, 4096);
  return define("arith.truncf " + term.name + " : " + real + " to " + type);
}

Term TermBuilder::clamp(Term term, double bound) {
  Term high = constant(bound, 0), low = constant(-bound, 0);
  term.name =
      define("arith.minimumf " + term.name + ", " + high.name + " : " + real);
  term.name =
      define("arith.maximumf " + term.name + ", " + low.name + " : " + real);
  term.bound = std::min(term.bound, bound);
  return term;
}

/// What is not exact: every function here has a slope of at most 1.
Term TermBuilder::combineSmoothly(const Term &x, const Term &y) {
  auto magnitude = [&](const Term &term) {
    return define("math.absf " + term.name + " : " + real);
  };
  double error = x.error + 16 * epsilon;
  switch (decide.below(5)) {
  case 0:
    return {define("math.tanh " + x.name + " : " + real), 1, 0, error};
  case 1: {
    std::string distance = define("arith.negf " + magnitude(x) + " : " + real);
    return {define("row.exp_nonpositive " + distance + " : " + real), 1, 0,
            error};
  }
  case 2:
    return {define("row.sech_squared " + x.name + " : " + real), 1, 0, error};
  case 3:
    return {define("math.log1p " + magnitude(x) + " : " + real), x.bound, 0,
            x.error + 16 * epsilon * (1 + x.bound)};
  default: {
    Term one = constant(1, 0);
    std::string divisor =
        define("arith.addf " + one.name + ", " + magnitude(y) + " : " + real);
    return {define("arith.divf " + x.name + ", " + divisor + " : " + real),
            x.bound, 0,
            x.error + x.bound * y.error + 16 * epsilon * (1 + x.bound)};
  }
  }
}

Term TermBuilder::combine(const std::vector<Term> &terms) {
  Term x = pick(terms), y = pick(terms), made;
  double bound = std::max(x.bound, y.bound);
  int fraction = std::max(x.fraction, y.fraction);
  bool exact = x.isExact() && y.isExact();
  auto binary = [&](const char *name) {
    made.name =
        define(Twine(name) + " " + x.name + ", " + y.name + " : " + real);
    return made;
  };
  unsigned choice = decide.below(12);
  switch (choice) {
  case 0:
  case 1:
  case 2:
  case 3: {
    bool isProduct = choice >= 2;
    made.bound = isProduct ? x.bound * y.bound : x.bound + y.bound;
    made.fraction = isProduct ? x.fraction + y.fraction : fraction;
    if (!exact)
      made.error =
          (isProduct ? x.bound * y.error + y.bound * x.error + x.error * y.error
                     : x.error + y.error) +
          epsilon * made.bound;
    if (made.fits())
      return binary(isProduct ? "arith.mulf"
                    : choice  ? "arith.subf"
                              : "arith.addf");
    break;
  }
  case 4: // the sign
    made = x;
    made.name = define("arith.negf " + x.name + " : " + real);
    return made;
  case 5:
    made = x;
    made.name = define("math.absf " + x.name + " : " + real);
    return made;
  case 6:
  case 7:
    if (exact) {
      Term z = pick(terms);
      static constexpr const char *kPredicates[] = {"olt", "oge", "une",
                                                    "oeq", "ugt", "uno"};
      std::string condition =
          define("arith.cmpf " + Twine(kPredicates[decide.below(6)]) + ", " +
                 x.name + ", " + y.name + " : " + real);
      made = {define("arith.select " + condition + ", " + x.name + ", " +
                     z.name + " : " + real),
              std::max(x.bound, z.bound), std::max(x.fraction, z.fraction),
              z.error};
      if (made.fits())
        return made;
    }
    break;
  case 8:
  case 9:
    return combineSmoothly(x, y);
  default:
    break;
  }
  made = {"", bound, fraction, std::max(x.error, y.error)};
  if (!made.fits())
    return x;
  return binary(choice % 2 ? "arith.maximumf" : "arith.minimumf");
}

Term TermBuilder::expression(std::vector<Term> terms,
                             const std::vector<Term> &scalars) {
  static constexpr double kConstants[] = {0, 1, -1, 0.5, 2, -3};
  terms.push_back(constant(kConstants[decide.below(6)], 1));
  if (!scalars.empty()) {
    terms.push_back(pick(scalars));
    terms.push_back(pick(scalars));
  }
  Term last = terms.front();
  for (unsigned i = 0, count = decide.below(5); i < count; ++i) {
    last = combine(terms);
    terms.push_back(last);
  }
  return last;
}
