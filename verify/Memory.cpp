// The memory of a case: tensors between guard pages, filled with its rows, and
// the C arguments that point to them.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "verify/Problem.h"

#include "llvm/ADT/STLExtras.h"

#include <algorithm>
#include <cstring>
#include <thread>

using namespace mlir::softmax::verify;
using llvm::Error;
using llvm::StringRef;

/// SMX_E_TARGET, written again: the verifier shares nothing with what it
/// checks.
static constexpr int32_t kBadLabel = 5;

/// Strides of a tensor with elements, or rows of them, in between.
static llvm::SmallVector<int64_t, 4> layOut(Layout layout,
                                            llvm::ArrayRef<int64_t> shape) {
  llvm::SmallVector<int64_t, 4> padded(shape);
  switch (layout) {
  case Layout::Dense:
  case Layout::Broadcast:
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

/// In place, the result's memory is that of the first operand of its shape.
Problem::Entry *Problem::findPartner(const Entry &result) {
  for (Entry &other : entries)
    if (!other.isWritten && other.tensor.type == result.tensor.type &&
        other.tensor.shape == result.tensor.shape &&
        result.tensor.shape.size() == manifest.shape.size())
      return &other;
  return nullptr;
}

/// To a multiple of what all types are aligned to, or to one type's size.
static int64_t roundUp(int64_t bytes, int64_t multiple = 8) {
  return (bytes + multiple - 1) / multiple * multiple;
}

Problem::Entry Problem::layOutEntry(const Argument &argument) const {
  Entry entry;
  entry.name = argument.name;
  entry.isWritten = argument.isWritten();
  entry.tensor.type = argument.type;
  entry.tensor.shape = resolve(argument.shape, test);
  entry.tensor.strides = layOut(test.layout, entry.tensor.shape);
  int64_t axis = broadcastAxisOf(manifest, test, argument);
  if (test.layout == Layout::Broadcast && axis >= 0)
    entry.tensor.strides[axis] = 0;
  return entry;
}

/// The result that lies behind the first operand, if the case has one there.
const Argument *Problem::findNeighbour() const {
  if (test.adjacent && manifest.arguments.front().role == Role::Input)
    for (const Argument &argument : manifest.arguments)
      if (argument.role == Role::Output)
        return &argument;
  return nullptr;
}

Error Problem::allocate() {
  // Only now is it known that entries stay where they are.
  entries.reserve(manifest.arguments.size());
  const Argument *neighbour = findNeighbour();
  for (const Argument &argument : manifest.arguments) {
    if (!argument.isTensor())
      continue;
    Entry entry = layOutEntry(argument);
    int64_t size = getByteSize(argument.type);
    int64_t bytes = entry.tensor.getSpan() * size;
    Entry *partner = nullptr;
    if (test.inPlace && argument.role == Role::Output)
      partner = findPartner(entry);
    if (partner)
      entry.tensor.data = partner->tensor.data;
    if (&argument == neighbour) {
      partner = &entries.front();
      entry.tensor.data =
          partner->buffer.data() + partner->buffer.size() - roundUp(bytes);
    }
    if (partner) {
      partner->sharesBuffer = entry.sharesBuffer = true;
      entries.push_back(std::move(entry));
      continue;
    }
    if (neighbour && entries.empty()) {
      const Tensor result = layOutEntry(*neighbour).tensor;
      bytes = roundUp(bytes, getByteSize(result.type)) +
              roundUp(result.getSpan() * getByteSize(result.type));
      size = roundUp(size); // both are aligned to their own elements
    }
    entry.buffer =
        GuardedBuffer(bytes, test.placement, test.misalignment * size);
    if (!entry.buffer.data())
      return llvm::createStringError("no memory for " + argument.name);
    entry.tensor.data = entry.buffer.data();
    entries.push_back(std::move(entry));
  }
  return Error::success();
}

void Problem::fillOperand(const Argument &argument, const Tensor &tensor) {
  StringRef name = argument.name;
  auto writeRows = [&](auto element) {
    int64_t stride = tensor.strides[manifest.axis];
    for (int64_t r = 0; r < rows.count(); ++r) {
      int64_t start = rows.start(tensor, r);
      const std::vector<double> &values = element(rowOf(r));
      for (int64_t j = 0; j < rows.classes(); ++j)
        if (isFloat(tensor.type))
          storeReal(tensor.type, tensor.at(start + j * stride), values[j]);
        else
          storeInteger(tensor.type, tensor.at(start + j * stride),
                       static_cast<int64_t>(values[j]));
    }
  };
  if (name == "target" && manifest.hasLabels()) {
    for (int64_t r = 0; r < rows.count(); ++r)
      storeInteger(tensor.type, tensor.at(rows.start(tensor, r)),
                   rowOf(r).label);
  } else if (name == "target") {
    writeRows([](const Row &row) -> auto & { return row.target; });
  } else if (name == "lse" ||
             (name == "dloss" && manifest.reduction == Reduction::None)) {
    for (int64_t r = 0; r < rows.count(); ++r)
      storeReal(tensor.type, tensor.at(rows.start(tensor, r)),
                name == "lse" ? rowOf(r).lse : rowOf(r).dloss);
  } else if (name == "dloss") {
    storeReal(tensor.type, tensor.data, dloss);
  } else if (name == "weight") {
    for (int64_t j = 0; j < rows.classes(); ++j)
      storeReal(tensor.type, tensor.at(j * tensor.strides[0]), weights[j]);
  } else if (name == "mask") {
    writeRows([](const Row &row) -> auto & { return row.mask; });
  } else if (name == "y" || name == "gradient") {
    writeRows([](const Row &row) -> auto & { return row.second; });
  } else if (name == "x") {
    writeRows([](const Row &row) -> auto & { return row.logits(); });
  } else {
    writeRows([](const Row &row) -> auto & { return row.x; });
  }
}

void Problem::fill() {
  for (const Argument &argument : manifest.arguments) {
    if (!argument.isTensor() || argument.role == Role::Output)
      continue;
    Entry &entry = entryOf(argument.name);
    fillOperand(argument, entry.tensor);
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

/// An element of the first operand: its first, a middle or its last one.
void *Problem::findOverlap() {
  const Tensor &operand = llvm::find_if(entries, [](const Entry &entry) {
                            return !entry.isWritten;
                          })->tensor;
  int64_t rest = (operand.getNumElements() - 1) * test.overlap / 2;
  int64_t offset = 0;
  for (size_t axis = operand.shape.size(); axis-- > 0;) {
    offset += rest % operand.shape[axis] * operand.strides[axis];
    rest /= operand.shape[axis];
  }
  return operand.at(offset);
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
        value.pointer = findOverlap();
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
    } else if (argument.role == Role::Stream ||
               argument.role == Role::Workspace) {
      value.pointer = nullptr; // only who calls has them
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
    return hasBadLabel && !manifest.device ? kBadLabel : 0;
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
  case Misuse::NullWorkspace:
    return 15;
  case Misuse::NullStream:
    return 1;
  case Misuse::FailingHook: // a kernel may do little work by itself
    return hookState.called ? 8 : 0;
  }
  return 0;
}

std::string Problem::checkErrorWord(const char *workspace, size_t bytes) const {
  int32_t word = 0;
  // Without labels the first bytes are as good as any other of the workspace.
  if (!manifest.hasLabels() || bytes < sizeof word)
    return "";
  std::memcpy(&word, workspace, sizeof word);
  bool isBad = hasBadLabel && getMisuse() == Misuse::None;
  int32_t expected = isBad ? kBadLabel : 0;
  if (word == expected)
    return "";
  return "the error word is " + std::to_string(word) + ", expected " +
         std::to_string(expected);
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

std::vector<Problem::Memory> Problem::memories() {
  std::vector<Memory> result;
  for (Entry &entry : entries)
    if (entry.buffer.inner())
      result.push_back({entry.name, &entry.buffer,
                        !entry.isWritten && entry.original.empty()});
  return result;
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
