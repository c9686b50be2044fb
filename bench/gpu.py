#!/usr/bin/env python3
"""Measures emitted GPU kernels beside their peers.

gpu.py --emit DIR [--target=sm_90] [--group=NAME ..]   runs softmax-gen, needs no GPU
gpu.py --run DIR [--group=NAME ..] [--out=PAGE.md]     needs PyTorch and a GPU, no LLVM
gpu.py --self-test                                     needs neither

SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""

import argparse
import datetime
import os
import platform
import re
import shutil
import subprocess
import sys

import gpu_kernel
import gpu_matrix
import gpu_report

HERE = os.path.dirname(os.path.abspath(__file__))


def parse(arguments):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    mode = parser.add_mutually_exclusive_group(required=True)
    mode.add_argument("--emit", metavar="DIR", help="write the kernels of the matrix there")
    mode.add_argument("--run", metavar="DIR", help="check and measure the kernels there")
    mode.add_argument("--self-test", action="store_true", help="test what needs no GPU")
    parser.add_argument("--target", default="sm_90", help="with --emit; default sm_90")
    parser.add_argument("--group", action="append", default=[], help="only this part of the matrix")
    parser.add_argument("--out", help="the page; default bench/results/DATE-GPU.md")
    parser.add_argument("--no-check", action="store_true", help="do not compare with float64")
    options = parser.parse_args(arguments)
    try:
        options.cells = gpu_matrix.choose(options.group)
    except ValueError as problem:
        parser.error(str(problem))
    return options


def emit(folder, cells, target):
    """Emits each kernel of `cells` once; returns how many failed."""
    kernels = {cell.kernel: cell for cell in cells}
    failed = 0
    for number, cell in enumerate(kernels.values(), 1):
        run = subprocess.run(cell.request(target) + ["-o", folder], capture_output=True, text=True)
        if run.returncode:
            failed += 1
            print(f"{cell.kernel}: {run.stderr.strip()}", file=sys.stderr)
        print(f"\r{number} of {len(kernels)}", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    return failed


def shapes_of(kernel, cell):
    """Every tensor's shape, with the only dynamic extent, the rows, filled in."""
    return {name: tuple(n if isinstance(n, int) else cell.rows for n in shape)
            for name, _, _, shape in kernel.tensors()}


class Bound:
    """A kernel bound to tensors: the call, without a check or an allocation."""

    def __init__(self, kernel, cell, tensors):
        import torch

        self.torch, self.kernel, self.tensors = torch, kernel, tensors
        # Zero at first: its first word tells of labels that are out of range.
        self.workspace = torch.zeros(max(kernel.workspace_bytes, 1), dtype=torch.uint8, device="cuda")
        pointers = {name: tensor.data_ptr() for name, tensor in tensors.items()}
        shapes = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
        self.arguments = kernel.arguments(pointers, shapes, self.workspace.data_ptr())

    def __call__(self):
        self.kernel.call(self.arguments, self.torch.cuda.current_stream().cuda_stream)


def check(folder, cell):
    """The comparisons of one kernel's results with float64."""
    import torch

    import gpu_reference

    try:
        kernel = gpu_kernel.Kernel(folder, cell.kernel)
        tensors = gpu_reference.make_inputs(cell, kernel, shapes_of(kernel, cell), "cuda")
        in_place = "--in-place" in cell.options
        wanted = gpu_reference.expected(cell, tensors)
        if in_place:
            tensors["dlogits"] = tensors["logits"]
        Bound(kernel, cell, tensors)()
        torch.cuda.synchronize()
        checks = []
        for name, role, _, _ in kernel.tensors():
            if role != "input":
                error, passed = gpu_reference.error(tensors[name], wanted[name])
                checks.append(gpu_report.Check(cell, name, error, passed))
        return checks
    except Exception as problem:  # one kernel's failure is a line of the page
        return [gpu_report.Check(cell, "", problem=first_line(problem))]


def first_line(problem):
    return (str(problem).strip().splitlines() or [type(problem).__name__])[0][:160]


