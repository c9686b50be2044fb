// softmax-gpu-to-llvm: kernels for NVIDIA's and AMD's GPUs as LLVM dialect.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "codegen/Passes.h"

#include "mlir/Conversion/ArithToLLVM/ArithToLLVM.h"
#include "mlir/Conversion/ControlFlowToLLVM/ControlFlowToLLVM.h"
#include "mlir/Conversion/GPUCommon/GPUCommonPass.h"
#include "mlir/Conversion/GPUToNVVM/GPUToNVVMPass.h"
#include "mlir/Conversion/GPUToROCDL/GPUToROCDLPass.h"
#include "mlir/Conversion/LLVMCommon/ConversionTarget.h"
#include "mlir/Conversion/LLVMCommon/Pattern.h"
#include "mlir/Conversion/MathToLLVM/MathToLLVM.h"
#include "mlir/Conversion/MemRefToLLVM/MemRefToLLVM.h"
#include "mlir/Conversion/UBToLLVM/UBToLLVM.h"
#include "mlir/Conversion/VectorToLLVM/ConvertVectorToLLVM.h"
#include "mlir/Dialect/AMDGPU/Utils/Chipset.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/LLVMIR/ROCDLDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace mlir::softmax {
#define GEN_PASS_DEF_SOFTMAXGPUTOLLVMPASS
#include "codegen/Passes.h.inc"
} // namespace mlir::softmax

using namespace mlir;
using namespace mlir::softmax;

namespace {

/// Both vendors number the memory of the device 1 and that of a block 3.
constexpr unsigned kGlobal = 1, kShared = 3;

bool isGlobal(Type type) {
  auto memref = dyn_cast<MemRefType>(type);
  auto space =
      memref ? dyn_cast_or_null<gpu::AddressSpaceAttr>(memref.getMemorySpace())
             : gpu::AddressSpaceAttr();
  return space && space.getValue() == gpu::AddressSpace::Global;
}

/// What a vector access is aligned to: kernels make sure of one of 16 bytes.
unsigned alignmentOf(Type type, const DataLayout &layout) {
  unsigned bytes = layout.getTypeSize(type);
  return isa<VectorType>(type) ? std::min(bytes, 16u) : bytes;
}

/// Global memory is a pointer, not a descriptor.
template <typename OpT> struct ConvertLoad : ConvertOpToLLVMPattern<OpT> {
  using ConvertOpToLLVMPattern<OpT>::ConvertOpToLLVMPattern;

  LogicalResult
  matchAndRewrite(OpT op, typename OpT::Adaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    MemRefType memref = op.getMemRefType();
    if (!isGlobal(memref))
      return rewriter.notifyMatchFailure(op, "is not of global memory");
    Value base = adaptor.getOperands()[0];
    Value address = LLVM::GEPOp::create(
        rewriter, op.getLoc(), base.getType(), memref.getElementType(), base,
        adaptor.getIndices(), LLVM::GEPNoWrapFlags::inbounds);
    Type type = op.getResult().getType();
    rewriter.replaceOpWithNewOp<LLVM::LoadOp>(
        op, type, address, alignmentOf(type, DataLayout::closest(op)));
    return success();
  }
};

template <typename OpT> struct ConvertStore : ConvertOpToLLVMPattern<OpT> {
  using ConvertOpToLLVMPattern<OpT>::ConvertOpToLLVMPattern;

  LogicalResult
  matchAndRewrite(OpT op, typename OpT::Adaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    MemRefType memref = op.getMemRefType();
    if (!isGlobal(memref))
      return rewriter.notifyMatchFailure(op, "is not of global memory");
    Value value = adaptor.getOperands()[0], base = adaptor.getOperands()[1];
    Value address = LLVM::GEPOp::create(
        rewriter, op.getLoc(), base.getType(), memref.getElementType(), base,
        adaptor.getIndices(), LLVM::GEPNoWrapFlags::inbounds);
    rewriter.replaceOpWithNewOp<LLVM::StoreOp>(
        op, value, address,
        alignmentOf(value.getType(), DataLayout::closest(op)));
    return success();
  }
};

/// A maximum that ignores NaN is an instruction, no call of a device library.
struct ConvertMax : ConvertOpToLLVMPattern<arith::MaxNumFOp> {
  using ConvertOpToLLVMPattern::ConvertOpToLLVMPattern;

