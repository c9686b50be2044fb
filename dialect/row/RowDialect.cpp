// Registration of the row dialect.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "dialect/row/Row.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace mlir::row;

#include "dialect/row/RowDialect.cpp.inc"
#include "dialect/row/RowEnums.cpp.inc"

#define GET_TYPEDEF_CLASSES
#include "dialect/row/RowTypes.cpp.inc"

void RowDialect::initialize() {
  addTypes<
#define GET_TYPEDEF_LIST
#include "dialect/row/RowTypes.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "dialect/row/RowOps.cpp.inc"
      >();
}
