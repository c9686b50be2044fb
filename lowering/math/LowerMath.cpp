// softmax-lower-math: elementary functions and conversions become arithmetic.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "dialect/softmax/Softmax.h"
#include "lowering/math/Math.h"
#include "lowering/math/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/IR/TypeUtilities.h"
#include "mlir/Interfaces/FunctionInterfaces.h"
#include "mlir/Transforms/WalkPatternRewriteDriver.h"

namespace mlir::softmax {
#define GEN_PASS_DEF_SOFTMAXLOWERMATHPASS
#include "lowering/math/Passes.h.inc"
} // namespace mlir::softmax

using namespace mlir;
using namespace mlir::softmax;

namespace {

using Builder = Value (*)(ImplicitLocOpBuilder &, Value, const MathOptions &);

bool isScalarOrVector(Type type) { return isa<FloatType, VectorType>(type); }

bool isHalf(Type element) { return element.isF16() || element.isBF16(); }

/// Replaces `op`, a function of one operand, by what `build` emits.
LogicalResult expand(Operation *op, Builder build, const MathOptions &options,
                     PatternRewriter &rewriter) {
  Value x = op->getOperand(0);
  Type type = x.getType();
  Type element = getElementTypeOrSelf(type);
  if (!isScalarOrVector(type))
    return rewriter.notifyMatchFailure(op, "operand is no scalar or vector");
  if (!element.isF32() && !element.isF64() && !isHalf(element))
    return rewriter.notifyMatchFailure(op, "element type has no expansion");

  ImplicitLocOpBuilder b(op->getLoc(), rewriter);
  Value result;
  if (isHalf(element)) {
    Type wide = b.getF32Type();
    if (auto vector = dyn_cast<VectorType>(type))
      wide = vector.clone(wide);
    // The function quiets NaN itself.
    MathOptions widening = options;
    widening.keepSignaling = true;
    Value y = build(b, buildExtend(b, x, wide, widening), options);
    result = buildTruncate(b, y, type, options);
  } else {
    result = build(b, x, options);
  }
  rewriter.replaceOp(op, result);
  return success();
}

/// `choose`: the builder for an operation.
template <typename Op, Builder (*choose)(Op, const MathOptions &)>
struct ExpandFunction : OpRewritePattern<Op> {
  ExpandFunction(MLIRContext *context, const MathOptions &options)
      : OpRewritePattern<Op>(context), options(options) {}

  LogicalResult matchAndRewrite(Op op,
                                PatternRewriter &rewriter) const override {
    return expand(op, choose(op, options), options, rewriter);
  }

  MathOptions options;
};

template <typename Op, Builder build> Builder always(Op, const MathOptions &) {
  return build;
}

/// `afn` says what `rounded` does on `row.exp_nonpositive`.
Builder chooseExp(math::ExpOp op, const MathOptions &options) {
  bool isRounded =
      options.hardwareExp2 && getElementTypeOrSelf(op.getType()).isF32() &&
      bitEnumContainsAll(op.getFastmath(), arith::FastMathFlags::afn);
  return isRounded ? buildExpRounded : buildExp;
}

Builder chooseExpNonPositive(row::ExpNonPositiveOp op, const MathOptions &) {
  return op.getRounded()     ? buildExpRounded
         : op.getUnchecked() ? buildExpUnchecked
                             : buildExpNonPositive;
}

/// Without the instruction `math.fma` on f32 would call the C library for each
/// element. In f64 the product is exact, so that the result is rounded once to
/// 53 bits and once more: one in 2^29 results is not the correctly rounded one.
struct ExpandFma : OpRewritePattern<math::FmaOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(math::FmaOp op,
                                PatternRewriter &rewriter) const override {
    if (!getElementTypeOrSelf(op.getType()).isF32())
      return rewriter.notifyMatchFailure(op, "expected f32");
    ImplicitLocOpBuilder b(op.getLoc(), rewriter);
    Type wide = b.getF64Type();
    if (auto vector = dyn_cast<VectorType>(op.getType()))
      wide = vector.clone(wide);
    auto widen = [&](Value value) -> Value {
      return arith::ExtFOp::create(b, wide, value);
    };
    Value product =
        arith::MulFOp::create(b, widen(op.getA()), widen(op.getB()));
    Value sum = arith::AddFOp::create(b, product, widen(op.getC()));
    rewriter.replaceOpWithNewOp<arith::TruncFOp>(op, op.getType(), sum);
    return success();
  }
};

