// Rows at any address by aligned accesses: units, shifted in registers.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "lowering/gpu/RowKernel.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace mlir::softmax;

// A unit is what one aligned access moves, 16 bytes or a thread's columns where
// these are less. A row's first column lies `offset` elements into a unit, so
// the columns of a thread lie in one unit more than they fill. The thread loads
// all of them, the second time out of the L1 cache, and shifts: that is as much
// work for the load units as to get the neighbour's by shuffles, and needs no
// neighbour. Stores are the other way round: a thread gets the last unit of
// the thread before by shuffles, shifts, and stores whole units. The columns of
// units that are not whole (at the ends of a row and between subgroups) are
// stored one by one by their owners.
//
// Registers hold units as words: elements, or 32 bits of narrower ones.

RowKernel::UnitShape RowKernel::unitShape(const Operand &operand) const {
  Type stored = cast<MemRefType>(operand.memory.getType()).getElementType();
  UnitShape shape;
  shape.bits = stored.getIntOrFloatBitWidth();
  shape.columns = std::min<int64_t>(schedule.getVector(), 128 / shape.bits);
  shape.word = stored;
  if (shape.bits < 32)
    shape.word = IntegerType::get(stored.getContext(), 32);
  shape.wordBits = std::max<int64_t>(32, shape.bits);
  shape.words = shape.columns * shape.bits / shape.wordBits;
  shape.count = schedule.getVector() / shape.columns;
  return shape;
}

/// Whether aligned units of the operand's rows are moved.
bool RowKernel::movesUnits(const Operand &operand, bool stores) {
  if (wide || operand.columnStride || !program.hasAxis(operand.map))
    return false;
  UnitShape shape = unitShape(operand);
  if (shape.columns < 2 || shape.words < 1)
    return false;
  if (!stores)
    return true;
  if (group.getNeighbours() == Neighbours::Rows)
    return false;
  // All threads of a subgroup have to take part in a shuffle: in the loop of a
  // row in memory they do when they have the row in common.
  int64_t threads = group.getThreads();
  return threads >= schedule.getLanes() ||
         (threads > 1 && schedule.getResidence() == Residence::Registers);
}

/// Finds the units of the row at hand.
void RowKernel::locateUnits(Operand &operand) {
  UnitShape shape = unitShape(operand);
  Type i64 = b.getI64Type();
  auto number = [&](int64_t value) -> Value {
    return arith::ConstantOp::create(b, b.getI64IntegerAttr(value));
  };
  auto bytesOf = [&](Value elements) -> Value {
    return arith::MulIOp::create(b,
                                 arith::IndexCastOp::create(b, i64, elements),
                                 number(shape.bits / 8));
  };
  int64_t unitBytes = shape.columns * shape.bits / 8;
  Value tensor = kernel.addressOf(operand.memory);
  Value address =
      arith::AddIOp::create(b, tensor, bytesOf(operand.base)).getResult();
  Value before = arith::AndIOp::create(b, address, number(unitBytes - 1));
  Value begin = arith::SubIOp::create(b, address, before);
  Value offset = arith::DivUIOp::create(b, before, number(shape.bits / 8));

  Units units;
  units.memory = kernel.memoryAt(begin, shape.word);
  units.offset = arith::TruncIOp::create(b, b.getI32Type(), offset);
  units.end = arith::AddIOp::create(
      b, extent, arith::IndexCastOp::create(b, b.getIndexType(), offset));
  Value columns = kernel.index(shape.columns);
  units.last = arith::DivUIOp::create(
      b, arith::SubIOp::create(b, units.end, kernel.index(1)), columns);
  // The tensor is all that may be read.
  auto first = cast<AffineDimExpr>(operand.map.getResult(0)).getPosition();
  Value size =
      arith::MulIOp::create(b, extents[first], operand.strides.front());
  Value end = arith::AddIOp::create(b, tensor, bytesOf(size));
  Value unitEnd = arith::MulIOp::create(
      b, arith::AddIOp::create(b, units.last, kernel.index(1)), columns);
  unitEnd = arith::AddIOp::create(b, begin, bytesOf(unitEnd));
  units.startsOutside =
      arith::CmpIOp::create(b, arith::CmpIPredicate::ult, begin, tensor);
  units.endsOutside =
      arith::CmpIOp::create(b, arith::CmpIPredicate::ugt, unitEnd, end);
  operand.units = units;
}

