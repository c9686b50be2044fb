// Random rows: the kinds of data that kernels go wrong on.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "verify/Inputs.h"

#include "verify/Transform.h"

#include <algorithm>
#include <limits>

using namespace mlir::softmax::verify;

static constexpr double kInfinity = std::numeric_limits<double>::infinity();
static constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

double mlir::softmax::verify::quantize(ElementType type, double value) {
  switch (type) {
  case ElementType::F64:
    return value;
  case ElementType::F32:
    return static_cast<float>(value);
  default:
    return static_cast<double>(roundTo(type, value));
  }
}

RowMaker::RowMaker(const Manifest &manifest, const Case &test, int64_t classes)
    : manifest(manifest), formula(manifest.formula), test(test),
      classes(classes), isGradient(manifest.op == Operation::SoftmaxGrad ||
                                   manifest.op == Operation::LogSoftmaxGrad),
      isLoss(manifest.find("target")),
      readsLse(manifest.op == Operation::CrossEntropyGrad &&
               manifest.find("lse")),
      random(test.seed) {
  if (manifest.hasLabels())
    labelType = manifest.find("target")->type;
  if (formula.mask == Mask::Causal)
    matrixRows = resolve(manifest.shape, test)[manifest.shape.size() - 2];
  makeWeights();
}

/// Whether labels of the type can say "ignored".
static bool holds(ElementType type, int64_t label) {
  if (type == ElementType::U8)
    return label >= 0 && label <= 255;
  return type == ElementType::I64 || label == static_cast<int32_t>(label);
}

int64_t RowMaker::makeLabel(size_t peak, Data data) {
  bool canIgnore = holds(labelType, formula.ignoreIndex);
  if (test.labels == Labels::AllIgnored && canIgnore)
    return formula.ignoreIndex;
  double dice = uniform(0, 1);
  if (test.labels == Labels::Random && canIgnore && dice < 0.2)
    return formula.ignoreIndex;
  int64_t usable =
      labelType == ElementType::U8 ? std::min<int64_t>(classes, 256) : classes;
  if (usable == 0 || test.labels == Labels::First)
    return 0;
  if (test.labels == Labels::Last)
    return usable - 1;
  bool stands = data == Data::Dominant15 || data == Data::Dominant20 ||
                data == Data::Dominant25 || data == Data::Subnormal;
  if (stands && dice > 0.4 && static_cast<int64_t>(peak) < usable)
    return peak;
  return std::uniform_int_distribution<int64_t>(0, usable - 1)(random);
}

/// Near the largest finite value, as far as the results stay clear: scaled
/// down where x - max would overflow although scale (x - max) does not, and
/// where sums of scaled logits would overflow although their total does not.
double RowMaker::hugeLogit() const {
  // Sums of f64 losses are f64.
  bool isAdded = manifest.find("loss") && manifest.reduction != Reduction::None;
  double huge = manifest.type == ElementType::F64 ? (isAdded ? 1e300 : 1.7e308)
                : manifest.type == ElementType::F16 ? 65504
                                                    : 3e38;
  double scale = std::fabs(formula.scale);
  if (formula.softcap != 0 || scale == 1)
    return huge;
  if (scale < 1)
    return huge / 2;
  bool isSummed = formula.mask == Mask::Additive || formula.probabilities ||
                  formula.smoothing != 0;
  return isSummed ? huge / scale : huge;
}

size_t RowMaker::fill(std::vector<double> &x, Data data) {
  bool isF64 = manifest.type == ElementType::F64;
  bool isF16 = manifest.type == ElementType::F16;
  size_t peak = classes > 0 ? index() : 0;
  x.resize(classes);
  double factor = data == Data::Wide ? 8 : 1;
  // Of either sign: a maximum that starts at 0 is wrong for negative rows only.
  double sign = uniform(0, 1) < 0.5 ? -1 : 1;
  double offset = data == Data::Offset ? sign * 1000 : 0;
  // Distances that are meant of x2, as far as all types hold them.
  double stretch = formula.softcap == 0 ? 1 / formula.scale : 1;
  if (std::fabs(stretch) > 500)
    stretch = 1;
  for (double &element : x)
    element = offset + factor * normal();
  switch (data) {
  case Data::Dominant15:
  case Data::Dominant20:
  case Data::Dominant25:
    if (classes > 0)
      x[peak] = stretch * (15 + 5 * (static_cast<int>(data) -
                                     static_cast<int>(Data::Dominant15)));
    break;
  case Data::Constant:
    std::fill(x.begin(), x.end(), uniform(-2, 2));
    break;
  case Data::ConstantLarge:
    std::fill(x.begin(), x.end(), sign * (isF16 ? 3e4 : 1e8));
    break;
  case Data::Increasing:
    for (int64_t j = 0; j < classes; ++j)
      x[j] = -10 + 20.0 * j / classes;
    break;
  case Data::TwoValued:
    std::fill(x.begin(), x.end(), stretch * -uniform(0, 12));
    if (classes > 0)
      x[peak] = 0;
    break;
  case Data::Subnormal: {
    // From below the normal results to below half of the least subnormal.
    double top = isF64 ? -700 : -80, bottom = isF64 ? -750 : -110;
    for (double &element : x)
      element = stretch * uniform(bottom, top);
    if (classes > 0)
      x[peak] = 0;
    break;
  }
  case Data::Huge: {
    double huge = hugeLogit();
    for (double &element : x) {
      double dice = uniform(0, 1);
      element = dice < 0.3 ? huge : dice < 0.6 ? -huge : element;
    }
    break;
  }
  default:
    break;
  }
  return peak;
}

