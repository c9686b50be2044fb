// Comparison of results with the oracle, and of memory with its poison.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "verify/Check.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/Format.h"

#include <algorithm>
#include <cmath>
#include <cstring>

using namespace mlir::softmax::verify;

static bool isAll(const void *element, unsigned size, unsigned char byte) {
  const unsigned char *bytes = static_cast<const unsigned char *>(element);
  return std::all_of(bytes, bytes + size,
                     [=](unsigned char b) { return b == byte; });
}

static bool isRight(ElementType type, const void *element, double got,
                    long double expected, double tolerance) {
  if (tolerance == kPositiveZero)
    return isAll(element, getByteSize(type), 0);
  if (std::isnan(expected))
    return std::isnan(got) &&
           !isAll(element, getByteSize(type), GuardedBuffer::kPoison);
  if (std::isfinite(got)) // not equal to an infinite one, which the error shows
    return std::fabs(got - expected) <= tolerance;
  // Infinite by rounding only, within the tolerance.
  return !std::isnan(got) && std::signbit(got) == std::signbit(expected) &&
         std::isinf(roundTo(type, std::fabs(expected) + tolerance));
}

std::string mlir::softmax::verify::compare(ElementType type,
                                           const void *element,
                                           long double expected,
                                           double tolerance) {
  double got = loadReal(type, element);
  if (isRight(type, element, got, expected, tolerance))
    return "";
  if (isAll(element, getByteSize(type), GuardedBuffer::kPoison))
    return "was not written";
  std::string text;
  llvm::raw_string_ostream stream(text);
  if (tolerance == kPositiveZero)
    stream << llvm::format("is %.9g, expected +0.0", got);
  else
    stream << llvm::format("is %.17g, expected %.17g within %.3g", got,
                           static_cast<double>(expected), tolerance);
  if (std::isfinite(got) && std::isfinite(expected))
    stream << llvm::format(
        " (%.3g ULP off)",
        static_cast<double>(std::fabs(got - expected) / ulpOf(type, expected)));
  return text;
}

namespace {

class Checker {
public:
  Checker(const Manifest &manifest, const Case &test, Problem &problem,
          KernelReport &report)
      : manifest(manifest), test(test), problem(problem), rows(problem.rows),
        report(report) {}

  std::string check(const CallResult &call);

private:
  std::string checkEnd(const CallResult &call);
  void checkElements(const Tensor &tensor, ResultErrors &errors);
  void checkScalars(const Tensor &tensor, bool isLoss, ResultErrors &errors);
  void checkReduced(const Tensor &tensor, ResultErrors &errors);
  /// Compares a value and keeps its error; true when it is right.
  bool compareValue(ElementType type, const void *element, long double expected,
                    double tolerance, double ulp, ResultErrors &errors,
                    int64_t row, int64_t column);
  void fail(const std::string &text) {
    if (failure.empty())
      failure = text;
  }
  std::string checkSurroundings();
  ResultErrors &errorsOf(const Argument &argument);

  const Manifest &manifest;
  const Case &test;
  Problem &problem;
  const Rows &rows;
  KernelReport &report;
  std::string failure;
  std::vector<bool> failedRows;
};

} // namespace

std::string mlir::softmax::verify::checkCall(const Manifest &manifest,
                                             const Case &test, Problem &problem,
                                             const CallResult &call,
                                             KernelReport &report) {
  return Checker(manifest, test, problem, report).check(call);
}

std::string Checker::checkEnd(const CallResult &call) {
  if (call.signal)
    return std::string(strsignal(call.signal)) + " at " +
           problem.locate(call.address);
  if (!call.fault.empty())
    return call.fault;
  if (call.changedEnvironment)
    return "the floating-point environment was changed";
  int32_t expected = problem.expectedStatus();
  if (call.status != expected)
    return "returned status " + std::to_string(call.status) + ", expected " +
           std::to_string(expected);
  if (expected == 0 || test.misuse == Misuse::FailingHook)
    return "";
  for (const Argument &argument : manifest.arguments)
    if (argument.isTensor() && argument.isWritten() &&
        !problem.isUntouched(argument.name))
      return "returned an error, but has written to " + argument.name;
  return "";
}

ResultErrors &Checker::errorsOf(const Argument &argument) {
  for (ResultErrors &errors : report.results)
    if (errors.name == argument.name)
      return errors;
  ResultErrors errors;
  errors.name = argument.name;
  errors.type = getName(argument.type).str();
  report.results.push_back(errors);
  return report.results.back();
}

std::string Checker::check(const CallResult &call) {
  fail(checkEnd(call));
  failedRows.assign(rows.count(), false);
  if (failure.empty() && call.status == 0 && test.misuse == Misuse::None) {
    for (const Argument &argument : manifest.arguments) {
      if (!argument.isTensor() || !argument.isWritten())
        continue;
      const Tensor &tensor = *problem.find(argument.name);
      ResultErrors &errors = errorsOf(argument);
      if (argument.name == "loss" && manifest.reduction != Reduction::None)
        checkReduced(tensor, errors);
      else if (argument.name == "loss" || argument.name == "lse")
        checkScalars(tensor, argument.name == "loss", errors);
      else
        checkElements(tensor, errors);
    }
  }
  fail(checkSurroundings());
  countSpecials(manifest, test, problem, failure, failedRows, report);
  return failure;
}

