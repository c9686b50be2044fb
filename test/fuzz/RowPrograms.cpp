// Random row programs with what is known of their results beforehand.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "test/fuzz/RowPrograms.h"
#include "test/fuzz/RowTerms.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir::softmax;
using namespace mlir::softmax::fuzz;
using llvm::Twine;

namespace {

class Generator : TermBuilder {
public:
  using TermBuilder::TermBuilder;
  RowProgram run();

private:
  /// An element region: its rows, and its text between the braces.
  struct Region {
    std::string rows, text;
    std::vector<Term> elements;
  };
  Region makeRegion(llvm::function_ref<std::string(Region &)> yielded);
  void addInputs();
  void addSkip();
  void addReduce();
  void addLogSumExp();
  std::string addMap(ProgramOperand &output, const std::string &until);
  std::string index();
  std::string untilClause();
  std::string typeOf(const ProgramOperand &operand);
  std::string mapOf(const ProgramOperand &operand);
  std::string makeBody();
  std::vector<unsigned> rowDims();

  RowProgram program;
  std::string label; ///< of the current row, an i64; or empty
  std::vector<std::pair<std::string, std::string>> rows; ///< name and type
  std::vector<Term> scalars;                             ///< of the current row
};

} // namespace

Generator::Region
Generator::makeRegion(llvm::function_ref<std::string(Region &)> yielded) {
  Region region;
  std::string before = std::move(body), arguments, types;
  body.clear();
  for (unsigned i = 0, count = 1 + decide.below(2); i < count; ++i) {
    const auto &[row, type] = rows[decide.below(rows.size())];
    std::string name = fresh(), comma = i ? ", " : "";
    region.rows += comma + row;
    types += comma + "!row.elements<" + type + ">";
    arguments += comma + name + ": " + type;
    region.elements.push_back(widen(name, type));
  }
  region.rows += " : " + types;
  if (decide.oneIn(4)) {
    std::string column = define("row.column");
    std::string number =
        define("arith.index_cast " + column + " : index to i64");
    region.elements.push_back(
        {define("arith.sitofp " + number + " : i64 to " + real),
         static_cast<double>(program.extents.back()), 0, 0});
  }
  line("row.yield " + yielded(region));
  region.text = "{\n    ^bb0(" + arguments + "):\n" + body + "    }";
  body = std::move(before);
  return region;
}

std::vector<unsigned> Generator::rowDims() {
  std::vector<unsigned> dims;
  for (unsigned i = 0; i + 1 < program.extents.size(); ++i)
    dims.push_back(i);
  if (dims.size() == 2 && decide.oneIn(3))
    std::swap(dims[0], dims[1]);
  return dims;
}

void Generator::addInputs() {
  static constexpr const char *kTypes[] = {"f32", "f32", "f16", "bf16", "f64"};
  unsigned columns = program.extents.size() - 1;
  for (unsigned i = 0, count = 1 + decide.below(2); i < count; ++i) {
    // Sums are kept in f32, or in f64 when the first input is.
    std::string type = kTypes[decide.below(i && real == "f32" ? 4 : 5)];
    if (i == 0)
      real = type == "f64" ? "f64" : "f32";
    std::vector<unsigned> dims = rowDims();
    dims.push_back(columns);
    program.operands.push_back({type, dims});
  }
  epsilon = real == "f64" ? 0x1p-52 : 0x1p-23;
  if (decide.oneIn(3)) // the same row for all, as class weights are
    program.operands.push_back({real, {columns}});
  if (decide.oneIn(3))
    program.operands.push_back({real, rowDims()});
  if (decide.oneIn(3))
    program.operands.push_back({"i64", rowDims()});
}

/// The entry checks the labels of a program that skips rows by a label.
void Generator::addSkip() {
  program.lowestLabel = 0;
  program.highestLabel = std::max<int64_t>(program.extents.back() - 1, 0);
  std::string chosen = define("arith.constant 0 : i64");
  std::string condition =
      define("arith.cmpi eq, " + label + ", " + chosen + " : i64");
  std::string values, types;
  for (const ProgramOperand &operand : program.operands) {
    if (!operand.isWritten)
      continue;
    std::string comma = values.empty() ? "" : ", ";
    values += comma + define("arith.constant 2.5 : " + operand.type);
    types += comma + operand.type;
  }
  line("row.skip_if " + condition + " values(" + values + " : " + types + ")");
}

/// A column that depends on the row.
std::string Generator::index() {
  if (!label.empty() && decide.oneIn(2))
    return define("arith.index_cast " + label + " : i64 to index");
  return define("row.index " + Twine(decide.below(program.extents.size() - 1)));
}

std::string Generator::untilClause() {
  return decide.oneIn(5) ? " until(" + index() + ")" : "";
}

