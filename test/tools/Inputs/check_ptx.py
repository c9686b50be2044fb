"""Emits kernels for NVIDIA's GPUs, and prints what is wrong with their code.

check_ptx.py FOLDER TARGET..
SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""

import json
import re
import subprocess
import sys

# One row in a warp, in a block, from memory; two operands; 16-bit and wide data.
KERNELS = [
    "softmax ?x256xbf16", "softmax ?x4096xf32", "softmax ?x32768xf32",
    "softmax ?x?xf16", "softmax-grad ?x2048xbf16", "softmax ?x512xf64",
    "cross-entropy ?x128256xbf16", "cross-entropy-with-grad ?x32000xbf16",
]
REGISTERS = 65536  # of a multiprocessor
STATIC_SHARED = 48 << 10


def entries(ptx):
    """The text of each kernel, by name."""
    parts = re.split(r"^\.visible \.entry (\w+)\(", ptx, flags=re.M)
    return dict(zip(parts[1::2], parts[2::2]))


def inner_loops(text):
    """The instructions of each loop that holds no other."""
    lines = text.splitlines()
    labels = {m[1]: i for i, line in enumerate(lines) if (m := re.match(r"(\$L\w+):", line))}
    loops = []
    for i, line in enumerate(lines):
        target = re.search(r"\bbra(?:\.uni)?\s+(\$L\w+)", line)
        if target and labels[target[1]] <= i:
            loops.append((labels[target[1]], i))
    return [lines[a : b + 1] for a, b in loops
            if not any(a <= c and d <= b and (a, b) != (c, d) for c, d in loops)]


def schedule_of(manifest, target):
    text = next(v["schedule"] for v in manifest["variants"] if v["target"] == target)
    value = lambda field, default: int((re.search(rf"\b{field} = (\d+)", text) or [0, default])[1])
    return value("block", 128), "residence = registers" not in text


def problems(folder, request, target):
    subprocess.run(
        ["softmax-gen", *request.split(), "--name=k", "--quiet", f"--target-gpu={target}",
         "--emit=ptx", "-o", folder], check=True)
    with open(f"{folder}/k.ptx") as file:
        ptx = file.read()
    with open(f"{folder}/k.manifest.json") as file:
        block, from_memory = schedule_of(json.load(file), target)
    report = subprocess.run(
        ["ptxas", "-v", f"-arch={target}", f"{folder}/k.ptx", "-o", f"{folder}/k.cubin"],
        capture_output=True, text=True, check=True).stderr
    used = re.findall(r"Used (\d+) registers(?:.*?(\d+) bytes smem)?", report)
    spills = re.findall(r"(\d+) bytes stack frame, (\d+) bytes spill stores", report)
    kernels = entries(ptx)
    if not kernels or len(used) != len(kernels) or len(spills) != len(kernels):
        yield f"{len(kernels)} kernels, but ptxas reports {len(used)}"
    if any(numbers != ("0", "0") for numbers in spills):
        yield f"spills: {spills}"
    for registers, shared in used:
        if int(registers) * max(block, 128) > REGISTERS:
            yield f"{registers} registers in blocks of {block} threads"
        if int(shared or 0) > STATIC_SHARED:
            yield f"{shared} bytes of shared memory"
    # Of the kernels that sweep rows the first is the one for rows at multiples of
    # 16 bytes; kernels that count labels or add up sums move numbers.
    names = sorted(kernels, key=lambda name: int(name.rsplit("_", 1)[1]))
    first = next((kernels[n] for n in names if "global.v" in kernels[n]), "")
    for access in ["ld.global.v", "st.global.v"]:
        if access == "st.global.v" and request.startswith("cross-entropy "):
            continue  # one number for each row
        if access not in first:
            yield f"no {access} in aligned kernels"
    loops = inner_loops(first)
    if from_memory and not loops:
        yield "no inner loop, expected a sweep"
    for loop in loops if from_memory else []:
        wide = [line.strip() for line in loop if re.search(r"\b(mul|mad)\.(lo|wide)\.\w*64|\bmul\.hi|\bdiv|\brem", line)]
        if wide:
            yield f"an inner loop holds {wide[0]}"
    if re.search(r"\bcall\b|\.local\b", ptx):
        yield "calls or local memory"


def main():
    folder, *targets = sys.argv[1:]
    count = 0
    wrong = []
    for target in targets:
        for request in KERNELS:
            count += 1
            wrong += [f"{request} {target}: {text}" for text in problems(folder, request, target)]
    print("\n".join(wrong) or f"{count} kernels without a fault")
    return 1 if wrong or not count else 0


if __name__ == "__main__":
    sys.exit(main())
