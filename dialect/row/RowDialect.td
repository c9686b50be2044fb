// The row dialect: what happens to one row, independent of how it is traversed.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef DIALECT_ROW_ROWDIALECT_TD
#define DIALECT_ROW_ROWDIALECT_TD

include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/EnumAttr.td"
include "mlir/IR/OpBase.td"

def Row_Dialect : Dialect {
  let name = "row";
  let cppNamespace = "::mlir::row";
  let summary = "straight-line programs over the rows of tensors";
  let description = [{
    A row program says what happens to *one row* (the elements along the class
    axis) and leaves open how the row is traversed: in how many sweeps, by how
    many lanes, where the row lives in between. Every operator of the softmax
    dialect is written once as a row program; every traversal (CPU or GPU)
    turns any row program into loops. Operators and schedules therefore add up
    instead of multiplying.

    Inside a program, values are of two kinds: `!row.elements<T>`, all elements
    of the row, and plain scalars. `row.reduce` goes from elements to scalars,
    `row.map` from elements to elements, `row.at` picks one element; ordinary
    `arith` and `math` operations work on the scalars in between.
  }];
  let useDefaultTypePrinterParser = 1;
  let dependentDialects = ["arith::ArithDialect"];
}

def Row_Elements : TypeDef<Row_Dialect, "Elements"> {
  let mnemonic = "elements";
  let summary = "all elements of one row, in memory order of the class axis";
  let parameters = (ins "Type":$elementType);
  let assemblyFormat = "`<` $elementType `>`";
  let builders = [TypeBuilderWithInferredContext<(ins "Type":$elementType), [{
    return $_get(elementType.getContext(), elementType);
  }]>];
}

/// I64Attr with a signed accessor, so that negative values compare as such.
def Row_SignedAttr : TypedSignlessIntegerAttrBase<I64, "int64_t",
                                                  "64-bit integer attribute">;

def Row_MonoidAttr : I32EnumAttr<"Monoid", "how the elements of a row are folded", [
    I32EnumAttrCase<"Add", 0, "add">,
    I32EnumAttrCase<"Max", 1, "max">,
    I32EnumAttrCase<"LogSumExp", 2, "logsumexp">]> {
  let cppNamespace = "::mlir::row";
}

#endif // DIALECT_ROW_ROWDIALECT_TD
