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
def Softmax_Target : Softmax_Shaped<
    AnyTypeOf<[I64, I32, I8, F32, F64, F16, BF16],
              "i64, i32 or i8 label, or a probability">>;
def Softmax_Mask : Softmax_Shaped<
    AnyTypeOf<[I8, F32, F64, F16, BF16], "i8 or floating-point element">>;

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

/// What is done to the logits before anything else; see `softmax.softmax`.
defvar transformArguments = (ins
    DefaultValuedAttr<F64Attr, "1.0">:$scale, OptionalAttr<F64Attr>:$softcap);
defvar maskArguments = (ins
    UnitAttr:$causal,
    DefaultValuedAttr<Softmax_Special, "Special::NaN">:$masked_rows);

class Softmax_UnaryOp<string mnemonic> : Softmax_Op<mnemonic> {
  let hasCanonicalizeMethod = 1;
  let arguments = !con((ins Softmax_Data:$input, Optional<Softmax_Mask>:$mask,
                            Softmax_Data:$output, Softmax_SignedAttr:$axis),
                       transformArguments, maskArguments);
  let assemblyFormat = [{
    `axis` `(` $axis `)` (`scale` `(` $scale^ `)`)?
    (`softcap` `(` $softcap^ `)`)? (`causal` $causal^)?
    (`masked_rows` `(` $masked_rows^ `)`)? attr-dict
    `ins` `(` $input (`,` $mask^)? `:` type($input) (`,` type($mask)^)? `)`
    `outs` `(` $output `:` type($output) `)` (`->` type($results)^)?
  }];
  let extraClassDeclaration = [{
    MutableOperandRange getDpsInitsMutable() { return getOutputMutable(); }
  }];
}

def Softmax_SoftmaxOp : Softmax_UnaryOp<"softmax"> {
  let summary = "probabilities exp(x - lse) along the class axis";
  let description = [{
        y_c = exp(z_c - max) / sum

    where z is the input after, in this order,
    1. `scale`: x1 = scale * x;
    2. `softcap`: x2 = softcap * tanh(x1 / softcap);
    3. a mask: where an i8 `mask` is 0, z is -inf; a mask of floating-point
       numbers is added; with `causal`, of the last two axes (R, K), z is -inf
       where j > i + K - R.

    A row all of which is -inf is NaN, or with `masked_rows(zero)` 0 (-inf for
    log-probabilities).

    Constraints:
    * (C1) `axis` is in [-rank, rank); negative values count from the end;
    * (C2) input and output have the same shape; their element types may differ;
    * (C3) scale is finite and not 0, softcap finite and positive;
    * (C4) a mask has the shape of the input, and elements of i8 or of the
      input's type; there is one mask at most;
    * (C5) with `causal`, the class axis is the last one of two or more.

    ```mlir
    %y = softmax.softmax axis(1) ins(%x : tensor<4x8xf32>)
        outs(%init : tensor<4x8xf32>) -> tensor<4x8xf32>
    ```
  }];
}

def Softmax_LogSoftmaxOp : Softmax_UnaryOp<"log_softmax"> {
  let summary = "log-probabilities x - lse along the class axis";
  let description = [{
        y_c = (z_c - max) - log(sum)

    `log(sum)` is evaluated as `log1p(sum - 1)` with the maximum's own term kept
    out of the sum, so that the log-probability of a dominant class keeps its
    relative accuracy. z and constraints as for `softmax.softmax`.
  }];
}

def Softmax_LogSumExpOp : Softmax_UnaryOp<"logsumexp"> {
  let summary = "log of the sum of exponentials along the class axis";
  let description = [{
        lse = max + log(sum)

    Constraints as for `softmax.softmax`, but
    * (C2) the output has the shape of the input without the class axis, and
      elements of f32 (f64 when the input is f64);
    * (C6) `masked_rows` is `nan`: the logsumexp of nothing is -inf anyway.
  }];
}

