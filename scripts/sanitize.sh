#!/usr/bin/env bash
# Tools, verifier and runtime under the sanitizers: no arguments.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
source "$(dirname "${BASH_SOURCE[0]}")/progress.sh"

passed=0 failed=0

# build PRESET TARGET..: configures build-PRESET/ and builds.
build() {
  local preset=$1
  shift
  step "$preset-configure" "configuring build-$preset" cmake --preset "$preset"
  step "$preset-build" "building build-$preset" \
    cmake --build "build-$preset" --target "$@"
}

# check NAME COMMAND..: counts it; the end of its output is shown if it failed.
check() {
  local name=$1
  shift
  if step "$name" "$name" "$@"; then
    passed=$((passed + 1))
  else
    failed=$((failed + 1))
  fi
}

# LLVM keeps targets and dialects for good: no leaks. Its allocators poison by
# hand in our objects and not in the library's. Faults of kernels are caught by
# the verifier, on the stack that it is on.
export ASAN_OPTIONS=detect_leaks=0:allow_user_poisoning=0:allow_user_segv_handler=1:use_sigaltstack=0
# libMLIR and kernels are not instrumented; OpenMP tells the tool by itself.
export TSAN_OPTIONS=ignore_noninstrumented_modules=1
export OMP_TOOL_LIBRARIES=/usr/lib/llvm-22/lib/libarcher.so

build sanitize RuntimeTest RuntimeProcessTest OracleTest VerifyTest \
  GpuLaunchTest VulkanTest softmax-gen softmax-opt softmax-lsp-server \
  softmax-reduce fake-cuda fake-hip fuzz-regression random-cases
tests=build-sanitize/test
for test in RuntimeTest RuntimeProcessTest GpuLaunchTest VulkanTest; do
  check "sanitize-$test" "$tests/unit/$test"
done
for test in OracleTest VerifyTest; do
  check "sanitize-$test" "$tests/numerics/$test"
done
check sanitize-random-cases "$tests/numerics/random-cases" --cases=300
while read -r target mutations corpus; do
  check "sanitize-fuzz-$target" "$tests/fuzz/fuzz-regression" "$target" \
    "test/fuzz/corpus/$corpus" --mutations="$mutations" --timeout=120
done <<'TARGETS'
parser 400 parser
pipeline 10 parser
command 400 command
manifest 1000 manifest
schedule 4 schedule
entry 2000 entry
traversal 10 traversal
TARGETS
# A plain mlir-opt cannot load an instrumented plug-in, nor a plain program an
# instrumented driver.
check sanitize-lit /usr/lib/llvm-22/bin/lit -v \
  --filter-out='plugin\.test|gpu-entry|gpu-shapes|gpu-from-python' \
  "$tests"

build thread RuntimeTest RuntimeProcessTest GpuLaunchTest VulkanTest
for test in RuntimeTest RuntimeProcessTest GpuLaunchTest VulkanTest; do
  check "thread-$test" "build-thread/test/unit/$test"
done

say "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
