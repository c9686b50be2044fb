// The parts of cross-entropy and its gradient.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "dialect/softmax/LossRows.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

#include <limits>

using namespace mlir;
using namespace mlir::softmax;

//===----------------------------------------------------------------------===//
// Labels and denominators
//===----------------------------------------------------------------------===//

LossRows::Label LossRows::readLabel(Value label) {
  if (label.getType().isInteger(8)) // 8-bit labels are unsigned
    label = arith::ExtUIOp::create(b, b.getI64Type(), label);
  else if (!label.getType().isInteger(64))
    label = arith::ExtSIOp::create(b, b.getI64Type(), label);
  Value ignored = arith::CmpIOp::create(
      b, arith::CmpIPredicate::eq, label,
      arith::ConstantOp::create(b, b.getI64IntegerAttr(ignoreIndex)));
  Value column = arith::IndexCastOp::create(b, b.getIndexType(), label);
  Value extent = row::ExtentOp::create(b, b.getIndexType());
  Value valid = arith::CmpIOp::create(b, arith::CmpIPredicate::ult, column,
                                      extent);
  return {ignored, valid, column};
}

Value LossRows::f64(double value) {
  return arith::ConstantOp::create(b, b.getF64FloatAttr(value));
}

LossRows::Denominators LossRows::countLabels() {
  RowBuilder count(b, type.getRank(), axis, type);
  count.input(target, Span::Rows);
  if (weight)
    count.input(weight, Span::Classes);
  SmallVector<Value> counters;
  for (int i = 0; i < (weight ? 2 : 1); ++i) {
    counters.push_back(createScratch(b, target));
    count.output(counters.back(), Span::Uniform);
  }
  SmallVector<Value> results =
      count.build([&](ValueRange arguments) -> SmallVector<Value> {
        Label label = readLabel(arguments[0]);
        SmallVector<Value> added = {
            rows.select(label.ignored, f64(0), f64(1))};
        if (weight) {
          Value own = count.at(arguments[1], label.column);
          added.push_back(rows.select(label.ignored, count.real(0), own));
        }
        return added;
      });
  auto load = [&](size_t i) {
    return loadScalar(b, results.empty() ? counters[i] : results[i]);
  };
  Value number = load(0);
  return {weight ? load(1) : number, number};
}

LossRows::Denominators &LossRows::denominators() {
  if (counted)
    return *counted;
  if (hasLabels) {
    counted = countLabels();
    return *counted;
  }
  // All rows count.
  Value product = arith::ConstantIndexOp::create(b, 1);
  for (int64_t dim = 0; dim < type.getRank(); ++dim) {
    if (dim == axis)
      continue;
    Value extent = isa<TensorType>(space.getType())
                       ? b.createOrFold<tensor::DimOp>(space, dim)
                       : b.createOrFold<memref::DimOp>(space, dim);
    product = b.createOrFold<arith::MulIOp>(product, extent);
  }
  product = arith::IndexCastOp::create(b, b.getI64Type(), product);
  Value number = arith::SIToFPOp::create(b, b.getF64Type(), product);
  counted = Denominators{number, number};
  return *counted;
}

Value LossRows::quotient(Value dividend, Value divisor, Value atZero) {
  Value isZero =
      arith::CmpFOp::create(b, arith::CmpFPredicate::OEQ, divisor, f64(0));
  return rows.select(isZero, atZero,
                     arith::DivFOp::create(b, dividend, divisor));
}

//===----------------------------------------------------------------------===//
// Before the program
//===----------------------------------------------------------------------===//

void LossRows::addUpstream(Value dloss) {
  if (reduction == Reduction::None) {
    if (dloss)
      upstreamArgument = rows.input(dloss, Span::Rows);
    return;
  }
  Value value;
  if (dloss)
    value = loadScalar(b, dloss);
  if (reduction == Reduction::Sum) {
    if (value)
      upstreamArgument = rows.input(value, Span::Uniform);
    return;
  }
  if (!value)
    value = f64(1);
  if (!value.getType().isF64())
    value = arith::ExtFOp::create(b, b.getF64Type(), value);
  auto add = [&](Value divisor) {
    Value share = quotient(value, divisor, f64(0));
    return rows.input(rows.narrow(share, rows.realType), Span::Uniform);
  };
  upstreamArgument = add(denominators().weights);
  if (zLoss != 0)
    upstreamOfZArgument = add(denominators().rows);
}

void LossRows::addTotalWeight() {
  if (!weight || !hasLabels || smoothing == 0)
    return;
  RowBuilder sum(b, /*rank=*/1, /*axis=*/0, weight.getType());
  sum.input(weight, Span::Elements);
  Value total = createScratch(b, weight);
  sum.output(total, Span::Uniform);
  SmallVector<Value> results =
      sum.build([&](ValueRange arguments) -> SmallVector<Value> {
        return {sum.sum(arguments, [](ValueRange e) { return e[0]; })};
      });
  Value value = loadScalar(b, results.empty() ? total : results.front());
  totalWeightArgument =
      rows.input(rows.narrow(value, rows.realType), Span::Uniform);
}