/// Shifts words down by `distance` columns, at most twice `most` less one, and
/// returns the first `count`. Words past the last one are of no interest to the
/// caller.
SmallVector<Value> RowKernel::shiftDown(const UnitShape &shape,
                                        SmallVector<Value> words,
                                        Value distance, int64_t most,
                                        int64_t count) {
  auto number = [&](int64_t value) -> Value {
    return arith::ConstantOp::create(b, b.getI32IntegerAttr(value));
  };
  int64_t perWord = shape.wordBits / shape.bits;
  bool splitsWords = perWord > 1;
  for (int64_t step = most; step >= perWord; step /= 2) {
    Value bit = arith::AndIOp::create(b, distance, number(step));
    Value moves =
        arith::CmpIOp::create(b, arith::CmpIPredicate::ne, bit, number(0));
    int64_t by = step / perWord;
    int64_t needed = count + by - 1 + splitsWords; // by the smaller steps
    SmallVector<Value> next;
    for (int64_t i = 0, e = words.size(); i < std::min(needed, e); ++i)
      next.push_back(i + by < e ? arith::SelectOp::create(
                                      b, moves, words[i + by], words[i])
                                      .getResult()
                                : words[i]);
    words = std::move(next);
  }
  if (splitsWords && schedule.getIsa() != GPUIsa::SPIRV) {
    // One instruction shifts out of two words by any distance.
    Value amount = arith::MulIOp::create(
        b, arith::AndIOp::create(b, distance, number(perWord - 1)),
        number(shape.bits));
    for (int64_t i = 0, e = words.size(); i < e; ++i)
      words[i] = LLVM::FshrOp::create(b, words[std::min(i + 1, e - 1)],
                                      words[i], amount);
  } else if (splitsWords) {
    for (int64_t step = perWord / 2; step > 0; step /= 2) {
      Value bit = arith::AndIOp::create(b, distance, number(step));
      Value moves =
          arith::CmpIOp::create(b, arith::CmpIPredicate::ne, bit, number(0));
      int64_t bits = step * shape.bits;
      SmallVector<Value> next;
      for (int64_t i = 0, e = words.size(); i < e; ++i) {
        Value moved = arith::ShRUIOp::create(b, words[i], number(bits));
        if (i + 1 < e) {
          Value high =
              arith::ShLIOp::create(b, words[i + 1], number(32 - bits));
          moved = arith::OrIOp::create(b, moved, high);
        }
        next.push_back(arith::SelectOp::create(b, moves, moved, words[i]));
      }
      words = std::move(next);
    }
  }
  words.truncate(count);
  return words;
}

SmallVector<Value> RowKernel::wordsOf(const UnitShape &shape, Value vector) {
  int64_t count = shape.words * shape.count;
  if (shape.bits < 32)
    vector = vector::BitCastOp::create(b, VectorType::get({count}, shape.word),
                                       vector);
  SmallVector<Value> words;
  for (int64_t i = 0; i < count; ++i)
    words.push_back(vector::ExtractOp::create(b, vector, ArrayRef<int64_t>{i}));
  return words;
}

/// A unit of words.
Value RowKernel::ofWords(ArrayRef<Value> words) {
  if (words.size() == 1)
    return words.front();
  int64_t count = words.size();
  return vector::FromElementsOp::create(
      b, VectorType::get({count}, words.front().getType()), words);
}