void Generator::addReduce() {
  bool isMax = decide.oneIn(3);
  double columns = program.extents.back();
  std::string until = untilClause();
  Term result;
  Region region = makeRegion([&](Region &made) {
    Term element = expression(made.elements, scalars);
    auto fold = [&](const Term &term) -> Term {
      if (isMax)
        return term;
      double bound = term.bound * columns, error = 0;
      if (!term.isExact())
        error = columns * term.error + (columns / 2 + 8) * epsilon * bound;
      return {"", bound, term.fraction, error};
    };
    result = fold(element);
    if (!result.fits()) {
      element = made.elements.front();
      result = fold(element);
    }
    return element.name + " : " + real;
  });
  result.name =
      define("row.reduce " + Twine(isMax ? "max" : "add") + "(" + region.rows +
             ")" + until + " " + region.text + " -> " + real);
  scalars.push_back(result);
}

void Generator::addLogSumExp() {
  bool isMonotone = decide.oneIn(4), isWeighted = decide.oneIn(3);
  double columns = program.extents.back(), scale = 1;
  std::string clauses, flags, types = real + ", " + real + ", " + real;
  if (decide.oneIn(3)) {
    scale = 0.5;
    clauses = " scale(" + constant(scale, 1).name + " : " + real + ")";
  }
  clauses += untilClause();
  if (isWeighted && decide.oneIn(2))
    flags = "zero_times_inf";
  if (isMonotone)
    flags += flags.empty() ? "monotone" : ", monotone";
  Term element, weight;
  Region region = makeRegion([&](Region &made) {
    element = made.elements.front();
    weight = made.elements.back();
    if (!isMonotone)
      element = expression(made.elements, scalars);
    else if (decide.oneIn(2))
      element = {define("math.tanh " + element.name + " : " + real), 1, 0,
                 16 * epsilon};
    if (!isWeighted)
      return element.name + " : " + real;
    return element.name + ", " + weight.name + " : " + real + ", " + real;
  });
  std::string name = fresh();
  line(name + (isWeighted ? ":5" : ":3") + " = row.reduce logsumexp" +
       (flags.empty() ? "" : " {" + flags + "}") + "(" + region.rows + ")" +
       clauses + " " + region.text + " -> " + types +
       (isWeighted ? ", " + real + ", " + real : ""));

  Term max = element, mass = weight;
  max.name = name + "#0";
  scalars.push_back(max);
  double error = columns * (2 * scale * element.error + 16 * epsilon) +
                 (columns / 2 + 8) * epsilon * (columns + 1);
  scalars.push_back({name + "#1", columns + 1, 0, error});
  scalars.push_back({name + "#2", columns + 1, 0, error});
  if (!isWeighted)
    return;
  mass.name = name + "#3";
  mass.bound *= columns;
  // Blocks are brought to a common maximum, which moves a gap by its mass.
  Term gap = {name + "#4", 2 * element.bound * mass.bound,
              weight.fraction + element.fraction + 1, 0};
  if (!element.isExact() || !gap.fits())
    gap.error = mass.bound * (element.error + 4 * epsilon * element.bound) +
                (columns + 8) * epsilon * gap.bound;
  for (const Term &term : {mass, gap})
    if (term.fits())
      scalars.push_back(term);
}

std::string Generator::addMap(ProgramOperand &output,
                              const std::string &until) {
  std::string clauses;
  if (decide.oneIn(4)) {
    std::string column = index();
    Term value = expression({constant(1, 0)}, scalars);
    output.error = value.error;
    clauses += " at(" + column + ", " + narrow(value, output.type) + " : " +
               output.type + ")";
  }
  if (!until.empty())
    clauses += " until(" + until + ", " +
               narrow(constant(-1.5, 1), output.type) + " : " + output.type +
               ")";
  Region region = makeRegion([&](Region &made) {
    Term element = expression(made.elements, scalars);
    output.error = std::max(output.error, element.error);
    return narrow(element, output.type) + " : " + output.type;
  });
  return define("row.map(" + region.rows + ")" + clauses + " " + region.text +
                " -> !row.elements<" + output.type + ">");
}

/// The text between the braces of the program.
std::string Generator::makeBody() {
  unsigned columns = program.extents.size() - 1;
  std::string arguments;
  std::vector<std::pair<std::string, std::string>> numbers;
  for (const ProgramOperand &operand : program.operands) {
    if (operand.isWritten)
      continue;
    std::string name = fresh(), type = operand.type;
    if (llvm::is_contained(operand.dims, columns)) {
      rows.emplace_back(name, type);
      type = "!row.elements<" + type + ">";
    } else if (type == "i64") {
      label = name;
    } else {
      numbers.emplace_back(name, type);
    }
    arguments += (arguments.empty() ? "" : ", ") + name + ": " + type;
  }
  for (const auto &[name, type] : numbers)
    scalars.push_back(widen(name, type));
  if (!label.empty() && decide.oneIn(2))
    addSkip();
  for (unsigned i = 0, count = decide.below(4); i < count; ++i) {
    if (decide.oneIn(4)) {
      const auto &[row, type] = rows[decide.below(rows.size())];
      std::string column = index();
      scalars.push_back(widen(define("row.at " + row + "[" + column +
                                     "] : !row.elements<" + type + ">"),
                              type));
    } else if (decide.oneIn(3)) {
      addLogSumExp();
    } else {
      addReduce();
    }
  }

  std::string until = decide.oneIn(5) ? index() : "", values, types;
  for (ProgramOperand &output : program.operands) {
    if (!output.isWritten)
      continue;
    std::string comma = values.empty() ? "" : ", ", type = output.type;
    if (llvm::is_contained(output.dims, columns)) {
      values += comma + addMap(output, until);
      type = "!row.elements<" + type + ">";
    } else {
      Term term = expression({constant(1, 0)}, scalars);
      output.error = term.error;
      if (output.dims.empty()) { // added up over all rows, then rounded
        for (unsigned dim = 0; dim < columns; ++dim)
          output.error *= program.extents[dim];
        if (!term.isExact())
          term = clamp(term, 64);
        type = real;
      }
      values += comma + narrow(term, type);
    }
    types += comma + type;
  }
  line("row.yield " + values + " : " + types);
  return "^bb0(" + arguments + "):\n" + body;
}

