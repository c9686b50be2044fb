// The operations of a row program.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef DIALECT_ROW_ROWOPS_TD
#define DIALECT_ROW_ROWOPS_TD

include "dialect/row/RowDialect.td"
include "mlir/Interfaces/ControlFlowInterfaces.td"
include "mlir/Interfaces/DestinationStyleOpInterface.td"
include "mlir/Interfaces/InferTypeOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

class Row_Op<string mnemonic, list<Trait> traits = []>
    : Op<Row_Dialect, mnemonic, traits>;

def Row_ProgramOp : Row_Op<"program", [
    AttrSizedOperandSegments, SingleBlock, DestinationStyleOpInterface,
    DeclareOpInterfaceMethods<MemoryEffectsOpInterface>,
    DeclareOpInterfaceMethods<ReifyRankedShapedTypeOpInterface,
                              ["reifyResultShapes"]>]> {
  let summary = "what happens to every row of the operands";
  let description = [{
    Runs the body once for every row. The iteration space has one dimension per
    dimension of the indexing maps; `axis` names the one along which rows lie,
    and all other dimensions enumerate the rows. Each operand has an indexing
    map, a projected permutation of the dimensions:

    * an input whose map contains `axis` is a block argument of type
      `!row.elements<T>` (a map without the other dimensions is the same row
      for every row of the program, e.g. class weights);
    * any other input is a block argument of its element type, loaded once per
      row; an input that is a plain scalar is passed through.

    `row.yield` gives one value per output, of a kind that follows from the map:

    * it contains `axis`: `!row.elements<T>`, written to the row;
    * it contains all other dimensions: a scalar `T`, one per row;
    * it contains no dimension: a scalar, *added up* over all rows in f64 in an
      order that depends on the number of rows only, and rounded once.

    An output may be the same buffer as an input with the same map.

    ```mlir
    %y = row.program axis(1) maps [#id, #id] ins(%x : tensor<4x8xf32>)
        outs(%init : tensor<4x8xf32>) {
    ^bb0(%row: !row.elements<f32>):
      %max, %sum, %tail = row.reduce logsumexp(%row : !row.elements<f32>) {
      ^bb0(%e: f32):
        row.yield %e : f32
      } -> f32, f32, f32
      %scale = arith.divf %one, %sum : f32
      %p = row.map(%row : !row.elements<f32>) {
      ^bb0(%e: f32):
        %d = arith.subf %e, %max : f32
        %n = row.exp_nonpositive %d : f32
        %q = arith.mulf %n, %scale : f32
        row.yield %q : f32
      } -> !row.elements<f32>
      row.yield %p : !row.elements<f32>
    } -> tensor<4x8xf32>
    ```
  }];
  let arguments = (ins Variadic<AnyType>:$inputs,
                       Variadic<AnyType>:$outputs,
                       Row_SignedAttr:$axis,
                       AffineMapArrayAttr:$indexing_maps);
  let results = (outs Variadic<AnyRankedTensor>:$results);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = [{
    `axis` `(` $axis `)` `maps` $indexing_maps attr-dict
    (`ins` `(` $inputs^ `:` type($inputs) `)`)?
    `outs` `(` $outputs `:` type($outputs) `)`
    $body (`->` type($results)^)?
  }];
  let hasVerifier = 1;
  let hasRegionVerifier = 1;
  let extraClassDeclaration = [{
    MutableOperandRange getDpsInitsMutable() { return getOutputsMutable(); }
    Block *getBodyBlock() { return &getBody().front(); }
    /// Number of dimensions of the iteration space, the class axis included.
    int64_t getSpaceRank();
    AffineMap getMap(OpOperand &operand);
    AffineMap getInputMap(unsigned index);
    AffineMap getOutputMap(unsigned index);
    /// True when the map has the class axis among its results.
    bool hasAxis(AffineMap map);
    /// True when some operand has the class axis, so that rows are traversed.
    bool traversesRows();
    /// The operand and the dimension of it that bound dimension `dim` of the
    /// iteration space; a null value when no operand does.
    std::pair<Value, int64_t> getBound(int64_t dim);
  }];
}

