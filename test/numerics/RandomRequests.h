// Random requests over operators, options, shapes, types and schedules.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef TEST_NUMERICS_RANDOMREQUESTS_H
#define TEST_NUMERICS_RANDOMREQUESTS_H

#include <cstdint>
#include <random>
#include <string>
#include <vector>

namespace mlir::softmax::test {

struct RandomRequest {
  std::string line;     ///< as on the command line
  std::string schedule; ///< text of a schedule file, or empty
  std::string op, type, target;
};

/// Makes requests. Each follows from the seed and its number alone.
class RandomRequests {
public:
  /// `isVulkan`: of kernels for Vulkan devices.
  RandomRequests(uint64_t seed, bool isVulkan)
      : seed(seed), isVulkan(isVulkan) {}
  RandomRequest make(uint64_t number);

private:
  int64_t pick(int64_t from, int64_t to) {
    return std::uniform_int_distribution<int64_t>(from, to)(random);
  }
  bool chance(int percent) { return pick(1, 100) <= percent; }
  std::string oneOf(const std::vector<std::string> &choices) {
    return choices[pick(0, static_cast<int64_t>(choices.size()) - 1)];
  }
  int64_t classExtent();
  void addShape();
  void addOptions();
  void addLossOptions();
  void addSchedule();
  std::string cpuSchedule(const std::string &threads);
  std::string gpuSchedule();

  uint64_t seed;
  bool isVulkan;
  std::mt19937_64 random;
  RandomRequest request;
  int64_t rank = 0, axis = 0;
  int64_t classes = 0; ///< 0 when known at run time only
  bool isStrided = false;
};

} // namespace mlir::softmax::test

#endif // TEST_NUMERICS_RANDOMREQUESTS_H
