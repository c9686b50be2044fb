// Random rows: the kinds of data that kernels go wrong on.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "verify/Inputs.h"

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
    : manifest(manifest), test(test), classes(classes), random(test.seed) {
  if (const Argument *target = manifest.find("target"))
    labelType = target->type;
}

/// Whether labels of the type can say "ignored".
static bool holds(ElementType type, int64_t label) {
  if (type == ElementType::U8)
    return label >= 0 && label <= 255;
  return type == ElementType::I64 || label == static_cast<int32_t>(label);
}

int64_t RowMaker::makeLabel(size_t peak, Data data) {
  bool canIgnore = holds(labelType, manifest.ignoreIndex);
  if (test.labels == Labels::AllIgnored && canIgnore)
    return manifest.ignoreIndex;
  double dice = uniform(0, 1);
  if (test.labels == Labels::Random && canIgnore && dice < 0.2)
    return manifest.ignoreIndex;
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

size_t RowMaker::fill(std::vector<double> &x, Data data) {
  bool isF64 = manifest.type == ElementType::F64;
  bool isF16 = manifest.type == ElementType::F16;
  size_t peak = classes > 0 ? index() : 0;
  x.resize(classes);
  double factor = data == Data::Wide ? 8 : 1;
  double offset = data == Data::Offset ? 1000 : 0;
  for (double &element : x)
    element = offset + factor * normal();
  switch (data) {
  case Data::Dominant15:
  case Data::Dominant20:
  case Data::Dominant25:
    if (classes > 0)
      x[peak] = 15 + 5 * (static_cast<int>(data) -
                          static_cast<int>(Data::Dominant15));
    break;
  case Data::Constant:
    std::fill(x.begin(), x.end(), uniform(-2, 2));
    break;
  case Data::ConstantLarge:
    std::fill(x.begin(), x.end(), isF16 ? 3e4 : 1e8);
    break;
  case Data::Increasing:
    for (int64_t j = 0; j < classes; ++j)
      x[j] = -10 + 20.0 * j / classes;
    break;
  case Data::Subnormal: {
    // From below the normal results to below half of the least subnormal.
    double top = isF64 ? -700 : -80, bottom = isF64 ? -750 : -110;
    for (double &element : x)
      element = uniform(bottom, top);
    if (classes > 0)
      x[peak] = 0;
    break;
  }
  case Data::Huge: {
    double huge = isF64 ? 1.7e308 : isF16 ? 65504 : 3e38;
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
  switch (data) {
  case Data::SomeMinusInf:
    for (int64_t j = 0; j < classes; ++j)
      if (uniform(0, 1) < 0.1 && j != label)
        x[j] = -kInfinity;
    break;
  case Data::TargetMinusInf:
    x[hasTarget ? label : index()] = -kInfinity;
    break;
  case Data::PlusInf:
    x[index()] = kInfinity;
    break;
  case Data::NaN:
    x[index()] = kNaN;
    break;
  case Data::AllMinusInf:
    std::fill(x.begin(), x.end(), -kInfinity);
    break;
  default:
    break;
  }
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

  size_t peak = fill(row.x, row.data);
  row.label = makeLabel(peak, row.data);
  makeSpecial(row.x, row.data, row.label);
  for (double &element : row.x)
    element = quantize(manifest.type, element);
  row.dloss = quantize(manifest.type == ElementType::F64 ? ElementType::F64
                                                         : ElementType::F32,
                       normal());

  switch (manifest.op) {
  case Operation::SoftmaxGrad:
  case Operation::LogSoftmaxGrad: {
    // y comes from the row; its gradient is random, never 1.
    RowInput input;
    input.x = row.x;
    bool logarithm = manifest.op == Operation::LogSoftmaxGrad;
    RowResult y = evaluateRow(
        logarithm ? Operation::LogSoftmax : Operation::Softmax, 0, input);
    ElementType type = manifest.find("y")->type;
    for (long double element : y.elements)
      row.second.push_back(static_cast<double>(roundTo(type, element)));
    for (double &element : row.x)
      element = quantize(manifest.type, normal());
    break;
  }
  case Operation::Sgd:
    for (int64_t j = 0; j < classes; ++j)
      row.second.push_back(quantize(manifest.find("gradient")->type, normal()));
    break;
  case Operation::CrossEntropy:
  case Operation::CrossEntropyGrad:
  case Operation::CrossEntropyWithGrad: {
    if (manifest.find("lse") && row.label != manifest.ignoreIndex) {
      RowInput input;
      input.x = row.x;
      row.lse = static_cast<double>(
          roundTo(manifest.find("lse")->type,
                  evaluateRow(Operation::LogSumExp, 0, input).lse));
    }
    // E9: the logits of ignored rows are not read.
    if (row.label == manifest.ignoreIndex && test.data != Data::Normal)
      std::fill(row.x.begin(), row.x.end(), kNaN);
    break;
  }
  default:
    break;
  }
  return row;
}
