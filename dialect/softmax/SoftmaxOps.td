// The operators of the softmax dialect.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef DIALECT_SOFTMAX_SOFTMAXOPS_TD
#define DIALECT_SOFTMAX_SOFTMAXOPS_TD

include "dialect/softmax/SoftmaxAttrs.td"
include "dialect/softmax/SoftmaxInterfaces.td"
include "mlir/Interfaces/DestinationStyleOpInterface.td"
include "mlir/Interfaces/InferTypeOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

def Softmax_Float : AnyTypeOf<[F32, F64, F16, BF16],
                              "f32, f64, f16 or bf16 element">;
def Softmax_Label : AnyTypeOf<[I64, I32, I8], "i64, i32 or i8 label">;
class Softmax_Shaped<Type element>
    : AnyTypeOf<[RankedTensorOf<[element]>, MemRefOf<[element]>]>;
def Softmax_Data : Softmax_Shaped<Softmax_Float>;
def Softmax_Target : Softmax_Shaped<Softmax_Label>;

class Softmax_Op<string mnemonic, list<Trait> traits = []>
    : Op<Softmax_Dialect, mnemonic, !listconcat(traits, [
        DestinationStyleOpInterface,
        DeclareOpInterfaceMethods<MemoryEffectsOpInterface>,
        DeclareOpInterfaceMethods<ReifyRankedShapedTypeOpInterface,
                                  ["reifyResultShapes"]>,
        DeclareOpInterfaceMethods<Softmax_RowOpInterface>])> {
  let results = (outs Variadic<AnyRankedTensor>:$results);
  let hasVerifier = 1;
}

//===----------------------------------------------------------------------===//
// Softmax and relatives
//===----------------------------------------------------------------------===//

class Softmax_UnaryOp<string mnemonic> : Softmax_Op<mnemonic> {
  let hasCanonicalizeMethod = 1;
  let arguments = (ins Softmax_Data:$input, Softmax_Data:$output,
                       Softmax_SignedAttr:$axis);
  let assemblyFormat = [{
    `axis` `(` $axis `)` attr-dict
    `ins` `(` $input `:` type($input) `)`
    `outs` `(` $output `:` type($output) `)` (`->` type($results)^)?
  }];
  let extraClassDeclaration = [{
    MutableOperandRange getDpsInitsMutable() { return getOutputMutable(); }
  }];
}

def Softmax_SoftmaxOp : Softmax_UnaryOp<"softmax"> {
  let summary = "probabilities exp(x - lse) along the class axis";
  let description = [{
        y_c = exp(x_c - max) / sum

    Constraints:
    * (C1) `axis` is in [-rank, rank); negative values count from the end;
    * (C2) input and output have the same shape; their element types may differ.

    ```mlir
    %y = softmax.softmax axis(1) ins(%x : tensor<4x8xf32>)
        outs(%init : tensor<4x8xf32>) -> tensor<4x8xf32>
    ```
  }];
}

def Softmax_LogSoftmaxOp : Softmax_UnaryOp<"log_softmax"> {
  let summary = "log-probabilities x - lse along the class axis";
  let description = [{
        y_c = (x_c - max) - log(sum)

    `log(sum)` is evaluated as `log1p(sum - 1)` with the maximum's own term kept
    out of the sum, so that the log-probability of a dominant class keeps its
    relative accuracy. Constraints as for `softmax.softmax`.
  }];
}

def Softmax_LogSumExpOp : Softmax_UnaryOp<"logsumexp"> {
  let summary = "log of the sum of exponentials along the class axis";
  let description = [{
        lse = max + log(sum)

    Constraints:
    * (C1) `axis` is in [-rank, rank);
    * (C2) the output has the shape of the input without the class axis, and
      elements of f32 (f64 when the input is f64).
  }];
}

