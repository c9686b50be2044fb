"""Emits operators for a target and prints what is wrong.

emit_all.py FOLDER TARGET TYPE..: all operators in f32, a choice of them in other
types. A failure, or a symbol that libc, libm and the linker of the target do
not give, is printed on a line of its own.
SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""

import subprocess
import sys

ALLOWED = {
    "memcpy", "memset", "fma", "fmaf", "getenv", "strcmp", "getauxval",
    "__stack_pointer", "__linear_memory", "__indirect_function_table",
}
OPERATORS = [
    "softmax", "log-softmax", "logsumexp", "softmax-grad", "log-softmax-grad",
    "cross-entropy", "cross-entropy-grad", "cross-entropy-with-grad", "sgd",
]
CHOICE = ["softmax", "cross-entropy-with-grad", "sgd"]

folder, target, *types = sys.argv[1:]
for element in types:
    for operator in OPERATORS if element == "f32" else CHOICE:
        run = subprocess.run(
            ["softmax-gen", operator, f"9x?x{element}", "--name=k", "--emit=o", "--quiet",
             f"--target-cpu={target}", "-o", folder],
            capture_output=True, text=True)
        where = f"{operator} {element} {target}"
        if run.returncode:
            print(where, run.returncode, run.stderr.splitlines()[0])
            continue
        symbols = subprocess.run(
            ["llvm-nm", "--undefined-only", f"{folder}/k.o"],
            capture_output=True, text=True, check=True)
        for line in symbols.stdout.splitlines():
            kind, name = line.split()[-2:]
            if kind != "w" and name not in ALLOWED:
                print(where, "needs", name)
