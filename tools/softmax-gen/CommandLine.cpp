// The command line of softmax-gen.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "tools/softmax-gen/CommandLine.h"

#include "codegen/Names.h"
#include "codegen/Request.h"

#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir::softmax;
using llvm::createStringError;
using llvm::StringRef;

namespace {

struct OutputOption {
  llvm::StringLiteral name, value, help;
  bool available = true;
};

constexpr OutputOption kOutputOptions[] = {
    {"name", "NAME", "C identifier of the kernel; default from op and shape"},
    {"target-cpu", "CPU,..", "host (default), x86-64, x86-64-v3, x86-64-v4, "
                             "aarch64, aarch64+sve, riscv64+v, wasm32; several "
                             "make one kernel with run-time dispatch"},
    {"target-gpu", "GPU,..", "sm_80, sm_90, sm_100, gfx90a, gfx942, spirv; adds "
                             "NAME_gpu, and NAME_vulkan for spirv"},
    {"threads", "none|openmp|hook", "who runs the tasks; default none"},
    {"emit", "KIND,..", "h, a, o, so, s, ll, mlir, manifest, ptx, cubin, hsaco, "
                        "spv; default h,a,manifest"},
    {"schedule", "FILE", "use this #softmax.cpu_schedule or gpu_schedule"},
    {"save-temps", "DIR", "keep the IR after every stage"},
    {"verify", "", "check the kernel after emitting it"},
    {"bench", "", "measure the kernel after emitting it"},
    {"json", "", "print what was done as JSON"},
    {"quiet", "", "print nothing but errors"},
    {"help", "", "this text"},
    {"version", "", "versions of tool and LLVM"},
    {"backend", "mlir|halide", "", false},
    {"budget", "TIME", "", false},
};

/// The elements of `--key=list`.
llvm::Error split(StringRef key, StringRef list,
                  std::vector<std::string> &into) {
  llvm::SmallVector<StringRef> parts;
  list.split(parts, ',');
  if (llvm::is_contained(parts, ""))
    return createStringError("option --" + key + "='" + list +
                             "' has an empty element; write one comma between "
                             "two elements and none at the ends");
  into.assign(parts.begin(), parts.end());
  return llvm::Error::success();
}

llvm::Error unknownOption(StringRef key) {
  llvm::SmallVector<StringRef> known;
  for (const OptionInfo &option : getOperationOptions())
    known.push_back(option.name);
  for (const OutputOption &option : kOutputOptions)
    if (option.available)
      known.push_back(option.name);
  return createStringError("unknown option '--" + key + "'" +
                           suggest(key, known, "--") +
                           "; 'softmax-gen --help' lists the options");
}

/// A word as a shell would need it.
std::string quote(StringRef word) {
  bool plain = !word.empty() && llvm::all_of(word, [](char c) {
    return llvm::isAlnum(c) || StringRef("-_=./,+:").contains(c);
  });
  return plain ? word.str() : "'" + word.str() + "'";
}

} // namespace

llvm::Expected<CommandLine> CommandLine::parse(int argc, char **argv) {
  CommandLine line;
  line.text = "softmax-gen";
  // Of two values one would be forgotten without a word.
  llvm::StringSet<> seen;
  auto repeats = [&](StringRef option) -> llvm::Error {
    if (seen.insert(option).second)
      return llvm::Error::success();
    return createStringError("option " + option +
                             " is given twice; give it once");
  };
  for (int i = 1; i < argc; ++i) {
    StringRef word = argv[i];
    line.text += " " + quote(word);
    if (word == "-o") {
      if (llvm::Error error = repeats(word))
        return error;
      if (++i == argc || !*argv[i])
        return createStringError("option -o needs a directory; write -o DIR");
      if (*argv[i] == '-')
        return createStringError("option -o needs a directory, got the option "
                                 "'" + StringRef(argv[i]) + "'; write -o DIR");
      line.directory = argv[i];
      line.text += " " + quote(argv[i]);
      continue;
    }
    if (word == "-h")
      word = "--help";
    if (!word.starts_with("--")) {
      if (word.starts_with("-") && word.size() > 1)
        return createStringError("unknown option '" + word +
                                 "'; 'softmax-gen --help' lists the options");
      if (line.command.empty())
        line.command = word.str();
      else
        line.positionals.push_back(word.str());
      continue;
    }
    auto [key, value] = word.drop_front(2).split('=');
    if (llvm::Error error = repeats(word.take_front(key.size() + 2)))
      return error;
    const OutputOption *option = llvm::find_if(
        kOutputOptions,
        [key = key](const OutputOption &known) { return known.name == key; });
    if (option == std::end(kOutputOptions)) {
      if (llvm::none_of(getOperationOptions(),
                        [key = key](const OptionInfo &known) {
                          return known.name == key;
                        }))
        return unknownOption(key);
      line.operation.emplace_back(key.str(), value.str());
      if (key == "accuracy")
        line.accuracy = value.str();
      continue;
    }
    if (!option->available)
      return createStringError("option --" + key +
                               " is not available in this version; "
                               "'softmax-gen list' shows what is");
    if (option->value.empty() && word.contains('='))
      return createStringError("option --" + key +
                               " takes no value; write --" + key);
    if (!option->value.empty() && value.empty())
      return createStringError("option --" + key +
                               " needs a value; write --" + key + "=" +
                               option->value);
    if (key == "name")
      line.name = value.str();
    else if (key == "target-cpu" || key == "target-gpu" || key == "emit") {
      std::vector<std::string> &list = key == "emit"         ? line.kinds
                                       : key == "target-cpu" ? line.targets
                                                             : line.gpuTargets;
      if (llvm::Error error = split(key, value, list))
        return error;
    } else if (key == "schedule")
      line.schedule = value.str();
    else if (key == "save-temps")
      line.saveTemps = value.str();
    else if (key == "threads")
      line.threads = value.str();
    else if (key == "verify")
      line.verify = true;
    else if (key == "bench")
      line.bench = true;
    else if (key == "json")
      line.json = true;
    else if (key == "quiet")
      line.quiet = true;
    else if (key == "help")
      line.help = true;
    else
      line.version = true;
  }
  return line;
}

std::string mlir::softmax::helpText() {
  std::string text;
  llvm::raw_string_ostream os(text);
  os << R"(softmax-gen: from an operator and a shape to a kernel with a C header

  softmax-gen OP SHAPE [options] -o DIR        one kernel from a shape
  softmax-gen from FILE.mlir [options] -o DIR  every public function of an IR file
  softmax-gen verify DIR | bench DIR | explain DIR
  softmax-gen list | doctor

SHAPE is written like an MLIR tensor: 4096x32000xf32, ?x128256xbf16.

Operators:
)";
  for (const OperatorInfo &op : getOperators())
    os << "  " << llvm::left_justify(op.name, 25) << op.formula << "\n";
  os << "\nOptions of the operation:\n";
  auto describe = [&](StringRef name, StringRef value, StringRef help) {
    std::string left = "--" + name.str();
    if (!value.empty())
      left += "=" + value.str();
    os << "  " << llvm::left_justify(left, 31) << " " << help << "\n";
  };
  for (const OptionInfo &option : getOperationOptions())
    describe(option.name, option.value, option.help);
  os << "\nOptions of the output:\n";
  for (const OutputOption &option : kOutputOptions)
    if (option.available)
      describe(option.name, option.value, option.help);
  os << R"(
Exit codes: 0 done, 1 wrong request, 2 verification failed, 3 internal error,
4 an outside tool is missing.
)";
  return text;
}