void LossRows::addLoss(Value destination) {
  wantsLoss = true;
  if (reduction != Reduction::Mean) {
    rows.output(destination,
                reduction == Reduction::None ? Span::Rows : Span::Uniform);
    return;
  }
  denominators();
  for (int i = 0; i < (separatesZLoss() ? 2 : 1); ++i) {
    scratch.push_back(createScratch(b, destination));
    rows.output(scratch.back(), Span::Uniform);
  }
}

//===----------------------------------------------------------------------===//
// Body
//===----------------------------------------------------------------------===//

void LossRows::begin(ValueRange arguments, ValueRange skipped) {
  x = arguments[0];
  if (weightArgument)
    weights = arguments[*weightArgument];
  if (!hasLabels) {
    q = arguments[1];
    return;
  }
  label = readLabel(arguments[1]);
  SmallVector<Value> constants;
  if (!scratch.empty())
    constants.append(scratch.size(), f64(0));
  else if (wantsLoss)
    constants.push_back(rows.real(0));
  if (wantsLse)
    constants.push_back(rows.real(0));
  llvm::append_range(constants, skipped);
  row::SkipIfOp::create(b, label.ignored, constants);
  // The target first: its miss in the cache overlaps the sweep.
  targetLogit = rows.at(x, label.column);
  targetElement = logits.element(targetLogit);
  if (weights)
    targetWeight = rows.at(weights, label.column);
}

SmallVector<Value> LossRows::data() const {
  SmallVector<Value> read = {x};
  if (q)
    read.push_back(q);
  if (weights && hasDistribution())
    read.push_back(weights);
  return read;
}

/// u_c from the elements of `data`.
Value LossRows::share(ValueRange elements, Value perClass) {
  Value own = perClass;
  if (q) {
    own = elements[1];
    if (smoothing != 0)
      own = rows.add(rows.mul(rows.real(1 - smoothing), own), perClass);
  }
  return weights ? rows.mul(own, elements.back()) : own;
}

void LossRows::reduce(ValueRange arguments) {
  Value zero = rows.real(0);
  if (smoothing != 0)
    perClass = rows.div(rows.real(smoothing), rows.extent());
  auto lowest = [&](Value value) -> Value {
    return arith::CmpFOp::create(b, arith::CmpFPredicate::OEQ, value,
                                 rows.minusInfinity());
  };
  if (savedArgument) {
    saved = lse = arguments[*savedArgument];
    if (q)
      fold.mass = rows.sum(
          ArrayRef(data()).drop_front(), [&](ValueRange e) {
            // `share` counts from the logit, which is not read here.
            SmallVector<Value> shifted = {Value()};
            llvm::append_range(shifted, e);
            return share(shifted, perClass);
          });
    if (zeroMasked) {
      rowMasked = lowest(saved);
      saved = rows.select(rowMasked, zero, saved);
    }
    return;
  }
  fold = rows.logSumExp(
      data(),
      [&](ValueRange e) -> SmallVector<Value> {
        SmallVector<Value> folded = {logits.element(e[0])};
        if (hasDistribution())
          folded.push_back(share(e, perClass));
        return folded;
      },
      {logits.factor(), {}, zeroTimesInf, logits.isIncreasing()});
  max = fold.max;
  log = math::Log1pOp::create(b, fold.tail);
  lse = rows.add(logits.scaled(max), log);
  reciprocal = rows.div(rows.real(1), fold.sum);
  if (!zeroMasked)
    return;
  Value tail = fold.tail; // NaN where the row has a NaN
  rowMasked = arith::AndIOp::create(
      b, lowest(max),
      arith::CmpFOp::create(b, arith::CmpFPredicate::ORD, tail, tail));
  max = rows.select(rowMasked, zero, max);
  log = rows.select(rowMasked, zero, log);
  reciprocal = rows.select(rowMasked, zero, reciprocal);
}

SmallVector<Value> LossRows::forward() {
  Value guard = rows.sub(max, max); // NaN for an infinite maximum
  Value half = rows.real(0.5), twice = rows.real(2 * logits.factorValue());
  // The distances from the maximum, and what log s is multiplied by. Distances
  // are halved until they have met their weights: those of finite logits may
  // overflow, and a weight of 0 must not make that NaN.
  Value loss, mass;
  if (hasLabels) {
    Value gap = rows.sub(rows.mul(max, half), rows.mul(targetElement, half));
    mass = rows.real(1 - smoothing);
    if (targetWeight)
      mass = rows.mul(targetWeight, mass);
    loss = rows.mul(rows.mul(mass, twice), gap);
  }
  if (hasDistribution()) {
    Value gaps = rows.mul(twice, fold.gap);
    loss = loss ? rows.add(loss, gaps) : gaps;
    mass = mass ? rows.add(mass, fold.mass) : fold.mass;
  }
  // All of a label's mass without weights: summed, it would not quite be 1.
  bool isWhole = hasLabels && !weights;
  loss = rows.add(rows.add(loss, guard), isWhole ? log : rows.mul(mass, log));
  if (hasLabels)
    loss = rows.select(label.valid, loss, rows.nan());
  else // without classes there is nothing to add up
    loss = rows.select(
        arith::CmpFOp::create(b, arith::CmpFPredicate::OEQ, rows.extent(),
                              rows.real(0)),
        rows.real(0), loss);
  SmallVector<Value> losses = {loss};
  if (zLoss != 0) {
    Value square = rows.mul(rows.real(zLoss), rows.mul(lse, lse));
    if (separatesZLoss())
      losses.push_back(square);
    else
      losses[0] = rows.add(loss, square);
  }
  if (reduction == Reduction::Mean)
    for (Value &value : losses)
      if (!value.getType().isF64())
        value = arith::ExtFOp::create(b, b.getF64Type(), value);
  if (wantsLse)
    losses.push_back(lse);
  return losses;
}

