"""Checks what softmax-gen says when a tool of GPU code generation fails.

tools_fail.py FOLDER: prints what is wrong. Each case runs with a PATH that holds
nothing but what it puts there, and its own folder for temporary files.
SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""

import os
import shutil
import subprocess
import sys

folder = os.path.abspath(sys.argv[1])
GEN = shutil.which("softmax-gen")
wrong = []


def case(name, options, code, expected, ptxas=None, lines=1, **environment):
    """Runs softmax-gen with `ptxas`, a script of sh, and checks its answer."""
    shutil.rmtree(folder, ignore_errors=True)
    bin_folder, temporary, out = (os.path.join(folder, n) for n in ["bin", "tmp", "out"])
    os.makedirs(bin_folder)
    os.makedirs(temporary)
    if ptxas is not None:
        path = os.path.join(bin_folder, "ptxas")
        with open(path, "w", encoding="utf-8") as file:
            file.write("#!/bin/sh\n" + ptxas + "\n")
        os.chmod(path, 0o755)
    run = subprocess.run(
        [GEN, "softmax", "?x64xf32", "--name=k", *options, "-o", out], capture_output=True,
        text=True, env={"PATH": bin_folder, "CUDA_HOME": folder, "TMPDIR": temporary, **environment})
    found = [line for line in run.stderr.splitlines() if expected in line]
    if run.returncode != code:
        wrong.append(f"{name}: exit code {run.returncode}, expected {code}: {run.stderr}")
    elif len(found) != lines:
        wrong.append(f"{name}: expected {lines} lines with '{expected}' in: {run.stderr}")
    elif code and len(run.stderr.splitlines()) != 1:
        wrong.append(f"{name}: more than one line: {run.stderr}")
    elif code and os.path.isdir(out) and os.listdir(out):
        wrong.append(f"{name}: left {os.listdir(out)}")
    if os.listdir(temporary):
        wrong.append(f"{name}: left temporary files {os.listdir(temporary)}")
    return os.listdir(out) if os.path.isdir(out) else []


NVIDIA = "--target-gpu=sm_90"
FAIL = "echo 'ptxas fatal : Unknown flavour'; exit 255"
case("no ptxas", [NVIDIA], 0, "no ptxas was found: NVIDIA's driver compiles the PTX in the object")
case("no ptxas, quietly", [NVIDIA, "--quiet"], 0, "ptxas", lines=0)
files = case("no ptxas, but text", [NVIDIA, "--emit=ptx,o", "--quiet"], 0, "", lines=0)
if sorted(files) != ["k.manifest.json", "k.o", "k.ptx"]:
    wrong.append(f"no ptxas, but text: wrote {files}")
case("no ptxas for a cubin", [NVIDIA, "--emit=cubin"], 4,
     "--emit=cubin needs ptxas of the CUDA toolkit, which was not found")
case("failing", [NVIDIA], 4, "ptxas failed: ptxas fatal : Unknown flavour", FAIL)
case("failing silently", [NVIDIA], 4, "ptxas failed", "exit 1")
case("writing nothing", [NVIDIA], 4, "ptxas wrote nothing", "exit 0")
case("not a program", [NVIDIA], 4, "ptxas", "\0", lines=1)
case("hanging", [NVIDIA], 4, "ptxas took more than 1 s and was ended",
     "while :; do :; done", SOFTMAX_TOOL_SECONDS="1")
case("no number of seconds", [NVIDIA], 1, "SOFTMAX_TOOL_SECONDS='soon' is not a number of seconds",
     "exit 0", SOFTMAX_TOOL_SECONDS="soon")
case("no seconds", [NVIDIA], 1, "SOFTMAX_TOOL_SECONDS='0' is not a number of seconds",
     "exit 0", SOFTMAX_TOOL_SECONDS="0")
case("no linker", ["--target-gpu=gfx942"], 4, "AMD targets need ld.lld, which was not found")
print("\n".join(wrong) or "every failure has its line")
sys.exit(1 if wrong else 0)
