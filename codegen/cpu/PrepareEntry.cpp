// softmax-prepare-entry: public functions get the parameters of a C entry.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "codegen/Passes.h"

#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "llvm/ADT/EquivalenceClasses.h"
#include "llvm/Support/MathExtras.h"

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
    if (failed(moveResults()))
      return failure();
    if (failed(verifyExtents()))
      return failure();
    numberExtents();
    return success();
  }

private:
  void uniteByMaps(ValueRange values, ArrayRef<AffineMap> maps);
  void uniteShapes(Value x, Value y);
  void collectExtents();
  void markLabels(row::ProgramOp program);
  LogicalResult verifySignature();
  LogicalResult moveResults();
  LogicalResult verifyExtents();
  void numberExtents();

  func::FuncOp function;
  func::ReturnOp returnOp;
  llvm::EquivalenceClasses<Dimension> extents;
};

} // namespace

/// Two operands of a structured operation that are indexed by the same
/// dimension have the same extent there.
void EntryBuilder::uniteByMaps(ValueRange values, ArrayRef<AffineMap> maps) {
  llvm::SmallDenseMap<int64_t, Dimension> first;
  for (auto [value, map] : llvm::zip(values, maps))
    for (auto [position, expr] : llvm::enumerate(map.getResults())) {
      auto dim = dyn_cast<AffineDimExpr>(expr);
      if (!dim)
        continue;
      Dimension node = dimension(value, position);
      Dimension known =
          first.try_emplace(dim.getPosition(), node).first->second;
      extents.unionSets(known, node);
    }
}

void EntryBuilder::uniteShapes(Value x, Value y) {
  auto type = dyn_cast<RankedTensorType>(x.getType());
  for (int64_t dim = 0; type && dim < type.getRank(); ++dim)
    extents.unionSets(dimension(x, dim), dimension(y, dim));
}

/// Which extents are equal, as the operations say: those of row programs, of
/// structured and elementwise operations, of casts, and of empty tensors whose
/// sizes were asked of other tensors.
void EntryBuilder::collectExtents() {
  function.walk([&](Operation *op) {
    if (auto program = dyn_cast<row::ProgramOp>(op)) {
      uniteByMaps(
          program->getOperands(),
          llvm::to_vector(
              program.getIndexingMaps().getAsValueRange<AffineMapAttr>()));
      markLabels(program);
    } else if (auto structured = dyn_cast<linalg::LinalgOp>(op)) {
      uniteByMaps(op->getOperands(), structured.getIndexingMapsArray());
    } else if (auto empty = dyn_cast<tensor::EmptyOp>(op)) {
      unsigned next = 0;
      for (int64_t dim = 0; dim < empty.getType().getRank(); ++dim) {
        if (!empty.getType().isDynamicDim(dim))
          continue;
        auto asked =
            empty.getDynamicSizes()[next++].getDefiningOp<tensor::DimOp>();
        std::optional<int64_t> of =
            asked ? asked.getConstantIndex() : std::nullopt;
        if (of)
          extents.unionSets(dimension(asked.getSource(), *of),
                            dimension(empty, dim));
      }
    } else if (auto cast = dyn_cast<tensor::CastOp>(op)) {
      uniteShapes(cast.getSource(), cast.getDest());
    } else if (OpTrait::hasElementwiseMappableTraits(op)) {
      for (Value operand : op->getOperands())
        for (Value result : op->getResults())
          if (isa<RankedTensorType>(operand.getType()))
            uniteShapes(result, operand);
    }
    if (auto style = dyn_cast<DestinationStyleOpInterface>(op))
      for (OpResult result : op->getResults())
        uniteShapes(result, style.getTiedOpOperand(result)->get());
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
        b.getDenseI64ArrayAttr(
            {ignored.getInt(), ShapedType::isDynamic(classes) ? -1 : classes,
             logits ? logits.getArgNumber() : -1, position}));
  }
}

