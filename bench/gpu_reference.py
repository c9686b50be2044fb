"""Operators in PyTorch and float64, for any option: what kernels are compared with.

Imported only where PyTorch is. SPDX-License-Identifier: Apache-2.0 WITH
LLVM-exception
"""

import torch
import torch.nn.functional as F

DTYPES = {"f64": torch.float64, "f32": torch.float32, "f16": torch.float16,
          "bf16": torch.bfloat16, "i64": torch.int64, "i32": torch.int32, "u8": torch.uint8}
IGNORED = -100


def make_inputs(cell, kernel, shapes, device):
    """Random operands by name; results are made too, filled with NaN."""
    generator = torch.Generator(device=device).manual_seed(1)
    tensors = {}
    for name, role, element, _ in kernel.tensors():
        shape, dtype = shapes[name], DTYPES[element]

        def normal(scale):
            return (torch.randn(shape, generator=generator, device=device) * scale).to(dtype)

        if role == "output":
            tensors[name] = torch.full(shape, float("nan"), dtype=dtype, device=device)
        elif name == "target" and not dtype.is_floating_point:
            tensors[name] = torch.randint(0, cell.columns, shape, generator=generator,
                                          device=device).to(dtype)
            if cell.group == "check" and dtype == torch.int64 and shape:
                tensors[name][::7] = IGNORED
        elif name == "target":
            tensors[name] = torch.softmax(normal(2).double(), -1).to(dtype)
        elif name == "weight":
            tensors[name] = normal(1).abs() + 0.1
        elif name == "mask" and dtype == torch.uint8:
            tensors[name] = (torch.rand(shape, generator=generator, device=device) < 0.8).to(dtype)
        elif name == "y" or name == "lse":
            tensors[name] = None  # follows from others, see `complete`
        else:
            tensors[name] = normal(3)
    complete(cell, tensors, shapes, device)
    return tensors


def complete(cell, tensors, shapes, device):
    """Operands that are results of a forward pass."""
    options = Options(cell)
    if "y" in tensors and tensors["y"] is None:
        x = tensors.get("x")
        if x is None:
            x = torch.randn(shapes["y"], device=device) * 3
        f = torch.log_softmax if cell.op.startswith("log-") else torch.softmax
        tensors["y"] = f(options.logits(x), -1).to(DTYPES[cell.type])
    if "lse" in tensors and tensors["lse"] is None:
        lse = torch.logsumexp(options.logits(tensors["logits"]), -1)
        tensors["lse"] = lse if cell.type == "f64" else lse.float()


class Options:
    """The options of a cell, as numbers."""

    def __init__(self, cell):
        words = dict(option.lstrip("-").partition("=")[::2] for option in cell.options)
        self.scale = float(words.get("scale", 1))
        self.softcap = float(words.get("softcap", 0))
        self.mask = words.get("mask", "none")
        self.reduction = words.get("reduction", "mean")
        self.smoothing = float(words.get("label-smoothing", 0))
        self.z_loss = float(words.get("z-loss", 0))

    def logits(self, x, mask=None):
        """What the operator sees: scaled, capped, masked, in float64."""
        x = x.double() * self.scale
        if self.softcap:
            x = self.softcap * torch.tanh(x / self.softcap)
        if self.mask == "causal":
            rows, columns = x.shape[-2:]
            allowed = torch.ones(rows, columns, device=x.device).tril(columns - rows).bool()
            x = x.masked_fill(~allowed, float("-inf"))
        elif self.mask == "boolean":
            x = x.masked_fill(mask == 0, float("-inf"))
        elif self.mask == "additive":
            x = x + mask.double()
        return x


def loss(cell, logits, tensors):
    """(loss, log-sum-exp of the rows) from logits in float64."""
    o = Options(cell)
    x = o.logits(logits)
    target, weight = tensors["target"], tensors.get("weight")
    if target.dtype.is_floating_point:
        target, kept = target.double(), torch.ones(x.shape[:-1], device=x.device).bool()
    else:
        target, kept = target.long(), target != IGNORED
    value = F.cross_entropy(x, target, weight=None if weight is None else weight.double(),
                            reduction=o.reduction, label_smoothing=o.smoothing)
    lse = torch.logsumexp(x, -1)
    if o.z_loss:
        extra = torch.where(kept, o.z_loss * lse**2, torch.zeros_like(lse))
        if o.reduction == "none":
            value = value + extra
        else:
            value = value + extra.sum() / (kept.sum() if o.reduction == "mean" else 1)
    return value, lse


def expected(cell, tensors):
    """Results by name, in float64."""
    o = Options(cell)
    op = cell.op
    if op in ("softmax", "log-softmax", "logsumexp"):
        x = o.logits(tensors["x"], tensors.get("mask"))
        if op == "logsumexp":
            return {"lse": torch.logsumexp(x, -1)}
        return {"y": (torch.softmax if op == "softmax" else torch.log_softmax)(x, -1)}
    if op in ("softmax-grad", "log-softmax-grad"):
        dy, y = tensors["dy"].double(), tensors["y"].double()
        if op == "softmax-grad":
            dx = y * (dy - (dy * y).sum(-1, keepdim=True))
        else:
            dx = dy - y.exp() * dy.sum(-1, keepdim=True)
        if o.softcap:
            t = torch.tanh(tensors["x"].double() * o.scale / o.softcap)
            dx = dx * (1 - t * t)
        return {"dx": dx * o.scale}
    logits = tensors["logits"].double().detach().requires_grad_(True)
    value, lse = loss(cell, logits, tensors)
    upstream = tensors.get("dloss")
    upstream = torch.ones_like(value) if upstream is None else upstream.double().reshape(value.shape)
    (gradient,) = torch.autograd.grad(value, logits, upstream)
    return {"loss": value.detach(), "lse": lse.detach(), "dlogits": gradient}


# Of the largest magnitude in the result: a few roundings of the result's type.
TOLERANCE = {torch.float64: 1e-13, torch.float32: 2e-6, torch.float16: 2e-3, torch.bfloat16: 1.6e-2}


def error(got, wanted):
    """(largest absolute error, whether it is within the tolerance)."""
    got64, wanted = got.double(), wanted.to(got.device).reshape(got.shape)
    special = ~torch.isfinite(wanted)
    if not torch.equal(torch.nan_to_num(got64[special]), torch.nan_to_num(wanted[special])):
        return float("inf"), False
    difference = (got64 - wanted).abs()[~special]
    if difference.numel() == 0:
        return 0.0, True
    worst = difference.max().item()
    largest = max(1e-30, wanted[~special].abs().max().item())
    return worst, worst <= TOLERANCE[got.dtype] * max(largest, 1e-30)
