// The operators and the options that users can name, as tables.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "codegen/Request.h"

#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace mlir::softmax;

static constexpr OperatorInfo kOperators[] = {
    {"softmax", "softmax", "y = exp(x - max) / sum(exp(x - max))",
     "|error| <= ((max - x_j) + 4) ULP of the true value in f32 (f64 for f64), "
     "one more rounding to a 16-bit result type",
     "axis,scale,softcap,mask,masked-rows,out-type,in-place,strided,accuracy,"
     "deterministic"},
    {"log-softmax", "log_softmax", "y = (x - max) - log(sum(exp(x - max)))",
     "|error| <= ((max - x_j) + |log sum| + 4) * 2^-24 (2^-53 for f64), one "
     "more rounding to a 16-bit result type",
     "axis,scale,softcap,mask,masked-rows,out-type,in-place,strided,accuracy,"
     "deterministic"},
    {"logsumexp", "logsumexp", "lse = max + log(sum(exp(x - max)))",
     "|error| <= 2 ULP of max(|max|, |lse|, 1)",
     "axis,scale,softcap,mask,strided,accuracy,deterministic"},
    {"softmax-grad", "softmax_grad", "dx = y * (dy - sum(y * dy))",
     "|error| <= 4 ULP of |y| * (|dy| + sum(|y * dy|))",
     "axis,scale,softcap,mask,masked-rows,out-type,in-place,strided,accuracy,"
     "deterministic"},
    {"log-softmax-grad", "log_softmax_grad", "dx = dy - exp(y) * sum(dy)",
     "|error| <= 4 ULP of |dy| + exp(y) * sum(|dy|)",
     "axis,scale,softcap,mask,masked-rows,out-type,in-place,strided,accuracy,"
     "deterministic"},
    {"cross-entropy", "cross_entropy",
     "loss = (max - x_target) + log(sum(exp(x - max)))",
     "relative error of the loss <= 1e-6 (1e-14 for f64), also of confident "
     "rows",
     "axis,reduction,target,target-type,ignore-index,weight,label-smoothing,"
     "z-loss,lse,scale,softcap,masked-rows,empty-mean,zero-times-inf,strided,"
     "accuracy,deterministic"},
    {"cross-entropy-grad", "cross_entropy_grad",
     "dlogits = g * (softmax(logits) - onehot(target))",
     "|error| <= |g| * ((max - x_j) + 4) ULP of softmax; relative 1e-6 for the "
     "target's class; with lse: |g| * (|lse| + 4) ULP more",
     "axis,reduction,target,target-type,ignore-index,weight,label-smoothing,"
     "z-loss,lse,scale,softcap,masked-rows,empty-mean,zero-times-inf,out-type,"
     "in-place,strided,accuracy,deterministic"},
    {"cross-entropy-with-grad", "cross_entropy_with_grad",
     "loss = (max - x_target) + log(sum(exp(x - max))); dlogits = g * "
     "(softmax(logits) - onehot(target))",
     "relative error of the loss <= 1e-6 (1e-14 for f64); gradient: |g| * "
     "((max - x_j) + 4) ULP of softmax, relative 1e-6 for the target's class",
     "axis,reduction,target,target-type,ignore-index,weight,label-smoothing,"
     "z-loss,lse,dloss,scale,softcap,masked-rows,empty-mean,zero-times-inf,"
     "out-type,in-place,strided,accuracy,deterministic"},
    {"sgd", "sgd", "parameter = parameter - rate * gradient",
     "one rounding (f32 without FMA instructions: computed in f64 and rounded)",
     "strided,deterministic"},
};

static constexpr OptionInfo kOptions[] = {
    {"axis", "N", "class axis; default last, for losses 1 when the rank is "
                  "above 2"},
    {"reduction", "none|mean|sum", "how losses are combined; default mean"},
    {"ignore-index", "N", "label of rows to leave out; default -100"},
    {"target", "classes|probabilities", "a label for each row, or a "
                                        "probability for each class"},
    {"target-type", "i64|i32|u8", "type of the labels; default i64"},
    {"weight", "", "a weight for each class is an operand"},
    {"label-smoothing", "E", "share of the target, 0 to 1, that all classes "
                             "get in equal parts"},
    {"z-loss", "F", "adds F * logsumexp^2 to the loss of each row"},
    {"lse", "", "the logsumexp of each row is a further result, or operand of "
                "the gradient"},
    {"dloss", "", "the upstream gradient is an operand"},
    {"scale", "F", "the logits are multiplied by F first (1 / temperature)"},
    {"softcap", "F", "then they become F * tanh(x / F)"},
    {"mask", "none|causal|boolean|additive", "which classes are excluded; "
                                             "default none"},
    {"masked-rows", "nan|zero", "the result of a row that is -inf throughout; "
                                "default nan"},
    {"empty-mean", "nan|zero", "the mean over no rows; default nan"},
    {"zero-times-inf", "nan|zero", "what a class of probability 0 and logit "
                                   "-inf adds to the loss; default nan"},
    {"out-type", "T", "element type of the result; default as the input"},
    {"in-place", "", "a result may be the buffer of its input"},
    {"strided", "", "strides follow each tensor argument"},
    {"accuracy", "accurate|fast", "default accurate"},
    {"deterministic", "", "always given: results never depend on threads, "
                          "batch size or alignment"},
};

llvm::ArrayRef<OperatorInfo> softmax::getOperators() { return kOperators; }
llvm::ArrayRef<OptionInfo> softmax::getOperationOptions() { return kOptions; }

bool OperatorInfo::takes(StringRef option) const {
  SmallVector<StringRef> names;
  options.split(names, ',');
  return llvm::is_contained(names, option);
}