void RowMaker::makeSpecial(std::vector<double> &x, Data data, int64_t label) {
  if (x.empty())
    return;
  bool hasTarget = label >= 0 && label < classes;
  // Of x2, whose sign a negative scale turns.
  double infinity = std::copysign(kInfinity, formula.scale);
  switch (data) {
  case Data::SomeMinusInf:
    for (int64_t j = 0; j < classes; ++j)
      if (uniform(0, 1) < 0.1 && j != label)
        x[j] = -infinity;
    break;
  case Data::TargetMinusInf:
    x[hasTarget ? label : index()] = -infinity;
    break;
  case Data::PlusInf:
    x[index()] = infinity;
    break;
  case Data::NaN:
    // A row that is empty but for a NaN is not empty (E1).
    if (!isLoss && uniform(0, 1) < 0.5)
      std::fill(x.begin(), x.end(), -infinity);
    x[index()] = kNaN;
    break;
  case Data::AllMinusInf:
    std::fill(x.begin(), x.end(), -infinity);
    break;
  default:
    break;
  }
}

/// Whether huge logits leave results that are defined.
bool RowMaker::holdsHuge() const {
  // A rounded lse and a rounded scale x differ by more than exp can hold.
  if (readsLse && formula.scale != 1 && formula.softcap == 0)
    return false;
  // lse alone exhausts the type: its square, and its multiple where p is 0, are
  // inf and 0 times inf.
  if (formula.zLoss != 0 && formula.softcap == 0)
    return false;
  // x - max overflows in the type computed in, whatever the result's.
  const Argument *y = manifest.find("y");
  return !y || y->type != ElementType::F64 || manifest.type == ElementType::F64;
}

Row RowMaker::make(int64_t number) {
  Row row;
  row.data = test.data;
  // Co-prime with usual vector and unroll counts, so kinds meet all positions.
  if (test.data == Data::Finite)
    row.data =
        static_cast<Data>(number % (static_cast<int>(Data::Subnormal) + 1));
  else if (test.data == Data::All)
    row.data = static_cast<Data>(number % static_cast<int>(Data::Finite));

  if (row.data == Data::Huge && !holdsHuge())
    row.data = Data::Normal;

  std::vector<double> &logits = isGradient ? row.third : row.x;
  ElementType type = manifest.type;
  if (const Argument *x = manifest.find("x"))
    type = x->type;
  size_t peak = fill(logits, row.data);
  row.label = makeLabel(peak, row.data);
  makeSpecial(logits, row.data, row.label);
  for (double &element : logits)
    element = quantize(type, element);
  row.visible = countVisible(number % std::max<int64_t>(matrixRows, 1),
                             matrixRows, classes);
  makeMask(row);
  if (formula.probabilities)
    makeTarget(row, peak);
  if (isLoss)
    avoidAmbiguity(row);
  row.dloss = quantize(manifest.type == ElementType::F64 ? ElementType::F64
                                                         : ElementType::F32,
                       normal());
  if (isGradient)
    makeUpstream(row);
  if (manifest.op == Operation::Sgd)
    for (int64_t j = 0; j < classes; ++j)
      row.second.push_back(quantize(manifest.find("gradient")->type, normal()));
  return row;
}

RowInput mlir::softmax::verify::makeInput(const Row &row,
                                          llvm::ArrayRef<double> weights) {
  RowInput input;
  input.x = row.x;
  input.second = row.second;
  input.third = row.third;
  input.mask = row.mask;
  input.visible = row.visible;
  input.weights = weights;
  input.target = row.target;
  input.label = row.label;
  return input;
}

Facts::Facts(llvm::ArrayRef<long double> x2) {
  size_t excluded = 0;
  for (long double element : x2) {
    hasNaN |= std::isnan(element);
    hasPlusInf |= std::isinf(element) && element > 0;
    excluded += std::isinf(element) && element < 0;
  }
  hasMinusInf = excluded > 0;
  isEmpty = excluded > 0 && excluded == x2.size();
}

void RowMaker::derive(Row &row) const {
  RowInput input = makeInput(row, weights);
  if (manifest.op != Operation::Sgd &&
      (row.data >= Data::SomeMinusInf || formula.mask != Mask::None))
    row.facts = Facts(transformRow(formula, row.logits(), input));
  if (isGradient) {
    bool logarithm = manifest.op == Operation::LogSoftmaxGrad;
    input.x = row.third;
    RowResult y = evaluateRow(
        logarithm ? Operation::LogSoftmax : Operation::Softmax, formula, input);
    ElementType type = manifest.find("y")->type;
    row.second.clear();
    for (long double element : y.elements)
      row.second.push_back(static_cast<double>(roundTo(type, element)));
  }
  const Argument *lse = manifest.find("lse");
  bool readsLse = manifest.op == Operation::CrossEntropyGrad && lse;
  if (readsLse)
    row.lse = static_cast<double>(roundTo(
        lse->type, evaluateRow(Operation::LogSumExp, formula, input).lse));
  // E9: nothing of ignored rows is read. Where other rows share the numbers
  // they have to stay.
  if (!manifest.hasLabels() || row.label != formula.ignoreIndex ||
      test.data == Data::Normal || test.broadcastAxis >= 0)
    return;
  std::fill(row.x.begin(), row.x.end(), kNaN);
  row.lse = kNaN;
}
