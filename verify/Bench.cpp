// Interleaved timing of kernels and sweeps.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "verify/Bench.h"

#include "verify/Cases.h"
#include "verify/Kernel.h"
#include "verify/Sweeps.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/STLFunctionalExtras.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <random>
#include <sys/mman.h>

using namespace mlir::softmax::verify;
using llvm::Error;
using llvm::Expected;

namespace {

/// Page-aligned memory that is given back at the end.
class Memory {
public:
  explicit Memory(size_t bytes) : bytes(std::max<size_t>(bytes, 1)) {
    void *mapping = mmap(nullptr, this->bytes, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    start = mapping == MAP_FAILED ? nullptr : static_cast<char *>(mapping);
  }
  ~Memory() {
    if (start)
      munmap(start, bytes);
  }
  Memory(Memory &&other) : start(other.start), bytes(other.bytes) {
    other.start = nullptr;
  }
  char *data() const { return start; }

private:
  char *start;
  size_t bytes;
};

/// The arguments of a kernel for one choice of extents.
class Setup {
public:
  Setup(const Manifest &manifest, const llvm::StringMap<int64_t> &extents,
        uint64_t seed)
      : manifest(manifest), random(seed) {
    shapes.extents = extents;
  }
  Error prepare();
  /// The traffic of the kernel, and nothing else.
  uint64_t read() const;
  void copy() const;

  std::vector<CallArgument> arguments;
  int64_t elements = 1; ///< of the largest tensor
  int64_t bytes = 0;

private:
  struct Entry {
    const Argument *argument;
    int64_t elements;
    size_t bytes;
    Memory memory;
  };
  void fillReal(Entry &entry);
  void fillLabels(Entry &entry);

