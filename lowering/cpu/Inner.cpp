// The inner traversal: tiles of neighbouring rows, and the stages of a program.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "lowering/cpu/Inner.h"

#include "lowering/Floats.h"
#include "lowering/Sweeps.h"

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

/// Scalars belong to the stage of the sweep that comes after them.
void InnerTraversal::begin() {
  SmallVector<SmallVector<row::ReduceOp>> sweeps = sweepsOf(program);
  stages.emplace_back();
  for (Operation &op : program.getBodyBlock()->without_terminator()) {
    auto reduce = dyn_cast<row::ReduceOp>(op);
    if (!reduce) {
      if (!isa<row::MapOp>(op))
        stages.back().scalars.push_back(&op);
      continue;
    }
    for (ArrayRef<row::ReduceOp> sweep : sweeps)
      if (sweep.front() == reduce) {
        stages.back().reduces.assign(sweep.begin(), sweep.end());
        stages.emplace_back();
      }
  }
  std::optional<int64_t> known = getConstantIntValue(extent);
  isOneBlock = known && *known > 0 && *known <= schedule.getBlock();
}

int64_t InnerTraversal::rowsPerStep() {
  return schedule.getLanes() * schedule.getUnroll();
}

/// Rows with equal indices but that of the lanes' dimension are a run. A run is
/// cut into tiles of whole steps; what is left takes single, masked vectors.
void InnerTraversal::emitRows(Value from, Value to, Totals &totals) {
  Value extentOfRun = extentOf(laneDim);
  Value firstRun = b.createOrFold<arith::DivUIOp>(from, extentOfRun);
  Value endRun = b.createOrFold<arith::CeilDivUIOp>(to, extentOfRun);
  loop(firstRun, endRun, index(1), totals, [&](Value run) {
    Value start = arith::MulIOp::create(b, run, extentOfRun);
    Value begin =
        arith::SubIOp::create(b, arith::MaxUIOp::create(b, from, start), start);
    Value end = arith::SubIOp::create(b, to, start);
    end = arith::MinUIOp::create(b, end, extentOfRun);
    Value length = arith::SubIOp::create(b, end, begin);

    // Vectors of unknown length keep to one register.
    int64_t width = rowsPerStep(), lane = schedule.getLanes();
    Value rest = arith::RemUIOp::create(b, length, scaled(width));
    Value mainEnd = arith::SubIOp::create(b, end, rest);
    // The columns of one block stay in L1 from sweep to sweep.
    int64_t steps =
        isOneBlock ? 1 : std::max<int64_t>(schedule.getTile() / width, 1);
    Value rowsOfTile = scaled(width * steps);
    loop(begin, mainEnd, rowsOfTile, totals, [&](Value first) {
      Value last = arith::AddIOp::create(b, first, rowsOfTile);
      emitTile({run, first, arith::MinUIOp::create(b, last, mainEnd), width,
                steps, /*isPartial=*/false},
               totals);
    });
    loop(mainEnd, end, scaled(lane), totals, [&](Value first) {
      emitTile({run, first, end, lane, /*steps=*/1, /*isPartial=*/true},
               totals);
    });
  });
}

Value InnerTraversal::scaled(int64_t rows) {
  if (!schedule.isScalable())
    return index(rows);
  return b.createOrFold<arith::MulIOp>(index(rows),
                                       vector::VectorScaleOp::create(b));
}

void InnerTraversal::loop(Value from, Value to, Value step, Totals &totals,
                          function_ref<void(Value)> body) {
  auto loop = scf::ForOp::create(b, from, to, step, totals);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(loop.getBody());
  totals.assign(loop.getRegionIterArgs().begin(),
                loop.getRegionIterArgs().end());
  body(loop.getInductionVar());
  if (!totals.empty())
    scf::YieldOp::create(b, totals);
  totals.assign(loop.result_begin(), loop.result_end());
}

void InnerTraversal::emitTile(const Tile &next, Totals &totals) {
  tile = next;
  vectors.emplace(b, schedule, tile.width);
  kept.clear();
  uniform.clear();
  Totals none;
  for (Stage &stage : stages) {
    bool isLast = &stage == &stages.back();
    forSteps(isLast ? totals : none, [&](Totals &totals) {
      recall(stage, /*withScalars=*/false);
      SmallVector<Value> scalars = emitScalars(stage);
      if (isLast)
        emitOutputs(scalars, totals);
    });
    sweep(stage);
  }
}

