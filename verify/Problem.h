// A case made concrete: tensors in guarded memory, arguments, expectations.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef VERIFY_PROBLEM_H
#define VERIFY_PROBLEM_H

#include "verify/Inputs.h"
#include "verify/Kernel.h"

namespace mlir::softmax::verify {

class Problem {
public:
  /// An error when the memory for the case is not there.
  static llvm::Expected<std::unique_ptr<Problem>> create(const Manifest &,
                                                         const Case &);
  /// The rows of `original` in another case, the one numbered r + `rotation`
  /// at r. It is only there to be called: nothing is expected of it.
  static llvm::Expected<std::unique_ptr<Problem>>
  createVariant(const Problem &original, const Case &, int64_t rotation);
  Problem(const Problem &) = delete;

  /// Poisons the results, or restores those that are operands too.
  void reset();
  /// The same numbers for another run, with the hook's range cut differently.
  void changeCut(unsigned cut) { hookState.cut = cut; }

  const Row &rowOf(int64_t row) const { return distinct[numberOf(row)]; }
  /// Which of the distinct rows a row is.
  int64_t numberOf(int64_t row) const {
    return (row + rotation) % static_cast<int64_t>(distinct.size());
  }
  int64_t countDistinct() const { return distinct.size(); }
  Misuse getMisuse() const { return test.misuse; }
  /// What the kernel has to return.
  int32_t expectedStatus() const;
  /// Null for a name that is no tensor of the kernel.
  const Tensor *find(llvm::StringRef name) const;
  GuardedBuffer &bufferOf(llvm::StringRef name);
  /// All memory of the tensors; some share a buffer.
  struct Memory {
    llvm::StringRef name; ///< of the tensor, or of the first of them
    GuardedBuffer *buffer;
    bool isReadOnly; ///< of operands only
  };
  std::vector<Memory> memories();
  /// E12: the first word of an entry's workspace was set by a label that is out
  /// of range, and by nothing else. What is wrong; empty when nothing is.
  std::string checkErrorWord(const char *workspace, size_t bytes) const;
  /// Bytes of the result are as before the call.
  bool isUntouched(llvm::StringRef result);
  /// Which tensor a faulting address belongs to, in words.
  std::string locate(const void *address) const;

  std::vector<CallArgument> arguments;
  Rows rows;
  Denominators denominators;
  std::vector<double> weights;         ///< of the classes
  long double loss = 0, lossBound = 0; ///< of a kernel that reduces
  bool lossMayOverflow = false;
  bool hasBadLabel = false;

private:
  struct Entry {
    std::string name;
    Tensor tensor;
    GuardedBuffer buffer;
    std::vector<char> original; ///< of a result that is an operand too
    bool isWritten = false, sharesBuffer = false;
  };
  Problem(const Manifest &manifest, const Case &test,
          llvm::ArrayRef<int64_t> shape);
  void makeRows();
  void cancelWeights();
  void equalize(const Argument &argument);
  void countRows();
  void evaluateRows();
  void reduceLosses(const Bounds &bounds, ElementType type);
  Entry *findPartner(const Entry &result);
  Entry layOutEntry(const Argument &argument) const;
  const Argument *findNeighbour() const;
  llvm::Error allocate();
  void fill();
  void fillOperand(const Argument &argument, const Tensor &tensor);
  void *findOverlap();
  void makeArguments();

  static int32_t runHook(void *context, int64_t tasks,
                         void (*body)(void *, int64_t, int64_t), void *closure);

  struct HookState {
    unsigned cut = 0;
    bool fails = false, called = false;
  };

  Entry &entryOf(llvm::StringRef name);

  const Manifest &manifest;
  const Case &test;
  std::vector<Row> distinct;
  int64_t rotation = 0;
  std::vector<Entry> entries;
  double rate = 0, dloss = 1;
  HookState hookState;
  ParallelFor hook;
};

} // namespace mlir::softmax::verify

#endif // VERIFY_PROBLEM_H