def measure(folder, cell):
    import torch

    import gpu_measure
    import gpu_peers
    import gpu_reference

    result = gpu_report.Result(cell)
    try:
        kernel = gpu_kernel.Kernel(folder, cell.kernel)
        shapes = shapes_of(kernel, cell)
        count = gpu_measure.copies_needed(cell.bytes, gpu_measure.l2_bytes(), torch.cuda.mem_get_info()[0])
        sets = []
        for _ in range(count):
            tensors = gpu_reference.make_inputs(cell, kernel, shapes, "cuda")
            if "--in-place" in cell.options:
                tensors["dlogits"] = tensors["logits"]
            sets.append(tensors)
        bound = [Bound(kernel, cell, tensors) for tensors in sets]
        timing = gpu_measure.time_calls(bound)
        result.median, result.low, result.high = timing.median, timing.low, timing.high
        result.enqueue = gpu_measure.enqueue_seconds(bound[0])
    except Exception as problem:  # one kernel's failure is a line of the page
        result.problem = first_line(problem)
        return result
    for name, peer in gpu_peers.PEERS.items():
        try:
            calls = [peer(cell, tensors) for tensors in sets]
            if calls[0]:
                result.peers[name] = gpu_measure.time_calls(calls).median
        except Exception as problem:  # a peer that is missing, or fails
            if not isinstance(problem, ImportError):
                result.peers[name] = first_line(problem)
    return result


def versions(folder, cells):
    """Pairs of what and version, for the page's head."""
    import importlib.metadata

    import torch

    device = torch.cuda.get_device_properties(0)
    facts = [("Device", f"{device.name}, {device.multi_processor_count} multiprocessors, "
                        f"{device.total_memory >> 30} GiB, {device.L2_cache_size >> 20} MiB L2"),
             ("Host", f"{platform.machine()}, Python {platform.python_version()}"),
             ("Date", datetime.date.today().isoformat())]
    packages = []
    for package in ("torch", "triton", "liger-kernel", "quack-kernels"):
        try:
            packages.append(f"{package} {importlib.metadata.version(package)}")
        except importlib.metadata.PackageNotFoundError:
            packages.append(f"no {package}")
    tool = gpu_kernel.read_manifest(folder, cells[0].kernel)["tool"]
    facts.append(("Versions", ", ".join([f"softmax-mlir {tool['version']} (LLVM {tool['llvm']})",
                                         f"CUDA {torch.version.cuda}", *packages])))
    return facts


def run(options):
    try:
        import torch
    except ImportError:
        print("gpu.py: error: --run needs PyTorch", file=sys.stderr)
        return 1
    if not torch.cuda.is_available():
        print("gpu.py: error: --run needs a GPU", file=sys.stderr)
        return 1
    import gpu_measure
    import gpu_peers

    facts = versions(options.run, options.cells)
    facts.append(("Command", "`bench/gpu.py --run DIR" +
                  "".join(f" --group={group}" for group in options.group) + "`"))
    checks = []
    for cell in [] if options.no_check else gpu_matrix.check_cells():
        checks += check(options.run, cell)
    bandwidths = gpu_measure.bandwidths()
    results = []
    for cell in options.cells:
        results.append(measure(options.run, cell))
        torch.cuda.empty_cache()
        print(f"{cell.op} {gpu_report.shape_of(cell)}: "
              f"{gpu_report.seconds(results[-1].median)} us {results[-1].problem}", flush=True)
    name = torch.cuda.get_device_name(0)
    slug = re.sub(r"\W+", "-", name.lower()).strip("-")
    out = options.out or os.path.join(HERE, "results", f"{datetime.date.today()}-{slug}.md")
    text = gpu_report.page(f"GPU kernels on {name}", facts, results, checks, bandwidths,
                           list(gpu_peers.PEERS))
    with open(out, "w", encoding="utf-8") as file:
        file.write(text)
    print(out)
    return 1 if any(not c.passed for c in checks) else 0


def main(arguments):
    options = parse(arguments)
    if options.self_test:
        import unittest

        suite = unittest.defaultTestLoader.discover(HERE, pattern="test_gpu.py")
        return 0 if unittest.TextTestRunner().run(suite).wasSuccessful() else 1
    if options.emit:
        if not shutil.which("softmax-gen"):
            print("gpu.py: error: --emit needs softmax-gen on PATH", file=sys.stderr)
            return 1
        cells = options.cells + ([] if options.no_check else gpu_matrix.check_cells())
        return 1 if emit(options.emit, cells, options.target) else 0
    return run(options)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