/// Whether the units of a thread's columns may reach the last one of the row.
bool RowKernel::mayHoldEnd(const Operand &operand, const Columns &columns) {
  if (columns.step < 0)
    return true;
  int64_t width = group.getThreads() * schedule.getVector();
  return (columns.step + 1) * width + unitShape(operand).columns >=
         *staticExtent;
}

/// Units, and the distance by which to shift them.
SmallVector<Type> RowKernel::loadedTypes(const Operand &operand) {
  UnitShape shape = unitShape(operand);
  Type unit = shape.word;
  if (shape.words > 1)
    unit = VectorType::get({shape.words}, unit);
  SmallVector<Type> types(shape.count + 1, unit);
  types.push_back(b.getI32Type());
  return types;
}

/// The units that hold the columns of a thread.
SmallVector<Value> RowKernel::loadUnits(const Operand &operand,
                                        const Columns &columns) {
  UnitShape shape = unitShape(operand);
  const Units &units = *operand.units;
  SmallVector<Type> types = loadedTypes(operand);
  Value unit =
      arith::DivUIOp::create(b, columns.first, kernel.index(shape.columns));

  // Units that lie in the tensor in part: those that a step cannot reach are
  // known where the row is in registers.
  Value outside;
  auto either = [&](Value condition) {
    outside = outside ? arith::OrIOp::create(b, outside, condition).getResult()
                      : condition;
  };
  if (columns.step == 0 || columns.step == -1) {
    Value isFirst = arith::CmpIOp::create(b, arith::CmpIPredicate::eq, unit,
                                          kernel.index(0));
    either(arith::AndIOp::create(b, units.startsOutside, isFirst));
  }
  bool mayBeLast = mayHoldEnd(operand, columns);
  if (mayBeLast) {
    Value next = arith::AddIOp::create(b, unit, kernel.index(shape.count));
    Value isLast =
        arith::CmpIOp::create(b, arith::CmpIPredicate::uge, next, units.last);
    either(arith::AndIOp::create(b, units.endsOutside, isLast));
  }

  auto load = [&] {
    SmallVector<Value> loaded;
    for (int64_t i = 0; i <= shape.count; ++i) {
      Value at = arith::AddIOp::create(b, unit, kernel.index(i));
      if (mayBeLast)
        at = arith::MinUIOp::create(b, at, units.last);
      at = arith::MulIOp::create(b, at, kernel.index(shape.words));
      if (auto vector = dyn_cast<VectorType>(types.front()))
        loaded.push_back(
            vector::LoadOp::create(b, vector, units.memory, ValueRange{at}));
      else
        loaded.push_back(
            memref::LoadOp::create(b, units.memory, ValueRange{at}));
    }
    loaded.push_back(units.offset);
    return loaded;
  };
  if (!outside)
    return load();
  auto branch = scf::IfOp::create(b, types, outside, /*withElseRegion=*/true);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(&branch.getThenRegion().front());
  // The columns of the thread, as if they began with a unit.
  SmallVector<Value> words = wordsOf(shape, loadElements(operand, columns));
  SmallVector<Value> loaded;
  for (int64_t i = 0; i < shape.count; ++i)
    loaded.push_back(
        ofWords(ArrayRef<Value>(words).slice(i * shape.words, shape.words)));
  loaded.push_back(arith::ConstantOp::create(b, b.getZeroAttr(types.front())));
  loaded.push_back(arith::ConstantOp::create(b, b.getI32IntegerAttr(0)));
  scf::YieldOp::create(b, loaded);
  b.setInsertionPointToStart(&branch.getElseRegion().front());
  scf::YieldOp::create(b, load());
  return SmallVector<Value>(branch.getResults());
}

