// Verifiers, effects and shapes of the softmax operators.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "dialect/softmax/Softmax.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/IR/TypeUtilities.h"

using namespace mlir;
using namespace mlir::softmax;

#define GET_OP_CLASSES
#include "dialect/softmax/SoftmaxOps.cpp.inc"

static ShapedType shaped(Value value) {
  return cast<ShapedType>(value.getType());
}

/// An axis counted from 0.
static int64_t normalizeAxis(int64_t axis, int64_t rank) {
  return axis < 0 ? axis + rank : axis;
}

/// softmax_c1: the axis lies in [-rank, rank).
static LogicalResult verifyAxis(Operation *op, int64_t axis, int64_t rank) {
  if (rank == 0)
    return op->emitOpError("expected operands of rank 1 or more, got rank 0");
  if (axis < -rank || axis >= rank)
    return op->emitOpError("expected 'axis' in [")
           << -rank << ", " << rank << "), got " << axis;
  return success();
}

/// Checks that `value` (called `name`) has the given shape, where both give it.
static LogicalResult verifyShape(Operation *op, StringRef name, Value value,
                                 ArrayRef<int64_t> shape) {
  if (succeeded(verifyCompatibleShape(shaped(value).getShape(), shape)))
    return success();
  InFlightDiagnostic diag = op->emitOpError("expected ") << name
                                                         << " of shape [";
  llvm::interleaveComma(shape, diag, [&](int64_t extent) {
    if (ShapedType::isDynamic(extent))
      diag << "?";
    else
      diag << extent;
  });
  return diag << "], got " << value.getType();
}

static SmallVector<int64_t> dropAxis(ShapedType type, int64_t axis) {
  SmallVector<int64_t> shape(type.getShape());
  shape.erase(shape.begin() + normalizeAxis(axis, type.getRank()));
  return shape;
}

/// f64 for f64, else f32: the type of losses, logsumexps and rates.
static Type accumulatorType(ShapedType type) {
  return type.getElementType().isF64()
             ? type.getElementType()
             : Float32Type::get(type.getContext());
}

static LogicalResult verifyElementType(Operation *op, StringRef name,
                                       Value value, Type expected) {
  Type type = row::getScalarType(value.getType());
  if (type == expected)
    return success();
  return op->emitOpError("expected ")
         << name << " to have elements of " << expected << ", got " << type;
}

/// One result per tensor output, of its type; tensors and memrefs not mixed.
static LogicalResult verifyDestinations(Operation *op) {
  auto style = cast<DestinationStyleOpInterface>(op);
  SmallVector<Type> tensors;
  bool buffers = false;
  for (Value operand : op->getOperands()) {
    buffers |= isa<MemRefType>(operand.getType());
  }
  for (OpOperand &init : style.getDpsInitsMutable())
    if (isa<TensorType>(init.get().getType()))
      tensors.push_back(init.get().getType());
  if (buffers && llvm::any_of(op->getOperandTypes(), llvm::IsaPred<TensorType>))
    return op->emitOpError("expected tensors or memrefs, got both");
  if (TypeRange(tensors) != op->getResultTypes())
    return op->emitOpError("expected one result of the type of each output");
  return success();
}

/// softmax_c3: scale and softcap.
template <typename OpT>
static LogicalResult verifyTransform(OpT op) {
  APFloat scale = op.getScale();
  if (!scale.isFinite() || scale.isZero())
    return op.emitOpError("expected 'scale' to be finite and not 0, got ")
           << scale.convertToDouble();
  if (auto softcap = op.getSoftcap())
    if (!softcap->isFinite() || softcap->isZero() || softcap->isNegative())
      return op.emitOpError("expected 'softcap' to be finite and positive, got ")
             << softcap->convertToDouble();
  return success();
}

/// softmax_c4 and softmax_c5: masks. `data` has the shape of the logits.
template <typename OpT>
static LogicalResult verifyMask(OpT op, Value data) {
  ShapedType type = shaped(data);
  int64_t rank = type.getRank();
  if (op.getCausal()) {
    if (op.getMask())
      return op.emitOpError("expected one mask, got an operand and 'causal'");
    if (rank < 2 || normalizeAxis(op.getAxis(), rank) != rank - 1)
      return op.emitOpError("expected the class axis to be the last of two or "
                            "more with 'causal', got axis ")
             << op.getAxis() << " of rank " << rank;
    return success();
  }
  Value mask = op.getMask();
  if (!mask)
    return success();
  Type element = row::getScalarType(mask.getType());
  if (!element.isInteger(8) && element != type.getElementType())
    return op.emitOpError("expected a mask of i8 or ")
           << type.getElementType() << ", got " << element;
  return verifyShape(op, "a mask", mask, type.getShape());
}

