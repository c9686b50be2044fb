// Random rows of every kind of data, and what the oracle says of them.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef VERIFY_INPUTS_H
#define VERIFY_INPUTS_H

#include "verify/Bounds.h"
#include "verify/Cases.h"

#include <random>

namespace mlir::softmax::verify {

/// One row of a case with its results.
struct Row {
  Data data = Data::Normal; ///< what it is, where the case mixes kinds
  std::vector<double> x, second;
  int64_t label = 0;
  double dloss = 1; ///< where every row has its own
  double lse = 0;   ///< saved, as cross-entropy-grad reads it
  RowResult result;
  RowBounds bounds;
  /// One ulp of the result's type at each element, for reports.
  std::vector<double> ulps;
};

/// Makes rows. All of it follows from the case.
class RowMaker {
public:
  RowMaker(const Manifest &manifest, const Case &test, int64_t classes);
  /// Data and label; the oracle is asked when the denominator is known.
  Row make(int64_t number);

private:
  double normal() { return gauss(random); }
  double uniform(double from, double to) {
    return std::uniform_real_distribution<double>(from, to)(random);
  }
  size_t index() {
    return std::uniform_int_distribution<size_t>(0, classes - 1)(random);
  }
  int64_t makeLabel(size_t peak, Data data);
  /// Fills a row and returns the class that stands out, if one does.
  size_t fill(std::vector<double> &x, Data data);
  void makeSpecial(std::vector<double> &x, Data data, int64_t label);

  const Manifest &manifest;
  const Case &test;
  int64_t classes;
  ElementType labelType = ElementType::I64;
  std::mt19937_64 random;
  std::normal_distribution<double> gauss;
};

/// `value` as the type holds it.
double quantize(ElementType type, double value);

} // namespace mlir::softmax::verify

#endif // VERIFY_INPUTS_H