void InnerTraversal::forSteps(Totals &totals,
                              function_ref<void(Totals &)> body) {
  auto step = [&](Value first) {
    // The only step of a tile keeps everything at the start of its buffers.
    offset = tile.steps == 1 ? index(0)
                             : arith::SubIOp::create(b, first, tile.first);
    enter(first);
    body(totals);
  };
  if (tile.steps == 1)
    return step(tile.first);
  loop(tile.first, tile.end, scaled(tile.width), totals, step);
}

void InnerTraversal::enter(Value first) {
  SmallVector<int64_t> dims = rowDimensions();
  llvm::erase(dims, laneDim);
  delinearize(tile.run, dims);
  indices[laneDim] = first;
  indices[program.getAxis()] = index(0);
  lanes = {index(0), {}, {}, 0};
  if (tile.isPartial) {
    lanes = vectors->partial(first, tile.end);
    lanes.first = index(0);
  }
  values.clear();
  rows.clear();
  skipped = {};
  bindInputs();
}

/// Brings back what is known of the rows of a step when the scalars of `last`
/// are about to be computed, or have been. What is the same for all rows is
/// computed again.
void InnerTraversal::recall(const Stage &last, bool withScalars) {
  auto load = [&](Value value) {
    if (Value buffer = kept.lookup(value))
      values.map(value, loadKept(buffer, value.getType()));
  };
  for (const Stage &stage : stages) {
    if (&stage == &last && !withScalars)
      return;
    for (Operation *op : stage.scalars) {
      if (auto skipIf = dyn_cast<row::SkipIfOp>(op))
        bindSkip(skipIf);
      else if (uniform.contains(op))
        emitScalar(*op);
      else
        llvm::for_each(op->getResults(), load);
    }
    if (&stage == &last)
      return;
    for (row::ReduceOp reduce : stage.reduces)
      llvm::for_each(reduce.getResults(), load);
  }
}

void InnerTraversal::bindSkip(row::SkipIfOp skipIf) {
  skipped = vectors->widen(values.lookupOrDefault(skipIf.getCondition()));
  skipValues.clear();
  for (auto [i, value] : llvm::enumerate(skipIf.getValues())) {
    Value kept = vectors->widen(values.lookupOrDefault(value));
    if (isTotal(i)) // a row may yield another type than it skips with
      kept = convertFloat(b, kept, yielded()[i].getType());
    skipValues.push_back(kept);
  }
}

Value InnerTraversal::keep(Value vector) {
  Type type = cast<VectorType>(vector.getType()).getElementType();
  if (type.isInteger(1)) { // bits have no addresses
    type = b.getI8Type();
    vector = arith::ExtUIOp::create(b, vectors->vectorOf(type), vector);
  }
  Value buffer = vectors->scratch(type, tile.steps);
  vector::StoreOp::create(b, vector, buffer, ValueRange{offset});
  return buffer;
}

/// `type` is that of the elements, where it is not the buffer's.
Value InnerTraversal::loadKept(Value buffer, Type type) {
  Type stored = cast<MemRefType>(buffer.getType()).getElementType();
  Value vector = vector::LoadOp::create(b, vectors->vectorOf(stored), buffer,
                                        ValueRange{offset});
  if (!type || type == stored)
    return vector;
  return arith::TruncIOp::create(b, vectors->vectorOf(type), vector);
}

/// Emits `counts` where a row of the step is not skipped, else `skips`.
SmallVector<Value> InnerTraversal::unlessSkipped(TypeRange types, Body counts,
                                                 Body skips) {
  if (!skipped)
    return counts();
  Value all = arith::ConstantOp::create(
      b, DenseElementsAttr::get(cast<VectorType>(skipped.getType()), true));
  if (lanes.isPartial())
    all = lanes.mask;
  Value any = vector::ReductionOp::create(b, vector::CombiningKind::OR,
                                          vectors->exclude(all, skipped));
  auto branch = scf::IfOp::create(b, types, any, /*withElseRegion=*/true);
  OpBuilder::InsertionGuard guard(b);
  for (auto [region, body] : {std::pair(&branch.getThenRegion(), counts),
                              std::pair(&branch.getElseRegion(), skips)}) {
    b.setInsertionPointToStart(&region->front());
    SmallVector<Value> yielded = body();
    if (!yielded.empty())
      scf::YieldOp::create(b, yielded);
  }
  return SmallVector<Value>(branch.getResults());
}

