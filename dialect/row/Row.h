// The row dialect: types, operations and their verifiers.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef DIALECT_ROW_ROW_H
#define DIALECT_ROW_ROW_H

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/Interfaces/ControlFlowInterfaces.h"
#include "mlir/Interfaces/DestinationStyleOpInterface.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#include "dialect/row/RowDialect.h.inc"
#include "dialect/row/RowEnums.h.inc"

#define GET_TYPEDEF_CLASSES
#include "dialect/row/RowTypes.h.inc"

#define GET_OP_CLASSES
#include "dialect/row/RowOps.h.inc"

namespace mlir::row {

/// Lets row.program bufferize: outputs in place, inputs read.
void registerBufferizableOpInterfaceExternalModels(DialectRegistry &registry);

/// Element type of a tensor or memref; the type itself for a scalar.
Type getScalarType(Type type);

/// Gives the effects of an op with destinations: a memref input is read, a
/// memref output written (and read when the output is also an input, which
/// aliasing already says). Tensors have none.
void getDestinationStyleEffects(
    DestinationStyleOpInterface op,
    SmallVectorImpl<SideEffects::EffectInstance<MemoryEffects::Effect>>
        &effects);

/// The shapes of the results of a destination-style op: those of its outputs.
LogicalResult reifyDestinationShapes(DestinationStyleOpInterface op,
                                     OpBuilder &builder,
                                     ReifiedRankedShapedTypeDims &shapes);

} // namespace mlir::row

#endif // DIALECT_ROW_ROW_H
