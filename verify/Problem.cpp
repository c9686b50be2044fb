// The rows of a case and the results that they have.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "verify/Problem.h"

#include "llvm/ADT/STLExtras.h"

#include <algorithm>

using namespace mlir::softmax::verify;
using llvm::Error;
using llvm::Expected;
using llvm::StringRef;

/// Elements that the oracle is asked for, at most. Beyond them rows repeat; a
/// prime number of distinct rows keeps a kernel's own steps from aligning with
/// that, so a row that is mistaken for another one still shows.
static constexpr int64_t kDistinctElements = int64_t(1) << 21;

static int64_t chooseDistinct(const Manifest &manifest, const Case &test,
                              const Rows &rows) {
  // Under a causal mask a row knows its place in its matrix.
  int64_t unit = 1;
  if (manifest.formula.mask == Mask::Causal)
    unit = resolve(manifest.shape, test)[manifest.shape.size() - 2];
  if (rows.count() == 0)
    return std::max<int64_t>(unit, 1);
  int64_t units = rows.count() / unit;
  int64_t size = std::max<int64_t>(rows.classes(), 1) * unit;
  int64_t count = std::max<int64_t>(kDistinctElements / size, 1);
  if (units <= count)
    return rows.count();
  auto isPrime = [](int64_t number) {
    for (int64_t d = 2; d * d <= number; ++d)
      if (number % d == 0)
        return false;
    return true;
  };
  while (!isPrime(count))
    --count;
  return count * unit;
}

Problem::Problem(const Manifest &manifest, const Case &test,
                 llvm::ArrayRef<int64_t> shape)
    : rows(shape, manifest.axis), manifest(manifest), test(test),
      hook{runHook, &hookState} {
  hookState.cut = test.cut;
  hookState.fails = test.misuse == Misuse::FailingHook;
}

Expected<std::unique_ptr<Problem>> Problem::create(const Manifest &manifest,
                                                   const Case &test) {
  std::unique_ptr<Problem> problem(
      new Problem(manifest, test, resolve(manifest.shape, test)));
  if (Error error = problem->allocate())
    return std::move(error);
  problem->makeRows();
  problem->evaluateRows();
  problem->fill();
  problem->makeArguments();
  return std::move(problem);
}

Expected<std::unique_ptr<Problem>>
Problem::createVariant(const Problem &original, const Case &test,
                       int64_t rotation) {
  const Manifest &manifest = original.manifest;
  std::unique_ptr<Problem> problem(
      new Problem(manifest, test, resolve(manifest.shape, test)));
  if (Error error = problem->allocate())
    return std::move(error);
  problem->distinct = original.distinct;
  problem->weights = original.weights;
  problem->rate = original.rate;
  problem->dloss = original.dloss;
  problem->rotation = rotation;
  problem->fill();
  problem->makeArguments();
  return std::move(problem);
}

void Problem::makeRows() {
  RowMaker maker(manifest, test, rows.classes());
  int64_t count = chooseDistinct(manifest, test, rows);
  for (int64_t i = 0; i < count; ++i)
    distinct.push_back(maker.make(i));
  if (test.labels == Labels::OutOfRange)
    distinct[test.seed % distinct.size()].label = test.badLabel;
  weights = maker.weights;
  if (test.weights == Weights::Cancelling)
    cancelWeights();
  for (const Argument &argument : manifest.arguments)
    equalize(argument);
  countRows();
  // D is 0 where the case says so, not because the few targets happen to have
  // no weight: with NaN rows that leaves open what the gradient is.
  if (denominators.weight == 0 && denominators.rows > 0 && !weights.empty() &&
      test.weights == Weights::SomeZero &&
      manifest.reduction == Reduction::Mean && !hasBadLabel) {
    std::fill(weights.begin(), weights.end(), 0.75);
    countRows();
  }
  for (Row &row : distinct)
    maker.derive(row);
  rate = quantize(manifest.type == ElementType::F64 ? ElementType::F64
                                                    : ElementType::F32,
                  0.0625 + 0.01 * static_cast<double>(test.seed % 100));
  // 1 would hide an upstream gradient that is dropped.
  if (manifest.find("dloss"))
    dloss = 1 + rate;
  dloss = quantize(ElementType::F32, dloss);
}

/// E26: targets of weight 1 and -1 in turn, one of weight 0 if they are odd.
void Problem::cancelWeights() {
  int64_t ignored = manifest.formula.ignoreIndex;
  int64_t first = ignored >= 0 && ignored < 3 ? 3 : 0;
  int64_t count = distinct.size();
  for (int64_t i = 0; i < 3; ++i)
    weights[first + i] = i == 0 ? 1 : i == 1 ? -1 : 0;
  for (int64_t i = 0; i < count; ++i)
    distinct[i].label = first + (i + 1 == count && count % 2 ? 2 : i % 2);
}

