// The inner traversal: steps of neighbouring rows, and the program's body.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "lowering/cpu/Inner.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace mlir::softmax;

std::optional<int64_t> InnerTraversal::laneDimension(row::ProgramOp program) {
  int64_t last = program.getSpaceRank() - 1;
  if (last == program.getAxis())
    --last;
  if (last < 0)
    return std::nullopt;
  return last;
}

std::optional<std::string> InnerTraversal::unsupported() {
  std::optional<int64_t> dim = laneDimension(program);
  if (!dim)
    return "it has one row";
  laneDim = *dim;
  return std::nullopt;
}

int64_t InnerTraversal::rowsPerStep() {
  return schedule.getLanes() * schedule.getUnroll();
}

/// Rows with equal indices but that of the lanes' dimension are a run. A run is
/// cut into steps; what is left takes single, masked vectors.
void InnerTraversal::emitRows(Value from, Value to, Totals &totals) {
  Value extentOfRun = extentOf(laneDim);
  Value firstRun = b.createOrFold<arith::DivUIOp>(from, extentOfRun);
  Value endRun = b.createOrFold<arith::CeilDivUIOp>(to, extentOfRun);
  auto loop = [&](Value from, Value to, Value step, auto body) {
    auto loop = scf::ForOp::create(b, from, to, step, totals);
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(loop.getBody());
    totals.assign(loop.getRegionIterArgs().begin(),
                  loop.getRegionIterArgs().end());
    body(loop.getInductionVar());
    if (!totals.empty())
      scf::YieldOp::create(b, totals);
    totals.assign(loop.result_begin(), loop.result_end());
  };
  loop(firstRun, endRun, index(1), [&](Value run) {
    Value start = arith::MulIOp::create(b, run, extentOfRun);
    Value begin =
        arith::SubIOp::create(b, arith::MaxUIOp::create(b, from, start), start);
    Value end = arith::SubIOp::create(b, to, start);
    end = arith::MinUIOp::create(b, end, extentOfRun);
    Value length = arith::SubIOp::create(b, end, begin);

    // Vectors of unknown length keep to one register.
    int64_t width = rowsPerStep(), lane = schedule.getLanes();
    Value scale = index(1);
    if (schedule.isScalable())
      scale = vector::VectorScaleOp::create(b);
    Value step = b.createOrFold<arith::MulIOp>(index(width), scale);
    Value rest = arith::RemUIOp::create(b, length, step);
    Value mainEnd = arith::SubIOp::create(b, end, rest);
    loop(begin, mainEnd, step, [&](Value first) {
      emitStep(run, first, end, width, /*partial=*/false, totals);
    });
    step = b.createOrFold<arith::MulIOp>(index(lane), scale);
    loop(mainEnd, end, step, [&](Value first) {
      emitStep(run, first, end, lane, /*partial=*/true, totals);
    });
  });
}

void InnerTraversal::emitStep(Value run, Value first, Value end, int64_t width,
                              bool partial, Totals &totals) {
  vectors.emplace(b, schedule, width);
  SmallVector<int64_t> dims = rowDimensions();
  llvm::erase(dims, laneDim);
  delinearize(run, dims);
  indices[laneDim] = first;
  indices[program.getAxis()] = index(0);
  lanes = {index(0), {}, {}, 0};
  if (partial) {
    lanes = vectors->partial(first, end);
    lanes.first = index(0);
  }
  values.clear();
  rows.clear();
  bindInputs();
  SmallVector<Value> scalars = emitBody();
  for (auto [i, output] : llvm::enumerate(program.getOutputs()))
    if (!outputRows[i] && !isTotal(i))
      vectors->store(vectors->widen(scalars[i]),
                     view(output, program.getOutputMap(i)), lanes);
  addToTotals(scalars, totals);
}

