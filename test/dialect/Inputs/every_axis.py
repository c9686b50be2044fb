"""Every operator of rank 1 to 8 with every class axis: every_axis.py start|end.

With `end` axes count from the end. Canonicalization turns those into the others.
SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""

import sys

from_end = sys.argv[1] == "end"
UNARY = ("softmax", "log_softmax", "logsumexp")
GRADIENTS = ("softmax_grad", "log_softmax_grad")


def memref(extents, element):
    return f"memref<{''.join(f'{e}x' for e in extents)}{element}>"


for rank in range(1, 9):
    for axis in range(rank):
        extents = [2] * rank
        x, rows = memref(extents, "f32"), memref(extents[1:], "f32")
        labels, shown = memref(extents[1:], "i64"), axis - rank if from_end else axis
        print(f"func.func @r{rank}_a{axis}(%x: {x}, %t: {labels}, %l: {rows}, %s: memref<f32>) {{")
        for op in UNARY:
            out, type_ = ("%l", rows) if op == "logsumexp" else ("%x", x)
            print(f"  softmax.{op} axis({shown}) ins(%x : {x}) outs({out} : {type_})")
        for op in GRADIENTS:
            print(f"  softmax.{op} axis({shown}) ins(%x, %x : {x}, {x}) outs(%x : {x})")
        head = f"axis({shown}) reduction(mean)"
        print(f"  softmax.cross_entropy {head} ins(%x, %t : {x}, {labels}) outs(%s : memref<f32>)")
        print(f"  softmax.cross_entropy_grad {head} ins(%s, %x, %t : memref<f32>, {x}, {labels}) outs(%x : {x})")
        print(f"  softmax.cross_entropy_with_grad {head} ins(%x, %t : {x}, {labels}) outs(%s, %x : memref<f32>, {x})")
        print("  return\n}")