/// The numerator of p: exp(z - max), or with a saved logsumexp p itself.
Value LossRows::exponential(Value element) {
  if (saved)
    return math::ExpOp::create(
        b, rows.sub(logits.scaled(element), saved));
  Value shifted = logits.scaled(rows.sub(element, max));
  return row::ExpNonPositiveOp::create(b, shifted);
}

Value LossRows::gradient(ValueRange arguments, Type result) {
  Value one = rows.real(1);
  Value g = upstreamArgument ? arguments[*upstreamArgument] : one;
  Value h = upstreamOfZArgument ? arguments[*upstreamOfZArgument] : g;
  if (rowMasked) {
    g = rows.select(rowMasked, rows.real(0), g);
    h = rows.select(rowMasked, rows.real(0), h);
  }
  // An infinite lse belongs to a row whose gradient is NaN.
  if (saved)
    g = rows.add(g, rows.sub(saved, saved));
  if (hasLabels)
    g = rows.select(label.valid, g, rows.nan());

  auto normalized = [&](Value value) {
    return reciprocal ? rows.mul(value, reciprocal) : value;
  };
  // The parts of the factor of exp(z - max): `hard` of the label, `rest` of the
  // other terms.
  Value hard, rest, perClassShare;
  if (hasLabels) {
    hard = g;
    if (smoothing != 0)
      hard = rows.mul(hard, rows.real(1 - smoothing));
    if (targetWeight)
      hard = rows.mul(hard, targetWeight);
    hard = normalized(hard);
    if (smoothing != 0) {
      perClassShare = rows.mul(g, perClass);
      rest = normalized(rows.mul(perClassShare, totalWeightArgument
                                                    ? arguments[*totalWeightArgument]
                                                    : rows.extent()));
    }
  } else {
    rest = normalized(rows.mul(g, fold.mass));
  }
  if (zLoss != 0) {
    Value ofLse = lse;
    if (rowMasked)
      ofLse = rows.select(rowMasked, rows.real(0), ofLse);
    // lse last: times 2 z_loss alone it might overflow.
    Value slope = normalized(rows.mul(h, rows.real(2 * zLoss)));
    slope = rows.mul(slope, ofLse);
    rest = rest ? rows.add(rest, slope) : slope;
  }
  Value coefficient = hard && rest ? rows.add(hard, rest) : hard ? hard : rest;

  Value column, atTarget;
  if (hasLabels) {
    column = label.column;
    // p_t - 1 is (exp(z_t - max) - 1 - tail) / sum, which does not cancel when
    // the target dominates: then exp(z_t - max) is exactly 1.
    Value peak = exponential(targetElement);
    Value others = rows.sub(peak, one);
    if (!saved)
      others = rows.sub(others, fold.tail);
    atTarget = rows.mul(hard, others);
    if (rest)
      atTarget = rows.add(atTarget, rows.mul(rest, peak));
    if (perClassShare)
      atTarget = rows.sub(atTarget, targetWeight ? rows.mul(perClassShare,
                                                            targetWeight)
                                                 : perClassShare);
    atTarget = logits.chain(targetLogit, atTarget);
  }
  return rows.map(
      data(), result,
      [&](ValueRange e) {
        Value dz = rows.mul(exponential(logits.element(e[0])), coefficient);
        if (perClassShare)
          dz = rows.sub(dz, weights ? rows.mul(perClassShare, e.back())
                                    : perClassShare);
        else if (q)
          dz = rows.sub(dz, rows.mul(g, share(e, perClass)));
        return logits.chain(e[0], dz);
      },
      column, atTarget);
}

//===----------------------------------------------------------------------===//
// After the program
//===----------------------------------------------------------------------===//

void LossRows::finishMean(SmallVectorImpl<Value> &results, Value destination) {
  if (reduction != Reduction::Mean)
    return;
  auto load = [&](size_t i) {
    return loadScalar(b, results.empty() ? scratch[i] : results[i]);
  };
  Value empty =
      f64(zeroMean ? 0 : std::numeric_limits<double>::quiet_NaN());
  Value mean = quotient(load(0), denominators().weights, empty);
  if (separatesZLoss())
    mean = arith::AddFOp::create(
        b, mean, quotient(load(1), denominators().rows, empty));
  Value stored =
      storeScalar(b, rows.narrow(mean, rows.realType), destination);
  if (!stored)
    return;
  results[0] = stored;
  if (separatesZLoss())
    results.erase(results.begin() + 1);
}
