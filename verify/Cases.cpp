// Which extents, data, labels and misuses a kernel is run on.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "verify/Cases.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/raw_ostream.h"

#include <cstdint>
#include <limits>

using namespace mlir::softmax::verify;
using llvm::StringRef;

StringRef mlir::softmax::verify::getName(Data data) {
  static const char *const names[] = {
      "normal",    "wide",          "dominant15", "dominant20", "dominant25",
      "constant",  "constant1e8",   "offset1000", "increasing", "two-valued",
      "subnormal", "huge",          "some-inf",   "target-inf", "plus-inf",
      "nan",       "all-minus-inf", "finite",     "all"};
  return names[static_cast<int>(data)];
}

StringRef mlir::softmax::verify::getName(Labels labels) {
  static const char *const names[] = {"random", "all-ignored", "first", "last",
                                      "out-of-range"};
  return names[static_cast<int>(labels)];
}

std::string Case::describe() const {
  static const char *const layouts[] = {"dense", "padded", "transposed",
                                        "spread", "broadcast"};
  static const char *const weightings[] = {"positive", "some-zero", "all-zero",
                                           "cancelling"};
  static const char *const misuses[] = {
      "none",      "null-pointer",   "negative-extent", "zero-stride", "alias",
      "null-hook", "null-workspace", "null-stream",     "failing-hook"};
  std::string text;
  llvm::raw_string_ostream stream(text);
  llvm::SmallVector<StringRef> names(extents.keys());
  llvm::sort(names);
  for (StringRef name : names)
    stream << name << '=' << extents.lookup(name) << ' ';
  stream << "data=" << getName(data) << " labels=" << getName(labels);
  if (labels == Labels::OutOfRange)
    stream << " label=" << badLabel;
  if (weights != Weights::Positive)
    stream << " weights=" << weightings[static_cast<int>(weights)];
  if (layout != Layout::Dense)
    stream << " layout=" << layouts[static_cast<int>(layout)];
  if (broadcastAxis >= 0)
    stream << " same-along=" << broadcastAxis;
  stream << " at=" << (placement == Placement::End ? "end" : "start");
  if (misalignment)
    stream << '+' << misalignment;
  if (inPlace)
    stream << " in-place";
  if (adjacent)
    stream << " adjacent";
  if (misuse != Misuse::None)
    stream << " misuse=" << misuses[static_cast<int>(misuse)] << '('
           << (victim.empty() ? "hook" : victim) << ')';
  if (overlap)
    stream << " overlap=" << overlap;
  stream << " seed=" << seed;
  return text;
}

llvm::SmallVector<int64_t, 4>
mlir::softmax::verify::resolve(const std::vector<Extent> &shape,
                               const Case &test) {
  llvm::SmallVector<int64_t, 4> result;
  for (const Extent &extent : shape)
    result.push_back(extent.name.empty() ? extent.value
                                         : test.extents.lookup(extent.name));
  return result;
}

int64_t mlir::softmax::verify::broadcastAxisOf(const Manifest &manifest,
                                               const Case &test,
                                               const Argument &argument) {
  int64_t axis = test.broadcastAxis, rank = manifest.shape.size();
  if (axis < 0 || argument.role != Role::Input || !argument.isTensor())
    return -1;
  // Every second operand, the others in the next case.
  size_t number = &argument - manifest.arguments.data();
  if ((test.seed / 5 + number) % 2)
    return -1;
  // y follows from the row's own x and mask, which differ under a causal one.
  if (argument.name == "y" && manifest.formula.mask == Mask::Causal)
    return -1;
  if (argument.name == "weight")
    return axis == manifest.axis ? 0 : -1;
  if (static_cast<int64_t>(argument.shape.size()) == rank)
    return axis;
  if (axis == manifest.axis || argument.shape.empty())
    return -1;
  return axis < manifest.axis ? axis : axis - 1;
}

namespace {

class CaseBuilder {
public:
  CaseBuilder(const Manifest &manifest, const CaseLimits &limits)
      : manifest(manifest), limits(limits) {
    hasLabels = manifest.hasLabels();
    for (auto [i, extent] : llvm::enumerate(manifest.shape))
      if (!extent.name.empty()) {
        if (static_cast<int64_t>(i) == manifest.axis)
          classExtent = extent.name;
        else
          rowExtents.push_back(extent.name);
      }
  }

  std::vector<Case> build();

private:
  using Extents = llvm::StringMap<int64_t>;
  Extents makeExtents(int64_t rows, int64_t classes) const;
  int64_t countElements(const Extents &extents) const;
  /// Halves the rows until the case is small enough; false when it cannot be.
  bool fit(Extents &extents) const;