/// The target converts between the two types itself.
static bool isNative(Type narrow, Type wide, const MathOptions &options) {
  return wide.isF32() &&
         (narrow.isF16() ? options.nativeHalf : options.nativeBFloat);
}

/// In f64 the product is split into its rounded value and the rest (T. J.
/// Dekker, A floating-point technique for extending the available precision,
/// 1971), and what the sum loses is kept (Knuth's two-sum): the result is
/// rounded once but for an error of the second order. Factors beyond 2^996 lose
/// the rest.
struct ExpandDoubleFma : OpRewritePattern<math::FmaOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(math::FmaOp op,
                                PatternRewriter &rewriter) const override {
    if (!getElementTypeOrSelf(op.getType()).isF64())
      return rewriter.notifyMatchFailure(op, "expected f64");
    ImplicitLocOpBuilder b(op.getLoc(), rewriter);
    auto constant = [&](double value) -> Value {
      TypedAttr scalar = b.getF64FloatAttr(value);
      if (auto vector = dyn_cast<VectorType>(op.getType()))
        scalar = DenseElementsAttr::get(vector, scalar);
      return arith::ConstantOp::create(b, scalar);
    };
    auto add = [&](Value x, Value y) -> Value {
      return arith::AddFOp::create(b, x, y);
    };
    auto subtract = [&](Value x, Value y) -> Value {
      return arith::SubFOp::create(b, x, y);
    };
    auto multiply = [&](Value x, Value y) -> Value {
      return arith::MulFOp::create(b, x, y);
    };
    Value splitter = constant(0x1p27 + 1);
    auto split = [&](Value x) -> std::pair<Value, Value> {
      Value scaled = multiply(splitter, x);
      Value high = subtract(scaled, subtract(scaled, x));
      return {high, subtract(x, high)};
    };
    auto [xHigh, xLow] = split(op.getA());
    auto [yHigh, yLow] = split(op.getB());
    Value product = multiply(op.getA(), op.getB());
    Value rest = subtract(multiply(xHigh, yHigh), product);
    rest = add(add(rest, multiply(xHigh, yLow)), multiply(xLow, yHigh));
    rest = add(rest, multiply(xLow, yLow));
    Value sum = add(product, op.getC());
    Value part = subtract(sum, product);
    Value lost =
        add(subtract(product, subtract(sum, part)), subtract(op.getC(), part));
    Value correction = add(lost, rest);
    // NaN where something was infinite: the sum says so itself.
    Value isNumber = arith::CmpFOp::create(b, arith::CmpFPredicate::ORD,
                                           correction, correction);
    correction = arith::SelectOp::create(b, isNumber, correction, constant(0));
    rewriter.replaceOp(op, add(sum, correction));
    return success();
  }
};

struct ExpandExtend : OpRewritePattern<arith::ExtFOp> {
  ExpandExtend(MLIRContext *context, const MathOptions &options)
      : OpRewritePattern(context), options(options) {}

  LogicalResult matchAndRewrite(arith::ExtFOp op,
                                PatternRewriter &rewriter) const override {
    Type narrow = getElementTypeOrSelf(op.getIn());
    Type wide = getElementTypeOrSelf(op.getType());
    if (!isScalarOrVector(op.getType()))
      return rewriter.notifyMatchFailure(op, "operand is no scalar or vector");
    if (!isHalf(narrow) || !(wide.isF32() || wide.isF64()))
      return rewriter.notifyMatchFailure(op, "expected f16 or bf16 to widen");
    if (isNative(narrow, wide, options))
      return rewriter.notifyMatchFailure(op, "is an instruction");
    ImplicitLocOpBuilder b(op.getLoc(), rewriter);
    rewriter.replaceOp(op, buildExtend(b, op.getIn(), op.getType(), options));
    return success();
  }

