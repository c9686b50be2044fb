# What the scripts share: where they are, and steps that show their progress.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

set -euo pipefail
export LC_ALL=C
cd "$(dirname "${BASH_SOURCE[0]}")/.."
logs=build
mkdir -p "$logs"

say() { printf '%s\n' "$*"; }

# fail TEXT..: one cause and its remedy, on stderr.
fail() {
  printf 'error: %s\n' "$*" >&2
  exit 1
}

# step LOG TEXT COMMAND..: runs a command with its output in build/LOG.log and
# shows TEXT, how far a build has come and the seconds that went by; when the
# command fails, also the end of the log.
step() {
  local log=$logs/$1.log text=$2 start=$SECONDS pid seconds progress
  shift 2
  "$@" >"$log" 2>&1 </dev/null &
  pid=$!
  # An interrupted script leaves nothing running behind.
  trap 'kill "$pid" 2>/dev/null; exit 130' INT TERM
  if [ -t 1 ]; then
    while kill -0 "$pid" 2>/dev/null; do
      # Ninja writes "[3/120] what"; nothing else does at the start of a line.
      progress=$(tail -n 1 "$log" | grep -oE '^\[[0-9]+/[0-9]+\]' || true)
      printf '\r\033[K%-40s %s %4d s' "$text" "$progress" $((SECONDS - start))
      sleep 0.5
    done
    printf '\r\033[K'
  else
    say "$text ..."
    while kill -0 "$pid" 2>/dev/null; do
      seconds=$((SECONDS - start))
      if [ "$seconds" -gt 0 ] && [ $((seconds % 30)) -eq 0 ]; then
        progress=$(tail -n 1 "$log" | grep -oE '^\[[0-9]+/[0-9]+\]' || true)
        say "    $progress $seconds s"
      fi
      sleep 1
    done
  fi
  local code=0
  wait "$pid" || code=$?
  trap - INT TERM
  if [ "$code" -ne 0 ]; then
    say "$text: failed after $((SECONDS - start)) s; the end of $log:"
    tail -n 40 "$log" | sed 's/^/    /'
    return "$code"
  fi
  printf '%-40s done %4d s\n' "$text" $((SECONDS - start))
}
