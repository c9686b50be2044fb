// Small PTX texts, launched as an application would.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef TEST_PTX_FIXTURE_H
#define TEST_PTX_FIXTURE_H

#include "Driver.h"

#include "runtime/gpu_driver.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include <cstdlib>
#include <string>
#include <vector>

extern "C" {
#define DECLARE(result, name, parameters) result name parameters;
CUDA_FUNCTIONS(DECLARE)
#undef DECLARE
}

namespace ptx {

class Fixture : public testing::Test {
protected:
  void SetUp() override {
    setenv("PTX_QUIET", "1", 1);
    unsetenv("PTX_SEED");
    unsetenv("PTX_CAPABILITY");
    ptxReset();
    void *context = nullptr;
    cuDevicePrimaryCtxRetain(&context, 0);
    cuCtxSetCurrent(context);
  }
  void TearDown() override { ptxReset(); }

  uint32_t threads = 1, blocks = 1, cluster = 1, dynamicBytes = 0;
  uint32_t resultCount = 0; ///< 0: of each thread
  /// Of each thread or each that the body stores to [%d0].
  std::vector<uint64_t> results;

  /// A kernel with these registers: predicates %p, 16 bits %h, 32 bits %r, 64
  /// bits %d; the address of the results in %d0, the thread's number in %r0.
  static std::string kernel(const std::string &body) {
    return ".version 8.6\n.target sm_90\n.address_size 64\n"
           ".extern .shared .align 16 .b8 dynamic[];\n"
           ".visible .entry k(.param .u64 out)\n.maxntid 256, 1, 1\n{\n"
           ".reg .pred %p<8>;\n.reg .b16 %h<16>;\n.reg .b32 %r<32>;\n"
           ".reg .b64 %d<32>;\n.shared .align 16 .b8 memory[64];\n"
           "ld.param.b64 %d0, [out];\nmov.u32 %r0, %tid.x;\n" +
           body + "\nret;\n}\n";
  }

  /// What the driver says of the text.
  int load(const std::string &text, void **function = nullptr) {
    void *library = nullptr, *loaded = nullptr;
    int code = cuLibraryLoadData(&library, text.c_str(), nullptr, nullptr, 0,
                                 nullptr, nullptr, 0);
    if (code == 0)
      code = cuLibraryGetKernel(&loaded, library, "k");
    if (function)
      *function = loaded;
    return code;
  }

  /// Launches a function that `load` gave.
  int launch(void *function) {
    results.assign(resultCount ? resultCount : blocks * threads, 0);
    void *address = results.data();
    void *arguments[] = {&address};
    cuda_launch_attribute attribute = {};
    attribute.id = cuda_attribute_cluster;
    attribute.value.cluster[0] = cluster;
    attribute.value.cluster[1] = attribute.value.cluster[2] = 1;
    cuda_launch_config config = {};
    config.grid[0] = blocks;
    config.block[0] = threads;
    config.grid[1] = config.grid[2] = config.block[1] = config.block[2] = 1;
    config.shared_bytes = dynamicBytes;
    config.attributes = &attribute;
    config.attribute_count = cluster > 1;
    return cuLaunchKernelEx(&config, function, arguments, nullptr);
  }

  /// Loads and launches a kernel with this body.
  int run(const std::string &body) {
    void *function = nullptr;
    int code = load(kernel(body), &function);
    return code ? code : launch(function);
  }

  /// The same; each thread's result is %d1.
  int evaluate(const std::string &body) {
    return run(body + "\nmov.u32 %r31, %ctaid.x;\nmov.u32 %r30, %ntid.x;\n"
                      "mad.lo.s32 %r31, %r31, %r30, %r0;\n"
                      "mul.wide.u32 %d31, %r31, 8;\nadd.s64 %d31, %d0, %d31;\n"
                      "st.global.b64 [%d31], %d1;");
  }
};

} // namespace ptx

#endif // TEST_PTX_FIXTURE_H
