// softmax-gpu-to-spirv: kernels as Vulkan compute shaders.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "codegen/Passes.h"

#include "mlir/Conversion/ArithToSPIRV/ArithToSPIRV.h"
#include "mlir/Conversion/GPUToSPIRV/GPUToSPIRV.h"
#include "mlir/Conversion/MathToSPIRV/MathToSPIRV.h"
#include "mlir/Conversion/SCFToSPIRV/SCFToSPIRV.h"
#include "mlir/Conversion/VectorToSPIRV/VectorToSPIRV.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/SPIRV/IR/SPIRVDialect.h"
#include "mlir/Dialect/SPIRV/IR/TargetAndABI.h"
#include "mlir/Dialect/SPIRV/Transforms/SPIRVConversion.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Dialect/Vector/Transforms/LoweringPatterns.h"

namespace mlir::softmax {
#define GEN_PASS_DEF_SOFTMAXGPUTOSPIRVPASS
#include "codegen/Passes.h.inc"
} // namespace mlir::softmax

using namespace mlir;
using namespace mlir::softmax;

namespace {

constexpr llvm::StringLiteral kParameters = "parameters";

gpu::AddressSpace spaceOf(Type type) {
  return cast<gpu::AddressSpaceAttr>(cast<MemRefType>(type).getMemorySpace())
      .getValue();
}

bool isGlobal(Type type) {
  auto memref = dyn_cast<MemRefType>(type);
  return memref &&
         isa_and_nonnull<gpu::AddressSpaceAttr>(memref.getMemorySpace()) &&
         spaceOf(type) == gpu::AddressSpace::Global;
}

/// What kernels may use; a module asks for no more than it does.
spirv::TargetEnvAttr targetEnvironment(MLIRContext *context) {
  using C = spirv::Capability;
  using E = spirv::Extension;
  C capabilities[] = {C::Shader,
                      C::Int64,
                      C::Int16,
                      C::Int8,
                      C::Float64,
                      C::StorageBuffer16BitAccess,
                      C::StorageBuffer8BitAccess,
                      C::PhysicalStorageBufferAddresses,
                      C::GroupNonUniform,
                      C::GroupNonUniformShuffle,
                      C::GroupNonUniformShuffleRelative,
                      C::SignedZeroInfNanPreserve};
  E extensions[] = {E::SPV_KHR_physical_storage_buffer,
                    E::SPV_KHR_16bit_storage, E::SPV_KHR_8bit_storage,
                    E::SPV_KHR_float_controls,
                    E::SPV_KHR_storage_buffer_storage_class};
  auto triple = spirv::VerCapExtAttr::get(spirv::Version::V_1_3, capabilities,
                                          extensions, context);
  return spirv::TargetEnvAttr::get(
      triple, spirv::getDefaultResourceLimits(context),
      spirv::ClientAPI::Vulkan, spirv::Vendor::Unknown,
      spirv::DeviceType::Unknown, spirv::TargetEnvAttr::kUnknownDeviceID);
}

unsigned bytesOf(Type type) {
  if (auto vector = dyn_cast<VectorType>(type))
    return vector.getNumElements() * vector.getElementTypeBitWidth() / 8;
  return type.getIntOrFloatBitWidth() / 8;
}

/// A pointer to the element of global memory (an address) or shared memory (a
/// variable) at `index`, for an access of `type`.
Value pointerTo(MemRefType memref, Value memory, Value index, Type type,
                Location loc, ConversionPatternRewriter &rewriter) {
  if (!isGlobal(memref))
    return spirv::AccessChainOp::create(rewriter, loc, memory,
                                        ValueRange{index});
  Type i64 = rewriter.getI64Type();
  Value size = spirv::ConstantOp::create(
      rewriter, loc, i64,
      rewriter.getI64IntegerAttr(bytesOf(memref.getElementType())));
  Value offset = spirv::IMulOp::create(rewriter, loc, index, size);
  Value address = spirv::IAddOp::create(rewriter, loc, memory, offset);
  auto pointer =
      spirv::PointerType::get(type, spirv::StorageClass::PhysicalStorageBuffer);
  return spirv::ConvertUToPtrOp::create(rewriter, loc, pointer, address);
}

/// Accesses by address have to say how they are aligned: to their elements, and
/// vectors to 16 bytes where they are that large.
void describeAccess(Operation *op, MemRefType memref, Type type) {
  if (!isGlobal(memref))
    return;
  Builder b(op->getContext());
  op->setAttr("memory_access",
              spirv::MemoryAccessAttr::get(op->getContext(),
                                           spirv::MemoryAccess::Aligned));
  op->setAttr("alignment", b.getI32IntegerAttr(std::min(bytesOf(type), 16u)));
}

template <typename OpT> struct ConvertLoad : OpConversionPattern<OpT> {
  using OpConversionPattern<OpT>::OpConversionPattern;

  LogicalResult
  matchAndRewrite(OpT op, typename OpT::Adaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    Type type = this->getTypeConverter()->convertType(op.getResult().getType());
    MemRefType memref = op.getMemRefType();
    Value pointer =
        pointerTo(memref, adaptor.getOperands()[0], adaptor.getIndices()[0],
                  type, op.getLoc(), rewriter);
    auto load = rewriter.replaceOpWithNewOp<spirv::LoadOp>(op, pointer);
    describeAccess(load, memref, type);
    return success();
  }
};

template <typename OpT> struct ConvertStore : OpConversionPattern<OpT> {
  using OpConversionPattern<OpT>::OpConversionPattern;

  LogicalResult
  matchAndRewrite(OpT op, typename OpT::Adaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    Value value = adaptor.getOperands()[0];
    MemRefType memref = op.getMemRefType();
    Value pointer =
        pointerTo(memref, adaptor.getOperands()[1], adaptor.getIndices()[0],
                  value.getType(), op.getLoc(), rewriter);
    auto store =
        rewriter.replaceOpWithNewOp<spirv::StoreOp>(op, pointer, value);
    describeAccess(store, memref, value.getType());
    return success();
  }
};

/// Shared memory is a variable of the module.
struct ConvertGlobal : OpConversionPattern<memref::GlobalOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult
  matchAndRewrite(memref::GlobalOp op, OpAdaptor,
                  ConversionPatternRewriter &rewriter) const override {
    Type type = getTypeConverter()->convertType(op.getType());
    rewriter.replaceOpWithNewOp<spirv::GlobalVariableOp>(
        op, TypeAttr::get(type), op.getSymNameAttr(),
        /*initializer=*/FlatSymbolRefAttr());
    return success();
  }
};

