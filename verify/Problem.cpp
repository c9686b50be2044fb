// Tensors, arguments and expected results of a case.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "verify/Problem.h"

#include "llvm/ADT/STLExtras.h"

#include <algorithm>
#include <cstring>
#include <thread>

using namespace mlir::softmax::verify;
using llvm::Error;
using llvm::Expected;
using llvm::StringRef;

/// Elements that the oracle is asked for, at most. Beyond them rows repeat; a
/// prime number of distinct rows keeps a kernel's own steps from aligning with
/// that, so a row that is mistaken for another one still shows.
static constexpr int64_t kDistinctElements = int64_t(1) << 21;

static int64_t countDistinct(const Rows &rows) {
  int64_t classes = std::max<int64_t>(rows.classes(), 1);
  int64_t count = std::max<int64_t>(kDistinctElements / classes, 1);
  if (rows.count() <= count)
    return std::max<int64_t>(rows.count(), 1);
  auto isPrime = [](int64_t number) {
    for (int64_t d = 2; d * d <= number; ++d)
      if (number % d == 0)
        return false;
    return true;
  };
  while (!isPrime(count))
    --count;
  return count;
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

void Problem::makeRows() {
  RowMaker maker(manifest, test, rows.classes());
  int64_t count = countDistinct(rows);
  for (int64_t i = 0; i < count; ++i)
    distinct.push_back(maker.make(i));
  if (test.labels == Labels::OutOfRange)
    distinct[test.seed % distinct.size()].label = test.badLabel;
  rate = quantize(manifest.type == ElementType::F64 ? ElementType::F64
                                                    : ElementType::F32,
                  0.0625 + 0.01 * static_cast<double>(test.seed % 100));
  // 1 would hide an upstream gradient that is dropped.
  if (manifest.find("dloss"))
    dloss = 1 + rate;
  dloss = quantize(ElementType::F32, dloss);
}

void Problem::evaluateRows() {
  if (manifest.find("target"))
    for (int64_t r = 0; r < rows.count(); ++r) {
      int64_t label = rowOf(r).label;
      bool counts = label != manifest.ignoreIndex;
      countedRows += counts;
      hasBadLabel |= counts && (label < 0 || label >= rows.classes());
    }
  if (hasBadLabel || test.misuse != Misuse::None)
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
  Bounds bounds(manifest.type, manifest.fast);
  for (Row &row : distinct) {
    RowInput input;
    input.x = row.x;
    input.second = row.second;
    input.label = row.label;
    input.rate = rate;
    input.upstream = upstreamOfRow(manifest.reduction,
                                   perRow ? row.dloss : dloss, countedRows);
    if (manifest.op == Operation::CrossEntropyGrad && manifest.find("lse"))
      input.lse = row.lse;
    row.result = evaluateRow(manifest.op, manifest.ignoreIndex, input);
    row.bounds = boundRow(manifest.op, bounds, input, row.result, types);
    for (long double element : row.result.elements)
      row.ulps.push_back(static_cast<double>(ulpOf(types.elements, element)));
  }

  CompensatedSum sum;
  long double sumOfBounds = 0;
  ElementType computed =
      manifest.type == ElementType::F64 ? ElementType::F64 : ElementType::F32;
  for (int64_t r = 0; r < rows.count(); ++r) {
    const Row &row = rowOf(r);
    // A row's loss is computed in f32 (E27): beyond its range it is infinite
    // before the division of the mean.
    long double value = row.result.loss;
    sum.add(std::isinf(roundTo(computed, value)) ? HUGE_VALL : value);
    sumOfBounds += std::max(row.bounds.loss, 0.0);
  }
  loss = reduceLoss(manifest.reduction, sum.get(), countedRows);
  long double denominator =
      manifest.reduction == Reduction::Mean ? countedRows : 1;
  lossBound = bounds.reducedLoss(loss, sumOfBounds, denominator, rows.count(),
                                 types.loss);
}

/// Strides of a tensor with elements, or rows of them, in between.
static llvm::SmallVector<int64_t, 4> layOut(Layout layout,
                                            llvm::ArrayRef<int64_t> shape) {
  llvm::SmallVector<int64_t, 4> padded(shape);
  switch (layout) {
  case Layout::Dense:
    break;
  case Layout::Padded:
    for (int64_t &extent : padded)
      extent += 3;
    break;
  case Layout::Transposed: {
    std::reverse(padded.begin(), padded.end());
    auto strides = rowMajorStrides(padded);
    std::reverse(strides.begin(), strides.end());
    return strides;
  }
  case Layout::Spread: {
    auto strides = rowMajorStrides(padded);
    for (int64_t &stride : strides)
      stride *= 2;
    return strides;
  }
  }
  return rowMajorStrides(padded);
}

Error Problem::allocate() {
  // Only now is it known that entries stay where they are.
  entries.reserve(manifest.arguments.size());
  for (const Argument &argument : manifest.arguments) {
    if (!argument.isTensor())
      continue;
    Entry entry;
    entry.name = argument.name;
    entry.isWritten = argument.isWritten();
    entry.tensor.type = argument.type;
    entry.tensor.shape = resolve(argument.shape, test);
    entry.tensor.strides = layOut(test.layout, entry.tensor.shape);
    // In place, the result's memory is that of the first operand of its shape.
    if (test.inPlace && argument.role == Role::Output) {
      Entry *partner = nullptr;
      for (Entry &other : entries)
        if (!partner && !other.isWritten &&
            other.tensor.type == argument.type &&
            other.tensor.shape == entry.tensor.shape &&
            entry.tensor.shape.size() == manifest.shape.size())
          partner = &other;
      if (partner) {
        partner->sharesBuffer = entry.sharesBuffer = true;
        entry.tensor.data = partner->tensor.data;
        entries.push_back(std::move(entry));
        continue;
      }
    }
    size_t size = getByteSize(argument.type);
    entry.buffer = GuardedBuffer(entry.tensor.getSpan() * size, test.placement,
                                 test.misalignment * size);
    if (!entry.buffer.data())
      return llvm::createStringError("no memory for " + argument.name);
    entry.tensor.data = entry.buffer.data();
    entries.push_back(std::move(entry));
  }
  return Error::success();
}

void Problem::fill() {
  auto writeRows = [&](Tensor &tensor, auto element) {
    int64_t stride = tensor.strides[manifest.axis];
    for (int64_t r = 0; r < rows.count(); ++r) {
      int64_t start = rows.start(tensor, r);
      const std::vector<double> &values = element(rowOf(r));
      for (int64_t j = 0; j < rows.classes(); ++j)
        storeReal(tensor.type, tensor.at(start + j * stride), values[j]);
    }
  };
  for (const Argument &argument : manifest.arguments) {
    if (!argument.isTensor() || argument.role == Role::Output)
      continue;
    Entry &entry = entryOf(argument.name);
    Tensor &tensor = entry.tensor;
    StringRef name = argument.name;
    if (name == "target") {
      for (int64_t r = 0; r < rows.count(); ++r)
        storeInteger(tensor.type, tensor.at(rows.start(tensor, r)),
                     rowOf(r).label);
    } else if (name == "lse" || (name == "dloss" && !tensor.shape.empty())) {
      for (int64_t r = 0; r < rows.count(); ++r)
        storeReal(tensor.type, tensor.at(rows.start(tensor, r)),
                  name == "lse" ? rowOf(r).lse : rowOf(r).dloss);
    } else if (name == "dloss") {
      storeReal(tensor.type, tensor.data, dloss);
    } else if (name == "y" || name == "gradient") {
      writeRows(tensor, [](const Row &row) -> auto & { return row.second; });
    } else {
      writeRows(tensor, [](const Row &row) -> auto & { return row.x; });
    }
    if (argument.role == Role::InOut || entry.sharesBuffer)
      entry.original.assign(entry.buffer.data(),
                            entry.buffer.data() + entry.buffer.size());
    else
      entry.buffer.protect(/*readOnly=*/true);
  }
}

void Problem::reset() {
  for (Entry &entry : entries)
    if (!entry.original.empty())
      std::copy(entry.original.begin(), entry.original.end(),
                entry.buffer.data());
    else if (entry.isWritten)
      entry.buffer.poison();
}

void Problem::makeArguments() {
  for (const Argument &argument : manifest.arguments) {
    CallArgument value = {};
    bool isVictim = argument.name == test.victim;
    if (argument.isTensor()) {
      value.pointer = entryOf(argument.name).tensor.data;
      if (isVictim && test.misuse == Misuse::NullPointer)
        value.pointer = nullptr;
      if (isVictim && test.misuse == Misuse::Alias)
        value.pointer = llvm::find_if(entries, [](const Entry &entry) {
                          return !entry.isWritten;
                        })->tensor.data;
    } else if (argument.role == Role::Extent) {
      value.integer = test.extents.lookup(argument.name);
      if (isVictim && test.misuse == Misuse::NegativeExtent)
        value.integer = -1;
    } else if (argument.role == Role::Stride) {
      const Tensor &tensor = entryOf(argument.strideOf).tensor;
      value.integer = tensor.strides[argument.strideAxis];
      if (argument.strideOf == test.victim &&
          test.misuse == Misuse::ZeroStride &&
          tensor.shape[argument.strideAxis] > 1)
        value.integer = 0;
    } else if (argument.role == Role::Hook) {
      value.pointer = test.misuse == Misuse::NullHook ? nullptr : &hook;
    } else if (argument.type == ElementType::F64) {
      value.real = rate;
    } else {
      value.single = static_cast<float>(rate);
    }
    arguments.push_back(value);
  }
}

int32_t Problem::runHook(void *context, int64_t tasks,
                         void (*body)(void *, int64_t, int64_t),
                         void *closure) {
  auto &state = *static_cast<HookState *>(context);
  state.called = true;
  if (state.fails)
    return 1;
  switch (state.cut % 3) {
  case 0: // all at once
    body(closure, 0, tasks);
    break;
  case 1: { // small pieces, the last first, and an empty range
    int64_t piece = std::max<int64_t>(tasks / 5, 1);
    for (int64_t end = tasks; end > 0; end -= piece)
      body(closure, std::max<int64_t>(end - piece, 0), end);
    body(closure, tasks, tasks);
    break;
  }
  default: { // two threads
    std::thread other([=] { body(closure, 0, tasks / 2); });
    body(closure, tasks / 2, tasks);
    other.join();
  }
  }
  return 0;
}

int32_t Problem::expectedStatus() const {
  // The codes of runtime/smx_abi.h.
  switch (test.misuse) {
  case Misuse::None:
    return hasBadLabel ? 5 : 0;
  case Misuse::NullPointer:
    return 1;
  case Misuse::NegativeExtent:
    return 2;
  case Misuse::ZeroStride:
    return 3;
  case Misuse::Alias:
    return 4;
  case Misuse::NullHook:
    return 7;
  case Misuse::FailingHook: // a kernel may do little work by itself
    return hookState.called ? 8 : 0;
  }
  return 0;
}

Problem::Entry &Problem::entryOf(StringRef name) {
  return *llvm::find_if(entries,
                        [&](const Entry &entry) { return entry.name == name; });
}

const Tensor *Problem::find(StringRef name) const {
  auto it = llvm::find_if(
      entries, [&](const Entry &entry) { return entry.name == name; });
  return it == entries.end() ? nullptr : &it->tensor;
}

GuardedBuffer &Problem::bufferOf(StringRef name) {
  return entryOf(name).buffer;
}

bool Problem::isUntouched(StringRef result) {
  Entry &entry = entryOf(result);
  GuardedBuffer &buffer = entry.buffer;
  if (!entry.original.empty())
    return std::equal(entry.original.begin(), entry.original.end(),
                      buffer.data());
  return std::all_of(
      buffer.data(), buffer.data() + buffer.size(), [](char byte) {
        return static_cast<unsigned char>(byte) == GuardedBuffer::kPoison;
      });
}

std::string Problem::locate(const void *address) const {
  for (const Entry &entry : entries) {
    if (!entry.buffer.contains(address))
      continue;
    int64_t offset = static_cast<const char *>(address) - entry.buffer.data();
    if (offset < 0)
      return std::to_string(-offset) + " bytes before " + entry.name;
    int64_t size = entry.buffer.size();
    if (offset >= size)
      return std::to_string(offset - size) + " bytes behind the end of " +
             entry.name;
    return "written to the operand " + entry.name + " at byte " +
           std::to_string(offset);
  }
  return "outside of all tensors";
}
