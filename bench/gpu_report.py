"""The page of results: Markdown from measurements.

SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""

from dataclasses import dataclass, field


@dataclass
class Result:
    """What was measured of a cell. Times in seconds, None where it failed."""

    cell: object
    median: float = None
    low: float = None
    high: float = None
    enqueue: float = None
    peers: dict = field(default_factory=dict)  # name -> seconds, or text that says why not
    problem: str = ""  # why there is no time

    @property
    def rate(self):
        """Bytes per second that the operation has to move."""
        return self.cell.bytes / self.median if self.median else None


@dataclass
class Check:
    """One comparison with float64."""

    cell: object
    result: str
    error: float = None
    passed: bool = False
    problem: str = ""


def reached(result, bandwidths):
    """What the cell reaches of what its bar is about, or None."""
    if result.median is None or result.cell.bar is None:
        return None
    of = result.cell.bar[1]
    if of in bandwidths:
        return result.rate / bandwidths[of]
    peer = result.peers.get(of)
    return peer / result.median if isinstance(peer, float) else None


def below_bar(result, bandwidths):
    """True when the bar is missed, or when there is one and nothing to tell."""
    if result.cell.bar is None:
        return False
    value = reached(result, bandwidths)
    return value is None or value < result.cell.bar[0]


def shape_of(cell):
    options = " ".join(cell.options)
    return f"{cell.rows}x{cell.columns} {cell.type}" + (f" `{options}`" if options else "")


def seconds(value):
    if value is None:
        return "–"
    return f"{value * 1e6:.2f}" if value < 1e-4 else f"{value * 1e6:.0f}"


def table(results, bandwidths, names):
    """A group's table; a bar that is missed is marked with **."""
    lines = ["| cell | µs | spread | GB/s | of copy | of read | " +
             " | ".join(f"x {name}" for name in names) + " | enqueue µs | bar |",
             "|---|" + "---:|" * (7 + len(names))]
    for r in results:
        cells = [f"{r.cell.op} {shape_of(r.cell)}"]
        if r.median is None:
            lines.append(f"| {cells[0]} | failed: {r.problem} |" + " |" * (6 + len(names)))
            continue
        cells += [seconds(r.median), f"{seconds(r.low)}–{seconds(r.high)}", f"{r.rate / 1e9:.0f}",
                  f"{r.rate / bandwidths['copy']:.2f}", f"{r.rate / bandwidths['read']:.2f}"]
        for name in names:
            peer = r.peers.get(name)
            cells.append(f"{peer / r.median:.2f}" if isinstance(peer, float) else
                         "failed" if peer else "–")
        cells.append(seconds(r.enqueue))
        if r.cell.bar is None:
            cells.append("")
        else:
            value = reached(r, bandwidths)
            text = f"{'?' if value is None else f'{value:.2f}'} of {r.cell.bar[0]:.2f} {r.cell.bar[1]}"
            cells.append(f"**{text}**" if below_bar(r, bandwidths) else text)
        lines.append("| " + " | ".join(cells) + " |")
    return lines


def page(title, facts, results, checks, bandwidths, names):
    """The whole page. `facts`: pairs of what and value, for the head."""
    lines = [f"# {title}", ""]
    lines += [f"* {what}: {value}" for what, value in facts]
    lines += [f"* copy {bandwidths['copy'] / 1e9:.0f} GB/s, read {bandwidths['read'] / 1e9:.0f} GB/s, "
              "measured in the same run",
              "* Medians of CUDA-graph replays between events; random data; buffers take turns so that "
              "none is left in L2. The spread holds 80 % of the replays. GB/s counts each tensor that the "
              "operation needs once. `x NAME` is that peer's time divided by ours: above 1 we are faster. "
              "`enqueue` is the host's time for one of 1000 calls in a row, from Python through ctypes.",
              ""]
    missed = [r for r in results if below_bar(r, bandwidths)]
    judged = [r for r in results if r.cell.bar is not None]
    lines += [f"{len(judged) - len(missed)} of {len(judged)} bars are reached; those that are not are in bold.", ""]
    if checks:
        wrong = [c for c in checks if not c.passed]
        lines += ["## Correctness", "",
                  f"{len(checks) - len(wrong)} of {len(checks)} results are within the tolerance of "
                  "float64.", "", "| operator | results | largest error |", "|---|---:|---:|"]
        for key in sorted({(c.cell.op, c.cell.type) for c in checks}):
            own = [c for c in checks if (c.cell.op, c.cell.type) == key]
            known = [c.error for c in own if c.error is not None]
            lines.append(f"| {' '.join(key)} | {len(own)} | {max(known):.2e} |" if known else
                         f"| {' '.join(key)} | {len(own)} | – |")
        lines += [""] + [f"* wrong: {c.cell.op} {shape_of(c.cell)}, {c.result}: "
                         f"{c.problem or f'{c.error:.2e}'}" for c in wrong]
        lines += [""] if wrong else []
    for group in dict.fromkeys(r.cell.group for r in results):
        lines += [f"## {group}", ""]
        lines += table([r for r in results if r.cell.group == group], bandwidths, names) + [""]
    reasons = sorted({f"{name}, {r.cell.op}: {peer}" for r in results
                      for name, peer in r.peers.items() if isinstance(peer, str)})
    if reasons:
        lines += ["## Peers that failed", ""] + [f"* {reason}" for reason in reasons] + [""]
    return "\n".join(lines)