  const Manifest &manifest;
  Case shapes;
  std::mt19937_64 random;
  std::vector<Entry> entries;
};

/// Uses a value, so that what computes it is not removed.
void keep(uint64_t value) { asm volatile("" : : "r"(value)); }

int32_t runSerially(void *, int64_t tasks,
                    void (*body)(void *, int64_t, int64_t), void *closure) {
  body(closure, 0, tasks);
  return 0;
}

ParallelFor serialHook = {runSerially, nullptr};

} // namespace

void Setup::fillReal(Entry &entry) {
  // A block of random numbers, repeated: drawing them all would take longer
  // than the measurement.
  constexpr int64_t kBlock = (1 << 18) - 5;
  std::normal_distribution<double> normal;
  unsigned size = getByteSize(entry.argument->type);
  int64_t block = std::min(entry.elements, kBlock);
  for (int64_t i = 0; i < block; ++i)
    storeReal(entry.argument->type, entry.memory.data() + i * size,
              normal(random));
  for (int64_t i = block; i < entry.elements; i += block)
    std::memcpy(entry.memory.data() + i * size, entry.memory.data(),
                std::min(block, entry.elements - i) * size);
}

void Setup::fillLabels(Entry &entry) {
  int64_t classes = 1;
  if (!manifest.shape.empty())
    classes = resolve(manifest.shape, shapes)[manifest.axis];
  if (entry.argument->type == ElementType::U8)
    classes = std::min<int64_t>(classes, 256);
  std::uniform_int_distribution<int64_t> label(
      0, std::max<int64_t>(classes - 1, 0));
  unsigned size = getByteSize(entry.argument->type);
  for (int64_t i = 0; i < entry.elements; ++i)
    storeInteger(entry.argument->type, entry.memory.data() + i * size,
                 label(random));
}

Error Setup::prepare() {
  llvm::StringMap<char *> tensors;
  for (const Argument &argument : manifest.arguments) {
    if (!argument.isTensor())
      continue;
    int64_t count = 1;
    for (int64_t extent : resolve(argument.shape, shapes))
      count *= extent;
    size_t size = count * getByteSize(argument.type);
    entries.push_back({&argument, count, size, Memory(size)});
    Entry &entry = entries.back();
    if (!entry.memory.data())
      return llvm::createStringError("no memory for " + argument.name);
    if (argument.role == Role::Output)
      std::memset(entry.memory.data(), 0, size); // the pages are there now
    else if (isFloat(argument.type))
      fillReal(entry);
    else
      fillLabels(entry);
    tensors[argument.name] = entry.memory.data();
    elements = std::max(elements, count);
    bytes += size * (argument.role == Role::InOut ? 2 : 1);
  }
  for (const Argument &argument : manifest.arguments) {
    CallArgument value = {};
    if (argument.isTensor())
      value.pointer = tensors[argument.name];
    else if (argument.role == Role::Extent)
      value.integer = shapes.extents.lookup(argument.name);
    else if (argument.role == Role::Stride)
      value.integer =
          rowMajorStrides(resolve(manifest.find(argument.strideOf)->shape,
                                  shapes))[argument.strideAxis];
    else if (argument.role == Role::Hook)
      value.pointer = &serialHook;
    else if (argument.type == ElementType::F64)
      value.real = 1e-3;
    else
      value.single = 1e-3f;
    arguments.push_back(value);
  }
  return Error::success();
}

uint64_t Setup::read() const {
  uint64_t sum = 0;
  for (const Entry &entry : entries)
    if (entry.argument->role != Role::Output)
      sum ^= sweepRead(entry.memory.data(), entry.bytes);
  return sum;
}

void Setup::copy() const {
  // Each result is streamed from operands of its size; what is left of the
  // operands is read.
  const Entry *source = nullptr;
  for (const Entry &entry : entries)
    if (!entry.argument->isWritten() &&
        (!source || entry.bytes > source->bytes))
      source = &entry;
  uint64_t sum = 0;
  size_t streamed = 0;
  for (const Entry &entry : entries) {
    if (!source || !entry.argument->isWritten())
      continue;
    size_t size = std::min(entry.bytes, source->bytes);
    // A tensor that is updated in place is read and written.
    if (entry.argument->role == Role::InOut)
      sum ^= sweepRead(entry.memory.data(), entry.bytes);
    sweepCopy(entry.memory.data(), source->memory.data(), size);
    streamed = std::max(streamed, size);
  }
  for (const Entry &entry : entries)
    if (!entry.argument->isWritten()) {
      size_t done = &entry == source ? streamed : 0;
      sum ^= sweepRead(entry.memory.data() + done, entry.bytes - done);
    }
  keep(sum);
}

//===----------------------------------------------------------------------===//
// Rounds
//===----------------------------------------------------------------------===//

static double timeOf(llvm::function_ref<void()> action, int64_t repeats) {
  auto begin = std::chrono::steady_clock::now();
  for (int64_t i = 0; i < repeats; ++i)
    action();
  std::chrono::duration<double, std::nano> time =
      std::chrono::steady_clock::now() - begin;
  return time.count() / repeats;
}

static Timing summarise(std::vector<double> &samples) {
  llvm::sort(samples);
  auto quantile = [&](double share) {
    return samples[static_cast<size_t>(share * (samples.size() - 1) + 0.5)];
  };
  return {quantile(0.5), quantile(0.05), quantile(0.95)};
}

/// How many calls make up a sample: long enough for the clock.
static int64_t countRepeats(double nanoseconds) {
  return std::clamp<int64_t>(50000 / std::max(nanoseconds, 1.0), 1, 100000);
}

static llvm::StringMap<int64_t> chooseExtents(const Manifest &manifest,
                                              const BenchOptions &options,
                                              bool tiny) {
  llvm::StringMap<int64_t> extents;
  for (const Argument &argument : manifest.arguments)
    if (argument.role == Role::Extent)
      extents[argument.name] = 1;
  if (tiny)
    return extents;
  if (manifest.shape.empty()) {
    for (auto &entry : extents)
      entry.second = 1024;
  } else {
    // The last row extent takes what the class extent leaves.
    const Extent &classes = manifest.shape[manifest.axis];
    if (!classes.name.empty())
      extents[classes.name] = 4096;
    int64_t known = 1;
    const std::string *last = nullptr;
    for (auto [i, extent] : llvm::enumerate(manifest.shape)) {
      known *= extent.name.empty() ? extent.value : extents[extent.name];
      if (!extent.name.empty() && static_cast<int64_t>(i) != manifest.axis)
        last = &extent.name;
    }
    if (last)
      extents[*last] =
          std::max<int64_t>(options.elements / std::max<int64_t>(known, 1), 1);
  }
  for (const auto &entry : options.extents)
    if (extents.count(entry.first()))
      extents[entry.first()] = entry.second;
  return extents;
}

/// Nanoseconds of a call that has next to nothing to compute.
static Expected<double> timeOverhead(const Manifest &manifest,
                                     const BenchOptions &options,
                                     const Kernel &kernel) {
  Setup setup(manifest, chooseExtents(manifest, options, /*tiny=*/true),
              options.seed);
  if (Error error = setup.prepare())
    return std::move(error);
  if (setup.elements > 4096)
    return 0.0;
  std::vector<double> samples;
  auto call = [&] { (void)kernel.callDirectly(setup.arguments); };
  int64_t repeats = countRepeats(timeOf(call, 100));
  for (int i = 0; i < 31; ++i)
    samples.push_back(timeOf(call, repeats));
  return summarise(samples).median;
}

Expected<BenchResult>
mlir::softmax::verify::benchKernel(const Manifest &manifest,
                                   const BenchOptions &options) {
  BenchResult result;
  result.name = manifest.name;
  result.op = getName(manifest.op).str();
  result.type = manifest.shape.empty() ? "" : getName(manifest.type).str();
  Expected<Kernel> kernel = Kernel::load(manifest);
  if (!kernel)
    return kernel.takeError();
  llvm::StringMap<int64_t> extents =
      chooseExtents(manifest, options, /*tiny=*/false);
  for (const Argument &argument : manifest.arguments)
    if (argument.role == Role::Extent)
      result.extents += (result.extents.empty() ? "" : " ") + argument.name +
                        "=" + std::to_string(extents.lookup(argument.name));
  Setup setup(manifest, extents, options.seed);
  if (Error error = setup.prepare())
    return std::move(error);
  result.elements = setup.elements;
  result.bytes = setup.bytes;
  CallResult first = kernel->call(setup.arguments);
  if (first.signal || first.status) {
    result.skipped =
        first.signal ? std::string(strsignal(first.signal))
                     : "the kernel returned " + std::to_string(first.status);
    return result;
  }

  auto call = [&] { (void)kernel->callDirectly(setup.arguments); };
  auto read = [&] { keep(setup.read()); };
  auto copy = [&] { setup.copy(); };
  llvm::function_ref<void()> actions[] = {call, read, copy};
  std::vector<double> samples[3];
  int64_t repeats[3];
  for (int k = 0; k < 3; ++k) // warm, and long enough
    repeats[k] = countRepeats(timeOf(actions[k], 1));
  auto begin = std::chrono::steady_clock::now();
  std::chrono::duration<double> spent(0);
  std::mt19937_64 random(options.seed);
  int order[] = {0, 1, 2};
  constexpr int64_t kLeastRounds = 9, kMostRounds = 2000;
  while (result.rounds < kMostRounds &&
         (result.rounds < kLeastRounds || spent.count() < options.seconds)) {
    // What ran before decides what is in the cache.
    std::shuffle(std::begin(order), std::end(order), random);
    for (int which : order)
      samples[which].push_back(timeOf(actions[which], repeats[which]));
    ++result.rounds;
    spent = std::chrono::steady_clock::now() - begin;
  }
  result.kernel = summarise(samples[0]);
  result.read = summarise(samples[1]);
  result.copy = summarise(samples[2]);
  if (!extents.empty()) {
    Expected<double> overhead = timeOverhead(manifest, options, *kernel);
    if (!overhead)
      return overhead.takeError();
    result.callOverhead = *overhead;
  }
  return result;
}

Expected<BenchReport>
mlir::softmax::verify::benchDirectory(llvm::StringRef directory,
                                      const BenchOptions &options) {
  Expected<std::vector<std::string>> paths = listManifests(directory);
  if (!paths)
    return paths.takeError();
  BenchReport report;
  for (const std::string &path : *paths) {
    Expected<Manifest> manifest = readManifest(path);
    if (!manifest)
      return manifest.takeError();
    Expected<BenchResult> result = benchKernel(*manifest, options);
    if (!result)
      return result.takeError();
    report.kernels.push_back(std::move(*result));
  }
  return report;
}
