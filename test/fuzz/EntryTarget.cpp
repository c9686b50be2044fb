// The C entry points of kernels and of the runtime library, called with
// arguments that no one should pass.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "codegen/Emit.h"
#include "runtime/smx.h"
#include "test/fuzz/Fuzz.h"
#include "test/fuzz/LoadKernel.h"
#include "verify/GuardedBuffer.h"
#include "verify/Kernel.h"

#include "llvm/ADT/SmallString.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"

#include <cstring>

using namespace mlir;
using namespace mlir::softmax;
using namespace mlir::softmax::fuzz;
using verify::GuardedBuffer;
using verify::Placement;

namespace {

constexpr const char *kRequests[] = {
    "softmax ?x?xf32",
    "softmax ?x?x?xf16 --axis=1 --in-place",
    "softmax ?x?xf32 --strided",
    "softmax ?x?xf32 --mask=boolean",
    "log-softmax ?xbf16",
    "logsumexp ?x?xf32 --threads=hook",
    "softmax-grad ?x3xf64 --strided --threads=hook",
    "cross-entropy ?x?xf32 --lse --weight",
    "cross-entropy ?x?xf32 --target=probabilities --label-smoothing=0.1",
    ("cross-entropy-with-grad ?x7xbf16 --target-type=u8 --reduction=none "
     "--threads=hook --in-place"),
    "sgd ?x?xf64"};

constexpr size_t kBufferBytes = 4096;
constexpr size_t kBuffers = 8;

struct Loaded {
  KernelInfo info;
  verify::Kernel kernel;
  bool strided, inPlace;
};

/// A tensor argument of one call.
struct TensorArgument {
  const Parameter *parameter;
  size_t number; ///< among the C arguments
  std::vector<int64_t> extents, strides;
  __int128 elements = 1;
  bool isWritten;
  size_t buffer = 0; ///< whose memory it has
  char *pointer = nullptr;
  int64_t size; ///< of an element
  __int128 bytes() const { return elements * size; }
};

int32_t runSerially(void *, int64_t tasks,
                    void (*body)(void *, int64_t, int64_t), void *closure) {
  for (int64_t i = 0; i < tasks; ++i)
    body(closure, i, i + 1);
  return 0;
}
int32_t runBackwards(void *, int64_t tasks,
                     void (*body)(void *, int64_t, int64_t), void *closure) {
  body(closure, tasks, tasks);
  for (int64_t i = tasks; i-- > 0;)
    body(closure, i, i + 1);
  return 0;
}
int32_t refuse(void *, int64_t, void (*)(void *, int64_t, int64_t), void *) {
  return -7;
}

class EntryTarget : public Target {
public:
  EntryTarget() {
    for (const char *request : kRequests)
      load(request);
    for (size_t i = 0; i < kBuffers; ++i)
      buffers.emplace_back(kBufferBytes,
                           i % 2 ? Placement::Start : Placement::End, 0);
  }

  void run(StringRef input) override {
    Decisions decide(input);
    for (int i = 0; i < 8 && !decide.done(); ++i) {
      if (decide.oneIn(6))
        callRuntime(decide);
      else
        callKernel(kernels[decide.below(kernels.size())], decide);
    }
  }

  std::string mutate(StringRef input, StringRef other,
                     Random &random) override {
    return mutateDecisions(input, other, random, 108);
  }

private:
  void load(StringRef request);
  void callKernel(const Loaded &loaded, Decisions &decide);
  void callRuntime(Decisions &decide);
  int64_t chooseExtent(Decisions &decide);
  void place(TensorArgument &tensor, bool strided, Decisions &decide);
  void fillLabels(TensorArgument &tensor, Decisions &decide, bool &wrong);

  std::vector<Loaded> kernels;
  std::vector<GuardedBuffer> buffers;
};

} // namespace

void EntryTarget::load(StringRef text) {
  auto check = [&](llvm::Error error) {
    if (error)
      finding(text + ": " + llvm::toString(std::move(error)));
  };
  SmallVector<StringRef> words;
  text.split(words, ' ');
  auto request = createRequest(words[0], words[1]);
  check(request.takeError());
  EmitOptions options;
  options.kinds = {"o"};
  for (StringRef word : llvm::drop_begin(words, 2)) {
    auto [key, value] = word.drop_front(2).split('=');
    if (key == "threads")
      options.compile.threads = *symbolizeThreads(value);
    else
      check(request->set(key, value));
  }
  check(request->check());
  DialectRegistry registry;
  registerCompilerDialects(registry);
  MLIRContext context(registry, MLIRContext::Threading::DISABLED);
  context.loadAllAvailableDialects();
  llvm::SmallString<128> directory;
  if (llvm::sys::fs::createUniqueDirectory("fuzz-entry", directory))
    finding("cannot create a directory");
  options.directory = directory.str().str();
  check(resolve(options, &context));
  auto emitted = emitKernel(&context, *request, "kernel", options);
  check(emitted.takeError());

  auto kernel = loadKernel(emitted->info, options.directory);
  check(kernel.takeError());
  (void)llvm::sys::fs::remove_directories(directory);
  kernels.push_back({std::move(emitted->info), std::move(*kernel),
                     request->strided, request->inPlace});
}

