// Random rows of every kind of data, and what the oracle says of them.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef VERIFY_INPUTS_H
#define VERIFY_INPUTS_H

#include "verify/Bounds.h"
#include "verify/Cases.h"

#include <random>

namespace mlir::softmax::verify {

/// What x2 of a row has that is special.
struct Facts {
  Facts() = default;
  explicit Facts(llvm::ArrayRef<long double> x2);
  bool hasNaN = false, hasPlusInf = false, hasMinusInf = false;
  bool isEmpty = false; ///< nothing but -inf
};

/// One row of a case with its results.
struct Row {
  Data data = Data::Normal; ///< what it is, where the case mixes kinds
  /// As in RowInput. Of the gradients of softmax `third` is always there: y
  /// follows from it.
  std::vector<double> x, second, third, mask, target;
  int64_t visible = 0;
  int64_t label = 0;
  double dloss = 1; ///< where every row has its own
  double lse = 0;   ///< saved, as cross-entropy-grad reads it
  Facts facts;
  RowResult result;
  RowBounds bounds;
  /// One ulp of the result's type at each element, for reports.
  std::vector<double> ulps;

  /// What softmax is taken of.
  const std::vector<double> &logits() const {
    return third.empty() ? x : third;
  }
};

/// Makes rows. All of it follows from the case.
class RowMaker {
public:
  RowMaker(const Manifest &manifest, const Case &test, int64_t classes);
  /// What is drawn at random; the oracle is asked when the denominator is
  /// known.
  Row make(int64_t number);
  /// What follows from the rest: y of gradients, a saved lse, and the NaN
  /// logits of ignored rows (E9).
  void derive(Row &row) const;

  /// Of the classes; empty where the loss has none.
  std::vector<double> weights;

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
  double hugeLogit() const;
  void makeSpecial(std::vector<double> &x, Data data, int64_t label);

  void makeWeights();
  void makeMask(Row &row);
  void makeTarget(Row &row, size_t peak);
  void makeUpstream(Row &row);
  /// Replaces logits on which the formulas leave the result open.
  void avoidAmbiguity(Row &row);
  void makeOrdinary(std::vector<double> &x);

  const Manifest &manifest;
  const Formula &formula;
  const Case &test;
  int64_t classes;
  int64_t matrixRows = 1; ///< R of a causal mask
  bool isGradient, isLoss, readsLse;
  ElementType labelType = ElementType::I64;
  std::mt19937_64 random;
  std::normal_distribution<double> gauss;
};

/// What a formula needs to know of a row, beside upstream gradients.
RowInput makeInput(const Row &row, llvm::ArrayRef<double> weights);

/// `value` as the type holds it.
double quantize(ElementType type, double value);

} // namespace mlir::softmax::verify

#endif // VERIFY_INPUTS_H