class Softmax_UnaryGradOp<string mnemonic> : Softmax_Op<mnemonic> {
  let hasCanonicalizeMethod = 1;
  let arguments = (ins Softmax_Data:$dy, Softmax_Data:$y, Softmax_Data:$dx,
                       Softmax_SignedAttr:$axis);
  let assemblyFormat = [{
    `axis` `(` $axis `)` attr-dict
    `ins` `(` $dy `,` $y `:` type($dy) `,` type($y) `)`
    `outs` `(` $dx `:` type($dx) `)` (`->` type($results)^)?
  }];
  let extraClassDeclaration = [{
    MutableOperandRange getDpsInitsMutable() { return getDxMutable(); }
  }];
}

def Softmax_SoftmaxGradOp : Softmax_UnaryGradOp<"softmax_grad"> {
  let summary = "gradient of softmax from its result";
  let description = [{
        dx_c = y_c * (dy_c - sum_k y_k dy_k)

    Constraints:
    * (C1) `axis` is in [-rank, rank);
    * (C2) all operands have the same shape.
  }];
}

def Softmax_LogSoftmaxGradOp : Softmax_UnaryGradOp<"log_softmax_grad"> {
  let summary = "gradient of log_softmax from its result";
  let description = [{
        dx_c = dy_c - exp(y_c) * sum_k dy_k

    Constraints as for `softmax.softmax_grad`.
  }];
}

//===----------------------------------------------------------------------===//
// Cross-entropy
//===----------------------------------------------------------------------===//

def Softmax_CrossEntropyOp : Softmax_Op<"cross_entropy"> {
  let hasCanonicalizeMethod = 1;
  let summary = "negative log-likelihood of a target class, from logits";
  let description = [{
        loss_i = (max - x_t) + log1p(sum - 1)      0 when t is ignore_index

    `mean` divides the sum of the losses by the number of rows that are not
    ignored, and is NaN when there are none; `sum` and `mean` are accumulated in
    f64. The logits of an ignored row are not read. A label outside [0, C) that
    is not `ignore_index` makes the loss NaN; 8-bit labels are unsigned. `lse`
    is the logsumexp of each row, 0 for ignored rows.

    Constraints:
    * (C1) `axis` is in [-rank, rank) of the logits;
    * (C2) target (and lse) have the shape of the logits without the class axis;
    * (C3) loss has that shape with reduction `none`, else rank 0;
    * (C4) loss and lse have elements of f32 (f64 when the logits are f64).

    ```mlir
    %loss = softmax.cross_entropy axis(1) reduction(mean)
        ins(%logits, %target : tensor<4x8xf32>, tensor<4xi64>)
        outs(%init : tensor<f32>) -> tensor<f32>
    ```
  }];
  let arguments = (ins Softmax_Data:$logits, Softmax_Target:$target,
                       Softmax_Data:$loss, Optional<Softmax_Data>:$lse,
                       Softmax_SignedAttr:$axis,
                       DefaultValuedAttr<Softmax_Reduction, "Reduction::Mean">:$reduction,
                       DefaultValuedAttr<Softmax_SignedAttr, "-100">:$ignore_index);
  let assemblyFormat = [{
    `axis` `(` $axis `)` `reduction` `(` $reduction `)`
    (`ignore_index` `(` $ignore_index^ `)`)? attr-dict
    `ins` `(` $logits `,` $target `:` type($logits) `,` type($target) `)`
    `outs` `(` $loss (`,` $lse^)? `:` type($loss) (`,` type($lse)^)? `)`
    (`->` type($results)^)?
  }];
  let extraClassDeclaration = [{
    MutableOperandRange getDpsInitsMutable() {
      return MutableOperandRange(getOperation(), 2, getLse() ? 2 : 1);
    }
  }];
}

