// The parameters of a kernel, and its manifest.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "codegen/Kernel.h"

#include "codegen/Names.h"
#include "codegen/Passes.h"
#include "codegen/Version.h"

#include "llvm/ADT/StringSet.h"
#include "llvm/Config/llvm-config.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace mlir::softmax;

static std::string typeName(Type type) {
  if (type.isInteger(8))
    return "u8"; // 8-bit labels are unsigned
  if (type.isIndex())
    return "i64";
  std::string text;
  llvm::raw_string_ostream(text) << type;
  return text;
}

std::vector<Parameter> softmax::readParameters(func::FuncOp kernel,
                                               bool strided, bool hook) {
  std::vector<Parameter> parameters;
  int64_t extents = 0;
  for (unsigned i = 0, e = kernel.getNumArguments(); i < e; ++i) {
    auto text = [&](StringRef attribute, StringRef fallback) {
      auto value = kernel.getArgAttrOfType<StringAttr>(i, attribute);
      return value ? value.str() : fallback.str();
    };
    Parameter parameter;
    parameter.name = text(kArgumentName, "arg" + std::to_string(i));
    parameter.role = text(kRoleName, "input");
    Type type = kernel.getArgument(i).getType();
    auto memref = dyn_cast<MemRefType>(type);
    parameter.isTensor = memref != nullptr;
    parameter.type = typeName(memref ? memref.getElementType() : type);
    if (!memref) {
      parameters.push_back(parameter);
      continue;
    }
    auto ids = kernel.getArgAttrOfType<DenseI64ArrayAttr>(i, kExtentsName);
    for (int64_t dim = 0; dim < memref.getRank(); ++dim) {
      if (!memref.isDynamicDim(dim)) {
        parameter.shape.push_back(std::to_string(memref.getDimSize(dim)));
        continue;
      }
      extents = std::max(extents, ids[dim] + 1);
      parameter.shape.push_back("d" + std::to_string(ids[dim]));
    }
    parameters.push_back(parameter);
    if (strided)
      for (int64_t dim = 0; dim < memref.getRank(); ++dim)
        parameters.push_back(
            {parameter.name + "_stride" + std::to_string(dim), "stride", "i64",
             false, {}, parameter.name, dim});
  }
  for (int64_t i = 0; i < extents; ++i)
    parameters.push_back(
        {"d" + std::to_string(i), "extent", "i64", false, {}, "", -1});
  if (hook)
    parameters.push_back({"parallel_for", "hook", "pointer", false, {}, "", -1});
  return parameters;
}

llvm::Error softmax::checkParameters(const KernelInfo &kernel) {
  llvm::StringSet<> seen;
  for (const Parameter &parameter : kernel.parameters) {
    const std::string &name = parameter.name;
    if (llvm::Error error = checkParameterName(name))
      return error;
    if (name == kernel.name)
      return llvm::createStringError("parameter '" + name +
                                     "' has the name of its function; give it "
                                     "another softmax.name");
    if (!seen.insert(name).second)
      return llvm::createStringError("two parameters have the name '" + name +
                                     "'; give one another softmax.name");
  }
  return llvm::Error::success();
}

static int64_t bytesOf(StringRef type) {
  if (type == "f64" || type == "i64")
    return 8;
  if (type == "f32" || type == "i32")
    return 4;
  return type == "u8" ? 1 : 2;
}

llvm::json::Value softmax::bytesMoved(const KernelInfo &kernel) {
  // Unsigned: next to an extent of 0 the others may be of any size.
  uint64_t known = 0;
  std::string formula;
  for (const Parameter &parameter : kernel.parameters) {
    if (!parameter.isTensor)
      continue;
    // An updated tensor is read and written.
    uint64_t bytes =
        bytesOf(parameter.type) * (parameter.role == "inout" ? 2 : 1);
    std::string names;
    for (const std::string &extent : parameter.shape) {
      uint64_t number;
      if (StringRef(extent).getAsInteger(10, number))
        names += "*" + extent;
      else
        bytes *= number;
    }
    if (names.empty())
      known += bytes;
    else
      formula += (formula.empty() ? "" : " + ") + std::to_string(bytes) + names;
  }
  if (formula.empty())
    return known;
  return known ? formula + " + " + std::to_string(known) : formula;
}

static llvm::json::Array shapeOf(llvm::ArrayRef<std::string> shape) {
  llvm::json::Array array;
  for (const std::string &extent : shape) {
    int64_t number;
    if (StringRef(extent).getAsInteger(10, number))
      array.push_back(extent);
    else
      array.push_back(number);
  }
  return array;
}

std::string softmax::writeManifest(
    const KernelInfo &kernel,
    llvm::ArrayRef<std::pair<std::string, std::string>> files) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  llvm::json::OStream json(stream, 2);
  json.object([&] {
    json.attribute("schema", 1);
    json.attribute("name", kernel.name);
    json.attribute("op", kernel.op);
    json.attribute("command", kernel.command);
    json.attribute("shape", shapeOf(kernel.shape));
    json.attribute("type", kernel.type);
    json.attribute("options", llvm::json::Object(kernel.options));
    json.attributeArray("arguments", [&] {
      for (const Parameter &parameter : kernel.parameters)
        json.object([&] {
          json.attribute("name", parameter.name);
          json.attribute("role", parameter.role);
          json.attribute("type", parameter.type);
          json.attribute("shape", shapeOf(parameter.shape));
          // A scalar by value and a tensor of rank 0 have the same shape.
          json.attribute("by_value", !parameter.isTensor);
          if (!parameter.of.empty()) {
            json.attribute("of", parameter.of);
            json.attribute("axis", parameter.axis);
          }
        });
    });
    json.attributeArray("variants", [&] {
      for (const Variant &variant : kernel.variants)
        json.object([&] {
          json.attribute("target", variant.target);
          json.attribute("cpu", variant.cpu);
          json.attribute("schedule", variant.schedule);
        });
    });
    if (!kernel.devices.empty())
      json.attributeArray("devices", [&] {
        for (const DeviceEntryInfo &device : kernel.devices)
          json.object([&] {
            json.attribute("entry", device.name);
            json.attribute("launcher", device.isVulkan ? "vulkan" : "driver");
            json.attribute("targets", llvm::json::Array(device.targets));
            json.attribute("workspace", device.hasWorkspace);
            json.attribute("workspace_bytes", device.workspaceBytes);
          });
      });
    json.attribute("error_bound", kernel.bound);
    json.attribute("bytes_moved_per_call", bytesMoved(kernel));
    json.attributeObject("files", [&] {
      for (const auto &[kind, file] : files)
        json.attribute(kind, file);
    });
    json.attributeObject("tool", [&] {
      json.attribute("version", kVersion);
      json.attribute("llvm", LLVM_VERSION_STRING);
    });
  });
  return text + "\n";
}