class Softmax_UnaryGradOp<string mnemonic>
    : Softmax_Op<mnemonic, [AttrSizedOperandSegments]> {
  let hasCanonicalizeMethod = 1;
  let arguments = !con((ins Softmax_Data:$dy, Softmax_Data:$y,
                            Optional<Softmax_Data>:$x,
                            Optional<Softmax_Mask>:$mask, Softmax_Data:$dx,
                            Softmax_SignedAttr:$axis),
                       transformArguments, maskArguments);
  let assemblyFormat = [{
    `axis` `(` $axis `)` (`scale` `(` $scale^ `)`)?
    (`softcap` `(` $softcap^ `)`)? (`causal` $causal^)?
    (`masked_rows` `(` $masked_rows^ `)`)? attr-dict
    `ins` `(` $dy `,` $y `:` type($dy) `,` type($y) `)`
    (`input` `(` $x^ `:` type($x) `)`)? (`mask` `(` $mask^ `:` type($mask) `)`)?
    `outs` `(` $dx `:` type($dx) `)` (`->` type($results)^)?
  }];
  let extraClassDeclaration = [{
    MutableOperandRange getDpsInitsMutable() { return getDxMutable(); }
  }];
}

def Softmax_SoftmaxGradOp : Softmax_UnaryGradOp<"softmax_grad"> {
  let summary = "gradient of softmax from its result";
  let description = [{
        dz_c = y_c * (dy_c - sum_k y_k dy_k)
        dx_c = dz_c * scale * (1 - tanh(scale * x_c / softcap)^2)

    with respect to the x of `softmax.softmax`. An element that a mask excludes
    has the gradient 0, and its dy does not take part.

    Constraints (C1), (C3) to (C5) as for `softmax.softmax`, and
    * (C2) all operands have the same shape;
    * (C7) x is given exactly when `softcap` is.
  }];
}

def Softmax_LogSoftmaxGradOp : Softmax_UnaryGradOp<"log_softmax_grad"> {
  let summary = "gradient of log_softmax from its result";
  let description = [{
        dz_c = dy_c - exp(y_c) * sum_k dy_k

    with the sum over all k, and dx, masks and constraints as for
    `softmax.softmax_grad`.
  }];
}

//===----------------------------------------------------------------------===//
// Cross-entropy
//===----------------------------------------------------------------------===//

/// The options that the three cross-entropy operators have.
defvar lossArguments = (ins
    Softmax_SignedAttr:$axis,
    DefaultValuedAttr<Softmax_Reduction, "Reduction::Mean">:$reduction,
    DefaultValuedAttr<Softmax_SignedAttr, "-100">:$ignore_index,
    DefaultValuedAttr<F64Attr, "0.0">:$label_smoothing,
    DefaultValuedAttr<F64Attr, "0.0">:$z_loss,
    DefaultValuedAttr<Softmax_Special, "Special::NaN">:$masked_rows,
    DefaultValuedAttr<Softmax_Special, "Special::NaN">:$empty_mean,
    DefaultValuedAttr<Softmax_Special, "Special::NaN">:$zero_times_inf);

class Softmax_LossOp<string mnemonic>
    : Softmax_Op<mnemonic, [AttrSizedOperandSegments]> {
  let hasCanonicalizeMethod = 1;
  code commonDeclarations = [{
    /// The target is a row of probabilities instead of a label.
    bool hasProbabilities() {
      return isa<FloatType>(row::getScalarType(getTarget().getType()));
    }
  }];
}

