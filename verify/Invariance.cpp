// Reruns of a case, and comparison of their bits.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "verify/Invariance.h"

#include "llvm/ADT/STLExtras.h"

#include <cmath>
#include <cstring>

using namespace mlir::softmax::verify;
using llvm::StringRef;

namespace {

class Rerun {
public:
  Rerun(const Manifest &manifest, const Case &test, Call call,
        Problem &original)
      : manifest(manifest), test(test), call(call), original(original) {}

  std::string repeat();
  std::string moveMemory();
  std::string moveRows();

private:
  bool endsWell(Problem &problem) const {
    CallResult result = call(problem);
    return !result.signal && result.fault.empty() && result.status == 0;
  }
  std::string callBoth(const Case &variant, int64_t rotation, bool wholeCall,
                       StringRef what);
  std::string compare(const Problem &variant, const Argument &result,
                      bool wholeCall) const;
  bool isPerRow(const Argument &result) const;
  bool dependsOnBatch(const Argument &result) const;

  const Manifest &manifest;
  const Case &test;
  Call call;
  Problem &original;
};

} // namespace

std::string Rerun::repeat() {
  std::vector<std::vector<char>> results[2];
  for (auto &run : results) {
    original.reset();
    original.changeCut(test.cut + (&run - results));
    if (!endsWell(original))
      return "a second call of the same kernel ended differently";
    for (const Argument &argument : manifest.arguments) {
      if (!argument.isTensor() || !argument.isWritten())
        continue;
      GuardedBuffer &buffer = original.bufferOf(argument.name);
      run.emplace_back(buffer.data(), buffer.data() + buffer.size());
    }
  }
  return results[0] == results[1] ? "" : "two calls on the same numbers differ";
}

std::string Rerun::moveMemory() {
  Case variant = test;
  variant.placement =
      test.placement == Placement::End ? Placement::Start : Placement::End;
  variant.misalignment = test.misalignment + 1 + test.seed / 4 % 15;
  if (manifest.strided)
    variant.layout = static_cast<Layout>((static_cast<int>(test.layout) + 1) %
                                         static_cast<int>(Layout::Broadcast));
  variant.inPlace = manifest.inPlace && !test.inPlace;
  variant.cut = test.cut + 1;
  return callBoth(variant, 0, /*wholeCall=*/true, "in other memory");
}

std::string Rerun::moveRows() {
  int64_t distinct = original.countDistinct(), count = original.rows.count();
  bool isCausal = manifest.formula.mask == Mask::Causal;
  int64_t rank = manifest.shape.size(), unit = 1;
  if (isCausal) // a row keeps its place in its matrix
    unit = resolve(manifest.shape, test)[rank - 2];
  Case variant = test;
  variant.layout = manifest.strided ? Layout::Padded : Layout::Dense;
  variant.cut = test.cut + 1;
  // The mean divides gradients by what all rows add up to: only the same rows
  // in another order may keep them, and a sum of weights not even then.
  if (!llvm::any_of(manifest.arguments, [&](const Argument &argument) {
        return dependsOnBatch(argument);
      }))
    for (int64_t i = 0; i < rank; ++i) {
      StringRef name = manifest.shape[i].name;
      if (name.empty() || i == manifest.axis || (isCausal && i == rank - 2))
        continue;
      int64_t &extent = variant.extents[name];
      extent = test.seed / 4 % 2 ? extent + 1 : (extent + 1) / 2;
      break;
    }
  else if (distinct != count)
    return "";
  int64_t rotation =
      unit * (1 + test.seed / 4 % std::max<int64_t>(distinct / unit - 1, 1));
  return callBoth(variant, rotation, /*wholeCall=*/false,
                  "at another place of another batch");
}

bool Rerun::isPerRow(const Argument &result) const {
  return result.name != "loss" || manifest.reduction == Reduction::None;
}

bool Rerun::dependsOnBatch(const Argument &result) const {
  return result.name == "dlogits" && manifest.reduction == Reduction::Mean;
}

std::string Rerun::callBoth(const Case &variant, int64_t rotation,
                            bool wholeCall, StringRef what) {
  auto problem = Problem::createVariant(original, variant, rotation);
  if (!problem)
    return llvm::toString(problem.takeError());
  original.reset();
  (*problem)->reset();
  for (Problem *each : {&original, problem->get()}) {
    if (!endsWell(*each))
      return ("a call " + what + " ended differently").str();
  }
  for (const Argument &argument : manifest.arguments) {
    if (!argument.isTensor() || !argument.isWritten())
      continue;
    bool isWeighted = !original.weights.empty();
    if (!wholeCall &&
        (!isPerRow(argument) || (dependsOnBatch(argument) && isWeighted)))
      continue;
    std::string fault = compare(**problem, argument, wholeCall);
    if (!fault.empty())
      return (fault + " has other bits " + what + ": " + variant.describe())
          .str();
  }
  return "";
}

/// Both are the same, or NaN: payloads are unspecified (E42).
static bool isSame(ElementType type, const char *a, const char *b) {
  return std::memcmp(a, b, getByteSize(type)) == 0 ||
         (std::isnan(loadReal(type, a)) && std::isnan(loadReal(type, b)));
}

/// Returns where the result differs.
std::string Rerun::compare(const Problem &variant, const Argument &result,
                           bool wholeCall) const {
  const Tensor &a = *original.find(result.name);
  const Tensor &b = *variant.find(result.name);
  if (!isPerRow(result))
    return isSame(a.type, a.data, b.data) ? "" : result.name;
  bool hasAxis = a.shape.size() == manifest.shape.size();
  int64_t classes = hasAxis ? original.rows.classes() : 1;
  int64_t strideOfA = hasAxis ? a.strides[manifest.axis] : 0;
  int64_t strideOfB = hasAxis ? b.strides[manifest.axis] : 0;
  for (int64_t r = 0; r < variant.rows.count(); ++r) {
    // The original has its distinct rows in order at its begin.
    int64_t from = wholeCall ? r : variant.numberOf(r);
    const char *x = a.at(original.rows.start(a, from));
    const char *y = b.at(variant.rows.start(b, r));
    unsigned size = getByteSize(a.type);
    for (int64_t j = 0; j < classes; ++j)
      if (!isSame(a.type, x + j * strideOfA * size, y + j * strideOfB * size))
        return result.name + ", row " + std::to_string(from) +
               (hasAxis ? ", class " + std::to_string(j) : "");
  }
  return "";
}

std::string mlir::softmax::verify::checkInvariance(const Manifest &manifest,
                                                   const Case &test, Call call,
                                                   Problem &problem) {
  int64_t elements = problem.rows.count() * problem.rows.classes();
  if (elements > (1 << 20) || test.misuse != Misuse::None ||
      problem.hasBadLabel)
    return "";
  Rerun rerun(manifest, test, call, problem);
  switch (test.seed % 4) {
  case 0:
    return rerun.repeat();
  case 1:
    return rerun.moveMemory();
  case 2:
    return problem.rows.count() > 0 ? rerun.moveRows() : "";
  default:
    return "";
  }
}