  MathOptions options;
};

struct ExpandTruncate : OpRewritePattern<arith::TruncFOp> {
  ExpandTruncate(MLIRContext *context, const MathOptions &options)
      : OpRewritePattern(context), options(options) {}

  LogicalResult matchAndRewrite(arith::TruncFOp op,
                                PatternRewriter &rewriter) const override {
    Type wide = getElementTypeOrSelf(op.getIn());
    Type narrow = getElementTypeOrSelf(op.getType());
    if (!isScalarOrVector(op.getType()))
      return rewriter.notifyMatchFailure(op, "operand is no scalar or vector");
    if (!isHalf(narrow) || !(wide.isF32() || wide.isF64()))
      return rewriter.notifyMatchFailure(op, "expected a result f16 or bf16");
    if (op.getRoundingmode().value_or(arith::RoundingMode::to_nearest_even) !=
        arith::RoundingMode::to_nearest_even)
      return rewriter.notifyMatchFailure(op, "does not round to nearest even");
    if (isNative(narrow, wide, options))
      return rewriter.notifyMatchFailure(op, "is an instruction");
    ImplicitLocOpBuilder b(op.getLoc(), rewriter);
    rewriter.replaceOp(op, buildTruncate(b, op.getIn(), op.getType(), options));
    return success();
  }

  MathOptions options;
};

struct SoftmaxLowerMath
    : softmax::impl::SoftmaxLowerMathPassBase<SoftmaxLowerMath> {
  using Base::Base;

  /// The single place that decides how the functions of a kernel are expanded.
  /// A kernel's schedule knows; other functions take the options.
  MathOptions optionsFor(FunctionOpInterface function) {
    if (GPUScheduleAttr schedule = getGPUSchedule(function))
      return {schedule.hasFMA(),
              /*scalef=*/false,
              schedule.hasHalfTypes(),
              schedule.getAccuracy() == Accuracy::Fast,
              /*keepSignaling=*/true,
              schedule.hasHalfTypes(),
              schedule.getExp() != Exponential::Polynomial};
    CPUScheduleAttr schedule = getCPUSchedule(function);
    if (!schedule)
      return {fma,           scalef, nativeHalf,  fast,
              keepSignaling, false,  hardwareExp2};
    return {schedule.hasFMA(), schedule.hasScalef(),
            schedule.hasHalfConversion(),
            schedule.getAccuracy() == Accuracy::Fast,
            /*keepSignaling=*/true};
  }

  void runOnOperation() override {
    getOperation()->walk(
        [&](FunctionOpInterface function) { lower(function); });
  }

  void lower(FunctionOpInterface function) {
    MLIRContext *context = &getContext();
    RewritePatternSet patterns(context);
    patterns
        .add<ExpandFunction<math::ExpOp, chooseExp>,
             ExpandFunction<math::LogOp, always<math::LogOp, buildLog>>,
             ExpandFunction<math::Log1pOp, always<math::Log1pOp, buildLog1p>>,
             ExpandFunction<math::TanhOp, always<math::TanhOp, buildTanh>>,
             ExpandFunction<row::ExpNonPositiveOp, chooseExpNonPositive>,
             ExpandFunction<row::SechSquaredOp,
                            always<row::SechSquaredOp, buildSechSquared>>,
             ExpandExtend, ExpandTruncate>(context, optionsFor(function));
    if (!optionsFor(function).fma)
      patterns.add<ExpandFma>(context);
    // CPUs have the C library for it.
    if (getGPUSchedule(function) && !optionsFor(function).fma)
      patterns.add<ExpandDoubleFma>(context);
    walkAndApplyPatterns(function, std::move(patterns));
    // The last reader of these decisions; LLVM's translation knows them not.
    function->removeAttr(SoftmaxDialect::kScheduleName);
    function->removeAttr(SoftmaxDialect::kTargetName);
  }
};

} // namespace