def Softmax_CrossEntropyOp : Softmax_LossOp<"cross_entropy"> {
  let summary = "negative log-likelihood of a target, from logits";
  let description = [{
    With z the logits after `scale` and `softcap` as in `softmax.softmax`,
    log p_c = (z_c - max) - log1p(sum - 1), e the label smoothing, w the class
    weights (1 without) and C the number of classes:

        loss_i = (1 - e) w_t (-log p_t) + e/C sum_c w_c (-log p_c)
                 + z_loss * lse^2                  0 when t is ignore_index

    `sum` adds the losses up; `mean` divides the first two terms' sum by the sum
    of w_t over the rows that are not ignored and the last one's by their
    number. It is NaN when that is 0, or 0 with `empty_mean(zero)`. Both are
    accumulated in f64. The logits of an ignored row are not read. A label
    outside [0, C) that is not `ignore_index` makes the loss NaN; 8-bit labels
    are unsigned. `lse` is the logsumexp of each row, 0 for ignored rows.

    With probabilities q as target, q' = (1 - e) q + e/C:

        loss_i = -sum_c w_c q'_c log p_c + z_loss * lse^2

    and `mean` divides by the number of rows. A class with w_c q'_c = 0 and
    z_c = -inf makes the loss NaN, or nothing with `zero_times_inf(zero)`.

    A row all of whose z are -inf is NaN, or with `masked_rows(zero)` +inf with
    the gradient 0.

    Constraints:
    * (C1) `axis` is in [-rank, rank) of the logits;
    * (C2) a target of integers (and lse) has the shape of the logits without
      the class axis, one of floating-point numbers that of the logits;
    * (C3) loss has the shape of lse with reduction `none`, else rank 0;
    * (C4) loss, lse and weight have elements of f32 (f64 for f64 logits);
    * (C5) the weight has rank 1 and C elements;
    * (C6) label_smoothing is in [0, 1], z_loss is finite, scale and softcap as
      in `softmax.softmax`;
    * (C7) `zero_times_inf` is for probabilities, `ignore_index` for labels.

    ```mlir
    %loss = softmax.cross_entropy axis(1) reduction(mean)
        ins(%logits, %target : tensor<4x8xf32>, tensor<4xi64>)
        outs(%init : tensor<f32>) -> tensor<f32>
    ```
  }];
  let arguments = !con((ins Softmax_Data:$logits, Softmax_Target:$target,
                            Optional<Softmax_Data>:$weight, Softmax_Data:$loss,
                            Optional<Softmax_Data>:$lse),
                       lossArguments, transformArguments);
  let assemblyFormat = [{
    `axis` `(` $axis `)` `reduction` `(` $reduction `)`
    (`ignore_index` `(` $ignore_index^ `)`)?
    (`label_smoothing` `(` $label_smoothing^ `)`)? (`z_loss` `(` $z_loss^ `)`)?
    (`scale` `(` $scale^ `)`)? (`softcap` `(` $softcap^ `)`)?
    (`masked_rows` `(` $masked_rows^ `)`)? (`empty_mean` `(` $empty_mean^ `)`)?
    (`zero_times_inf` `(` $zero_times_inf^ `)`)? attr-dict
    `ins` `(` $logits `,` $target `:` type($logits) `,` type($target) `)`
    (`weight` `(` $weight^ `:` type($weight) `)`)?
    `outs` `(` $loss (`,` $lse^)? `:` type($loss) (`,` type($lse)^)? `)`
    (`->` type($results)^)?
  }];
  let extraClassDeclaration = commonDeclarations # [{
    MutableOperandRange getDpsInitsMutable() {
      unsigned first = getWeight() ? 3 : 2;
      return MutableOperandRange(getOperation(), first, getLse() ? 2 : 1);
    }
  }];
}