//===----------------------------------------------------------------------===//
// Softmax and relatives
//===----------------------------------------------------------------------===//

template <typename OpT>
static LogicalResult verifyUnary(OpT op) {
  if (failed(verifyAxis(op, op.getAxis(), shaped(op.getInput()).getRank())) ||
      failed(verifyShape(op, "an output", op.getOutput(),
                         shaped(op.getInput()).getShape())) ||
      failed(verifyTransform(op)) || failed(verifyMask(op, op.getInput())))
    return failure();
  return verifyDestinations(op);
}

LogicalResult SoftmaxOp::verify() { return verifyUnary(*this); }
LogicalResult LogSoftmaxOp::verify() { return verifyUnary(*this); }

LogicalResult LogSumExpOp::verify() {
  ShapedType type = shaped(getInput());
  if (failed(verifyAxis(*this, getAxis(), type.getRank())) ||
      failed(verifyShape(*this, "an output", getOutput(),
                         dropAxis(type, getAxis()))) ||
      failed(verifyElementType(*this, "the output", getOutput(),
                               accumulatorType(type))) ||
      failed(verifyTransform(*this)) || failed(verifyMask(*this, getInput())))
    return failure();
  if (getMaskedRows() != Special::NaN)
    return emitOpError("expected 'masked_rows' to be nan, the logsumexp of a "
                       "masked row is -inf");
  return verifyDestinations(*this);
}

template <typename OpT>
static LogicalResult verifyUnaryGrad(OpT op) {
  ArrayRef<int64_t> shape = shaped(op.getY()).getShape();
  if (failed(verifyAxis(op, op.getAxis(), shape.size())) ||
      failed(verifyShape(op, "a 'dy'", op.getDy(), shape)) ||
      failed(verifyShape(op, "a 'dx'", op.getDx(), shape)) ||
      failed(verifyTransform(op)) || failed(verifyMask(op, op.getY())))
    return failure();
  if (op.getSoftcap().has_value() != static_cast<bool>(op.getX()))
    return op.emitOpError("expected 'input' exactly when 'softcap' is given");
  if (op.getX() && failed(verifyShape(op, "an 'input'", op.getX(), shape)))
    return failure();
  return verifyDestinations(op);
}

LogicalResult SoftmaxGradOp::verify() { return verifyUnaryGrad(*this); }
LogicalResult LogSoftmaxGradOp::verify() { return verifyUnaryGrad(*this); }

//===----------------------------------------------------------------------===//
// Cross-entropy
//===----------------------------------------------------------------------===//

/// cross_entropy_c5: one weight for each class.
template <typename OpT>
static LogicalResult verifyWeight(OpT op, ShapedType logits) {
  Value weight = op.getWeight();
  if (!weight)
    return success();
  int64_t classes =
      logits.getDimSize(normalizeAxis(op.getAxis(), logits.getRank()));
  if (failed(verifyShape(op, "a weight", weight, {classes})))
    return failure();
  return verifyElementType(op, "'weight'", weight, accumulatorType(logits));
}

/// cross_entropy_c6 and c7.
template <typename OpT>
static LogicalResult verifyLossOptions(OpT op) {
  double smoothing = op.getLabelSmoothing().convertToDouble();
  if (!(smoothing >= 0 && smoothing <= 1)) // NaN is neither
    return op.emitOpError("expected 'label_smoothing' in [0, 1], got ")
           << smoothing;
  if (!op.getZLoss().isFinite())
    return op.emitOpError("expected 'z_loss' to be finite, got ")
           << op.getZLoss().convertToDouble();
  if (op.hasProbabilities() && op.getIgnoreIndex() != -100)
    return op.emitOpError("expected no 'ignore_index' with a target of "
                          "probabilities");
  if (!op.hasProbabilities() && op.getZeroTimesInf() != Special::NaN)
    return op.emitOpError("expected 'zero_times_inf' with a target of "
                          "probabilities only");
  return success();
}