def Row_YieldOp : Row_Op<"yield", [
    Pure, ReturnLike, Terminator,
    ParentOneOf<["ProgramOp", "ReduceOp", "MapOp"]>]> {
  let summary = "ends a row program or an element region";
  let arguments = (ins Variadic<AnyType>:$values);
  let assemblyFormat = "attr-dict ($values^ `:` type($values))?";
  let builders = [OpBuilder<(ins), [{ /* no values */ }]>];
}

def Row_SkipIfOp : Row_Op<"skip_if", [
    HasParent<"ProgramOp">, MemoryEffects<[MemWrite]>]> {
  let summary = "gives a row constant outputs instead of computing it";
  let description = [{
    When the condition holds, every output of the row takes the value given
    here (spread over the row where the output is one) and no element of the row
    is read. Rows with an ignored label cost no memory traffic, and NaN in their
    logits cannot reach a result. At most one per program, before every
    operation that reads elements.
  }];
  let arguments = (ins I1:$condition, Variadic<AnyType>:$values);
  let assemblyFormat =
      "$condition `values` `(` $values `:` type($values) `)` attr-dict";
  let hasVerifier = 1;
}

def Row_ReduceOp : Row_Op<"reduce", [
    AttrSizedOperandSegments, SingleBlock, HasParent<"ProgramOp">,
    RecursiveMemoryEffects]> {
  let summary = "folds the elements of a row with a monoid";
  let description = [{
    The region computes one f32 or f64 value from the elements of a column; the
    monoid folds the values of all columns, in an order that depends on the
    number of columns and on the schedule only:

    * `add`: the sum; 0 for an empty row.
    * `max`: the maximum, in which NaN is ignored; -inf for an empty row.
    * `logsumexp`: three results. `max` as above; `tail`, the sum of
      `exp(scale * (e - max))` over the row *less the 1 that one maximal element
      contributes* (-1 for an empty row); `sum`, which is `1 + tail`, or NaN
      when `max` is infinite. Hence `lse = scale * max + log1p(tail)`, which
      keeps its relative accuracy when one element dominates (`log(sum)` would
      lose it), and which is exact for rows of infinities. A NaN element makes
      `tail` and `sum` NaN. The positive `scale`, 1 when absent, multiplies
      differences only, so that a large common offset of the elements does no
      harm.

      When the region yields a second value v, there are two more results:
      `mass`, the sum of v, and `gap`, half the sum of `v * (max - e)`, which
      for v >= 0 adds up no terms of different sign; half, because the distance
      of finite elements may overflow. Here a maximum of -inf counts as 0. With
      `zero_times_inf` an element whose v is 0 adds nothing, however far it is.

    With `until`, only the columns before that one take part; less than 0 is 0.

    `monotone` says that the first value is a nondecreasing function of the
    first row's element alone, and NaN for NaN. The maximum may then be found
    among the elements, and the function evaluated once for each maximum instead
    of once for each element. It may be wrong by a last place, so that a value
    exceeds the maximum by that much.
  }];
  let arguments = (ins Row_MonoidAttr:$monoid, Variadic<Row_Elements>:$rows,
                       Optional<AnyTypeOf<[F32, F64]>>:$scale,
                       Optional<Index>:$until, UnitAttr:$zero_times_inf,
                       UnitAttr:$monotone);
  let results = (outs Variadic<AnyTypeOf<[F32, F64]>>:$results);
  let regions = (region SizedRegion<1>:$element);
  let assemblyFormat = [{
    $monoid attr-dict `(` $rows `:` type($rows) `)`
    (`scale` `(` $scale^ `:` type($scale) `)`)? (`until` `(` $until^ `)`)?
    $element `->` type($results)
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    Block *getElementBlock() { return &getElement().front(); }
    bool isWeighted() { return getNumResults() == 5; }
  }];
}