struct ConvertGetGlobal : OpConversionPattern<memref::GetGlobalOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult
  matchAndRewrite(memref::GetGlobalOp op, OpAdaptor,
                  ConversionPatternRewriter &rewriter) const override {
    Type type = getTypeConverter()->convertType(op.getType());
    rewriter.replaceOpWithNewOp<spirv::AddressOfOp>(op, type, op.getName());
    return success();
  }
};

/// Kernels move values between invocations that are neighbours in every
/// subgroup, however large it is.
struct ConvertShuffle : OpConversionPattern<gpu::ShuffleOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult
  matchAndRewrite(gpu::ShuffleOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    if (!op.getValid().use_empty())
      return rewriter.notifyMatchFailure(op, "expected a valid shuffle");
    auto scope = spirv::ScopeAttr::get(getContext(), spirv::Scope::Subgroup);
    Value value = adaptor.getValue(), offset = adaptor.getOffset(), moved;
    switch (op.getMode()) {
    case gpu::ShuffleMode::XOR:
      moved = spirv::GroupNonUniformShuffleXorOp::create(rewriter, op.getLoc(),
                                                         scope, value, offset);
      break;
    case gpu::ShuffleMode::UP:
      moved = spirv::GroupNonUniformShuffleUpOp::create(rewriter, op.getLoc(),
                                                        scope, value, offset);
      break;
    default:
      return rewriter.notifyMatchFailure(op, "expected xor or up");
    }
    Value valid =
        spirv::ConstantOp::getOne(rewriter.getI1Type(), op.getLoc(), rewriter);
    rewriter.replaceOp(op, {moved, valid});
    return success();
  }
};

/// Memory of the device is an address, made from one.
struct ConvertAddress : OpConversionPattern<UnrealizedConversionCastOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult
  matchAndRewrite(UnrealizedConversionCastOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    if (op->getNumResults() != 1 || !isGlobal(op.getType(0)))
      return failure();
    rewriter.replaceOp(op, adaptor.getOperands()[0]);
    return success();
  }
};

/// The members of the push constants: one i64 for each parameter.
spirv::StructType parametersType(MLIRContext *context, unsigned count) {
  Type i64 = IntegerType::get(context, 64);
  SmallVector<Type> members(count, i64);
  SmallVector<spirv::StructType::OffsetInfo> offsets;
  for (unsigned i = 0; i < count; ++i)
    offsets.push_back(8 * i);
  return spirv::StructType::get(members, offsets);
}