def Softmax_CrossEntropyGradOp : Softmax_LossOp<"cross_entropy_grad"> {
  let summary = "gradient of cross_entropy with respect to the logits";
  let description = [{
        dz_c = g_i ((1 - e) w_t (p_c - [c == t]) + e/C (p_c sum_k w_k - w_c))
               + h_i 2 z_loss lse p_c              0 for ignored rows
        dx_c = dz_c * scale * (1 - tanh(scale * x_c / softcap)^2)

    with g_i = h_i = dloss_i for `none` and dloss for `sum`; for `mean`, dloss
    divided by the denominators of the loss (g_i is 0 when its one is 0). At
    the target p_t - 1 is -(sum of the other classes' p), which does not cancel.
    With probabilities the factor of g_i is p_c sum_k w_k q'_k - w_c q'_c.

    With `lse`, the saved logsumexp of each row, p = exp(z - lse): one sweep
    less, at the price of an error that grows with |lse|.

    Constraints as for `softmax.cross_entropy`; dloss has the shape of the loss.
  }];
  let arguments = !con((ins Softmax_Data:$dloss, Softmax_Data:$logits,
                            Softmax_Target:$target,
                            Optional<Softmax_Data>:$weight,
                            Optional<Softmax_Data>:$lse,
                            Softmax_Data:$dlogits),
                       lossArguments, transformArguments);
  let assemblyFormat = [{
    `axis` `(` $axis `)` `reduction` `(` $reduction `)`
    (`ignore_index` `(` $ignore_index^ `)`)?
    (`label_smoothing` `(` $label_smoothing^ `)`)? (`z_loss` `(` $z_loss^ `)`)?
    (`scale` `(` $scale^ `)`)? (`softcap` `(` $softcap^ `)`)?
    (`masked_rows` `(` $masked_rows^ `)`)? (`empty_mean` `(` $empty_mean^ `)`)?
    (`zero_times_inf` `(` $zero_times_inf^ `)`)? attr-dict
    `ins` `(` $dloss `,` $logits `,` $target (`,` $lse^)? `:` type($dloss) `,`
    type($logits) `,` type($target) (`,` type($lse)^)? `)`
    (`weight` `(` $weight^ `:` type($weight) `)`)?
    `outs` `(` $dlogits `:` type($dlogits) `)` (`->` type($results)^)?
  }];
  let extraClassDeclaration = commonDeclarations # [{
    MutableOperandRange getDpsInitsMutable() { return getDlogitsMutable(); }
  }];
}

def Softmax_CrossEntropyWithGradOp
    : Softmax_LossOp<"cross_entropy_with_grad"> {
  let summary = "cross_entropy and its gradient in one kernel";
  let description = [{
    Loss (and lse) of `softmax.cross_entropy` and the gradient of
    `softmax.cross_entropy_grad`, from one read of the logits out of memory.
    Without `dloss` the upstream gradient is 1. The results are the loss, the
    logsumexp where there is one, and the gradient, in this order.
  }];
  let arguments = !con((ins Softmax_Data:$logits, Softmax_Target:$target,
                            Optional<Softmax_Data>:$weight,
                            Optional<Softmax_Data>:$dloss, Softmax_Data:$loss,
                            Optional<Softmax_Data>:$lse,
                            Softmax_Data:$dlogits),
                       lossArguments, transformArguments);
  let assemblyFormat = [{
    `axis` `(` $axis `)` `reduction` `(` $reduction `)`
    (`ignore_index` `(` $ignore_index^ `)`)?
    (`label_smoothing` `(` $label_smoothing^ `)`)? (`z_loss` `(` $z_loss^ `)`)?
    (`scale` `(` $scale^ `)`)? (`softcap` `(` $softcap^ `)`)?
    (`masked_rows` `(` $masked_rows^ `)`)? (`empty_mean` `(` $empty_mean^ `)`)?
    (`zero_times_inf` `(` $zero_times_inf^ `)`)? attr-dict
    `ins` `(` $logits `,` $target (`,` $dloss^)? `:` type($logits) `,`
    type($target) (`,` type($dloss)^)? `)`
    (`weight` `(` $weight^ `:` type($weight) `)`)?
    `outs` `(` $loss `,` $dlogits `:` type($loss) `,` type($dlogits) `)`
    (`lse` `(` $lse^ `:` type($lse) `)`)? (`->` type($results)^)?
  }];
  let extraClassDeclaration = commonDeclarations # [{
    MutableOperandRange getDpsInitsMutable() {
      unsigned count = getLse() ? 3 : 2;
      return MutableOperandRange(getOperation(),
                                 (*this)->getNumOperands() - count, count);
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