/// cross_entropy_c1 to c7. `losses` are the operands with the shape of the
/// loss, null where absent.
template <typename OpT>
static LogicalResult
verifyLoss(OpT op, ArrayRef<std::pair<StringRef, Value>> losses) {
  ShapedType logits = shaped(op.getLogits());
  if (failed(verifyAxis(op, op.getAxis(), logits.getRank())))
    return failure();
  SmallVector<int64_t> rows = dropAxis(logits, op.getAxis());
  Type accumulator = accumulatorType(logits);
  if (failed(verifyShape(op, "a target", op.getTarget(),
                         op.hasProbabilities() ? logits.getShape() : rows)) ||
      failed(verifyTransform(op)) || failed(verifyWeight(op, logits)) ||
      failed(verifyLossOptions(op)))
    return failure();
  for (auto [name, value] : losses) {
    if (!value)
      continue;
    SmallVector<int64_t> shape =
        op.getReduction() == Reduction::None ? rows : SmallVector<int64_t>();
    if (failed(verifyShape(op, name, value, shape)) ||
        failed(verifyElementType(op, name, value, accumulator)))
      return failure();
  }
  if (Value lse = op.getLse())
    if (failed(verifyShape(op, "an 'lse'", lse, rows)) ||
        failed(verifyElementType(op, "'lse'", lse, accumulator)))
      return failure();
  return verifyDestinations(op);
}

LogicalResult CrossEntropyOp::verify() {
  return verifyLoss(*this, {{"a loss", getLoss()}});
}

LogicalResult CrossEntropyGradOp::verify() {
  if (failed(verifyShape(*this, "a 'dlogits'", getDlogits(),
                         shaped(getLogits()).getShape())))
    return failure();
  return verifyLoss(*this, {{"a 'dloss'", getDloss()}});
}

LogicalResult CrossEntropyWithGradOp::verify() {
  if (failed(verifyShape(*this, "a 'dlogits'", getDlogits(),
                         shaped(getLogits()).getShape())))
    return failure();
  return verifyLoss(*this, {{"a loss", getLoss()}, {"a 'dloss'", getDloss()}});
}

LogicalResult SgdOp::verify() {
  ShapedType type = shaped(getParameter());
  if (type.getRank() == 0)
    return emitOpError("expected operands of rank 1 or more, got rank 0");
  if (failed(verifyShape(*this, "a gradient", getGradient(),
                         type.getShape())) ||
      failed(verifyElementType(*this, "the rate", getRate(),
                               accumulatorType(type))))
    return failure();
  return verifyDestinations(*this);
}

//===----------------------------------------------------------------------===//
// What all operators share
//===----------------------------------------------------------------------===//

/// Gives an axis that counts from the end its number from the start, so that
/// equal operators compare equal.
template <typename OpT>
static LogicalResult countAxisFromStart(OpT op, PatternRewriter &rewriter) {
  if (op.getAxis() >= 0)
    return rewriter.notifyMatchFailure(op, "axis counts from the start");
  rewriter.modifyOpInPlace(op, [&] { op.setAxis(op.getClassAxis()); });
  return success();
}

#define SOFTMAX_OP_METHODS(Op, logits)                                         \
  LogicalResult Op::canonicalize(Op op, PatternRewriter &rewriter) {           \
    return countAxisFromStart(op, rewriter);                                   \
  }                                                                            \
  int64_t Op::getClassAxis() {                                                 \
    return normalizeAxis(getAxis(), shaped(logits).getRank());                 \
  }                                                                            \
  SOFTMAX_DESTINATION_METHODS(Op)
#define SOFTMAX_DESTINATION_METHODS(Op)                                        \
  void Op::getEffects(                                                         \
      SmallVectorImpl<SideEffects::EffectInstance<MemoryEffects::Effect>>      \
          &effects) {                                                          \
    row::getDestinationStyleEffects(*this, effects);                           \
  }                                                                            \
  LogicalResult Op::reifyResultShapes(OpBuilder &builder,                      \
                                      ReifiedRankedShapedTypeDims &shapes) {   \
    return row::reifyDestinationShapes(*this, builder, shapes);                \
  }

SOFTMAX_OP_METHODS(SoftmaxOp, getInput())
SOFTMAX_OP_METHODS(LogSoftmaxOp, getInput())
SOFTMAX_OP_METHODS(LogSumExpOp, getInput())
SOFTMAX_OP_METHODS(SoftmaxGradOp, getY())
SOFTMAX_OP_METHODS(LogSoftmaxGradOp, getY())
SOFTMAX_OP_METHODS(CrossEntropyOp, getLogits())
SOFTMAX_OP_METHODS(CrossEntropyGradOp, getLogits())
SOFTMAX_OP_METHODS(CrossEntropyWithGradOp, getLogits())
SOFTMAX_DESTINATION_METHODS(SgdOp)

/// The update has no class axis; rows along the last axis are contiguous.
int64_t SgdOp::getClassAxis() { return shaped(getParameter()).getRank() - 1; }

#undef SOFTMAX_OP_METHODS
#undef SOFTMAX_DESTINATION_METHODS