struct ConvertKernel : OpConversionPattern<gpu::GPUFuncOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult
  matchAndRewrite(gpu::GPUFuncOp op, OpAdaptor,
                  ConversionPatternRewriter &rewriter) const override {
    Location loc = op.getLoc();
    unsigned count = op.getNumArguments();
    auto pointer = spirv::PointerType::get(parametersType(getContext(), count),
                                           spirv::StorageClass::PushConstant);
    std::string name = (kParameters + "_" + op.getName()).str();
    if (count > 0)
      spirv::GlobalVariableOp::create(rewriter, loc, TypeAttr::get(pointer),
                                      rewriter.getStringAttr(name),
                                      /*initializer=*/FlatSymbolRefAttr());
    auto function = spirv::FuncOp::create(rewriter, loc, op.getName(),
                                          rewriter.getFunctionType({}, {}));
    rewriter.inlineRegionBefore(op.getBody(), function.getBody(),
                                function.end());
    TypeConverter::SignatureConversion signature(count);
    {
      OpBuilder::InsertionGuard guard(rewriter);
      rewriter.setInsertionPointToStart(&function.getBody().front());
      Value parameters;
      if (count > 0)
        parameters = spirv::AddressOfOp::create(rewriter, loc, pointer, name);
      for (unsigned i = 0; i < count; ++i) {
        Value number =
            spirv::ConstantOp::create(rewriter, loc, rewriter.getI32Type(),
                                      rewriter.getI32IntegerAttr(i));
        Value member = spirv::AccessChainOp::create(rewriter, loc, parameters,
                                                    ValueRange{number});
        Value loaded = spirv::LoadOp::create(rewriter, loc, member);
        signature.remapInput(i, loaded);
      }
    }
    rewriter.applySignatureConversion(&function.getBody().front(), signature,
                                      getTypeConverter());
    rewriter.eraseOp(op);
    return success();
  }
};

struct ConvertReturn : OpConversionPattern<gpu::ReturnOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult
  matchAndRewrite(gpu::ReturnOp op, OpAdaptor,
                  ConversionPatternRewriter &rewriter) const override {
    rewriter.replaceOpWithNewOp<spirv::ReturnOp>(op);
    return success();
  }
};

struct SoftmaxGPUToSPIRV
    : softmax::impl::SoftmaxGPUToSPIRVPassBase<SoftmaxGPUToSPIRV> {
  using Base::Base;

  void runOnOperation() override {
    SmallVector<gpu::GPUModuleOp> modules(
        getOperation().getOps<gpu::GPUModuleOp>());
    for (gpu::GPUModuleOp module : modules)
      if (failed(convert(module)))
        return signalPassFailure();
  }

  LogicalResult convert(gpu::GPUModuleOp module);
  void finish(spirv::ModuleOp module,
              const llvm::StringMap<int32_t> &blockSizes);
};

} // namespace

/// MLIR's conversion stores what a loop yields in its body, so that the results
/// of a loop without iterations are undefined. They are what it starts with.
static void defineLoopResults(Operation *root) {
  root->walk([](scf::ForOp loop) {
    if (loop.getNumResults() == 0)
      return;
    OpBuilder b(loop.getContext());
    b.setInsertionPointAfter(loop);
    Value runs =
        arith::CmpIOp::create(b, loop.getLoc(), arith::CmpIPredicate::slt,
                              loop.getLowerBound(), loop.getUpperBound());
    for (auto [result, init] :
         llvm::zip(loop.getResults(), loop.getInitArgs())) {
      auto value =
          arith::SelectOp::create(b, loop.getLoc(), runs, result, init);
      result.replaceAllUsesExcept(value, value);
    }
  });
}

/// Before SPIR-V 1.4 a selection between vectors wants a vector of conditions.
static void widenConditions(Operation *root) {
  root->walk([](arith::SelectOp select) {
    auto type = dyn_cast<VectorType>(select.getType());
    if (!type || isa<VectorType>(select.getCondition().getType()))
      return;
    OpBuilder b(select);
    select.getConditionMutable().assign(vector::BroadcastOp::create(
        b, select.getLoc(), type.clone(b.getI1Type()), select.getCondition()));
  });
}