def Softmax_CrossEntropyGradOp : Softmax_Op<"cross_entropy_grad"> {
  let hasCanonicalizeMethod = 1;
  let summary = "gradient of cross_entropy with respect to the logits";
  let description = [{
        dx_c = g_i * (p_c - [c == t])      0 for ignored rows

    with g_i = dloss_i for `none`, dloss for `sum`, and dloss divided by the
    number of rows that are not ignored for `mean`. The element of the target is
    computed as -(sum of the other classes' p), which does not cancel.

    With `lse`, the saved logsumexp of each row, p = exp(x - lse): one sweep
    less, at the price of an error that grows with |lse|.

    Constraints as for `softmax.cross_entropy`; dloss has the shape of the loss.
  }];
  let arguments = (ins Softmax_Data:$dloss, Softmax_Data:$logits,
                       Softmax_Target:$target, Optional<Softmax_Data>:$lse,
                       Softmax_Data:$dlogits, Softmax_SignedAttr:$axis,
                       DefaultValuedAttr<Softmax_Reduction, "Reduction::Mean">:$reduction,
                       DefaultValuedAttr<Softmax_SignedAttr, "-100">:$ignore_index);
  let assemblyFormat = [{
    `axis` `(` $axis `)` `reduction` `(` $reduction `)`
    (`ignore_index` `(` $ignore_index^ `)`)? attr-dict
    `ins` `(` $dloss `,` $logits `,` $target (`,` $lse^)? `:` type($dloss) `,`
    type($logits) `,` type($target) (`,` type($lse)^)? `)`
    `outs` `(` $dlogits `:` type($dlogits) `)` (`->` type($results)^)?
  }];
  let extraClassDeclaration = [{
    MutableOperandRange getDpsInitsMutable() { return getDlogitsMutable(); }
  }];
}

def Softmax_CrossEntropyWithGradOp : Softmax_Op<"cross_entropy_with_grad",
    [AttrSizedOperandSegments]> {
  let hasCanonicalizeMethod = 1;
  let summary = "cross_entropy and its gradient in one kernel";
  let description = [{
    Loss (and lse) of `softmax.cross_entropy` and the gradient of
    `softmax.cross_entropy_grad`, from one read of the logits out of memory.
    Without `dloss` the upstream gradient is 1. The results are the loss, the
    logsumexp where there is one, and the gradient, in this order.
  }];
  let arguments = (ins Softmax_Data:$logits, Softmax_Target:$target,
                       Optional<Softmax_Data>:$dloss, Softmax_Data:$loss,
                       Optional<Softmax_Data>:$lse, Softmax_Data:$dlogits,
                       Softmax_SignedAttr:$axis,
                       DefaultValuedAttr<Softmax_Reduction, "Reduction::Mean">:$reduction,
                       DefaultValuedAttr<Softmax_SignedAttr, "-100">:$ignore_index);
  let assemblyFormat = [{
    `axis` `(` $axis `)` `reduction` `(` $reduction `)`
    (`ignore_index` `(` $ignore_index^ `)`)? attr-dict
    `ins` `(` $logits `,` $target (`,` $dloss^)? `:` type($logits) `,`
    type($target) (`,` type($dloss)^)? `)`
    `outs` `(` $loss `,` $dlogits `:` type($loss) `,` type($dlogits) `)`
    (`lse` `(` $lse^ `:` type($lse) `)`)? (`->` type($results)^)?
  }];
  let extraClassDeclaration = [{
    MutableOperandRange getDpsInitsMutable() {
      return MutableOperandRange(getOperation(), getDloss() ? 3 : 2,
                                 getLse() ? 3 : 2);
    }
  }];
}

//===----------------------------------------------------------------------===//
// Parameter update
//===----------------------------------------------------------------------===//

def Softmax_SgdOp : Softmax_Op<"sgd"> {
  let summary = "parameter update of stochastic gradient descent";
  let description = [{
        parameter = parameter - rate * gradient

    computed in f32 (f64 for f64) with one rounding to the parameter's type.

    Constraints:
    * (C1) gradient and parameter have the same type's shape, of rank 1 or more;
    * (C2) the rate is f32 (f64 when the parameter is f64).
  }];
  let arguments = (ins Softmax_Data:$gradient, AnyTypeOf<[F32, F64]>:$rate,
                       Softmax_Data:$parameter);
  let assemblyFormat = [{
    attr-dict `ins` `(` $gradient `,` $rate `:` type($gradient) `,` type($rate)
    `)` `outs` `(` $parameter `:` type($parameter) `)` (`->` type($results)^)?
  }];
  let extraClassDeclaration = [{
    MutableOperandRange getDpsInitsMutable() { return getParameterMutable(); }
  }];
}

#endif // DIALECT_SOFTMAX_SOFTMAXOPS_TD
