#!/usr/bin/env bash
# Builds and runs this folder as a user's project: run.sh PREFIX WORK_FOLDER.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
set -euo pipefail

if [ $# -ne 2 ]; then
  echo "usage: $0 PREFIX WORK_FOLDER" >&2
  exit 1
fi
source=$(cd "$(dirname "$0")" && pwd)
prefix=$1
work=$2
log=$work/log
mkdir -p "$work"

# Runs a command quietly; on failure shows what it printed.
step() {
  if ! "${@:2}" >"$log" 2>&1; then
    cat "$log" >&2
    echo "consumer: failed to $1" >&2
    exit 1
  fi
}

# Like step, for a command that has to fail and to print $2.
refused() {
  if "${@:3}" >"$log" 2>&1; then
    echo "consumer: $1 was accepted" >&2
    exit 1
  fi
  # CMake wraps long lines.
  if ! tr -s ' \n' ' ' <"$log" | grep -qF -- "$2"; then
    cat "$log" >&2
    echo "consumer: the message about $1 lacks: $2" >&2
    exit 1
  fi
}

configure=(cmake -S "$source" -DCMAKE_PREFIX_PATH="$prefix")

rm -rf "$work/build" "$work/refused"
step "configure" "${configure[@]}" -B "$work/build"
step "build" cmake --build "$work/build"
step "run" "$work/build/app"
step "run without the runtime library" "$work/build/app_alone"
step "verify the kernels" \
  cmake -E chdir "$work/build" ctest --output-on-failure

refused "an unknown operation" \
  "softmax_add_kernel(consumer_softmax): unknown OP 'sofmax', expected one of softmax," \
  "${configure[@]}" -B "$work/refused" -DCONSUMER_OP=sofmax

SMX_VERBOSE=exec step "run with a log" "$work/build/app_logged"
if ! grep -q '^smx_verbose,exec,cpu,softmax,' "$log"; then
  cat "$log" >&2
  echo "consumer: SMX_VERBOSE=exec did not log the softmax kernel" >&2
  exit 1
fi

echo "consumer: 2 kernels found, built, run and verified; 1 wrong request refused"
