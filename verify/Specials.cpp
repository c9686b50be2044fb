// Which lines of the table of special cases, "E..", a case has exercised.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "verify/Check.h"

#include <cmath>

using namespace mlir::softmax::verify;

namespace {

class Counter {
public:
  Counter(const Manifest &manifest, const Case &test, const Problem &problem,
          KernelReport &report)
      : manifest(manifest), formula(manifest.formula), test(test),
        problem(problem), report(report) {}

  void countCase(llvm::StringRef failure);
  void countRow(const Row &row, bool isFailed);

private:
  void count(int id, bool isFailed) {
    ++report.specials[id].checked;
    report.specials[id].failed += isFailed;
  }
  void countOptions(bool isFailed);
  void countInfinities(const Row &row, bool isFailed);
  void countTargets(const Row &row, bool isFailed);

  const Manifest &manifest;
  const Formula &formula;
  const Case &test;
  const Problem &problem;
  KernelReport &report;
};

} // namespace

void mlir::softmax::verify::countSpecials(const Manifest &manifest,
                                          const Case &test,
                                          const Problem &problem,
                                          llvm::StringRef failure,
                                          const std::vector<bool> &failedRows,
                                          KernelReport &report) {
  Counter counter(manifest, test, problem, report);
  counter.countCase(failure);
  if (test.misuse != Misuse::None || problem.hasBadLabel ||
      manifest.op == Operation::Sgd)
    return;
  for (int64_t r = 0; r < problem.rows.count(); ++r)
    counter.countRow(problem.rowOf(r), failedRows[r]);
}

void Counter::countCase(llvm::StringRef failure) {
  bool isFailed = !failure.empty();
  if (test.misuse == Misuse::Alias)
    count(40, isFailed);
  if (test.misuse == Misuse::ZeroStride || test.layout == Layout::Broadcast)
    count(43, isFailed);
  if (test.misuse != Misuse::None)
    return;
  count(42, isFailed && failure.contains("environment"));
  if (test.inPlace)
    count(39, isFailed);
  if (problem.hasBadLabel) {
    count(12, isFailed);
    return;
  }
  if (problem.rows.classes() == 0)
    count(6, isFailed);
  if (problem.rows.count() == 0)
    count(7, isFailed);
  else if (manifest.find("target"))
    countOptions(isFailed);
}

/// What concerns the losses of all rows together.
void Counter::countOptions(bool isFailed) {
  const Argument *weight = manifest.find("weight");
  const Denominators &denominators = problem.denominators;
  bool isMean = manifest.reduction == Reduction::Mean;
  bool isSmooth = formula.smoothing > 0 && manifest.hasLabels();
  if (denominators.weight == 0)
    count(test.weights == Weights::Cancelling ? 26 : 8, isFailed);
  if (weight && formula.probabilities && isMean)
    count(20, isFailed);
  if (weight && isSmooth && isMean && denominators.rows < problem.rows.count())
    count(21, isFailed);
  if (isSmooth && formula.smoothing == 1)
    count(24, isFailed);
  if (isSmooth)
    count(25, isFailed);
  if (weight && weight->type != manifest.type)
    count(33, isFailed);
  if (manifest.find("loss") && getByteSize(manifest.type) == 2)
    count(38, isFailed);
}

void Counter::countRow(const Row &row, bool isFailed) {
  int64_t classes = problem.rows.classes();
  if (row.result.ignored) {
    if (test.data != Data::Normal)
      count(9, isFailed);
    bool inRange = formula.ignoreIndex >= 0 && formula.ignoreIndex < classes;
    count(inRange ? 10 : 11, isFailed);
    return;
  }
  if (classes == 1)
    count(5, isFailed);
  countInfinities(row, isFailed);
  countTargets(row, isFailed);
  if (formula.softcap != 0 || formula.mask == Mask::Additive)
    return; // such logits are no longer what they were made to be
  switch (row.data) {
  case Data::Huge:
    count(27, isFailed);
    break;
  case Data::Constant:
  case Data::ConstantLarge:
    count(28, isFailed);
    break;
  case Data::Subnormal:
    count(29, isFailed);
    count(30, isFailed);
    break;
  default:
    break;
  }
}

void Counter::countInfinities(const Row &row, bool isFailed) {
  const Facts &facts = row.facts;
  if (facts.hasNaN)
    count(4, isFailed);
  else if (facts.hasPlusInf)
    count(3, isFailed);
  else if (facts.isEmpty)
    count(1, isFailed);
  else if (facts.hasMinusInf &&
           (!manifest.hasLabels() || row.data != Data::TargetMinusInf))
    count(2, isFailed);
}

/// -inf and NaN logits beside labels, weights and soft targets.
void Counter::countTargets(const Row &row, bool isFailed) {
  const Facts &facts = row.facts;
  if (!manifest.find("target"))
    return;
  if (formula.probabilities) {
    count(18, isFailed);
    const std::vector<double> &logits = row.logits();
    bool isMinusInf = facts.hasMinusInf && !facts.isEmpty && !facts.hasNaN;
    for (size_t j = 0; isMinusInf && j < logits.size(); ++j)
      if (std::isinf(logits[j]) && row.target[j] == 0) {
        count(17, isFailed);
        break;
      }
    return;
  }
  bool atTarget = facts.hasMinusInf && row.data == Data::TargetMinusInf;
  if (atTarget)
    count(13, isFailed);
  else if (facts.hasMinusInf && !facts.isEmpty)
    count(formula.smoothing > 0 ? 15 : 14, isFailed);
  bool isWeightless = !problem.weights.empty() && row.label >= 0 &&
                      problem.weights[row.label] == 0;
  if (isWeightless && (atTarget || facts.hasNaN))
    count(16, isFailed);
}