Value InnerTraversal::view(Value memref, AffineMap map) {
  auto type = cast<MemRefType>(memref.getType());
  SmallVector<int64_t> known;
  int64_t unused;
  (void)type.getStridesAndOffset(known, unused);
  auto metadata = memref::ExtractStridedMetadataOp::create(b, memref);
  Value offset = metadata.getOffset();
  SmallVector<OpFoldResult> sizes(2), strides(2);
  SmallVector<int64_t> memoryStrides(2);
  for (auto [position, expr] : llvm::enumerate(map.getResults())) {
    int64_t dim = cast<AffineDimExpr>(expr).getPosition();
    Value stride = metadata.getStrides()[position];
    if (!ShapedType::isDynamic(known[position]))
      stride = index(known[position]);
    offset = b.createOrFold<arith::AddIOp>(
        offset, b.createOrFold<arith::MulIOp>(indices[dim], stride));
    if (dim != program.getAxis() && dim != laneDim)
      continue;
    size_t side = dim == laneDim;
    sizes[side] = dim == laneDim ? rowsOfStep() : extent;
    strides[side] = getAsOpFoldResult(stride);
    memoryStrides[side] = known[position];
  }
  for (int side = 1; side >= 0; --side)
    if (!sizes[side]) {
      sizes.erase(sizes.begin() + side);
      strides.erase(strides.begin() + side);
      memoryStrides.erase(memoryStrides.begin() + side);
    }
  auto viewType =
      MemRefType::get(SmallVector<int64_t>(sizes.size(), ShapedType::kDynamic),
                      type.getElementType(),
                      StridedLayoutAttr::get(
                          b.getContext(), ShapedType::kDynamic, memoryStrides),
                      type.getMemorySpace());
  return memref::ReinterpretCastOp::create(
      b, viewType, metadata.getBaseBuffer(), OpFoldResult(offset), sizes,
      strides);
}

Value InnerTraversal::rowsOfStep() {
  return lanes.isPartial() ? lanes.count : vectors->lanes();
}

void InnerTraversal::bindInputs() {
  Block *body = program.getBodyBlock();
  for (auto [i, input] : llvm::enumerate(program.getInputs())) {
    AffineMap map = program.getInputMap(i);
    Value argument = body->getArgument(i);
    if (!isa<MemRefType>(input.getType())) {
      values.map(argument, input);
      continue;
    }
    Value elements = view(input, map);
    if (program.hasAxis(map))
      rows[argument] = elements;
    else if (map.isFunctionOfDim(laneDim))
      values.map(argument, vectors->load(elements, lanes));
    else
      values.map(argument,
                 memref::LoadOp::create(b, elements, ValueRange()).getResult());
  }
  outputRows.clear();
  for (auto [i, output] : llvm::enumerate(program.getOutputs())) {
    AffineMap map = program.getOutputMap(i);
    outputRows.push_back(program.hasAxis(map) ? view(output, map) : Value());
  }
}

SmallVector<Value> InnerTraversal::emitBody() {
  Block *body = program.getBodyBlock();
  auto yield = cast<row::YieldOp>(body->getTerminator());
  SmallVector<Type> scalarTypes;
  for (auto [row, value] : llvm::zip(outputRows, yield.getValues()))
    if (!row)
      scalarTypes.push_back(vectors->vectorOf(value.getType()));

  // Rows that are all skipped read nothing. Where only some are, those are
  // computed beside the others and their results replaced.
  skipped = {};
  skipValues.assign(outputRows.size(), Value());
  scf::IfOp branch;
  for (Operation &op : body->without_terminator()) {
    if (auto skipIf = dyn_cast<row::SkipIfOp>(op)) {
      skipped = vectors->widen(values.lookupOrDefault(skipIf.getCondition()));
      for (auto [i, value] : llvm::enumerate(skipIf.getValues()))
        skipValues[i] = vectors->widen(values.lookupOrDefault(value));
      Value yes = arith::ConstantOp::create(
          b, DenseElementsAttr::get(cast<VectorType>(skipped.getType()), true));
      Value kept = vectors->maskOut(arith::XOrIOp::create(b, skipped, yes),
                                    arith::XOrIOp::create(b, yes, yes), lanes);
      Value any =
          vector::ReductionOp::create(b, vector::CombiningKind::OR, kept);
      branch = scf::IfOp::create(b, scalarTypes, any, /*withElseRegion=*/true);
      b.setInsertionPointToStart(&branch.getElseRegion().front());
      SmallVector<Value> scalars;
      for (auto [row, value] : llvm::zip(outputRows, skipValues))
        if (row)
          fill(row, value, index(0));
        else
          scalars.push_back(value);
      if (!scalars.empty())
        scf::YieldOp::create(b, scalars);
      b.setInsertionPointToStart(&branch.getThenRegion().front());
    } else if (auto reduce = dyn_cast<row::ReduceOp>(op)) {
      Value until = reduce.getUntil();
      emitReduce(reduce, until ? values.lookupOrDefault(until) : Value());
    } else if (auto at = dyn_cast<row::AtOp>(op)) {
      emitAt(at);
    } else if (!isa<row::MapOp>(op)) {
      emitScalar(op);
    }
  }

  SmallVector<row::MapOp> maps;
  SmallVector<Value> written, results;
  for (auto [row, value] : llvm::zip(outputRows, yield.getValues()))
    if (row) {
      maps.push_back(value.getDefiningOp<row::MapOp>());
      written.push_back(row);
    }
  if (!maps.empty()) {
    Value until = maps.front().getUntil();
    map(maps, written, until ? values.lookupOrDefault(until) : Value());
  }
  SmallVector<Value> scalars;
  for (auto [i, value] : llvm::enumerate(yield.getValues())) {
    if (outputRows[i])
      continue;
    Value scalar = vectors->widen(values.lookupOrDefault(value));
    if (skipped)
      scalar = arith::SelectOp::create(b, skipped, skipValues[i], scalar);
    scalars.push_back(scalar);
  }
  if (branch) {
    if (!scalars.empty())
      scf::YieldOp::create(b, scalars);
    b.setInsertionPointAfter(branch);
    scalars.assign(branch.result_begin(), branch.result_end());
  }
  auto next = scalars.begin();
  for (Value row : outputRows)
    results.push_back(row ? Value() : *next++);
  return results;
}