LogicalResult SoftmaxGPUToSPIRV::convert(gpu::GPUModuleOp module) {
  MLIRContext *context = &getContext();
  llvm::StringMap<int32_t> blockSizes;
  for (auto kernel : module.getOps<gpu::GPUFuncOp>())
    blockSizes[kernel.getName()] = kernel.getKnownBlockSize()->front();

  spirv::TargetEnvAttr environment = targetEnvironment(context);
  OpBuilder b(module);
  auto shaders = spirv::ModuleOp::create(
      b, module.getLoc(), spirv::AddressingModel::PhysicalStorageBuffer64,
      spirv::MemoryModel::GLSL450, std::nullopt,
      ("__spv__" + module.getName()).str());
  shaders->setAttr(spirv::getTargetEnvAttrName(), environment);
  // Launches keep the kernels that they name.
  b.setInsertionPointToEnd(shaders.getBody());
  for (Operation &op : *module.getBody())
    b.clone(op);
  defineLoopResults(shaders);
  widenConditions(shaders);

  SPIRVConversionOptions options;
  options.use64bitIndex = true;
  SPIRVTypeConverter converter(environment, options);
  converter.addConversion([&](MemRefType type) -> std::optional<Type> {
    if (isGlobal(type))
      return IntegerType::get(context, 64);
    auto array = spirv::ArrayType::get(
        converter.convertType(type.getElementType()), type.getNumElements());
    return spirv::PointerType::get(array, spirv::StorageClass::Workgroup);
  });
  RewritePatternSet patterns(context);
  PatternBenefit own(10);
  patterns.add<ConvertLoad<memref::LoadOp>, ConvertLoad<vector::LoadOp>,
               ConvertStore<memref::StoreOp>, ConvertStore<vector::StoreOp>,
               ConvertGlobal, ConvertGetGlobal, ConvertShuffle, ConvertKernel,
               ConvertReturn, ConvertAddress>(converter, context, own);
  arith::populateArithToSPIRVPatterns(converter, patterns);
  populateMathToSPIRVPatterns(converter, patterns);
  populateVectorToSPIRVPatterns(converter, patterns);
  populateGPUToSPIRVPatterns(converter, patterns);
  ScfToSPIRVContext loops;
  populateSCFToSPIRVPatterns(converter, loops, patterns);
  std::unique_ptr<SPIRVConversionTarget> target =
      SPIRVConversionTarget::get(environment);
  target->addDynamicallyLegalOp<UnrealizedConversionCastOp>(
      [](UnrealizedConversionCastOp op) { return !isGlobal(op.getType(0)); });
  target->addLegalOp<spirv::ModuleOp>();
  if (failed(applyFullConversion(shaders, *target, std::move(patterns))))
    return failure();
  finish(shaders, blockSizes);
  return success();
}

/// Entry points, and what the drivers have to keep: the order and rounding of
/// the arithmetic, NaN, infinities and signed zeros.
void SoftmaxGPUToSPIRV::finish(spirv::ModuleOp module,
                               const llvm::StringMap<int32_t> &blockSizes) {
  OpBuilder b = OpBuilder::atBlockEnd(module.getBody());
  bool usesDouble = false;
  module.walk([&](Operation *op) {
    for (Type type : op->getResultTypes())
      usesDouble |= getElementTypeOrSelf(type).isF64();
    if (isa<spirv::FAddOp, spirv::FSubOp, spirv::FMulOp, spirv::FDivOp,
            spirv::FNegateOp>(op))
      op->setAttr("no_contraction", b.getUnitAttr());
  });
  for (auto function : llvm::to_vector(module.getOps<spirv::FuncOp>())) {
    // Only inputs belong to the interface, before SPIR-V 1.4.
    SmallVector<Attribute> interface;
    SetVector<StringRef> used;
    function.walk([&](spirv::AddressOfOp address) {
      used.insert(address.getVariable());
    });
    for (StringRef name : used) {
      auto variable = module.lookupSymbol<spirv::GlobalVariableOp>(name);
      if (variable.storageClass() == spirv::StorageClass::Input)
        interface.push_back(FlatSymbolRefAttr::get(b.getContext(), name));
    }
    Location loc = function.getLoc();
    spirv::EntryPointOp::create(b, loc, spirv::ExecutionModel::GLCompute,
                                function, interface);
    spirv::ExecutionModeOp::create(
        b, loc, function, spirv::ExecutionMode::LocalSize,
        ArrayRef<int32_t>{blockSizes.lookup(function.getName()), 1, 1});
    spirv::ExecutionModeOp::create(
        b, loc, function, spirv::ExecutionMode::SignedZeroInfNanPreserve,
        ArrayRef<int32_t>{32});
    if (usesDouble)
      spirv::ExecutionModeOp::create(
          b, loc, function, spirv::ExecutionMode::SignedZeroInfNanPreserve,
          ArrayRef<int32_t>{64});
  }
}