/// The vector of the columns that a thread owns.
Value RowKernel::shiftLoaded(const Operand &operand, ArrayRef<Value> loaded) {
  UnitShape shape = unitShape(operand);
  SmallVector<Value> words;
  for (Value unit : loaded.drop_back())
    for (int64_t i = 0; i < shape.words; ++i)
      words.push_back(shape.words == 1 ? unit
                                       : vector::ExtractOp::create(
                                             b, unit, ArrayRef<int64_t>{i})
                                             .getResult());
  int64_t count = shape.words * shape.count;
  words = shiftDown(shape, words, loaded.back(), shape.columns / 2, count);
  Value all = vector::FromElementsOp::create(
      b, VectorType::get({count}, shape.word), words);
  Type stored = cast<MemRefType>(operand.memory.getType()).getElementType();
  if (shape.bits < 32)
    all = vector::BitCastOp::create(b, cast<VectorType>(vectorOf(stored)), all);
  return all;
}

/// The words of the units that a thread stores, of which the first one begins
/// with columns of the thread before. All threads of a subgroup have to ask.
SmallVector<Value> RowKernel::shiftForStore(const Operand &operand,
                                            Value vector) {
  if (!operand.units)
    return {};
  UnitShape shape = unitShape(operand);
  auto number = [&](int64_t value) -> Value {
    return arith::ConstantOp::create(b, b.getI32IntegerAttr(value));
  };
  Value offset = operand.units->offset;
  // Without an offset nothing moves: a single unit is the thread's own then,
  // and of several ones all move by a unit.
  bool isSingle = shape.count == 1;
  Value before = number(1);
  if (isSingle)
    before = arith::MinUIOp::create(b, offset, before);
  SmallVector<Value> own = wordsOf(shape, vector), words;
  for (Value word : ArrayRef<Value>(own).take_back(shape.words))
    words.push_back(group.previous(word, before));
  llvm::append_range(words, own);
  Value distance = arith::SubIOp::create(b, number(shape.columns), offset);
  return shiftDown(shape, words, distance,
                   isSingle ? shape.columns / 2 : shape.columns,
                   shape.words * shape.count);
}