  Case &add(const Extents &extents, Data data, Labels labels = Labels::Random);
  void addData(const Extents &extents, bool full);
  void addBadLabels(const Extents &extents);
  void addMisuse(const Extents &extents);
  void addWeights(const Extents &extents);
  void addShapes();
  void layOut(Case &test, unsigned turn) const;

  const Manifest &manifest;
  const CaseLimits &limits;
  bool hasLabels;
  std::string classExtent; ///< empty when static
  std::vector<std::string> rowExtents;
  std::vector<Case> cases;
  bool exhausted = false;
  int64_t total = 0;
};

} // namespace

CaseBuilder::Extents CaseBuilder::makeExtents(int64_t rows,
                                              int64_t classes) const {
  Extents extents;
  if (!classExtent.empty())
    extents[classExtent] = classes;
  // The last of them varies: behind the class axis it is the one that
  // kernels vectorise.
  for (const std::string &name : rowExtents)
    extents[name] = name == rowExtents.back() ? rows : 2;
  return extents;
}

int64_t CaseBuilder::countElements(const Extents &extents) const {
  Case test;
  test.extents = extents;
  int64_t count = 1;
  for (int64_t extent : resolve(manifest.shape, test))
    count *= extent;
  return count;
}

bool CaseBuilder::fit(Extents &extents) const {
  while (countElements(extents) > limits.elements) {
    if (rowExtents.empty() || extents[rowExtents.back()] <= 1)
      return false;
    extents[rowExtents.back()] /= 2;
  }
  return true;
}

/// Layouts in turn. Only rows that are all distinct can be made the same along
/// an axis, an axis of one element says nothing, and what is special about a
/// row would not survive.
void CaseBuilder::layOut(Case &test, unsigned turn) const {
  test.layout = static_cast<Layout>(turn % 5);
  if (test.layout != Layout::Broadcast)
    return;
  int64_t elements = countElements(test.extents), rank = manifest.shape.size();
  llvm::SmallVector<int64_t, 4> shape = resolve(manifest.shape, test);
  test.layout = Layout::Dense;
  if (elements > (1 << 20) || test.labels == Labels::OutOfRange ||
      test.inPlace ||
      (test.data > Data::Subnormal && test.data != Data::Finite))
    return;
  for (int64_t i = 0; i < rank; ++i) {
    int64_t axis = (turn / 10 + i) % rank;
    if (shape[axis] < 2)
      continue;
    test.layout = Layout::Broadcast;
    test.broadcastAxis = axis;
    return;
  }
}

/// Adds a case; what the caller does not set takes turns from case to case.
Case &CaseBuilder::add(const Extents &extents, Data data, Labels labels) {
  static constexpr size_t kAlways = 5;
  unsigned turn = cases.size();
  total += countElements(extents);
  if (total > limits.total && turn >= kAlways)
    exhausted = true;
  Case test;
  test.extents = extents;
  test.data = data;
  test.labels = labels;
  test.placement = turn % 3 == 1 ? Placement::Start : Placement::End;
  static const unsigned misalignments[] = {0, 0, 1, 0, 3, 5, 7};
  test.misalignment = misalignments[turn % std::size(misalignments)];
  if (manifest.find("weight") && turn % 3 == 2)
    test.weights = Weights::SomeZero;
  test.inPlace = manifest.inPlace && turn % 2 == 1;
  test.adjacent = !test.inPlace && turn % 7 == 3;
  if (manifest.strided)
    layOut(test, turn);
  test.cut = turn % 3;
  test.seed = limits.seed * 1000003 + turn;
  if (!exhausted) {
    cases.push_back(test);
    return cases.back();
  }
  static Case discarded;
  return discarded = test;
}

void CaseBuilder::addData(const Extents &extents, bool full) {
  if (!full) {
    add(extents, Data::Finite);
    add(extents, Data::All);
    return;
  }
  for (int data = 0; data <= static_cast<int>(Data::All); ++data)
    add(extents, static_cast<Data>(data));
  if (hasLabels)
    for (Labels labels : {Labels::AllIgnored, Labels::First, Labels::Last})
      for (Data data : {Data::Normal, Data::Dominant25, Data::All})
        add(extents, data, labels);
}

