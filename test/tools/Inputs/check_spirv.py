"""Validates the shaders of every operator and type, prints what is wrong.

check_spirv.py FOLDER
SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""

import subprocess
import sys

OPERATORS = [
    "softmax", "log-softmax", "logsumexp", "softmax-grad", "log-softmax-grad",
    "cross-entropy", "cross-entropy-grad", "cross-entropy-with-grad", "sgd",
]
TYPES = ["f32", "f64", "f16", "bf16"]


def run(*command):
    """What a failing command printed, or nothing."""
    done = subprocess.run(command, capture_output=True, text=True)
    return (done.stderr or done.stdout or "failed").strip() if done.returncode else ""


def main():
    folder = sys.argv[1]
    wrong = []
    for operator in OPERATORS:
        for element in TYPES:
            problem = run("softmax-gen", operator, f"9x?x{element}", "--name=k", "--quiet",
                          "--target-gpu=spirv", "--emit=spv", "-o", folder)
            problem = problem or run("spirv-val", "--target-env", "vulkan1.2", f"{folder}/k.spv")
            if problem:
                wrong.append(f"{operator} {element}: {problem.splitlines()[0]}")
    print("\n".join(wrong) or f"{len(OPERATORS) * len(TYPES)} valid")
    return 1 if wrong else 0


sys.exit(main())
