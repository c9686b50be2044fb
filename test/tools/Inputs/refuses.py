"""Checks that wrong command lines are refused as the interface promises.

refuses.py FOLDER TABLE: each line of TABLE that starts with `$` is a command
line of softmax-gen, the next line a part of the one line that it must print.
The exit code must be 1 and the output directory, FOLDER/out, must stay empty.
SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""

import os
import shlex
import shutil
import subprocess
import sys


def refuse(folder, text, expected):
    """What is wrong about the answer to one command line, or None."""
    out = os.path.join(folder, "out")
    shutil.rmtree(out, ignore_errors=True)
    before = sorted(os.listdir(folder))
    words = [w.encode().decode("unicode_escape") if "\\n" in w else w for w in shlex.split(text)]
    run = subprocess.run(
        [shutil.which("softmax-gen")] + words, cwd=folder, capture_output=True, text=True, timeout=60
    )
    lines = run.stderr.splitlines()
    if run.returncode != 1:
        return f"exit code {run.returncode}, expected 1: {run.stderr.strip()}"
    if run.stdout or len(lines) != 1 or not run.stderr.endswith("\n"):
        return f"expected one line on stderr, got {run.stdout!r} and {run.stderr!r}"
    if not lines[0].startswith("softmax-gen: error: "):
        return f"no 'softmax-gen: error: ' in {lines[0]!r}"
    if expected not in lines[0]:
        return f"expected {expected!r} in {lines[0]!r}"
    if sorted(os.listdir(folder)) != before or (os.path.isdir(out) and os.listdir(out)):
        return f"left files: {os.listdir(folder)}"
    return None


def main():
    folder, table = sys.argv[1:]
    os.makedirs(folder, exist_ok=True)
    with open(table) as file:
        lines = [line.rstrip("\n") for line in file]
    count = failures = 0
    for command, expected in zip(lines, lines[1:]):
        if not command.startswith("$ "):
            continue
        count += 1
        problem = refuse(folder, command[2:], expected.strip())
        if problem:
            failures += 1
            print(f"{command}\n    {problem}")
    print(f"{count} refused, {failures} wrongly")
    return 1 if failures or not count else 0


sys.exit(main())