/// Makes an operand's numbers the same along the axis of the case.
void Problem::equalize(const Argument &argument) {
  if (broadcastAxisOf(manifest, test, argument) < 0)
    return;
  bool isGradient = manifest.op == Operation::SoftmaxGrad ||
                    manifest.op == Operation::LogSoftmaxGrad;
  StringRef name = argument.name;
  std::vector<std::vector<double> Row::*> fields;
  if (name == "mask")
    fields = {&Row::mask};
  else if (name == "gradient")
    fields = {&Row::second};
  else if (name == "y") // follows from these
    fields = {&Row::third, &Row::mask};
  else if (name == "x" && isGradient)
    fields = {&Row::third};
  else if (name == "target" && manifest.formula.probabilities)
    fields = {&Row::target};
  else if (name != "target" && name != "dloss" && name != "weight")
    fields = {&Row::x}; // of the lse too, which follows from it

  if (test.broadcastAxis == manifest.axis) {
    auto repeat = [](std::vector<double> &values) {
      if (!values.empty())
        std::fill(values.begin(), values.end(), values.front());
    };
    for (Row &row : distinct)
      for (auto field : fields)
        repeat(row.*field);
    if (name == "weight")
      repeat(weights);
    return;
  }
  int64_t count = distinct.size();
  for (int64_t r = 0; r < count; ++r) {
    Row &row = distinct[r];
    const Row &first = distinct[rows.project(r, test.broadcastAxis)];
    for (auto field : fields)
      row.*field = first.*field;
    if (name == "dloss")
      row.dloss = first.dloss;
    if (name == "target")
      row.label = first.label;
  }
}

void Problem::countRows() {
  denominators = Denominators();
  hasBadLabel = false;
  if (!manifest.find("target"))
    return;
  if (!manifest.hasLabels()) {
    denominators.rows = rows.count();
    denominators.weight = rows.count();
    return;
  }
  CompensatedSum weight;
  for (int64_t r = 0; r < rows.count(); ++r) {
    int64_t label = rowOf(r).label;
    if (label == manifest.formula.ignoreIndex)
      continue;
    ++denominators.rows;
    // E12 on a device: a row that counts, of a class that has no weight.
    bool isBad = label < 0 || label >= rows.classes();
    hasBadLabel |= isBad;
    if (weights.empty())
      weight.add(1);
    else if (!isBad)
      weight.add(weights[label]);
  }
  denominators.weight = weight.get();
}

void Problem::evaluateRows() {
  if ((hasBadLabel && !manifest.device) || test.misuse != Misuse::None)
    return; // there will be no results

  ResultTypes types;
  for (const Argument &argument : manifest.arguments) {
    if (!argument.isWritten())
      continue;
    if (argument.name == "loss")
      types.loss = argument.type;
    else if (argument.name == "lse")
      types.lse = argument.type;
    else
      types.elements = argument.type;
  }
  bool perRow = manifest.reduction == Reduction::None && manifest.find("dloss");
  bool readsLse =
      manifest.op == Operation::CrossEntropyGrad && manifest.find("lse");
  Bounds bounds(manifest.type, manifest.fast, manifest.formula);
  if (!weights.empty() && manifest.reduction == Reduction::Mean) {
    bounds.ofUpstream = 1;
    if (bounds.compute == ElementType::F64)
      bounds.ofUpstream += std::sqrt(static_cast<long double>(rows.count()));
  }
  for (Row &row : distinct) {
    RowInput input = makeInput(row, weights);
    input.rate = rate;
    setUpstream(manifest.reduction, perRow ? row.dloss : dloss, denominators,
                input);
    if (readsLse)
      input.lse = row.lse;
    row.result = evaluateRow(manifest.op, manifest.formula, input);
    row.bounds = boundRow(manifest.op, bounds, input, row.result, types);
    for (long double element : row.result.elements)
      row.ulps.push_back(static_cast<double>(ulpOf(types.elements, element)));
    // Only the bounds have read them, and they are large.
    row.result.logits = row.result.inner = std::vector<long double>();
  }
  reduceLosses(bounds, types.loss);
}

void Problem::reduceLosses(const Bounds &bounds, ElementType type) {
  CompensatedSum entropy, penalty;
  // Of the rows' bounds, and of the magnitudes.
  long double ofEntropy = 0, ofPenalty = 0, entropies = 0, penalties = 0;
  auto round = [&](long double value) {
    // A row's loss is computed in f32 (E27): beyond its range it is infinite
    // before the division of the mean.
    bool isInfinite = std::isinf(roundTo(bounds.compute, value));
    return isInfinite ? std::copysign(HUGE_VALL, value) : value;
  };
  for (int64_t r = 0; r < rows.count(); ++r) {
    const Row &row = rowOf(r);
    entropy.add(round(row.result.entropy));
    penalty.add(round(row.result.penalty));
    ofEntropy += row.bounds.entropy;
    ofPenalty += row.bounds.penalty;
    entropies += std::fabs(row.result.entropy);
    penalties += std::fabs(row.result.penalty);
    lossMayOverflow |= row.bounds.lossMayOverflow;
  }
  loss = reduceLoss(manifest.reduction, manifest.formula, entropy.get(),
                    penalty.get(), denominators);
  // They are added up in f64, which holds not all sums of f64 losses.
  long double total = entropies + penalties;
  lossMayOverflow |=
      std::isfinite(total) && std::isinf(roundTo(ElementType::F64, total));
  bool isMean = manifest.reduction == Reduction::Mean;
  auto combine = [&](long double ofEntropies, long double ofPenalties) {
    if (!isMean)
      return ofEntropies + ofPenalties;
    // A part that is divided by 0 is 0 or NaN, exactly.
    long double sum = 0;
    if (denominators.weight != 0)
      sum += ofEntropies / std::fabs(denominators.weight);
    if (denominators.rows != 0)
      sum += ofPenalties / denominators.rows;
    return sum;
  };
  lossBound = bounds.reducedLoss(loss, combine(ofEntropy, ofPenalty),
                                 combine(entropies, penalties), rows.count(),
                                 isMean && !weights.empty(), type);
}
