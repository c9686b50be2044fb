// The IR of a request: one public function on tensors around one operator.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "codegen/Passes.h"
#include "codegen/Request.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "llvm/ADT/StringSwitch.h"

using namespace mlir;
using namespace mlir::softmax;

namespace {

/// Builds the function: arguments first, then the operator on empty outputs.
class ModuleBuilder {
public:
  ModuleBuilder(MLIRContext *context, const KernelRequest &request)
      : request(request), b(UnknownLoc::get(context), context) {}

  OwningOpRef<ModuleOp> build(StringRef name);

private:
  struct Parameter {
    StringRef name;
    Type type;
    StringRef role;
  };

  Type typeOf(StringRef name) {
    return llvm::StringSwitch<Type>(name)
        .Case("f32", b.getF32Type())
        .Case("f64", b.getF64Type())
        .Case("f16", b.getF16Type())
        .Case("bf16", b.getBF16Type())
        .Case("i64", b.getI64Type())
        .Case("i32", b.getI32Type())
        .Case("u8", b.getI8Type());
  }
  Type accumulator() {
    return request.shape.type == "f64" ? typeOf("f64") : typeOf("f32");
  }
  RankedTensorType tensor(Type element) {
    return RankedTensorType::get(request.shape.extents, element);
  }
  RankedTensorType rows(Type element) {
    SmallVector<int64_t> extents(request.shape.extents);
    extents.erase(extents.begin() + request.axis);
    return RankedTensorType::get(extents, element);
  }
  RankedTensorType weightType() {
    return RankedTensorType::get(request.shape.extents[request.axis],
                                 accumulator());
  }
  RankedTensorType lossType() {
    if (request.reduction == Reduction::None)
      return rows(accumulator());
    return RankedTensorType::get({}, accumulator());
  }
  /// An empty tensor; its dynamic extents are those of `like`, whose axis is
  /// dropped when the type has one dimension less.
  Value empty(RankedTensorType type, Value like);
  /// Attributes and operand segments of the operator.
  void addAttributes(OperationState &state);

  const KernelRequest &request;
  ImplicitLocOpBuilder b;
};

} // namespace

void ModuleBuilder::addAttributes(OperationState &state) {
  const OperatorInfo &op = *request.op;
  auto addReal = [&](StringRef name, double value, double usual) {
    if (value != usual)
      state.addAttribute(name, b.getF64FloatAttr(value));
  };
  auto addSpecial = [&](StringRef name, Special value) {
    if (value != Special::NaN)
      state.addAttribute(name, SpecialAttr::get(b.getContext(), value));
  };
  if (op.takes("axis"))
    state.addAttribute("axis", b.getI64IntegerAttr(request.axis));
  addReal("scale", request.scale, 1);
  if (request.softcap)
    state.addAttribute("softcap", b.getF64FloatAttr(*request.softcap));
  if (request.mask == "causal")
    state.addAttribute("causal", b.getUnitAttr());
  addSpecial("masked_rows", request.maskedRows);
  // Whether each of the operands is there, in the order of the operator.
  SmallVector<int32_t> segments;
  if (op.name.ends_with("softmax-grad"))
    segments = {1, 1, request.softcap ? 1 : 0,
                request.mask == "boolean" || request.mask == "additive", 1};
  if (op.isLoss()) {
    state.addAttribute("reduction", ReductionAttr::get(b.getContext(),
                                                       request.reduction));
    if (!request.probabilities)
      state.addAttribute("ignore_index",
                         b.getI64IntegerAttr(request.ignoreIndex));
    addReal("label_smoothing", request.labelSmoothing, 0);
    addReal("z_loss", request.zLoss, 0);
    addSpecial("empty_mean", request.emptyMean);
    addSpecial("zero_times_inf", request.zeroTimesInf);
    if (op.name == "cross-entropy")
      segments = {1, 1, request.weight, 1, request.lse};
    else if (op.name == "cross-entropy-grad")
      segments = {1, 1, 1, request.weight, request.lse, 1};
    else
      segments = {1, 1, request.weight, request.dloss, 1, request.lse, 1};
  }
  if (!segments.empty())
    state.addAttribute("operandSegmentSizes", b.getDenseI32ArrayAttr(segments));
}

Value ModuleBuilder::empty(RankedTensorType type, Value like) {
  auto from = cast<RankedTensorType>(like.getType());
  SmallVector<Value> dynamic;
  for (int64_t dim = 0; dim < type.getRank(); ++dim) {
    if (!type.isDynamicDim(dim))
      continue;
    bool dropped = type.getRank() < from.getRank() && dim >= request.axis;
    dynamic.push_back(tensor::DimOp::create(b, like, dim + (dropped ? 1 : 0)));
  }
  return tensor::EmptyOp::create(b, type, dynamic);
}

