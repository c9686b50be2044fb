// Device code as constant data of the host's object.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "codegen/gpu/HostCode.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

using namespace mlir;
using namespace mlir::softmax;

namespace {

/// Writes globals of C types, whose layout is that of runtime/gpu_launch.h and
/// runtime/smx_vulkan.h.
class DataBuilder {
public:
  DataBuilder(ModuleOp module, StringRef entry)
      : b(module.getLoc(), module.getContext()), entry(entry),
        pointer(LLVM::LLVMPointerType::get(module.getContext())) {
    b.setInsertionPointToStart(module.getBody());
  }

  void addDriver(ArrayRef<DeviceCode> codes);
  void addVulkan(const DeviceCode &code);

private:
  struct Image {
    std::string target, data;
    unsigned variant;
  };

  std::string nextName() { return (entry + "__data_" + Twine(count++)).str(); }
  /// Bytes, aligned as drivers want machine code to be.
  std::string bytes(StringRef data);
  std::string text(StringRef value) {
    std::string terminated = value.str();
    terminated.push_back('\0');
    return bytes(terminated);
  }
  LLVM::LLVMStructType structure(ArrayRef<Type> types) {
    return LLVM::LLVMStructType::getLiteral(b.getContext(), types);
  }
  /// A global whose value `emit` makes.
  std::string global(StringRef name, Type type, bool isConstant,
                     function_ref<Value()> emit);
  Value addressOf(StringRef symbol) {
    return LLVM::AddressOfOp::create(b, pointer, symbol);
  }
  Value number(Type type, int64_t value) {
    return LLVM::ConstantOp::create(b, type, b.getIntegerAttr(type, value));
  }
  Value aggregate(Type type, ValueRange fields) {
    Value value = LLVM::ZeroOp::create(b, type);
    for (auto [i, field] : llvm::enumerate(fields))
      value = LLVM::InsertValueOp::create(b, value, field, int64_t(i));
    return value;
  }

  ImplicitLocOpBuilder b;
  StringRef entry;
  Type pointer;
  unsigned count = 0;
};

} // namespace

std::string DataBuilder::bytes(StringRef data) {
  std::string name = nextName();
  auto type = LLVM::LLVMArrayType::get(b.getI8Type(), data.size());
  LLVM::GlobalOp::create(b, type, /*isConstant=*/true, LLVM::Linkage::Internal,
                         name, b.getStringAttr(data), /*alignment=*/16);
  return name;
}

std::string DataBuilder::global(StringRef name, Type type, bool isConstant,
                                function_ref<Value()> emit) {
  auto global = LLVM::GlobalOp::create(
      b, type, isConstant, LLVM::Linkage::Internal, name, Attribute());
  OpBuilder::InsertionGuard guard(b);
  b.createBlock(&global.getInitializerRegion());
  Value value = emit();
  LLVM::ReturnOp::create(b, value);
  return name.str();
}

void DataBuilder::addDriver(ArrayRef<DeviceCode> codes) {
  Type i32 = b.getI32Type();
  auto functionType = structure({pointer, i32, i32});
  auto imageType = structure({pointer, pointer, pointer, i32});
  std::vector<Image> images;
  for (auto [i, code] : llvm::enumerate(codes))
    if (!code.binary.empty())
      images.push_back({code.target.name, code.binary, unsigned(i)});
  // PTX of the last of NVIDIA's targets serves devices that are newer than all.
  for (unsigned i = codes.size(); i-- > 0;)
    if (!codes[i].text.empty()) {
      std::string text = codes[i].text;
      text.push_back('\0');
      std::string version = StringRef(codes[i].target.name).drop_front(3).str();
      images.push_back({"ptx_" + version, std::move(text), i});
      break;
    }
  std::vector<std::string> functions, data, targets;
  for (const Image &image : images) {
    const DeviceCode &code = codes[image.variant];
    std::vector<std::string> names;
    for (const DeviceFunction &function : code.functions)
      names.push_back(text(function.name));
    auto type = LLVM::LLVMArrayType::get(functionType, names.size());
    functions.push_back(global(nextName(), type, /*isConstant=*/true, [&] {
      SmallVector<Value> elements;
      for (auto [name, function] : llvm::zip(names, code.functions))
        elements.push_back(aggregate(
            functionType, {addressOf(name), number(i32, function.sharedBytes),
                           number(i32, function.cluster)}));
      return aggregate(type, elements);
    }));
    data.push_back(bytes(image.data));
    targets.push_back(text(image.target));
  }
  auto imagesType = LLVM::LLVMArrayType::get(imageType, images.size());
  std::string table = global(nextName(), imagesType, /*isConstant=*/true, [&] {
    SmallVector<Value> elements;
    for (size_t i = 0; i < images.size(); ++i)
      elements.push_back(aggregate(
          imageType,
          {addressOf(targets[i]), addressOf(data[i]), addressOf(functions[i]),
           number(i32, codes[images[i].variant].functions.size())}));
    return aggregate(imagesType, elements);
  });
  std::string name = text(entry);
  auto kernelType = structure({pointer, pointer, i32, pointer});
  global(kernelSymbol(entry), kernelType, /*isConstant=*/false, [&] {
    Value none = LLVM::ZeroOp::create(b, pointer);
    return aggregate(kernelType, {addressOf(name), addressOf(table),
                                  number(i32, images.size()), none});
  });
  auto variantsType = LLVM::LLVMArrayType::get(i32, images.size());
  global(variantsSymbol(entry), variantsType, /*isConstant=*/true, [&] {
    SmallVector<Value> elements;
    for (const Image &image : images)
      elements.push_back(number(i32, image.variant));
    return aggregate(variantsType, elements);
  });
}

void DataBuilder::addVulkan(const DeviceCode &code) {
  Type i32 = b.getI32Type(), i64 = b.getI64Type();
  std::string words = bytes(code.binary);
  auto type = structure({pointer, i64, i32});
  global(programSymbol(entry), type, /*isConstant=*/true, [&] {
    return aggregate(type, {addressOf(words), number(i64, code.binary.size()),
                            number(i32, 0)});
  });
}

void softmax::embedCode(ModuleOp module, Launcher launcher, StringRef entry,
                        ArrayRef<DeviceCode> codes) {
  DataBuilder builder(module, entry);
  if (launcher == Launcher::Driver)
    builder.addDriver(codes);
  else
    builder.addVulkan(codes.front());
}
