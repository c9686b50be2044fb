"""Emits kernels for NVIDIA's GPUs, and prints what is wrong with their code.

check_ptx.py FOLDER TARGET..
SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""

import json
import os
import re
import shutil
import subprocess
import sys

# One row in a warp, in a block, from memory; two operands; 16-bit and wide data.
KERNELS = [
    "softmax ?x256xbf16", "softmax ?x4096xf32", "softmax ?x32768xf32",
    "softmax ?x?xf16", "softmax-grad ?x2048xbf16", "softmax ?x512xf64",
    "cross-entropy ?x128256xbf16", "cross-entropy-with-grad ?x32000xbf16",
    # Rows of which most begin between multiples of 16 bytes.
    "softmax ?x1001xbf16", "softmax ?x4097xf32", "softmax-grad ?x2047xbf16",
    "softmax ?x511xf64", "cross-entropy ?x50257xbf16",
    "cross-entropy-with-grad ?x32001xf32",
]
# Rows of which the columns lie apart: accesses of one element.
APART = [
    "softmax ?x8192xbf16 --axis=0", "cross-entropy-with-grad 4x1000x32x32xbf16",
    "softmax-grad ?x300x?xf64 --axis=1", "softmax ?x1000xf32 --strided",
]
# Bytes that kernels are known to spill, at most: ptxas gives up a few registers
# for more blocks on a multiprocessor.
SPILLS = {"cross-entropy ?x128256xbf16": 32,
          "cross-entropy-with-grad ?x32000xbf16": 44,
          "cross-entropy-with-grad ?x32001xf32": 4}
REGISTERS = 65536  # of a multiprocessor
STATIC_SHARED = 48 << 10


def entries(ptx):
    """The text of each kernel, by name."""
    parts = re.split(r"^\.visible \.entry (\w+)\(", ptx, flags=re.M)
    return dict(zip(parts[1::2], parts[2::2]))


def blocks_of(text):
    """The basic blocks of a kernel, as lists of lines, and where each may go."""
    blocks, names = [[]], {}
    for line in text.splitlines():
        if label := re.match(r"(\$L\w+):", line):
            if blocks[-1]:
                blocks.append([])
            names[label[1]] = len(blocks) - 1
        elif line.startswith("\t"):
            blocks[-1].append(line)
            if re.search(r"\b(bra|ret)\b", line):
                blocks.append([])
    follows = []
    for i, block in enumerate(blocks):
        last = block[-1] if block else ""
        target = re.search(r"\bbra(?:\.uni)?\s+(\$L\w+)", last)
        ends = ("bra" in last and "@" not in last) or re.search(r"\bret\b", last)
        follows.append({names[target[1]]} if target else set())
        if not ends and i + 1 < len(blocks):
            follows[i].add(i + 1)
    return blocks, follows


def cycles(nodes, follows):
    """The largest sets of nodes that can all reach each other."""
    reach = {n: set() for n in nodes}
    for n in nodes:
        todo = [n]
        while todo:
            for m in follows[todo.pop()] & nodes - reach[n]:
                reach[n].add(m)
                todo.append(m)
    found = {frozenset(m for m in reach[n] if n in reach[m]) for n in nodes if n in reach[n]}
    return [set(cycle) for cycle in found]


def inner_loops(text):
    """The instructions of each loop that holds no other."""
    blocks, follows = blocks_of(text)

    def innermost(nodes, follows):
        for loop in cycles(nodes, follows):
            heads = {n for n in loop
                     if any(n in f for m, f in enumerate(follows) if m not in loop)}
            inner = [f - heads if n in loop else f for n, f in enumerate(follows)]
            nested = list(innermost(loop, inner))
            yield from nested or [loop]

    return [[line for n in sorted(loop) for line in blocks[n]]
            for loop in innermost(set(range(len(blocks))), follows)]


def folds_slices(text):
    """A launch that leaves the states of slices: no results, a few scalar stores."""
    return 0 < len(re.findall(r"st\.global", text)) <= 8 and "ex2" in text


def schedule_of(manifest, target):
    text = next(v["schedule"] for v in manifest["variants"] if v["target"] == target)
    value = lambda field, default: int((re.search(rf"\b{field} = (\d+)", text) or [0, default])[1])
    return value("block", 128), "residence = " not in text


def emit(folder, request, target):
    """PTX by name of its kernels, the whole text, and the manifest. Without ptxas
    in reach, which would run for the object."""
    generator = shutil.which("softmax-gen")
    subprocess.run(
        [generator, *request.split(), "--name=k", "--quiet", f"--target-gpu={target}",
         "--emit=ptx", "-o", folder], check=True,
        env=dict(os.environ, PATH=folder, CUDA_HOME=folder))
    with open(f"{folder}/k.ptx") as file:
        ptx = file.read()
    with open(f"{folder}/k.manifest.json") as file:
        return entries(ptx), ptx, json.load(file)


def assemble(folder, target):
    """What ptxas -v says: (bytes spilled, registers, bytes of shared memory) by
    name of the kernel."""
    report = subprocess.run(
        ["ptxas", "-v", f"-arch={target}", f"{folder}/k.ptx", "-o", f"{folder}/k.cubin"],
        capture_output=True, text=True, check=True).stderr
    found = {}
    for part in re.split(r"Compiling entry function '", report)[1:]:
        name = part[: part.index("'")]
        spilled = re.search(r"(\d+) bytes spill stores", part)
        registers = re.search(r"Used (\d+) registers", part)
        shared = re.search(r"(\d+) bytes smem", part)
        found[name] = int(spilled[1]), int(registers[1]), int(shared[1]) if shared else 0
    return found


def problems(folder, request, target):
    kernels, ptx, manifest = emit(folder, request, target)
    block, from_memory = schedule_of(manifest, target)
    report = assemble(folder, target)
    if not kernels or kernels.keys() != report.keys():
        yield f"kernels {list(kernels)}, but ptxas reports {list(report)}"
    for name, (spilled, registers, shared) in report.items():
        if spilled > SPILLS.get(request, 0):
            yield f"{name} spills {spilled} bytes"
        if registers * block > REGISTERS:
            yield f"{name} needs {registers} registers in blocks of {block} threads"
        if shared > STATIC_SHARED:
            yield f"{name} needs {shared} bytes of shared memory"
    # Those for rows at multiples of 16 bytes.
    aligned = {n: text for n, text in kernels.items() if "ld.global.v" in text}
    if request in APART:
        aligned = {n: text for n, text in kernels.items() if "ex2" in text}
    elif not aligned:
        yield "no ld.global.v in any kernel"
    for name, text in aligned.items():
        # The forward loss writes one number for each row, and so do launches that
        # fold slices.
        if ("st.global.v" not in text and request not in APART
                and not request.startswith("cross-entropy ")
                and not folds_slices(text)):
            yield f"{name} has no st.global.v"
        loops = inner_loops(text) if from_memory else []
        # Those over columns; a copy of the loop over rows for rows without any
        # holds none.
        loops = [loop for loop in loops if any("ld.global" in line for line in loop)
                 and any("ex2" in line or "ld.global.v" in line for line in loop)]
        if from_memory and not loops:
            yield f"{name} has no loop over its columns"
        for line in (line for loop in loops for line in loop):
            if re.search(r"\b(mul|mad)\.(lo|hi)\.[su]64|\b(div|rem)\.[su]", line):
                yield f"an inner loop of {name} holds {line.strip()}"
    if re.search(r"^\s*call\b|\.local\b", ptx, flags=re.M):
        yield "calls, or local memory"


def main():
    folder, *targets = sys.argv[1:]
    os.makedirs(folder, exist_ok=True)
    count = 0
    wrong = []
    for target in targets:
        for request in KERNELS + APART:
            count += 1
            wrong += [f"{request} {target}: {text}" for text in problems(folder, request, target)]
    print("\n".join(wrong) or f"{count} kernels without a fault")
    return 1 if wrong or not count else 0


if __name__ == "__main__":
    sys.exit(main())