int64_t EntryTarget::chooseExtent(Decisions &decide) {
  static constexpr int64_t kHostile[] = {
      -1, INT64_MIN, INT64_MAX, int64_t(1) << 31, int64_t(1) << 32,
      int64_t(1) << 60, int64_t(1) << 61, int64_t(1) << 62, -4294967295};
  return decide.oneIn(12) ? kHostile[decide.below(std::size(kHostile))]
                          : decide.below(10);
}

/// Strides, and where in its buffer the tensor lies.
void EntryTarget::place(TensorArgument &tensor, bool strided,
                        Decisions &decide) {
  size_t rank = tensor.extents.size();
  int64_t stride = 1 + (strided ? decide.below(3) : 0);
  int64_t lowest = 0, highest = 0;
  tensor.strides.assign(rank, 0);
  for (size_t dim = rank; dim-- > 0;) {
    int64_t extent = tensor.extents[dim];
    bool reversed = strided && decide.oneIn(4);
    tensor.strides[dim] = reversed ? -stride : stride;
    if (tensor.elements > 0) {
      (reversed ? lowest : highest) += tensor.strides[dim] * (extent - 1);
      stride *= extent;
    }
    // The stride of a single element may be anything.
    if (strided && extent <= 1 && decide.oneIn(3)) {
      static constexpr int64_t kAny[] = {0, INT64_MAX, INT64_MIN, -1};
      tensor.strides[dim] = kAny[decide.below(std::size(kAny))];
    }
  }
  GuardedBuffer &buffer = buffers[tensor.buffer];
  int64_t span = (highest - lowest + 1) * tensor.size;
  char *start = buffer.data();
  if (tensor.buffer % 2 == 0) // flush against the page behind
    start += buffer.size() - std::min<int64_t>(span, buffer.size());
  tensor.pointer = start - lowest * tensor.size;
}

void EntryTarget::fillLabels(TensorArgument &tensor, Decisions &decide,
                             bool &wrong) {
  // `wrong` comes in as the wish and goes out as the truth.
  int64_t count = tensor.elements, bad = count ? decide.below(count) : 0;
  wrong &= count > 0;
  for (int64_t i = 0; i < count; ++i) {
    int64_t label = 0;
    if (wrong && i == bad) {
      static constexpr int64_t kBad[] = {-1, -101, INT64_MAX, INT64_MIN, 4096,
                                         int64_t(1) << 32};
      label = tensor.size == 1 ? 200 : kBad[decide.below(std::size(kBad))];
    } else if (decide.oneIn(4) && tensor.size == 8) {
      label = -100; // ignored
    }
    std::memcpy(tensor.pointer + i * tensor.size, &label, tensor.size);
  }
}