OwningOpRef<ModuleOp> ModuleBuilder::build(StringRef name) {
  StringRef op = request.op->name;
  Type element = typeOf(request.shape.type);
  Type result = request.outType.empty() ? element : typeOf(request.outType);
  RankedTensorType data = tensor(element);
  Type labels;
  if (request.op->isLoss())
    labels = request.probabilities ? data : rows(typeOf(request.targetType));

  SmallVector<Parameter> inputs, outputs;
  auto addMask = [&] {
    if (request.mask == "boolean" || request.mask == "additive")
      inputs.push_back({"mask",
                        request.mask == "boolean" ? tensor(typeOf("u8")) : data,
                        ""});
  };
  if (op == "softmax" || op == "log-softmax" || op == "logsumexp") {
    inputs = {{"x", data, ""}};
    addMask();
    if (op == "logsumexp")
      outputs = {{"lse", rows(accumulator()), ""}};
    else
      outputs = {{"y", tensor(result), ""}};
  } else if (op == "softmax-grad" || op == "log-softmax-grad") {
    inputs = {{"dy", data, ""}, {"y", data, ""}};
    if (request.softcap)
      inputs.push_back({"x", data, ""});
    addMask();
    outputs = {{"dx", tensor(result), ""}};
  } else if (op == "sgd") {
    inputs = {{"parameter", data, "inout"},
              {"gradient", data, ""},
              {"rate", accumulator(), ""}};
    outputs = {{"parameter", data, ""}};
  } else {
    bool onlyGradient = op == "cross-entropy-grad";
    if (onlyGradient)
      inputs.push_back({"dloss", lossType(), ""});
    inputs.append({{"logits", data, ""}, {"target", labels, ""}});
    if (request.weight)
      inputs.push_back({"weight", weightType(), ""});
    if (onlyGradient && request.lse)
      inputs.push_back({"lse", rows(accumulator()), ""});
    if (request.dloss)
      inputs.push_back({"dloss", lossType(), ""});
    if (!onlyGradient)
      outputs = {{"loss", lossType(), ""}};
    if (!onlyGradient && request.lse)
      outputs.push_back({"lse", rows(accumulator()), ""});
    if (op != "cross-entropy")
      outputs.push_back({"dlogits", tensor(result), ""});
  }

  OwningOpRef<ModuleOp> module = ModuleOp::create(b.getLoc());
  b.setInsertionPointToStart(module->getBody());
  SmallVector<Type> inputTypes, outputTypes;
  for (const Parameter &input : inputs)
    inputTypes.push_back(input.type);
  for (const Parameter &output : outputs)
    outputTypes.push_back(output.type);
  auto function = func::FuncOp::create(
      b, name, b.getFunctionType(inputTypes, outputTypes));
  for (auto [i, input] : llvm::enumerate(inputs)) {
    function.setArgAttr(i, kArgumentName, b.getStringAttr(input.name));
    if (!input.role.empty())
      function.setArgAttr(i, kRoleName, b.getStringAttr(input.role));
  }
  for (auto [i, output] : llvm::enumerate(outputs))
    function.setResultAttr(i, kArgumentName, b.getStringAttr(output.name));

  Block *block = function.addEntryBlock();
  b.setInsertionPointToStart(block);
  auto named = [&](StringRef wanted) -> Value {
    for (auto [i, input] : llvm::enumerate(inputs))
      if (input.name == wanted)
        return block->getArgument(i);
    return {};
  };
  Value like; // has the extents of the request
  for (Value argument : block->getArguments())
    if (argument.getType() == data)
      like = argument;
  // Operands have the order of the C parameters.
  SmallVector<Value> operands(block->getArguments());
  if (op == "sgd") {
    operands = {named("gradient"), named("rate"), named("parameter")};
  } else {
    for (const Parameter &output : outputs)
      operands.push_back(empty(cast<RankedTensorType>(output.type), like));
  }
  OperationState state(b.getLoc(), "softmax." + request.op->mnemonic.str());
  state.addOperands(operands);
  state.addTypes(outputTypes);
  addAttributes(state);
  Operation *created = b.create(state);
  func::ReturnOp::create(b, created->getResults());
  return module;
}

OwningOpRef<ModuleOp> softmax::buildKernelModule(MLIRContext *context,
                                                 const KernelRequest &request,
                                                 StringRef name) {
  return ModuleBuilder(context, request).build(name);
}
