// softmax-prepare-entry: public functions get the parameters of a C entry.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "codegen/Passes.h"

#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "llvm/ADT/EquivalenceClasses.h"

namespace mlir::softmax {
#define GEN_PASS_DEF_SOFTMAXPREPAREENTRYPASS
#include "codegen/Passes.h.inc"
} // namespace mlir::softmax

using namespace mlir;
using namespace mlir::softmax;

namespace {

/// A dimension of a value, as a node of the classes of equal extents.
using Dimension = std::pair<void *, int64_t>;

Dimension dimension(Value value, int64_t dim) {
  return {value.getAsOpaquePointer(), dim};
}

class EntryBuilder {
public:
  explicit EntryBuilder(func::FuncOp function) : function(function) {}

  LogicalResult run() {
    if (function.getBody().getBlocks().size() != 1)
      return function.emitOpError(
          "expected a single block in the function of a kernel");
    collectExtents();
    returnOp = cast<func::ReturnOp>(function.getBody().front().getTerminator());
    if (failed(verifySignature()))
      return failure();
    moveResults();
    numberExtents();
    return success();
  }

private:
  void collectExtents();
  void markLabels(row::ProgramOp program);
  LogicalResult verifySignature();
  void moveResults();
  void numberExtents();

  func::FuncOp function;
  func::ReturnOp returnOp;
  llvm::EquivalenceClasses<Dimension> extents;
};

} // namespace

/// Two operands of a program that are indexed by the same dimension have the
/// same extent there; a result has the extents of its output.
void EntryBuilder::collectExtents() {
  function.walk([&](row::ProgramOp program) {
    SmallVector<std::optional<Dimension>> first(program.getSpaceRank());
    auto visit = [&](Value value, AffineMap map) {
      for (auto [position, expr] : llvm::enumerate(map.getResults())) {
        int64_t dim = cast<AffineDimExpr>(expr).getPosition();
        if (!first[dim])
          first[dim] = dimension(value, position);
        extents.unionSets(*first[dim], dimension(value, position));
      }
    };
    for (OpOperand &operand : program->getOpOperands()) {
      visit(operand.get(), program.getMap(operand));
      if (OpResult result =
              cast<DestinationStyleOpInterface>(program.getOperation())
                          .isDpsInit(&operand)
                  ? cast<DestinationStyleOpInterface>(program.getOperation())
                        .getTiedOpResult(&operand)
                  : OpResult())
        visit(result, program.getMap(operand));
    }
    markLabels(program);
  });
}

/// Labels are the integer inputs of a program that reads rows at a column: the
/// entry checks those that are arguments.
void EntryBuilder::markLabels(row::ProgramOp program) {
  for (auto skip : program.getBodyBlock()->getOps<row::SkipIfOp>()) {
    auto compare = skip.getCondition().getDefiningOp();
    if (!compare || compare->getNumOperands() != 2)
      continue;
    Value label = compare->getOperand(0);
    Operation *constant = compare->getOperand(1).getDefiningOp();
    while (Operation *cast = label.getDefiningOp())
      label = cast->getOperand(0);
    IntegerAttr ignored =
        constant ? constant->getAttrOfType<IntegerAttr>("value") : nullptr;
    auto argument = dyn_cast<BlockArgument>(label);
    if (!ignored || !argument || argument.getOwner() != program.getBodyBlock())
      continue;
    auto target =
        dyn_cast<BlockArgument>(program.getInputs()[argument.getArgNumber()]);
    auto [operand, position] = program.getBound(program.getAxis());
    if (!target || target.getOwner() != &function.getBody().front() || !operand)
      continue;
    int64_t classes = cast<ShapedType>(operand.getType()).getDimSize(position);
    auto logits = dyn_cast<BlockArgument>(operand);
    if (ShapedType::isDynamic(classes) && !logits)
      continue;
    OpBuilder b(function.getContext());
    function.setArgAttr(
        target.getArgNumber(), kLabelsName,
        b.getDenseI64ArrayAttr({ignored.getInt(),
                                ShapedType::isDynamic(classes) ? -1 : classes,
                                logits ? logits.getArgNumber() : -1,
                                position}));
  }
}