/// True when the known extents of a tensor alone make it larger than any
/// memory.
static bool isBeyondMemory(RankedTensorType type) {
  if (llvm::is_contained(type.getShape(), 0))
    return false;
  int64_t bytes = 8; // of an element, at most
  for (int64_t extent : type.getShape())
    if (!ShapedType::isDynamic(extent) &&
        llvm::MulOverflow(bytes, extent, bytes))
      return true;
  return false;
}

LogicalResult EntryBuilder::verifySignature() {
  auto check = [&](Type type, const Twine &what,
                   bool mayBeNumber) -> LogicalResult {
    auto tensor = dyn_cast<RankedTensorType>(type);
    bool isNumber = isa<FloatType, IndexType>(type) || type.isInteger(64) ||
                    type.isInteger(32);
    if (!tensor && !(mayBeNumber && isNumber))
      return function.emitOpError("expected ")
             << what.str() << " to be a ranked tensor"
             << (mayBeNumber ? " or a number" : "") << ", got " << type;
    if (tensor && isBeyondMemory(tensor))
      return function.emitOpError("expected ")
             << what.str() << " to have less than 2^60 elements, got " << type;
    return success();
  };
  for (auto [i, type] : llvm::enumerate(function.getArgumentTypes()))
    if (failed(check(type, "argument #" + Twine(i), /*mayBeNumber=*/true)))
      return failure();
  for (auto [i, value] : llvm::enumerate(returnOp.getOperands()))
    if (failed(check(value.getType(), "result #" + Twine(i),
                     /*mayBeNumber=*/false)))
      return failure();
  return success();
}

/// The function argument in whose buffer `value` is computed, if any.
static BlockArgument destinationArgument(Value value) {
  while (auto op = value.getDefiningOp<DestinationStyleOpInterface>())
    value = op.getTiedOpOperand(cast<OpResult>(value))->get();
  return dyn_cast<BlockArgument>(value);
}

LogicalResult EntryBuilder::moveResults() {
  ImplicitLocOpBuilder b(returnOp.getLoc(), returnOp);
  Block &entry = function.getBody().front();
  // Arguments are the caller's: nothing is computed in place of them, except
  // where that was asked for.
  for (BlockArgument argument : function.getArguments())
    if (isa<RankedTensorType>(argument.getType()))
      function.setArgAttr(argument.getArgNumber(), "bufferization.writable",
                          b.getBoolAttr(false));
  SmallVector<Value> returned;
  llvm::SmallDenseSet<Value> seen;
  for (auto [i, value] : llvm::enumerate(returnOp.getOperands())) {
    if (!seen.insert(value).second)
      return function.emitOpError("expected different results, got the value "
                                  "of result #")
             << i << " twice; return it once";
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
  return success();
}

/// The caller allocates results, so that their extents must be known from the
/// arguments: a result of its own extent could be written past its end.
LogicalResult EntryBuilder::verifyExtents() {
  auto isOutput = [&](BlockArgument argument) {
    auto role = function.getArgAttrOfType<StringAttr>(argument.getArgNumber(),
                                                      kRoleName);
    return role && role.getValue() == "output";
  };
  for (BlockArgument output : function.getArguments()) {
    auto type = dyn_cast<RankedTensorType>(output.getType());
    if (!type || !isOutput(output))
      continue;
    for (int64_t dim = 0; dim < type.getRank(); ++dim) {
      if (!type.isDynamicDim(dim))
        continue;
      bool known = false;
      for (BlockArgument input : function.getArguments()) {
        auto inputType = dyn_cast<RankedTensorType>(input.getType());
        for (int64_t i = 0; inputType && i < inputType.getRank(); ++i)
          known |=
              !isOutput(input) &&
              extents.isEquivalent(dimension(output, dim), dimension(input, i));
      }
      if (!known)
        return function.emitOpError("cannot tell extent ")
               << dim << " of a result of type " << type
               << " from the arguments; give it a static extent, or that of an "
                  "argument";
    }
  }
  return success();
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