def Row_MapOp : Row_Op<"map", [
    AttrSizedOperandSegments, SingleBlock, HasParent<"ProgramOp">,
    RecursiveMemoryEffects]> {
  let summary = "computes an output element from the elements of a column";
  let description = [{
    With `at`, the element of the given column is the given scalar instead of
    what the region computes; a column outside [0, extent) changes nothing. The
    gradient of a cross-entropy uses it for the target's class, whose value
    needs another formula to keep its accuracy.

    With `until`, the elements of that column and those after it are the given
    scalar. All rows that a program yields have the same `until` or none.
  }];
  let arguments = (ins Variadic<Row_Elements>:$rows, Optional<Index>:$column,
                       Optional<AnyType>:$value, Optional<Index>:$until,
                       Optional<AnyType>:$otherwise);
  let results = (outs Row_Elements:$result);
  let regions = (region SizedRegion<1>:$element);
  let assemblyFormat = [{
    attr-dict `(` $rows `:` type($rows) `)`
    (`at` `(` $column^ `,` $value `:` type($value) `)`)?
    (`until` `(` $until^ `,` $otherwise `:` type($otherwise) `)`)?
    $element `->` qualified(type($result))
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    Block *getElementBlock() { return &getElement().front(); }
  }];
}

def Row_AtOp : Row_Op<"at", [
    Pure, HasParent<"ProgramOp">,
    TypesMatchWith<"result type is the element type", "row", "result",
                   "cast<ElementsType>($_self).getElementType()">]> {
  let summary = "one element of the row, at a column that depends on data";
  let description = [{
    A column outside [0, extent) reads nothing and gives 0: no label value can
    cause an access outside the row.
  }];
  let arguments = (ins Row_Elements:$row, Index:$column);
  let results = (outs AnyType:$result);
  let assemblyFormat = "$row `[` $column `]` attr-dict `:` qualified(type($row))";
}

def Row_ExtentOp : Row_Op<"extent", [Pure]> {
  let summary = "the number of elements of a row";
  let results = (outs Index:$result);
  let assemblyFormat = "attr-dict";
}

def Row_IndexOp : Row_Op<"index", [Pure, HasParent<"ProgramOp">]> {
  let summary = "the index of the current row along a row dimension";
  let arguments = (ins Row_SignedAttr:$dim);
  let results = (outs Index:$result);
  let assemblyFormat = "$dim attr-dict";
  let hasVerifier = 1;
}

def Row_ColumnOp : Row_Op<"column", [
    Pure, ParentOneOf<["ReduceOp", "MapOp"]>]> {
  let summary = "the column that an element region works on";
  let results = (outs Index:$result);
  let assemblyFormat = "attr-dict";
}

def Row_ExpNonPositiveOp : Row_Op<"exp_nonpositive", [
    Pure, SameOperandsAndResultType, Elementwise, Scalarizable, Vectorizable,
    Tensorizable]> {
  let summary = "exp(x) for x <= 0, a little more, or NaN";
  let description = [{
    The exponential where it is known that the argument is not positive, as it
    is after the maximum of the row has been subtracted. The restriction saves
    the overflow half of the range reduction. The result for x > 1/4 is
    unspecified; up to there it is exp(x), for arguments that rounding has made
    positive.

    With `unchecked` the result for x < -87 may be 0 as well, and NaN for -inf:
    whoever sets it looks at the result, or at a sum of them, and starts again
    without it where that is not much larger than 2^-126.

    With `rounded` the result may err by |x| ULP of f32 more: a result of 16 bits
    is made of it.
  }];
  let arguments = (ins FloatLike:$operand, UnitAttr:$unchecked,
                       UnitAttr:$rounded);
  let results = (outs FloatLike:$result);
  let assemblyFormat = "$operand attr-dict `:` type($result)";
}

def Row_SechSquaredOp : Row_Op<"sech_squared", [
    Pure, SameOperandsAndResultType, Elementwise, Scalarizable, Vectorizable,
    Tensorizable]> {
  let summary = "1 - tanh(x)^2, the derivative of tanh";
  let description = [{
    Evaluated as 4e / (1 + e)^2 with e = exp(-2|x|). The formula with tanh would
    cancel: at |x| = 9 the hyperbolic tangent rounds to 1 in f32, where the
    derivative is still 6e-8. The operation keeps its relative accuracy until
    the result underflows. NaN stays NaN.
  }];
  let arguments = (ins FloatLike:$operand);
  let results = (outs FloatLike:$result);
  let assemblyFormat = "$operand attr-dict `:` type($result)";
}

#endif // DIALECT_ROW_ROWOPS_TD
