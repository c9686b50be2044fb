"""What others offer for a cell: PyTorch, torch.compile, Triton, Liger, QuACK.

Each peer is a function from tensors to a call, or nothing where it has no such
operator. Imported only where PyTorch is.
SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""

import functools

import torch
import torch.nn.functional as F

from gpu_reference import Options

try:
    import triton
    import triton.language as tl
except ImportError:
    triton = None

if triton:

    @triton.jit
    def softmax_rows(y, x, columns, BLOCK: tl.constexpr):
        row = tl.program_id(0).to(tl.int64)
        at = tl.arange(0, BLOCK)
        values = tl.load(x + row * columns + at, mask=at < columns, other=float("-inf")).to(tl.float32)
        values = tl.exp(values - tl.max(values, 0))
        tl.store(y + row * columns + at, values / tl.sum(values, 0), mask=at < columns)

    @triton.jit
    def read_blocks(out, x, BLOCK: tl.constexpr, STEPS: tl.constexpr):
        base = tl.program_id(0).to(tl.int64) * BLOCK * STEPS
        total = tl.zeros([BLOCK], tl.float32)
        for i in tl.static_range(STEPS):
            total += tl.load(x + base + i * BLOCK + tl.arange(0, BLOCK))
        tl.store(out + tl.program_id(0), tl.sum(total, 0))

    def triton_read(source, out):
        block, steps = 2048, 8
        read_blocks[(source.numel() // (block * steps),)](out, source, block, steps, num_warps=8)


def formula(cell):
    """The operator as users write it in PyTorch, and its operands' names."""
    o = Options(cell)

    def logits(x):
        x = x * o.scale if o.scale != 1 else x
        return o.softcap * torch.tanh(x / o.softcap) if o.softcap else x

    def loss(x, target, *weight):
        value = F.cross_entropy(logits(x), target, weight=weight[0] if weight else None,
                                reduction=o.reduction, label_smoothing=o.smoothing)
        if o.z_loss:
            value = value + o.z_loss * (torch.logsumexp(logits(x), -1) ** 2).mean()
        return value

    if cell.op == "softmax":
        return (lambda x: torch.softmax(logits(x), -1)), ("x",)
    if cell.op == "log-softmax":
        return (lambda x: torch.log_softmax(logits(x), -1)), ("x",)
    if cell.op == "softmax-grad":
        return (lambda dy, y: torch.ops.aten._softmax_backward_data(dy, y, -1, y.dtype)), ("dy", "y")
    if cell.op == "log-softmax-grad":
        return (lambda dy, y: torch.ops.aten._log_softmax_backward_data(dy, y, -1, y.dtype)), ("dy", "y")
    if cell.op == "cross-entropy":
        return loss, ("logits", "target")

    def with_grad(x, target, *weight):
        x = x.detach().requires_grad_(True)
        value = loss(x, target, *weight)
        return value.detach(), torch.autograd.grad(value.sum(), x)[0]

    if cell.op == "cross-entropy-with-grad":
        names = ("logits", "target") + (("weight",) if "--weight" in cell.options else ())
        return with_grad, names

    def grad(dloss, x, target, lse):
        p = torch.exp(x.float() - lse[:, None])
        hit = target[:, None] == torch.arange(x.shape[-1], device=x.device)
        return ((p - hit.float()) * dloss[:, None]).to(x.dtype)

    return grad, ("dloss", "logits", "target", "lse")


def eager(cell, tensors):
    f, names = formula(cell)
    return functools.partial(f, *(tensors[n] for n in names))


def compiled(cell, tensors, cache={}):
    if cell not in cache:
        torch._dynamo.reset()
        cache.clear()
        # The measurement makes the graph.
        cache[cell] = torch.compile(formula(cell)[0], mode="max-autotune-no-cudagraphs", dynamic=False)
    return functools.partial(cache[cell], *(tensors[n] for n in formula(cell)[1]))


def triton_tutorial(cell, tensors):
    if not triton or cell.op != "softmax" or cell.options or cell.columns > 1 << 16:
        return None
    x, y = tensors["x"], torch.empty_like(tensors["x"])
    block = triton.next_power_of_2(cell.columns)
    warps = 4 if block <= 2048 else 8 if block <= 8192 else 16
    return lambda: softmax_rows[(cell.rows,)](y, x, cell.columns, block, num_warps=warps)


def liger(cell, tensors):
    if cell.op == "softmax" and not cell.options:
        from liger_kernel.ops.softmax import LigerSoftmaxFunction

        return lambda: LigerSoftmaxFunction.apply(tensors["x"])
    if cell.op == "cross-entropy-with-grad" and "--weight" not in cell.options:
        from liger_kernel.transformers import LigerCrossEntropyLoss

        o = Options(cell)
        module = LigerCrossEntropyLoss(lse_square_scale=o.z_loss, label_smoothing=o.smoothing,
                                       softcap=o.softcap or None)
        # It writes the gradient over the logits in the forward pass.
        logits = tensors["logits"].detach().clone().requires_grad_(True)
        return lambda: module(logits, tensors["target"])
    return None


def quack(cell, tensors):
    if cell.op == "softmax" and not cell.options:
        from quack.softmax import softmax

        return lambda: softmax(tensors["x"])
    if cell.op == "cross-entropy":
        from quack.cross_entropy import cross_entropy

        return lambda: cross_entropy(tensors["logits"], tensors["target"], reduction="none")
    return None


PEERS = {"PyTorch": eager, "torch.compile": compiled, "Triton tutorial": triton_tutorial,
         "Liger": liger, "QuACK": quack}
