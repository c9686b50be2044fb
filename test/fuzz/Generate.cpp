// Modules from the grammar of our dialects, some of them wrong on purpose.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "test/fuzz/Fuzz.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir::softmax;
using namespace mlir::softmax::fuzz;
using llvm::StringRef;

namespace {

using Shape = std::vector<std::string>;

/// One function around one operator. The operands fit; then one thing or
/// another is spoilt with a probability of one half.
class Generator {
public:
  explicit Generator(Random &random) : random(random) {
    memrefs = random.oneIn(3);
    spoil = random.oneIn(2);
  }

  std::string run();

private:
  bool chance(unsigned n) { return spoil && random.oneIn(n); }
  std::string extent();
  Shape shape();
  std::string typeOf(const Shape &shape, StringRef element);
  std::string elementType();
  std::string real();
  void operand(const std::string &type) { operands.push_back(type); }
  void result(const std::string &type) {
    operands.push_back(type);
    if (StringRef(type).starts_with("tensor"))
      results.push_back(type);
  }
  void attribute(StringRef name, const std::string &value) {
    attributes.push_back((name + " = " + value).str());
  }
  void addTransform();
  void addUnary();
  void addGradient();
  void addLoss();
  void addUpdate();
  void segments(std::vector<int> sizes);
  Shape withoutAxis();
  std::string accumulator() { return element == "f64" ? "f64" : "f32"; }

  Random &random;
  bool memrefs, spoil;
  std::string name, element;
  Shape data;
  int64_t axis;
  std::vector<std::string> operands, results, attributes;
};

} // namespace

std::string Generator::extent() {
  static constexpr llvm::StringLiteral kUsual[] = {"1", "2", "3", "4", "5",
                                                   "8", "17", "?", "?", "0"};
  static constexpr llvm::StringLiteral kHostile[] = {
      "65536", "2147483647", "2147483648", "4294967296",
      "1152921504606846976", "4611686018427387904", "9223372036854775807"};
  return (chance(6) ? random.pick(kHostile) : random.pick(kUsual)).str();
}

Shape Generator::shape() {
  size_t rank = random.below(chance(8) ? 12 : 5);
  Shape made;
  for (size_t i = 0; i < std::max<size_t>(rank, spoil ? 0 : 1); ++i)
    made.push_back(extent());
  return made;
}

std::string Generator::elementType() {
  static constexpr llvm::StringLiteral kUsual[] = {"f32", "f32", "f64", "f16",
                                                   "bf16"};
  static constexpr llvm::StringLiteral kOther[] = {
      "i1",  "i4",  "i8",   "i32", "i64", "ui8", "si32", "index",
      "f80", "f128", "tf32", "f8E4M3FN", "complex<f32>", "vector<4xf32>"};
  return (chance(8) ? random.pick(kOther) : random.pick(kUsual)).str();
}

std::string Generator::typeOf(const Shape &given, StringRef type) {
  Shape shape = given;
  if (chance(12) && !shape.empty())
    shape[random.below(shape.size())] = extent();
  if (chance(16))
    shape.push_back(extent());
  std::string inner = shape.empty() ? "" : llvm::join(shape, "x") + "x";
  inner += chance(16) ? elementType() : type.str();
  bool memref = chance(16) ? !memrefs : memrefs;
  if (chance(24))
    return "tensor<*x" + type.str() + ">";
  if (!memref)
    return "tensor<" + inner + (chance(24) ? ", \"encoding\">" : ">");
  switch (random.below(8)) {
  case 0: {
    Shape strides;
    for (size_t i = 0; i < shape.size(); ++i)
      strides.push_back(spoil ? extent() : "?");
    return "memref<" + inner + ", strided<[" + llvm::join(strides, ", ") +
           "], offset: " + (random.oneIn(2) ? "?" : "3") + ">>";
  }
  case 1:
    if (shape.size() == 2)
      return "memref<" + inner + ", affine_map<(d0, d1) -> (d1, d0)>>";
    [[fallthrough]];
  default:
    return "memref<" + inner + (chance(16) ? ", 3>" : ">");
  }
}

std::string Generator::real() {
  static constexpr llvm::StringLiteral kUsual[] = {"1.0", "0.5", "30.0", "2.0"};
  static constexpr llvm::StringLiteral kHostile[] = {
      "0.0", "-0.0", "-1.0", "1.0e308", "5.0e-324", "0x7FF8000000000000",
      "0x7FF0000000000000", "0xFFF0000000000000"};
  return ((chance(3) ? random.pick(kHostile) : random.pick(kUsual)) + " : f64")
      .str();
}

Shape Generator::withoutAxis() {
  Shape rows = data;
  if (axis >= 0 && axis < static_cast<int64_t>(rows.size()))
    rows.erase(rows.begin() + axis);
  return rows;
}

void Generator::segments(std::vector<int> sizes) {
  std::string text = "array<i32: ";
  for (auto [i, size] : llvm::enumerate(sizes))
    text += (i ? ", " : "") +
            std::to_string(chance(24) ? int(random.below(4)) - 1 : size);
  attribute("operandSegmentSizes", text + ">");
}

void Generator::addTransform() {
  if (random.oneIn(3))
    attribute("scale", real());
  if (random.oneIn(4) && !StringRef(name).contains("softmax_grad"))
    attribute("softcap", real());
}