void EntryTarget::callKernel(const Loaded &loaded, Decisions &decide) {
  const std::vector<Parameter> &parameters = loaded.info.parameters;
  llvm::StringMap<int64_t> extents;
  std::vector<verify::CallArgument> arguments(parameters.size());
  bool allowed[SMX_E_INTERNAL + 1] = {}, required = false;
  auto expect = [&](int status, bool must) {
    allowed[status] = true;
    required |= must;
  };
  for (auto [i, parameter] : llvm::enumerate(parameters)) {
    arguments[i].integer = 0;
    if (parameter.role == "extent") {
      int64_t extent = chooseExtent(decide);
      extents[parameter.name] = arguments[i].integer = extent;
      if (extent < 0)
        expect(SMX_E_EXTENT, true);
    } else if (parameter.name == "rate") {
      arguments[i].real = 0.5;
    }
  }

  // Where the tensors lie, and what is wrong with them.
  std::vector<TensorArgument> tensors;
  bool fits = true, slow = false, many = false;
  for (auto [i, parameter] : llvm::enumerate(parameters)) {
    if (!parameter.isTensor)
      continue;
    TensorArgument tensor;
    tensor.parameter = &parameter;
    tensor.number = i;
    tensor.isWritten = parameter.role != "input";
    tensor.buffer = tensors.size();
    tensor.size = verify::getByteSize(*verify::parseElementType(parameter.type));
    // A product that overflows only without its zeros may be refused.
    long double nonzero = tensor.size;
    for (const std::string &name : parameter.shape) {
      int64_t extent;
      if (StringRef(name).getAsInteger(10, extent))
        extent = extents.lookup(name);
      tensor.extents.push_back(extent);
      nonzero *= std::max<int64_t>(extent, 1);
    }
    bool empty = llvm::is_contained(tensor.extents, 0);
    bool huge = nonzero >= 9.2e18L;
    if (huge)
      expect(SMX_E_EXTENT, !empty);
    if (empty || huge || required)
      tensor.elements = 0;
    else
      for (int64_t extent : tensor.extents)
        tensor.elements *= extent;
    fits &= tensor.bytes() * 4 <= static_cast<__int128>(kBufferBytes);
    // The sum over 2^60 rows of no columns is lawful, and takes its time.
    slow |= tensor.isWritten && tensor.extents.empty();
    many |= llvm::any_of(tensor.extents, [](int64_t n) { return n > 4096; });
    tensors.push_back(tensor);
  }
  if ((!fits || (slow && many)) && !required)
    return; // lawful, and more than there is
  for (TensorArgument &tensor : tensors) {
    if (!fits || required)
      tensor.elements = 0;
    place(tensor, loaded.strided, decide);
  }
  bool mayAlias = loaded.inPlace;
  for (TensorArgument &tensor : tensors) {
    if (required)
      break;
    if (decide.oneIn(16)) {
      tensor.pointer = nullptr;
      if (tensor.elements > 0)
        expect(SMX_E_NULL, true);
    } else if (tensor.isWritten && tensor.elements > 0 && decide.oneIn(10)) {
      if (loaded.strided) {
        size_t dim = decide.below(tensor.extents.size());
        if (tensor.extents[dim] > 1) {
          tensor.strides[dim] = 0;
          expect(SMX_E_STRIDE, true);
        }
      } else {
        // The buffer of another tensor, or an element further.
        const TensorArgument &other = tensors[decide.below(tensors.size())];
        if (other.number == tensor.number || other.elements == 0 ||
            !other.pointer)
          continue;
        int64_t shift = decide.below(2) * tensor.size;
        tensor.pointer = other.pointer + shift;
        bool lawful = mayAlias && shift == 0 &&
                      other.extents == tensor.extents &&
                      other.parameter->type == tensor.parameter->type;
        bool inside = shift < other.bytes();
        if (lawful || !inside)
          return; // right, but not for this harness to predict
        expect(SMX_E_ALIAS, true);
      }
    }
  }
  smx_parallel_for hook = {runSerially, nullptr};
  bool refuses = false;
  for (auto [i, parameter] : llvm::enumerate(parameters)) {
    if (parameter.role != "hook")
      continue;
    unsigned choice = decide.below(8);
    arguments[i].pointer = &hook;
    if (choice == 0) {
      arguments[i].pointer = nullptr;
      expect(SMX_E_HOOK, true);
    } else if (choice == 1) {
      hook.run = nullptr;
      expect(SMX_E_HOOK, true);
    } else if (choice == 2) {
      hook.run = refuse;
      refuses = true;
    } else if (choice == 3) {
      hook.run = runBackwards;
    } else if (choice == 4) {
      arguments[i].pointer = const_cast<smx_parallel_for *>(smx_openmp());
    }
  }
  bool refused = required; // before anything is read

  for (GuardedBuffer &buffer : buffers)
    buffer.poison();
  for (TensorArgument &tensor : tensors) {
    if (tensor.isWritten || tensor.elements == 0 || refused || !tensor.pointer)
      continue;
    if (tensor.parameter->name == "target" &&
        tensor.parameter->type[0] != 'f' && tensor.parameter->type[0] != 'b') {
      bool wrong = decide.oneIn(4);
      const TensorArgument &logits = *llvm::find_if(
          tensors, [](auto &t) { return t.parameter->name == "logits"; });
      bool noClasses = logits.extents.back() == 0;
      fillLabels(tensor, decide, wrong);
      if (noClasses)
        expect(SMX_E_TARGET, false), allowed[SMX_OK] = true;
      else if (wrong)
        expect(SMX_E_TARGET, true);
    } else {
      // Any bits are numbers of some kind.
      for (char *p = buffers[tensor.buffer].data(),
                *end = p + kBufferBytes; p < end; p += 8)
        *p = static_cast<char>(decide.below(256));
    }
  }
  for (TensorArgument &tensor : tensors)
    arguments[tensor.number].pointer = tensor.pointer;
  for (auto [i, parameter] : llvm::enumerate(parameters))
    if (parameter.role == "stride")
      for (const TensorArgument &tensor : tensors)
        if (tensor.parameter->name == parameter.of)
          arguments[i].integer = tensor.strides[parameter.axis];
  if (refuses) {
    // Without tasks there may be nothing to refuse.
    allowed[SMX_E_THREAD] = true;
  }
  if (!required)
    allowed[SMX_OK] = true;

  std::vector<std::string> before;
  for (GuardedBuffer &buffer : buffers)
    before.emplace_back(buffer.data(), buffer.size());
  verify::CallResult result = loaded.kernel.call(arguments);

  std::string what = loaded.info.op + " of " + loaded.info.type;
  if (result.signal)
    finding(what + ": signal " + Twine(result.signal));
  if (result.changedEnvironment)
    finding(what + ": the floating-point environment has changed");
  if (result.status < 0 || result.status > SMX_E_INTERNAL ||
      !allowed[result.status])
    finding(what + ": status " + Twine(result.status));
  bool mayWrite = result.status == SMX_OK || result.status == SMX_E_THREAD;
  for (size_t i = 0; i < kBuffers; ++i) {
    // What the results of this call may have written.
    std::vector<bool> writable(kBufferBytes);
    for (const TensorArgument &tensor : tensors) {
      if (tensor.buffer != i || !tensor.isWritten || !mayWrite)
        continue;
      for (int64_t n = 0; n < static_cast<int64_t>(tensor.elements); ++n) {
        int64_t rest = n, offset = tensor.pointer - buffers[i].data();
        for (size_t dim = tensor.extents.size(); dim-- > 0;) {
          offset += rest % tensor.extents[dim] * tensor.strides[dim] * tensor.size;
          rest /= tensor.extents[dim];
        }
        for (int64_t byte = 0; byte < tensor.size; ++byte)
          writable[offset + byte] = true;
      }
    }
    for (size_t byte = 0; byte < kBufferBytes; ++byte)
      if (!writable[byte] && buffers[i].data()[byte] != before[i][byte])
        finding(what + ": byte " + Twine(byte) + " of buffer " + Twine(i) +
                " has been written, status " + Twine(result.status));
  }
}