LogicalResult EntryBuilder::verifySignature() {
  auto check = [&](Type type, const Twine &what) -> LogicalResult {
    if (isa<RankedTensorType, FloatType, IndexType>(type) ||
        type.isInteger(64) || type.isInteger(32))
      return success();
    return function.emitOpError("expected ")
           << what.str() << " to be a ranked tensor or a number, got " << type;
  };
  for (auto [i, type] : llvm::enumerate(function.getArgumentTypes()))
    if (failed(check(type, "argument #" + Twine(i))))
      return failure();
  for (auto [i, value] : llvm::enumerate(returnOp.getOperands()))
    if (!isa<RankedTensorType>(value.getType()))
      return function.emitOpError("expected result #")
             << i << " to be a ranked tensor, got " << value.getType();
  return success();
}

/// The function argument in whose buffer `value` is computed, if any.
static BlockArgument destinationArgument(Value value) {
  while (auto op = value.getDefiningOp<DestinationStyleOpInterface>())
    value = op.getTiedOpOperand(cast<OpResult>(value))->get();
  return dyn_cast<BlockArgument>(value);
}

void EntryBuilder::moveResults() {
  ImplicitLocOpBuilder b(returnOp.getLoc(), returnOp);
  Block &entry = function.getBody().front();
  SmallVector<Value> returned;
  for (auto [i, value] : llvm::enumerate(returnOp.getOperands())) {
    BlockArgument argument = destinationArgument(value);
    auto role = argument ? function.getArgAttrOfType<StringAttr>(
                               argument.getArgNumber(), kRoleName)
                         : nullptr;
    if (role && role.getValue() == "inout") {
      function.setArgAttr(argument.getArgNumber(), "bufferization.writable",
                          b.getBoolAttr(true));
      continue; // written in place, nothing to return
    }
    unsigned number = function.getNumArguments();
    SmallVector<NamedAttribute> attributes = {
        b.getNamedAttr("bufferization.writable", b.getBoolAttr(true)),
        b.getNamedAttr(kRoleName, b.getStringAttr("output"))};
    if (auto name = function.getResultAttrOfType<StringAttr>(i, kArgumentName))
      attributes.push_back(b.getNamedAttr(kArgumentName, name));
    (void)function.insertArgument(number, value.getType(),
                                  b.getDictionaryAttr(attributes),
                                  function.getLoc());
    Value destination = entry.getArgument(number);
    auto type = cast<RankedTensorType>(value.getType());
    for (int64_t dim = 0; dim < type.getRank(); ++dim)
      extents.unionSets(dimension(value, dim), dimension(destination, dim));
    bufferization::MaterializeInDestinationOp::create(b, value.getType(), value,
                                                      destination);
  }
  BitVector all(function.getNumResults(), true);
  (void)function.eraseResults(all);
  func::ReturnOp::create(b);
  returnOp.erase();
}

void EntryBuilder::numberExtents() {
  Builder b(function.getContext());
  llvm::SmallDenseMap<Dimension, int64_t> numbers;
  for (BlockArgument argument : function.getArguments()) {
    auto type = dyn_cast<RankedTensorType>(argument.getType());
    if (!type)
      continue;
    SmallVector<int64_t> ids(type.getRank(), -1);
    for (int64_t dim = 0; dim < type.getRank(); ++dim) {
      if (!type.isDynamicDim(dim))
        continue;
      Dimension node = dimension(argument, dim);
      if (extents.contains(node))
        node = extents.getLeaderValue(node);
      ids[dim] = numbers.try_emplace(node, numbers.size()).first->second;
    }
    function.setArgAttr(argument.getArgNumber(), kExtentsName,
                        b.getDenseI64ArrayAttr(ids));
  }
}

namespace {

struct SoftmaxPrepareEntry
    : softmax::impl::SoftmaxPrepareEntryPassBase<SoftmaxPrepareEntry> {
  using Base::Base;

  void runOnOperation() override {
    for (auto function : getOperation().getOps<func::FuncOp>())
      if (function.isPublic() && !function.isExternal())
        if (failed(EntryBuilder(function).run()))
          return signalPassFailure();
  }
};

} // namespace