void Generator::addUnary() {
  operand(typeOf(data, element));
  if (random.oneIn(4))
    operand(typeOf(data, random.oneIn(2) ? "i8" : element));
  else if (random.oneIn(4))
    attributes.push_back("causal");
  if (name == "logsumexp")
    result(typeOf(withoutAxis(), accumulator()));
  else
    result(typeOf(data, random.oneIn(3) ? elementType() : element));
  addTransform();
}

void Generator::addGradient() {
  bool hasInput = random.oneIn(3), hasMask = random.oneIn(4);
  operand(typeOf(data, element));
  operand(typeOf(data, element));
  if (hasInput) {
    operand(typeOf(data, element));
    attribute("softcap", real());
  }
  if (hasMask)
    operand(typeOf(data, random.oneIn(2) ? "i8" : element));
  result(typeOf(data, element));
  segments({1, 1, hasInput, hasMask, 1});
  addTransform();
}

void Generator::addLoss() {
  static constexpr llvm::StringLiteral kLabels[] = {"i64", "i32", "i8"};
  unsigned reduction = random.below(3); // none, mean, sum
  bool probabilities = random.oneIn(4);
  bool hasWeight = random.oneIn(3), hasLse = random.oneIn(3),
       hasUpstream = random.oneIn(2);
  std::string loss =
      typeOf(reduction == 0 ? withoutAxis() : Shape(), accumulator());
  Shape classes;
  if (axis >= 0 && axis < static_cast<int64_t>(data.size()))
    classes.push_back(data[axis]);
  attribute("reduction", (chance(12) ? 7 : reduction) == 7
                             ? "7 : i32"
                             : "#softmax<reduction " +
                                   std::string(reduction == 0   ? "none"
                                               : reduction == 1 ? "mean"
                                                                : "sum") +
                                   ">");
  attributes.back() = "reduction = " + std::to_string(reduction) + " : i32";
  bool grad = name == "cross_entropy_grad", both = name == "cross_entropy_with_grad";
  if (grad)
    operand(loss);
  operand(typeOf(data, element));
  operand(probabilities ? typeOf(data, element)
                        : typeOf(withoutAxis(), random.pick(kLabels)));
  if (hasWeight)
    operand(typeOf(classes, accumulator()));
  if (grad && hasLse)
    operand(typeOf(withoutAxis(), accumulator()));
  if (both && hasUpstream)
    operand(loss);
  if (!grad)
    result(loss);
  if (!grad && hasLse)
    result(typeOf(withoutAxis(), accumulator()));
  if (grad || both)
    result(typeOf(data, element));
  if (grad)
    segments({1, 1, 1, hasWeight, hasLse, 1});
  else if (both)
    segments({1, 1, hasWeight, hasUpstream, 1, hasLse, 1});
  else
    segments({1, 1, hasWeight, 1, hasLse});
  if (random.oneIn(3))
    attribute("label_smoothing", chance(3) ? real() : "0.1 : f64");
  if (random.oneIn(3))
    attribute("z_loss", real());
  if (!probabilities && random.oneIn(3))
    attribute("ignore_index", chance(2) ? "-9223372036854775808 : i64" : "3 : i64");
  addTransform();
}

void Generator::addUpdate() {
  operand(typeOf(data, element));
  operand(accumulator());
  result(typeOf(data, element));
}

std::string Generator::run() {
  static constexpr llvm::StringLiteral kNames[] = {
      "softmax", "log_softmax", "logsumexp", "softmax_grad",
      "log_softmax_grad", "cross_entropy", "cross_entropy_grad",
      "cross_entropy_with_grad", "sgd"};
  name = random.pick(kNames).str();
  element = elementType();
  data = shape();
  int64_t rank = data.size();
  axis = rank ? random.below(rank) : 0;
  if (name != "sgd") {
    int64_t written = random.oneIn(4) ? axis - rank : axis;
    if (chance(12))
      written = random.oneIn(2) ? rank : INT64_MIN;
    attribute("axis", std::to_string(written) + " : i64");
  }
  if (name == "sgd")
    addUpdate();
  else if (StringRef(name).starts_with("cross"))
    addLoss();
  else if (StringRef(name).ends_with("_grad"))
    addGradient();
  else
    addUnary();

  std::string arguments, values, signature = llvm::join(operands, ", ");
  for (auto [i, type] : llvm::enumerate(operands)) {
    std::string value = "%a" + std::to_string(i);
    arguments += (i ? ", " : "") + value + ": " + type;
    values += (i ? ", " : "") + value;
  }
  if (chance(16) && !operands.empty())
    values += ", %a0";
  std::string types = llvm::join(results, ", "), returned;
  for (size_t i = 0; i < results.size(); ++i)
    returned += (i ? ", %r#" : "%r#") + std::to_string(i);
  std::string text = "func.func @f(" + arguments + ") -> (" + types + ") {\n  ";
  if (!results.empty())
    text += "%r:" + std::to_string(results.size()) + " = ";
  text += "\"softmax." + name + "\"(" + values + ") <{" +
          llvm::join(attributes, ", ") + "}> : (" + signature + ") -> (" +
          types + ")\n  return";
  if (!results.empty())
    text += " " + returned + " : " + types;
  return text + "\n}\n";
}

std::string fuzz::generateModule(Random &random) {
  return Generator(random).run();
}
