// Registration of the softmax dialect and placement of its attributes.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "dialect/softmax/Softmax.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"
#include "mlir/Interfaces/FunctionInterfaces.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace mlir::softmax;

#include "dialect/softmax/SoftmaxDialect.cpp.inc"
#include "dialect/softmax/SoftmaxEnums.cpp.inc"

#define GET_ATTRDEF_CLASSES
#include "dialect/softmax/SoftmaxAttrs.cpp.inc"

#include "dialect/softmax/SoftmaxInterfaces.cpp.inc"

void SoftmaxDialect::initialize() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "dialect/softmax/SoftmaxAttrs.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "dialect/softmax/SoftmaxOps.cpp.inc"
      >();
}

LogicalResult SoftmaxDialect::verifyOperationAttribute(Operation *op,
                                                       NamedAttribute named) {
  if (named.getName() == kScheduleName) {
    if (!isa<FunctionOpInterface>(op))
      return op->emitError("expected '")
             << kScheduleName << "' on a function, got '" << op->getName()
             << "'";
    if (!isa<CPUScheduleAttr, GPUScheduleAttr>(named.getValue()))
      return op->emitError("expected '")
             << kScheduleName << "' to be a schedule, got "
             << named.getValue();
    return success();
  }
  if (named.getName() == kTargetName) {
    if (!isa<FunctionOpInterface>(op) || !isa<StringAttr>(named.getValue()))
      return op->emitError("expected '")
             << kTargetName << "' to be a string on a function";
    return success();
  }
  if (named.getName() == kWorkspaceName) {
    if (!isa<FunctionOpInterface>(op) || !isa<IntegerAttr>(named.getValue()))
      return op->emitError("expected '")
             << kWorkspaceName << "' to be a number of bytes on a function";
    return success();
  }
  return op->emitError("expected '")
         << kScheduleName << "' or '" << kTargetName << "', got '"
         << named.getName().getValue() << "'";
}

template <typename ScheduleT> static ScheduleT scheduleOf(Operation *op) {
  auto function = dyn_cast<FunctionOpInterface>(op);
  if (!function)
    function = op->getParentOfType<FunctionOpInterface>();
  if (!function)
    return {};
  return function->getAttrOfType<ScheduleT>(SoftmaxDialect::kScheduleName);
}

CPUScheduleAttr softmax::getCPUSchedule(Operation *op) {
  return scheduleOf<CPUScheduleAttr>(op);
}

GPUScheduleAttr softmax::getGPUSchedule(Operation *op) {
  return scheduleOf<GPUScheduleAttr>(op);
}
