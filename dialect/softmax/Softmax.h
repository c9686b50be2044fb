// The softmax dialect: operators, schedules and options.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef DIALECT_SOFTMAX_SOFTMAX_H
#define DIALECT_SOFTMAX_SOFTMAX_H

#include "dialect/row/Row.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

#include "dialect/softmax/SoftmaxDialect.h.inc"
#include "dialect/softmax/SoftmaxEnums.h.inc"

#define GET_ATTRDEF_CLASSES
#include "dialect/softmax/SoftmaxAttrs.h.inc"

#include "dialect/softmax/SoftmaxInterfaces.h.inc"

#define GET_OP_CLASSES
#include "dialect/softmax/SoftmaxOps.h.inc"

namespace mlir::softmax {

/// The schedule of the kernel function that holds `op`; null when it has none
/// of that kind.
CPUScheduleAttr getCPUSchedule(Operation *op);
GPUScheduleAttr getGPUSchedule(Operation *op);

} // namespace mlir::softmax

#endif // DIALECT_SOFTMAX_SOFTMAX_H
