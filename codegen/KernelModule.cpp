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
  RankedTensorType lossType() {
    if (request.reduction == Reduction::None)
      return rows(accumulator());
    return RankedTensorType::get({}, accumulator());
  }
  /// An empty tensor; its dynamic extents are those of `like`, whose axis is
  /// dropped when the type has one dimension less.
  Value empty(RankedTensorType type, Value like);

  const KernelRequest &request;
  ImplicitLocOpBuilder b;
};

} // namespace

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
  Type labels = request.op->isLoss() ? rows(typeOf(request.targetType)) : Type();

  SmallVector<Parameter> inputs, outputs;
  if (op == "softmax" || op == "log-softmax") {
    inputs = {{"x", data, ""}};
    outputs = {{"y", tensor(result), ""}};
  } else if (op == "logsumexp") {
    inputs = {{"x", data, ""}};
    outputs = {{"lse", rows(accumulator()), ""}};
  } else if (op == "softmax-grad" || op == "log-softmax-grad") {
    inputs = {{"dy", data, ""}, {"y", data, ""}};
    outputs = {{"dx", tensor(result), ""}};
  } else if (op == "sgd") {
    inputs = {{"parameter", data, "inout"},
              {"gradient", data, ""},
              {"rate", accumulator(), ""}};
    outputs = {{"parameter", data, ""}};
  } else if (op == "cross-entropy-grad") {
    inputs = {{"dloss", lossType(), ""}, {"logits", data, ""},
              {"target", labels, ""}};
    if (request.lse)
      inputs.push_back({"lse", rows(accumulator()), ""});
    outputs = {{"dlogits", tensor(result), ""}};
  } else {
    inputs = {{"logits", data, ""}, {"target", labels, ""}};
    if (request.dloss)
      inputs.push_back({"dloss", lossType(), ""});
    outputs = {{"loss", lossType(), ""}};
    if (request.lse)
      outputs.push_back({"lse", rows(accumulator()), ""});
    if (op == "cross-entropy-with-grad")
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
  if (op != "sgd")
    state.addAttribute("axis", b.getI64IntegerAttr(request.axis));
  if (request.op->isLoss()) {
    state.addAttribute("reduction", ReductionAttr::get(b.getContext(),
                                                       request.reduction));
    state.addAttribute("ignore_index",
                       b.getI64IntegerAttr(request.ignoreIndex));
  }
  if (op == "cross-entropy-with-grad")
    state.addAttribute("operandSegmentSizes",
                       b.getDenseI32ArrayAttr(
                           {1, 1, request.dloss ? 1 : 0, 1,
                            request.lse ? 1 : 0, 1}));
  Operation *created = b.create(state);
  func::ReturnOp::create(b, created->getResults());
  return module;
}

OwningOpRef<ModuleOp> softmax::buildKernelModule(MLIRContext *context,
                                                 const KernelRequest &request,
                                                 StringRef name) {
  return ModuleBuilder(context, request).build(name);
}