  LogicalResult
  matchAndRewrite(arith::MaxNumFOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    rewriter.replaceOpWithNewOp<LLVM::MaxNumOp>(op, adaptor.getLhs(),
                                                adaptor.getRhs());
    return success();
  }
};

/// An exponential that may lose subnormal results is one instruction; the plain
/// one takes three more to keep them.
struct ConvertExp2 : ConvertOpToLLVMPattern<math::Exp2Op> {
  ConvertExp2(const LLVMTypeConverter &converter, GPUIsa isa,
              PatternBenefit benefit)
      : ConvertOpToLLVMPattern(converter, benefit),
        name(isa == GPUIsa::NVVM ? "llvm.nvvm.ex2.approx.ftz.f32"
                                 : "llvm.amdgcn.exp2.f32") {}

  LogicalResult
  matchAndRewrite(math::Exp2Op op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    if (!bitEnumContainsAll(op.getFastmath(), arith::FastMathFlags::afn) ||
        !getElementTypeOrSelf(op.getType()).isF32())
      return rewriter.notifyMatchFailure(op, "keeps subnormal results");
    ImplicitLocOpBuilder b(op.getLoc(), rewriter);
    auto call = [&](Value x) -> Value {
      return LLVM::CallIntrinsicOp::create(b, b.getF32Type(),
                                           b.getStringAttr(name), x)
          .getResult(0);
    };
    Value operand = adaptor.getOperand();
    auto type = dyn_cast<VectorType>(operand.getType());
    if (!type) {
      rewriter.replaceOp(op, call(operand));
      return success();
    }
    Value result = LLVM::PoisonOp::create(b, type);
    for (int64_t lane = 0; lane < type.getNumElements(); ++lane) {
      Value at = LLVM::ConstantOp::create(b, b.getI64IntegerAttr(lane));
      Value element = LLVM::ExtractElementOp::create(b, operand, at);
      result = LLVM::InsertElementOp::create(b, result, call(element), at);
    }
    rewriter.replaceOp(op, result);
    return success();
  }