void RowKernel::storeShifted(const Operand &operand, const Columns &columns,
                             Value vector, ArrayRef<Value> words) {
  UnitShape shape = unitShape(operand);
  const Units &units = *operand.units;
  auto ifTrue = [&](Value condition, function_ref<void()> emit) {
    auto branch = scf::IfOp::create(b, condition);
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(&branch.getThenRegion().front());
    emit();
  };
  auto number = [&](int64_t value) -> Value {
    return arith::ConstantOp::create(b, b.getI32IntegerAttr(value));
  };
  auto compare = [&](arith::CmpIPredicate predicate, Value x,
                     Value y) -> Value {
    return arith::CmpIOp::create(b, predicate, x, y);
  };
  int64_t vectorColumns = schedule.getVector();
  bool mayBeLast = mayHoldEnd(operand, columns);
  // Whether each unit that holds columns of this thread is stored as a whole;
  // the one after its own is its neighbour's.
  Value isAligned = compare(arith::CmpIPredicate::eq, units.offset, number(0));
  SmallVector<Value> whole;
  for (int64_t i = 0; i <= shape.count; ++i) {
    Value isWhole = arith::ConstantOp::create(b, b.getBoolAttr(true));
    if (i == 0)
      isWhole = arith::OrIOp::create(b, isAligned, group.hasPrevious());
    if (i == shape.count)
      isWhole = group.hasNext();
    if (mayBeLast) {
      Value end = arith::AddIOp::create(b, columns.first,
                                        kernel.index((i + 1) * shape.columns));
      isWhole = arith::AndIOp::create(
          b, isWhole, compare(arith::CmpIPredicate::ule, end, units.end));
    }
    whole.push_back(isWhole);
  }
  Value unit =
      arith::DivUIOp::create(b, columns.first, kernel.index(shape.columns));
  for (int64_t i = 0; i < shape.count; ++i)
    ifTrue(whole[i], [&] {
      Value at = arith::AddIOp::create(b, unit, kernel.index(i));
      at = arith::MulIOp::create(b, at, kernel.index(shape.words));
      Value stored = ofWords(words.slice(i * shape.words, shape.words));
      if (isa<VectorType>(stored.getType()))
        vector::StoreOp::create(b, stored, units.memory, ValueRange{at});
      else
        memref::StoreOp::create(b, stored, units.memory, ValueRange{at});
    });

  // The columns that are left, a bit for each.
  Value left = number(0);
  for (int64_t i = 0; i <= shape.count; ++i) {
    int64_t ones = (1 << shape.columns) - 1;
    Value inUnit = arith::ShRUIOp::create(b, number(ones << i * shape.columns),
                                          units.offset);
    inUnit = arith::SelectOp::create(b, whole[i], number(0), inUnit);
    left = arith::OrIOp::create(b, left, inUnit);
  }
  Value valid = number((1 << vectorColumns) - 1);
  if (columns.valid) {
    Value count = arith::SubIOp::create(b, extent, columns.first);
    count = arith::MinSIOp::create(b, count, kernel.index(vectorColumns));
    count = arith::MaxSIOp::create(b, count, kernel.index(0));
    count = arith::IndexCastOp::create(b, b.getI32Type(), count);
    valid = arith::SubIOp::create(b, arith::ShLIOp::create(b, number(1), count),
                                  number(1));
  }
  left = arith::AndIOp::create(b, left, valid);
  ifTrue(compare(arith::CmpIPredicate::ne, left, number(0)), [&] {
    for (int64_t i = 0; i < vectorColumns; ++i) {
      Value bit = arith::AndIOp::create(b, left, number(1 << i));
      ifTrue(compare(arith::CmpIPredicate::ne, bit, number(0)), [&] {
        Value element =
            vector::ExtractOp::create(b, vector, ArrayRef<int64_t>{i});
        Value column = arith::AddIOp::create(b, columns.first, kernel.index(i));
        Value at = arith::AddIOp::create(b, operand.base, column);
        memref::StoreOp::create(b, element, operand.memory, ValueRange{at});
      });
    }
  });
}

/// The rank of the thread that stores `column`, which `owner` owns.
Value RowKernel::storerOf(const Operand &operand, Value column, Value owner) {
  if (!operand.units)
    return owner;
  UnitShape shape = unitShape(operand);
  const Units &units = *operand.units;
  auto isZero = [&](Value value) -> Value {
    return arith::CmpIOp::create(b, arith::CmpIPredicate::eq, value,
                                 kernel.index(0));
  };
  Value columns = kernel.index(shape.columns),
        count = kernel.index(shape.count);
  Value offset =
      arith::IndexCastUIOp::create(b, b.getIndexType(), units.offset);
  Value unit = arith::DivUIOp::create(
      b, arith::AddIOp::create(b, column, offset), columns);
  Value rank = arith::RemUIOp::create(b, arith::DivUIOp::create(b, unit, count),
                                      kernel.index(group.getThreads()));
  Value isInner = arith::CmpIOp::create(b, arith::CmpIPredicate::ne,
                                        arith::RemUIOp::create(b, unit, count),
                                        kernel.index(0));
  Value lanes = kernel.index(std::min(group.getThreads(), schedule.getLanes()));
  Value hasPrevious = arith::CmpIOp::create(
      b, arith::CmpIPredicate::ne, arith::RemUIOp::create(b, rank, lanes),
      kernel.index(0));
  Value isWhole = arith::OrIOp::create(
      b, arith::OrIOp::create(b, isInner, hasPrevious), isZero(offset));
  Value end = arith::MulIOp::create(
      b, arith::AddIOp::create(b, unit, kernel.index(1)), columns);
  Value fits =
      arith::CmpIOp::create(b, arith::CmpIPredicate::ule, end, units.end);
  return arith::SelectOp::create(b, arith::AndIOp::create(b, isWhole, fits),
                                 rank, owner);
}