/// What is the same for all rows stays a scalar.
void InnerTraversal::emitScalar(Operation &op) {
  if (auto extentOp = dyn_cast<row::ExtentOp>(op))
    return values.map(extentOp.getResult(), extent);
  if (auto indexOp = dyn_cast<row::IndexOp>(op)) {
    Value number = indices[indexOp.getDim()];
    if (static_cast<int64_t>(indexOp.getDim()) == laneDim)
      number = vectors->count(number);
    return values.map(indexOp.getResult(), number);
  }
  SmallVector<Value> operands;
  bool uniform = true;
  for (Value operand : op.getOperands()) {
    operands.push_back(values.lookupOrDefault(operand));
    uniform &= !isa<VectorType>(operands.back().getType());
  }
  if (uniform) {
    b.clone(op, values);
    return;
  }
  for (Value &operand : operands)
    operand = vectors->widen(operand);
  values.map(op.getResults(), vectors->apply(op, operands));
}

void InnerTraversal::emitAt(row::AtOp at) {
  Value row = rowOf(at.getRow());
  Value column = vectors->widen(values.lookupOrDefault(at.getColumn()));
  Value inside = arith::CmpIOp::create(b, arith::CmpIPredicate::ult, column,
                                       vectors->splat(extent));
  if (lanes.isPartial())
    inside = arith::AndIOp::create(b, inside, lanes.mask);
  auto metadata = memref::ExtractStridedMetadataOp::create(b, row);
  Value offsets = arith::MulIOp::create(
      b, column, vectors->splat(metadata.getStrides().front()));
  if (metadata.getStrides().size() == 2)
    offsets = arith::AddIOp::create(
        b, offsets,
        arith::MulIOp::create(b, vectors->count(index(0)),
                              vectors->splat(metadata.getStrides().back())));
  values.map(at.getResult(), vectors->gather(row, offsets, inside));
}

/// In the order of the rows, which is that of the lanes.
void InnerTraversal::addToTotals(ArrayRef<Value> scalars, Totals &totals) {
  if (totals.empty())
    return;
  SmallVector<Value> buffers;
  for (auto [i, scalar] : llvm::enumerate(scalars)) {
    if (outputRows[i] || !isTotal(i))
      continue;
    auto type = cast<VectorType>(scalar.getType());
    buffers.push_back(vectors->scratch(type.getElementType()));
    vector::StoreOp::create(b, scalar, buffers.back(), ValueRange{index(0)});
  }
  auto loop = scf::ForOp::create(b, index(0), rowsOfStep(), index(1), totals);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(loop.getBody());
  Totals added(loop.getRegionIterArgs());
  unsigned next = 0;
  for (Value buffer : buffers)
    addToTotal(added, next,
               memref::LoadOp::create(b, buffer, loop.getInductionVar()));
  scf::YieldOp::create(b, added);
  totals.assign(loop.result_begin(), loop.result_end());
}
