"""What bench/gpu.py measures and checks: cells, their kernels, and their bars.

SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""

from dataclasses import dataclass

BYTES = {"f64": 8, "f32": 4, "f16": 2, "bf16": 2}


@dataclass(frozen=True)
class Cell:
    """One measurement: an operator on `rows` rows of `columns` columns."""

    group: str
    op: str
    rows: int
    columns: int
    type: str
    options: tuple = ()

    @property
    def kernel(self):
        """Name of the kernel; cells that differ in their rows share one."""
        words = [self.op, str(self.columns), self.type]
        words += [option.lstrip("-") for option in self.options]
        return "bench_" + "".join(c if c.isalnum() else "_" for c in "_".join(words))

    def request(self, target):
        """The command line of softmax-gen, without the directory."""
        return ["softmax-gen", self.op, f"?x{self.columns}x{self.type}", *self.options,
                f"--name={self.kernel}", f"--target-gpu={target}", "--target-cpu=x86-64",
                "--emit=so,manifest", "--quiet"]

    @property
    def bytes(self):
        """The bytes that the operation has to move: each large tensor once for
        each time that the operator needs it, as reference pages count them."""
        tensors = {"softmax": 2, "log-softmax": 2, "softmax-grad": 3, "log-softmax-grad": 3,
                   "cross-entropy": 1, "cross-entropy-grad": 2, "cross-entropy-with-grad": 2}
        return tensors[self.op] * self.rows * self.columns * BYTES[self.type]

    @property
    def bar(self):
        """(what the kernel has to reach, of what), or None: a share of the
        device's bandwidth, or a multiple of torch.compile's speed."""
        if self.group == "decode":
            return (2.0, "torch.compile") if self.rows <= 64 else None
        if self.group in ("rows", "backward"):
            for columns, share in ((4096, 0.95), (1024, 0.88), (256, 0.75)):
                if self.columns >= columns:
                    return share, "copy"
        if self.group == "loss":
            bars = {"cross-entropy": (0.95, "read"), "cross-entropy-with-grad": (0.92, "copy")}
            return bars.get(self.op)
        return None


def row_cells():
    cells = []
    for shift in range(8, 19):
        columns = 1 << shift
        rows = min(32768, (1 << 31) // columns)
        for element in ("bf16", "f16", "f32"):
            cells.append(Cell("rows", "softmax", rows, columns, element))
            cells.append(Cell("backward", "softmax-grad", rows, columns, element))
        cells.append(Cell("log-softmax", "log-softmax", rows, columns, "bf16"))
        cells.append(Cell("log-softmax", "log-softmax-grad", rows, columns, "bf16"))
    return cells


def loss_cells():
    cells = []
    for shift in range(10, 19):
        columns = 1 << shift
        rows = min(32768, (1 << 31) // columns)
        cells += [Cell("loss", "cross-entropy", rows, columns, element, ("--reduction=none", "--lse"))
                  for element in ("bf16", "f32")]
    for columns in (32000, 128256, 152064, 262144):
        for element in ("bf16", "f32"):
            for op in ("cross-entropy-with-grad", "cross-entropy-grad"):
                options = ("--in-place",) if op.endswith("with-grad") else ("--reduction=none", "--lse")
                cells.append(Cell("loss", op, 8192, columns, element, options))
    return cells


def other_cells():
    odd = [(1823, 781), (4096, 4097), (1021, 32001), (4096, 16384), (2048, 32768), (8192, 4096)]
    cells = [Cell("odd", "softmax", rows, columns, element)
             for rows, columns in odd for element in ("bf16", "f32")]
    cells += [Cell("split", "softmax", 4, 1 << 20, element) for element in ("bf16", "f32")]
    for columns in (32000, 65536, 128256, 151936, 262144):
        cells += [Cell("decode", "softmax", rows, columns, "f32", ("--scale=1.25",))
                  for rows in (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)]
    for option in (("--label-smoothing=0.1",), ("--weight",), ("--softcap=30",), ("--z-loss=0.0001",)):
        cells.append(Cell("features", "cross-entropy-with-grad", 8192, 32000, "bf16",
                          ("--in-place", *option)))
    return cells


def tutorial_cells():
    """The sweep of Triton's tutorial, which exposes cliffs; only on demand."""
    return [Cell("tutorial", "softmax", 4096, columns, element)
            for columns in range(256, 12673, 128) for element in ("f16", "f32")]


def all_cells():
    return row_cells() + loss_cells() + other_cells() + tutorial_cells()


def choose(groups):
    """The cells of `groups`, or of all but the tutorial's when it is empty."""
    known = sorted({cell.group for cell in all_cells()})
    for group in groups:
        if group not in known:
            raise ValueError(f"unknown group '{group}'; expected some of {', '.join(known)}")
    return [cell for cell in all_cells()
            if (cell.group in groups if groups else cell.group != "tutorial")]


def check_cells():
    """Small shapes of every operator and option, compared with float64."""
    cells = []

    def add(op, *options, types=("f32", "bf16", "f16", "f64"), columns=(7, 1000)):
        cells.extend(Cell("check", op, 37, n, t, options) for t in types for n in columns)

    for op in ("softmax", "log-softmax", "logsumexp", "softmax-grad", "log-softmax-grad",
               "cross-entropy", "cross-entropy-grad", "cross-entropy-with-grad"):
        add(op)
        add(op, columns=(5000, 100000), types=("f32",))
    for op in ("softmax", "log-softmax", "logsumexp", "softmax-grad", "log-softmax-grad"):
        add(op, "--scale=0.5", types=("f32",))
        add(op, "--scale=2", "--softcap=3", types=("f32", "bf16"))
    for op in ("softmax", "log-softmax"):
        for mask in ("causal", "boolean", "additive"):
            add(op, f"--mask={mask}", types=("f32", "bf16"))
    for op in ("cross-entropy", "cross-entropy-grad", "cross-entropy-with-grad"):
        for options in (("--reduction=none",), ("--reduction=sum",), ("--label-smoothing=0.1",),
                        ("--weight",), ("--weight", "--label-smoothing=0.2"), ("--z-loss=0.01",),
                        ("--scale=2", "--softcap=5"), ("--target=probabilities",)):
            add(op, *options, types=("f32", "bf16"))
        add(op, "--lse", types=("f32",))
    add("cross-entropy-with-grad", "--dloss", "--reduction=none", types=("f32",))
    add("cross-entropy-with-grad", "--in-place", types=("f32", "bf16"))
    return cells