bool Checker::compareValue(ElementType type, const void *element,
                           long double expected, double tolerance, double ulp,
                           ResultErrors &errors, int64_t row, int64_t column) {
  double got = loadReal(type, element);
  bool right = isRight(type, element, got, expected, tolerance);
  if (std::isfinite(got) && std::isfinite(expected)) {
    double error = static_cast<double>(std::fabs(got - expected));
    ++errors.values;
    // More than half an ULP away is not the nearest value.
    errors.misrounded += error > 0.5 * ulp;
    if (tolerance > 0)
      errors.worstShare = std::max(errors.worstShare, error / tolerance);
    if (error > errors.worstUlp * ulp) {
      errors.worstUlp = error / ulp;
      errors.where = row < 0 ? "" : "row " + std::to_string(row);
      if (column >= 0)
        errors.where += ", class " + std::to_string(column);
      errors.where += (row < 0 ? "" : " of ") + test.describe();
    }
  }
  if (!right && failure.empty()) {
    std::string where = errors.name;
    if (row >= 0)
      where += ", row " + std::to_string(row) + " (" +
               getName(problem.rowOf(row).data).str() + ")";
    if (column >= 0)
      where += ", class " + std::to_string(column) + " of " +
               std::to_string(rows.classes());
    fail(where + ": " + compare(type, element, expected, tolerance));
  }
  return right;
}

void Checker::checkElements(const Tensor &tensor, ResultErrors &errors) {
  int64_t stride = tensor.strides[manifest.axis];
  for (int64_t r = 0; r < rows.count(); ++r) {
    const Row &row = problem.rowOf(r);
    int64_t start = rows.start(tensor, r);
    for (int64_t j = 0; j < rows.classes(); ++j)
      if (!compareValue(tensor.type, tensor.at(start + j * stride),
                        row.result.elements[j], row.bounds.elements[j],
                        row.ulps[j], errors, r, j))
        failedRows[r] = true;
  }
}

/// E27: the loss is +inf, as it may be.
static bool isOverflow(const Tensor &tensor, int64_t offset,
                       long double expected, bool isAllowed) {
  return isAllowed && !std::isnan(expected) &&
         loadReal(tensor.type, tensor.at(offset)) == HUGE_VAL;
}

void Checker::checkScalars(const Tensor &tensor, bool isLoss,
                           ResultErrors &errors) {
  for (int64_t r = 0; r < rows.count(); ++r) {
    const Row &row = problem.rowOf(r);
    long double expected = isLoss ? row.result.loss : row.result.lse;
    if (isLoss && isOverflow(tensor, rows.start(tensor, r), expected,
                             row.bounds.lossMayOverflow))
      continue;
    if (!compareValue(tensor.type, tensor.at(rows.start(tensor, r)), expected,
                      isLoss ? row.bounds.loss : row.bounds.lse,
                      static_cast<double>(ulpOf(tensor.type, expected)), errors,
                      r, -1))
      failedRows[r] = true;
  }
}

void Checker::checkReduced(const Tensor &tensor, ResultErrors &errors) {
  long double expected = problem.loss;
  if (isOverflow(tensor, 0, expected, problem.lossMayOverflow))
    return;
  compareValue(tensor.type, tensor.data, expected,
               static_cast<double>(problem.lossBound),
               static_cast<double>(ulpOf(tensor.type, expected)), errors, -1,
               -1);
}

/// Poisons the results again: then all of their memory has to be poison.
std::string Checker::checkSurroundings() {
  for (const Argument &argument : manifest.arguments) {
    if (!argument.isTensor())
      continue;
    GuardedBuffer &buffer = problem.bufferOf(argument.name);
    if (!buffer.isSurroundingIntact())
      return "memory around " + argument.name + " was overwritten";
    if (!argument.isWritten() || test.layout == Layout::Dense ||
        buffer.size() == 0)
      continue;
    const Tensor &tensor = *problem.find(argument.name);
    int64_t count = tensor.getNumElements();
    for (int64_t i = 0; i < count; ++i) {
      int64_t rest = i, offset = 0;
      for (size_t axis = tensor.shape.size(); axis-- > 0;) {
        offset += rest % tensor.shape[axis] * tensor.strides[axis];
        rest /= tensor.shape[axis];
      }
      std::memset(tensor.at(offset), GuardedBuffer::kPoison,
                  getByteSize(tensor.type));
    }
    if (!isAll(buffer.data(), 1, GuardedBuffer::kPoison) ||
        std::memcmp(buffer.data(), buffer.data() + 1, buffer.size() - 1) != 0)
      return "memory between the elements of " + argument.name +
             " was overwritten";
  }
  return "";
}