void EntryTarget::callRuntime(Decisions &decide) {
  static constexpr const char *kTexts[] = {
      nullptr, "", "%s%n%d", "x86-64", "x86-64-v4", "aarch64+sve", "\xff\xfe",
      "a\nb", "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
              "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
              "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
              "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"};
  const char *text = kTexts[decide.below(std::size(kTexts))];
  static constexpr int64_t kNumbers[] = {0, 1, -1, 5, INT64_MIN, INT64_MAX,
                                         INT32_MIN, INT32_MAX, 10, 9};
  int64_t number = kNumbers[decide.below(std::size(kNumbers))];
  int64_t covered = 0;
  auto count = [](void *closure, int64_t begin, int64_t end) {
    if (begin > end)
      finding("a hook's range goes backwards");
    __atomic_fetch_add(static_cast<int64_t *>(closure), end - begin,
                       __ATOMIC_RELAXED);
  };
  switch (decide.below(7)) {
  case 0:
    if (!*smx_status_string(static_cast<int32_t>(number)))
      finding("an empty status text");
    break;
  case 1:
    smx_kernel_failed(text, static_cast<int32_t>(number),
                      kNumbers[decide.below(std::size(kNumbers))]);
    if (std::strlen(smx_last_error()) > 255)
      finding("the last error is too long");
    break;
  case 2:
    smx_clear_error();
    if (*smx_last_error())
      finding("an error that was cleared");
    break;
  case 3:
    if (smx_cpu_supports(text) & ~1)
      finding("smx_cpu_supports is neither 0 nor 1");
    break;
  case 4:
  case 5: {
    const smx_parallel_for *hook =
        decide.below(2) ? smx_openmp() : smx_serial();
    if (hook->run(nullptr, number, count, &covered) != 0 ||
        covered != std::max<int64_t>(number, 0))
      finding("a hook covers " + Twine(covered) + " of " + Twine(number));
    break;
  }
  case 6:
    smx_kernel_end(smx_kernel_begin(), text, number);
    break;
  }
}

std::unique_ptr<Target> fuzz::createEntryTarget() {
  return std::make_unique<EntryTarget>();
}