void CaseBuilder::addBadLabels(const Extents &extents) {
  if (!hasLabels || countElements(extents) == 0)
    return;
  Case test;
  test.extents = extents;
  int64_t classes = resolve(manifest.shape, test)[manifest.axis];
  ElementType type = manifest.find("target")->type;
  int64_t least = std::numeric_limits<int64_t>::min(), most = -(least + 1);
  if (type == ElementType::I32) {
    least = std::numeric_limits<int32_t>::min();
    most = -(least + 1);
  } else if (type == ElementType::U8) {
    least = 0;
    most = 255;
  }
  // The last is in range when narrowed to 32 bits.
  for (int64_t label : {classes, int64_t(-1), most, least, -classes,
                        (int64_t(1) << 32) + classes / 2})
    if (label >= least && label <= most &&
        label != manifest.formula.ignoreIndex &&
        (label < 0 || label >= classes))
      add(extents, Data::Normal, Labels::OutOfRange).badLabel = label;
}

void CaseBuilder::addMisuse(const Extents &extents) {
  if (countElements(extents) == 0)
    return;
  auto misuse = [&](Misuse kind, StringRef victim, unsigned overlap = 0) {
    Case &test = add(extents, Data::Normal);
    test.misuse = kind;
    test.victim = victim.str();
    test.overlap = overlap;
    test.inPlace = test.adjacent = false;
  };
  for (const Argument &argument : manifest.arguments) {
    if (argument.isTensor())
      misuse(Misuse::NullPointer, argument.name);
    if (argument.role == Role::Extent)
      misuse(Misuse::NegativeExtent, argument.name);
    if (argument.isTensor() && argument.isWritten()) {
      for (unsigned overlap = 0; overlap < 3 && !manifest.inPlace; ++overlap)
        misuse(Misuse::Alias, argument.name, overlap);
      Case shape;
      shape.extents = extents;
      if (manifest.strided &&
          llvm::any_of(resolve(argument.shape, shape),
                       [](int64_t extent) { return extent > 1; }))
        misuse(Misuse::ZeroStride, argument.name);
    }
    if (argument.role == Role::Workspace)
      misuse(Misuse::NullWorkspace, argument.name);
    // Drivers have a stream of that name.
    if (argument.role == Role::Stream && manifest.device->launcher == "vulkan")
      misuse(Misuse::NullStream, argument.name);
    if (argument.role == Role::Hook) {
      misuse(Misuse::NullHook, "");
      misuse(Misuse::FailingHook, "");
    }
  }
}

/// Denominators of 0: E8 and E26.
void CaseBuilder::addWeights(const Extents &extents) {
  static constexpr int64_t kLeastClasses = 6;
  if (!manifest.find("weight") || countElements(extents) == 0)
    return;
  add(extents, Data::Normal).weights = Weights::AllZero;
  Case shape;
  shape.extents = extents;
  if (hasLabels &&
      resolve(manifest.shape, shape)[manifest.axis] >= kLeastClasses)
    add(extents, Data::Normal).weights = Weights::Cancelling;
}

void CaseBuilder::addShapes() {
  static const int64_t classes[] = {
      1,  2,  3,   4,   5,   7,   8,   9,   15,   16,   17,   31,    33,    63,
      64, 65, 100, 127, 129, 255, 257, 511, 1000, 1023, 4099, 50257, 128256};
  static const int64_t rows[] = {1, 2, 3, 7, 8, 15, 16, 17, 33, 64, 100, 1000};
  if (!classExtent.empty())
    for (int64_t extent : classes) {
      Extents extents = makeExtents(5, extent);
      if (fit(extents))
        addData(extents, extent == 1 || extent == 100 || extent == 1000);
    }
  if (!rowExtents.empty()) {
    for (int64_t count : rows) {
      Extents extents = makeExtents(count, 33);
      if (fit(extents))
        addData(extents, false);
    }
    add(makeExtents(0, 33), Data::Normal);
  }
  // E6; of soft targets over no classes the smoothing is undefined.
  if (!classExtent.empty() && !manifest.formula.probabilities) {
    add(makeExtents(3, 0), Data::Normal);
    if (hasLabels)
      add(makeExtents(3, 0), Data::Normal, Labels::AllIgnored);
  }
}

std::vector<Case> CaseBuilder::build() {
  Extents usual = makeExtents(37, 77);
  // A static shape that is too large is run as it is, on few cases.
  (void)fit(usual);
  // First what says most: the static shape may leave room for little.
  add(usual, Data::Finite);
  add(usual, Data::All);
  add(usual, Data::Finite);
  addBadLabels(usual);
  addMisuse(usual);
  addWeights(usual);
  addData(usual, true);
  addShapes();
  return std::move(cases);
}

std::vector<Case> mlir::softmax::verify::makeCases(const Manifest &manifest,
                                                   const CaseLimits &limits) {
  return CaseBuilder(manifest, limits).build();
}
