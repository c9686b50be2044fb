// Runs a fuzz target without libFuzzer: every seed, then a number of
// mutations that depend on nothing but their number.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "test/fuzz/Fuzz.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/InitLLVM.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/raw_ostream.h"

#include <chrono>
#include <csignal>
#include <fcntl.h>
#include <sys/time.h>
#include <unistd.h>

using namespace mlir::softmax::fuzz;
using llvm::StringRef;

static llvm::cl::opt<std::string> name(llvm::cl::Positional,
                                       llvm::cl::desc("TARGET"),
                                       llvm::cl::Required);
static llvm::cl::list<std::string>
    paths(llvm::cl::Positional, llvm::cl::desc("FILE or FOLDER.."),
          llvm::cl::OneOrMore);
static llvm::cl::opt<uint64_t>
    mutations("mutations", llvm::cl::desc("How many to run after the seeds"));
static llvm::cl::opt<uint64_t>
    firstMutation("from", llvm::cl::desc("Number of the first mutation"));
static llvm::cl::opt<unsigned>
    secondsEach("timeout", llvm::cl::init(20),
                llvm::cl::desc("Seconds that one input may take"));

/// What is running, for the handler of signals.
static const std::string *current = nullptr;
static std::string crashPath;

/// Keeps the input that ended the program.
static void handleSignal(int signal) {
  if (current) {
    int file = open(crashPath.c_str(), O_CREAT | O_TRUNC | O_WRONLY, 0644);
    if (write(file, current->data(), current->size()) >= 0)
      (void)!write(2, crashPath.data(), crashPath.size());
    (void)!write(2, " holds the input\n", 17);
  }
  std::signal(signal, SIG_DFL);
  std::raise(signal);
}

/// Of this process: on a busy machine others must not count.
static void limitTime(int seconds) {
  itimerval timer{};
  timer.it_value.tv_sec = seconds;
  setitimer(ITIMER_PROF, &timer, nullptr);
}

static void runOne(Target &target, const std::string &input) {
  current = &input;
  limitTime(secondsEach);
  target.run(input);
  limitTime(0);
  current = nullptr;
}

static std::vector<std::string> readSeeds() {
  std::vector<std::string> files;
  for (const std::string &path : paths) {
    if (!llvm::sys::fs::is_directory(path)) {
      files.push_back(path);
      continue;
    }
    std::error_code error;
    for (llvm::sys::fs::directory_iterator it(path, error), end;
         it != end && !error; it.increment(error))
      files.push_back(it->path());
  }
  llvm::sort(files);
  std::vector<std::string> seeds;
  for (const std::string &file : files)
    if (auto buffer = llvm::MemoryBuffer::getFile(file))
      seeds.push_back((*buffer)->getBuffer().str());
  return seeds;
}

int main(int argc, char **argv) {
  llvm::cl::ParseCommandLineOptions(argc, argv);
  std::unique_ptr<Target> target = createTarget(name);
  std::vector<std::string> seeds = readSeeds();
  if (!target || seeds.empty()) {
    llvm::errs() << "no target '" << name << "', or no seeds\n";
    return 1;
  }
  crashPath = "crash-" + name;
  for (int signal : {SIGABRT, SIGPROF, SIGBUS, SIGFPE, SIGILL, SIGSEGV})
    std::signal(signal, handleSignal);
  auto start = std::chrono::steady_clock::now();
  for (const std::string &seed : seeds)
    runOne(*target, seed);
  for (uint64_t i = firstMutation; i < firstMutation + mutations; ++i) {
    Random random(i);
    StringRef input = random.pick(seeds), other = random.pick(seeds);
    std::string mutated = target->mutate(input, other, random);
    while (random.oneIn(2))
      mutated = target->mutate(mutated, other, random);
    runOne(*target, mutated);
  }
  std::chrono::duration<double> seconds =
      std::chrono::steady_clock::now() - start;
  uint64_t count = seeds.size() + mutations;
  llvm::outs() << name << ": " << count << " inputs in "
               << llvm::format("%.1f s, %.0f/s\n", seconds.count(),
                               count / std::max(seconds.count(), 1e-3));
  return 0;
}