/// The scalars of a stage: what the last one yields to outputs that are no
/// rows.
SmallVector<Value> InnerTraversal::emitScalars(Stage &stage) {
  return unlessSkipped(
      outputTypes(stage),
      [&] {
        if (&stage != stages.begin())
          bindReductions(*std::prev(&stage));
        return emitScalarsFrom(stage, 0);
      },
      [&] { return outputsOf(stage, /*isSkipped=*/true); });
}

SmallVector<Value> InnerTraversal::emitScalarsFrom(Stage &stage, size_t next) {
  for (; next < stage.scalars.size(); ++next) {
    Operation *op = stage.scalars[next];
    if (auto skipIf = dyn_cast<row::SkipIfOp>(op)) {
      keepScalars(stage); // also of rows that are skipped
      bindSkip(skipIf);
      return unlessSkipped(
          outputTypes(stage), [&] { return emitScalarsFrom(stage, next + 1); },
          [&] { return outputsOf(stage, /*isSkipped=*/true); });
    }
    if (auto at = dyn_cast<row::AtOp>(op))
      emitAt(at);
    else
      emitScalar(*op);
  }
  keepScalars(stage);
  stage.state.clear();
  if (!isOneBlock)
    for (row::ReduceOp reduce : stage.reduces)
      for (Value value : monoids.neutral(
               reduce, vectors->constant(reduce.getResult(0).getType(), 0)))
        stage.state.push_back(keep(value));
  return outputsOf(stage, /*isSkipped=*/false);
}

/// Keeps what has been computed at the start of a stage and is used after it.
void InnerTraversal::keepScalars(Stage &stage) {
  Block *body = program.getBodyBlock();
  auto keepResults = [&](Operation *op) {
    for (Value value : op->getResults()) {
      Value emitted = values.lookupOrNull(value);
      if (!emitted || uniform.contains(op) || kept.contains(value))
        continue;
      if (llvm::any_of(value.getUsers(), [&](Operation *user) {
            Operation *inBody = body->findAncestorOpInBlock(*user);
            return isa<row::SkipIfOp>(inBody) ||
                   !llvm::is_contained(stage.scalars, inBody);
          }))
        kept[value] = keep(emitted);
    }
  };
  if (&stage != stages.begin())
    for (row::ReduceOp reduce : std::prev(&stage)->reduces)
      keepResults(reduce);
  llvm::for_each(stage.scalars, keepResults);
}

SmallVector<Type> InnerTraversal::outputTypes(const Stage &stage) {
  SmallVector<Type> types;
  if (&stage == &stages.back())
    for (auto [row, value] : llvm::zip(outputRows, yielded()))
      if (!row)
        types.push_back(vectors->vectorOf(value.getType()));
  return types;
}

SmallVector<Value> InnerTraversal::outputsOf(const Stage &stage,
                                             bool isSkipped) {
  SmallVector<Value> outputs;
  if (&stage != &stages.back())
    return outputs;
  for (auto [i, value] : llvm::enumerate(yielded())) {
    if (outputRows[i])
      continue;
    if (isSkipped) {
      outputs.push_back(skipValues[i]);
      continue;
    }
    Value output = vectors->widen(values.lookupOrDefault(value));
    if (skipped)
      output = arith::SelectOp::create(b, skipped, skipValues[i], output);
    outputs.push_back(output);
  }
  return outputs;
}

void InnerTraversal::emitOutputs(ArrayRef<Value> scalars, Totals &totals) {
  unsigned next = 0;
  SmallVector<Value> added;
  for (auto [i, output] : llvm::enumerate(program.getOutputs())) {
    if (outputRows[i])
      continue;
    Value scalar = scalars[next++];
    if (isTotal(i))
      added.push_back(scalar);
    else
      vectors->store(scalar, view(output, program.getOutputMap(i)), lanes);
  }
  addToTotals(added, totals);
}