std::string Generator::typeOf(const ProgramOperand &operand) {
  std::string type = "tensor<";
  for (unsigned dim : operand.dims)
    type +=
        (program.isDynamic[dim] ? "?" : std::to_string(program.extents[dim])) +
        "x";
  return type + operand.type + ">";
}

std::string Generator::mapOf(const ProgramOperand &operand) {
  std::vector<std::string> from, to;
  for (unsigned dim = 0; dim < program.extents.size(); ++dim)
    from.push_back("d" + std::to_string(dim));
  for (unsigned dim : operand.dims)
    to.push_back("d" + std::to_string(dim));
  return "affine_map<(" + llvm::join(from, ", ") + ") -> (" +
         llvm::join(to, ", ") + ")>";
}

RowProgram Generator::run() {
  unsigned rank = decide.oneIn(3) ? 3 : 2;
  for (unsigned dim = 0; dim < rank; ++dim) {
    int64_t extent = decide.oneIn(16) ? 0 : 1 + decide.below(5);
    if (dim + 1 == rank && extent > 0)
      extent = decide.oneIn(3) ? 1 + decide.below(200) * 4 + decide.below(4)
                               : 1 + decide.below(70);
    program.extents.push_back(extent);
    program.isDynamic.push_back(decide.oneIn(2));
  }
  // Labels outside the row are lawful where nothing is skipped.
  program.lowestLabel = -2;
  program.highestLabel = program.extents.back() + 1;
  addInputs();
  static constexpr const char *kTypes[] = {"f32", "f64", "f16", "bf16"};
  for (unsigned i = 0, count = 1 + decide.below(3); i < count; ++i) {
    ProgramOperand output = {kTypes[decide.below(4)], {}};
    output.isWritten = true;
    unsigned kind = decide.below(5);
    if (kind < 4)
      output.dims = rowDims();
    if (kind < 3)
      output.dims.push_back(rank - 1);
    program.operands.push_back(output);
  }
  std::string text = makeBody();

  // What the function takes and gives, and the destinations of its results.
  std::string maps, parameters, inputs, inputTypes, before, outputs,
      outputTypes;
  for (auto [i, operand] : llvm::enumerate(program.operands)) {
    std::string type = typeOf(operand), name = "%a" + std::to_string(i);
    maps += (i ? ", " : "") + mapOf(operand);
    std::string comma = i ? ", " : "";
    if (!operand.isWritten) {
      parameters += comma + name + ": " + type;
      inputs += comma + name;
      inputTypes += comma + type;
      continue;
    }
    std::string sizes;
    for (unsigned dim : operand.dims) {
      if (!program.isDynamic[dim])
        continue;
      // The first operand has all dimensions.
      const auto &dims = program.operands[0].dims;
      unsigned position = llvm::find(dims, dim) - dims.begin();
      std::string index = fresh(), size = fresh();
      before += "  " + index + " = arith.constant " + std::to_string(position) +
                " : index\n  " + size + " = tensor.dim %a0, " + index + " : " +
                typeOf(program.operands[0]) + "\n";
      sizes += (sizes.empty() ? "" : ", ") + size;
    }
    before += "  " + name + " = tensor.empty(" + sizes + ") : " + type + "\n";
    comma = outputs.empty() ? "" : ", ";
    outputs += comma + name;
    outputTypes += comma + type;
  }
  unsigned count = llvm::count_if(
      program.operands, [](const ProgramOperand &o) { return o.isWritten; });
  std::vector<std::string> results;
  for (unsigned i = 0; i < count; ++i)
    results.push_back("%r#" + std::to_string(i));
  program.text = "func.func @f(" + parameters + ") -> (" + outputTypes +
                 ") {\n" + before + "  %r:" + std::to_string(count) +
                 " = row.program axis(" + std::to_string(rank - 1) +
                 ") maps [" + maps + "] ins(" + inputs + " : " + inputTypes +
                 ") outs(" + outputs + " : " + outputTypes + ") {\n  " + text +
                 "  } -> " + outputTypes + "\n  return " +
                 llvm::join(results, ", ") + " : " + outputTypes + "\n}\n";
  return program;
}

RowProgram fuzz::generateRowProgram(Decisions &decide) {
  return Generator(decide).run();
}
