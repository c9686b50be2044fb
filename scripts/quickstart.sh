#!/usr/bin/env bash
# Sets up, builds the tools, makes two kernels and runs them: no arguments.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
source "$(dirname "${BASH_SOURCE[0]}")/progress.sh"

# run COMMAND..: shows a command as one would type it, and runs it.
run() {
  printf '\n$ %s\n' "$*"
  "$@"
}

scripts/setup.sh softmax-gen softmax-opt

kernels=build/quickstart
rm -rf "$kernels"
run build/bin/softmax-gen softmax '?x32000xf32' -o $kernels
run build/bin/softmax-gen cross-entropy '?x128256xf32' -o $kernels
run build/bin/softmax-gen verify $kernels
run cc -std=c11 -O3 -I $kernels examples/quick/quick.c $kernels/lib*.a -lm \
  -o $kernels/quick
run $kernels/quick
say
say "The kernels, with their headers, are in $kernels; 'build/bin/softmax-gen" \
  "--help' tells what else there is."
