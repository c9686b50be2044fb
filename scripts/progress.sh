# What the scripts share: where they are, and steps that show their progress.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

set -euo pipefail
export LC_ALL=C
cd "$(dirname "${BASH_SOURCE[0]}")/.."
logs=build
mkdir -p "$logs"
# Seconds between signs of life.
every=30
[ ! -t 1 ] || every=1

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
  local log=$logs/$1.log text=$2 start=$SECONDS shown=0 code=0 pid seconds reached
  shift 2
  [ -t 1 ] || say "$text ..."
  "$@" >"$log" 2>&1 </dev/null &
  pid=$!
  # An interrupted script leaves nothing running behind.
  trap 'kill "$pid" 2>/dev/null; exit 130' INT TERM
  while kill -0 "$pid" 2>/dev/null; do
    sleep 0.2
    seconds=$((SECONDS - start))
    [ "$seconds" -ge $((shown + every)) ] || continue
    shown=$seconds
    # Ninja writes "[3/120] what"; nothing else does at the start of a line.
    reached=$(tail -n 1 "$log" | grep -oE '^\[[0-9]+/[0-9]+\]' || true)
    if [ -t 1 ]; then
      printf '\r\033[K%-40s %s %4d s' "$text" "$reached" "$seconds"
    else
      say "    $reached $seconds s"
    fi
  done
  wait "$pid" || code=$?
  trap - INT TERM
  [ ! -t 1 ] || printf '\r\033[K'
  if [ "$code" -ne 0 ]; then
    say "$text: failed after $((SECONDS - start)) s; the end of $log:"
    tail -n 40 "$log" | sed 's/^/    /'
    return "$code"
  fi
  printf '%-40s done %4d s\n' "$text" $((SECONDS - start))
}
