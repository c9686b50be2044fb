// Bufferization of row.program: outputs in place, everything else read.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "dialect/row/Row.h"

#include "mlir/Dialect/Bufferization/IR/BufferizableOpInterface.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Bufferization/IR/DstBufferizableOpInterfaceImpl.h"

using namespace mlir;
using namespace mlir::bufferization;

namespace {

struct ProgramBufferization
    : DstBufferizableOpInterfaceExternalModel<ProgramBufferization,
                                              row::ProgramOp> {
  /// Outputs are written and never read.
  bool bufferizesToMemoryRead(Operation *op, OpOperand &operand,
                              const AnalysisState &) const {
    return cast<DestinationStyleOpInterface>(op).isDpsInput(&operand);
  }

  /// With the same map, an input and an output may share a buffer: a traversal
  /// reads a column of the row last when it writes it, and whole rows before.
  bool bufferizesToElementwiseAccess(Operation *op, const AnalysisState &,
                                     ArrayRef<OpOperand *> operands) const {
    auto program = cast<row::ProgramOp>(op);
    return llvm::all_of(operands, [&](OpOperand *operand) {
      return program.getMap(*operand) == program.getMap(*operands.front());
    });
  }

  LogicalResult bufferize(Operation *op, RewriterBase &rewriter,
                          const BufferizationOptions &options,
                          BufferizationState &state) const {
    auto program = cast<row::ProgramOp>(op);
    auto toBuffer = [&](ValueRange values) -> FailureOr<SmallVector<Value>> {
      SmallVector<Value> buffers;
      for (Value value : values) {
        if (isa<TensorType>(value.getType())) {
          FailureOr<Value> buffer = getBuffer(rewriter, value, options, state);
          if (failed(buffer))
            return failure();
          value = *buffer;
        }
        buffers.push_back(value);
      }
      return buffers;
    };
    OpBuilder::InsertionGuard guard(rewriter);
    rewriter.setInsertionPoint(program);
    FailureOr<SmallVector<Value>> inputs = toBuffer(program.getInputs());
    FailureOr<SmallVector<Value>> outputs = toBuffer(program.getOutputs());
    if (failed(inputs) || failed(outputs))
      return failure();
    auto onBuffers = row::ProgramOp::create(
        rewriter, program.getLoc(), TypeRange(), *inputs, *outputs,
        program.getAxisAttr(), program.getIndexingMapsAttr());
    onBuffers->setDiscardableAttrs(program->getDiscardableAttrDictionary());
    rewriter.inlineRegionBefore(program.getBody(), onBuffers.getBody(),
                                onBuffers.getBody().begin());
    SmallVector<Value> results;
    for (Value output : program.getOutputs())
      if (isa<TensorType>(output.getType()))
        results.push_back((*outputs)[llvm::find(program.getOutputs(), output) -
                                     program.getOutputs().begin()]);
    replaceOpWithBufferizedValues(rewriter, op, results);
    return success();
  }
};

} // namespace

void row::registerBufferizableOpInterfaceExternalModels(
    DialectRegistry &registry) {
  registry.addExtension(+[](MLIRContext *context, RowDialect *) {
    ProgramOp::attachInterface<ProgramBufferization>(*context);
  });
}