  StringRef name;
};

struct SoftmaxGPUToLLVM
    : softmax::impl::SoftmaxGPUToLLVMPassBase<SoftmaxGPUToLLVM> {
  using Base::Base;

  /// Kernels make global memory from addresses.
  void convertAddresses() {
    getOperation().walk([](UnrealizedConversionCastOp cast) {
      if (cast->getNumResults() != 1 || !isGlobal(cast.getType(0)) ||
          !cast.getOperand(0).getType().isInteger(64))
        return;
      OpBuilder b(cast);
      auto pointer = LLVM::LLVMPointerType::get(b.getContext(), kGlobal);
      Value address = LLVM::IntToPtrOp::create(b, cast.getLoc(), pointer,
                                               cast.getOperand(0));
      cast.setOperand(0, address);
    });
  }

  void runOnOperation() override {
    MLIRContext *context = &getContext();
    convertAddresses();
    LowerToLLVMOptions options(context);
    options.overrideIndexBitwidth(64);
    LLVMTypeConverter converter(context, options);
    populateGpuMemorySpaceAttributeConversions(
        converter, [](gpu::AddressSpace space) -> unsigned {
          switch (space) {
          case gpu::AddressSpace::Global:
            return kGlobal;
          case gpu::AddressSpace::Workgroup:
            return kShared;
          default:
            return 0;
          }
        });
    converter.addConversion([](MemRefType type) -> std::optional<Type> {
      if (!isGlobal(type))
        return std::nullopt;
      return LLVM::LLVMPointerType::get(type.getContext(), kGlobal);
    });

    RewritePatternSet patterns(context);
    PatternBenefit own(10);
    patterns.add<ConvertLoad<memref::LoadOp>, ConvertLoad<vector::LoadOp>,
                 ConvertStore<memref::StoreOp>, ConvertStore<vector::StoreOp>,
                 ConvertMax>(converter, own);
    patterns.add<ConvertExp2>(converter, isa, PatternBenefit(20));
    arith::populateArithToLLVMConversionPatterns(converter, patterns);
    cf::populateControlFlowToLLVMConversionPatterns(converter, patterns);
    // Before those that call a device library.
    populateMathToLLVMConversionPatterns(converter, patterns,
                                         /*approximateLog1p=*/false, own);
    populateFinalizeMemRefToLLVMConversionPatterns(converter, patterns);
    populateVectorToLLVMConversionPatterns(converter, patterns);
    ub::populateUBToLLVMConversionPatterns(converter, patterns);
    LLVMConversionTarget target(*context);
    target.addIllegalDialect<gpu::GPUDialect>();
    target.addLegalOp<gpu::GPUModuleOp>();
    if (isa == GPUIsa::NVVM) {
      populateGpuToNVVMConversionPatterns(converter, patterns);
      target.addLegalDialect<NVVM::NVVMDialect>();
    } else {
      auto chipset = amdgpu::Chipset::parse(chip);
      if (failed(chipset)) {
        getOperation().emitError("'") << chip << "' is no AMD GPU";
        return signalPassFailure();
      }
      populateGpuToROCDLConversionPatterns(converter, patterns,
                                           gpu::amd::Runtime::HIP, *chipset);
      target.addLegalDialect<ROCDL::ROCDLDialect>();
    }
    if (failed(applyPartialConversion(getOperation(), target,
                                      std::move(patterns))))
      return signalPassFailure();
    declareDynamicMemory();
    if (isa == GPUIsa::ROCDL)
      allowWorkgroups();
    else
      allowRegisters();
  }

  /// ptxas spills a few registers to have a second large block on a
  /// multiprocessor, unless it hears that one is enough.
  void allowRegisters() {
    constexpr int32_t kLarge = 512;
    for (auto kernel : getOperation().getOps<LLVM::LLVMFuncOp>()) {
      auto size = kernel->getAttrOfType<DenseI32ArrayAttr>("nvvm.maxntid");
      if (size && size[0] >= kLarge)
        kernel->setAttr(
            "nvvm.minctasm",
            IntegerAttr::get(IntegerType::get(&getContext(), 32), 1));
    }
  }

  /// What a launch asks for begins behind what a kernel has: only an external
  /// array says so. MLIR makes an internal one, which NVIDIA's backend takes
  /// for a variable of one byte.
  void declareDynamicMemory() {
    for (auto global : getOperation().getOps<LLVM::GlobalOp>()) {
      auto array = dyn_cast<LLVM::LLVMArrayType>(global.getType());
      if (array && array.getNumElements() == 0 &&
          global.getAddrSpace() == kShared)
        global.setLinkage(LLVM::Linkage::External);
    }
  }

  /// Without a word on it, LLVM allows 256 threads in a block of an AMD GPU.
  void allowWorkgroups() {
    for (auto kernel : getOperation().getOps<LLVM::LLVMFuncOp>()) {
      auto size = kernel->getAttrOfType<DenseI32ArrayAttr>(
          "rocdl.reqd_work_group_size");
      if (!size)
        continue;
      std::string threads = std::to_string(size[0]);
      kernel->setAttr("rocdl.flat_work_group_size",
                      StringAttr::get(&getContext(), threads + "," + threads));
    }
  }
};

} // namespace
