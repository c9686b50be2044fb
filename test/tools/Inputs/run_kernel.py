"""Runs the kernel k as bench/gpu.py does, a softmax over rows of 100 f32, and compares.

run_kernel.py FOLDER ROWS
SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""

import ctypes
import math
import sys

import gpu_kernel

kernel = gpu_kernel.Kernel(sys.argv[1], "k")
rows, columns = int(sys.argv[2]), 100
elements = ctypes.c_float * (rows * columns)
x = elements(*(math.sin(i) * 5 for i in range(rows * columns)))
y = elements()
pointers = {"x": ctypes.addressof(x), "y": ctypes.addressof(y)}
shapes = {"x": (rows, columns), "y": (rows, columns)}
kernel.call(kernel.arguments(pointers, shapes), None)

worst = 0
for i in range(0, rows * columns, columns):
    powers = [math.exp(e) for e in x[i:i + columns]]
    for result, power in zip(y[i:i + columns], powers):
        worst = max(worst, abs(result / (power / sum(powers)) - 1))
print("right" if worst < 1e-6 else f"wrong: relative error {worst}")
