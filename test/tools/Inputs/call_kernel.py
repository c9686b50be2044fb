"""Calls the kernel k as bench/gpu.py does, and once with overlapping tensors.

call_kernel.py FOLDER
SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""

import sys

import gpu_kernel

kernel = gpu_kernel.Kernel(sys.argv[1], "k")
shapes = {"x": (1000, 64), "y": (1000, 64)}
kernel.call(kernel.arguments({"x": 1 << 30, "y": 2 << 30}, shapes), None)
try:
    kernel.call(kernel.arguments({"x": 1 << 30, "y": (1 << 30) + 2}, shapes), None)
except RuntimeError as problem:
    print(problem)
