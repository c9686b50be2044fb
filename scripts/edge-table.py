#!/usr/bin/env python3
"""Which tests check which special case: writes docs/edge-cases.md.

edge-table.py            writes the table
edge-table.py --check    fails when the table is out of date or a row untested

A test names the rows that it checks (E12) in a comment or a name; the verifier
counts rows of its inputs in verify/Specials.cpp.
"""
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
TABLE = ROOT / "docs" / "edge-cases.md"

# Number: input, result.
ROWS = {
    1: ("all of a row -inf", "softmax, log-softmax, loss, gradient NaN, lse -inf; `--masked-rows=zero`: 0, -inf, +inf, 0, unless the row holds a NaN"),
    2: ("some -inf, some finite", "there p = +0.0, log p = -inf, gradient 0"),
    3: ("a +inf", "all NaN, lse +inf"),
    4: ("a NaN", "all of the row NaN"),
    5: ("one class", "p 1, log p 0, loss 0, gradient 0, exactly; NaN for an infinite logit"),
    6: ("no class", "empty; lse -inf; a label that is not ignored is out of range"),
    7: ("no rows", "none: empty; sum 0; mean as in E8; nothing is read"),
    8: ("all rows ignored, or the weights of the targets add up to 0", "none and sum 0; mean NaN (`--empty-mean=zero`: 0); gradient 0"),
    9: ("ignored row with NaN or inf", "loss and gradient +0.0; the logits are not read"),
    10: ("ignore_index in [0, C)", "rows with that label are ignored; the class stays in every denominator"),
    11: ("ignore_index outside [0, C)", "compared before the range check, in i64"),
    12: ("label outside [0, C), not ignored", "`SMX_E_TARGET` and the first bad row; nothing written; without the entry's check NaN, never an access outside the row"),
    13: ("-inf at the target", "loss +inf, gradient finite"),
    14: ("-inf elsewhere, no smoothing", "finite"),
    15: ("-inf elsewhere, smoothing", "loss +inf; NaN where the class's weight is 0"),
    16: ("weight 0 at a target whose logit is -inf or NaN", "NaN"),
    17: ("probability 0 at a logit of -inf", "NaN; `--zero-times-inf=zero`: nothing"),
    18: ("probabilities that are negative or do not add up to 1", "used as they are, also by the gradient"),
    19: ("probabilities and ignore_index", "refused"),
    20: ("probabilities, weights, mean", "divided by the number of rows"),
    21: ("labels, weights, smoothing, ignored rows, mean", "divided by the sum of the targets' weights"),
    22: ("smoothing above 1", "refused"),
    23: ("smoothing below 0 or NaN", "refused"),
    24: ("smoothing 1", "cross-entropy with the uniform distribution"),
    25: ("smoothing's mass", "e/C for every class, the target and an ignored class included"),
    26: ("negative weights that cancel", "mean NaN"),
    27: ("huge finite logits", "p 0 or log p -inf where x - max overflows; no NaN"),
    28: ("equal logits at any offset", "log C to 1 ULP"),
    29: ("subnormal p", "gradual underflow, error at most 1e-43 in f32"),
    30: ("x - max below the least subnormal's", "+0.0"),
    31: ("16-bit data", "computed in f32, rounded once to nearest even"),
    32: ("f16 on the CPU; integer logits", "supported; refused"),
    33: ("weights beside 16-bit logits", "f32"),
    34: ("type of the labels", "i64, i32, u8"),
    35: ("no axis; one axis of a cross-entropy", "a row of one class; a scalar loss"),
    36: ("axis", "-rank to rank - 1, else refused"),
    37: ("class axis of a cross-entropy", "1 of [N, C, d1..], any number of further axes"),
    38: ("loss of 16-bit logits", "f32"),
    39: ("result in place of its input", "when declared; the same bits"),
    40: ("undeclared overlap", "`SMX_E_ALIAS`"),
    41: ("sign of a zero loss", "unspecified, but for E2, E9, E30: tests compare values"),
    42: ("floating-point environment", "left as found"),
    43: ("stride 0", "inputs: as a broadcast; results: `SMX_E_STRIDE`"),
}


def places():
    """Row -> the sorted files that test it."""
    found = {row: set() for row in ROWS}
    for path in sorted((ROOT / "test").rglob("*")):
        if path.suffix not in {".cpp", ".mlir", ".test", ".py", ".c"} or "corpus" in path.parts:
            continue
        for row in re.findall(r"\bE([1-9][0-9]?)\b", path.read_text(errors="replace")):
            if int(row) in found:
                found[int(row)].add(str(path.relative_to(ROOT / "test")))
    verifier = (ROOT / "verify" / "Specials.cpp").read_text()
    for arguments in re.findall(r"\bcount\(([^;]*?)isFailed", verifier):
        for row in re.findall(r"\b([1-9][0-9]?)\b", arguments):
            if int(row) in found:
                found[int(row)].add("every kernel")
    return found


def table():
    lines = [
        "# Special cases and where they are tested",
        "",
        "Written by `scripts/edge-table.py` from the tests; do not edit. Paths are relative to `test/`. *Every kernel*: the",
        "verifier makes rows of that kind for each kernel that `numerics/KernelsTest`, `random-cases` and `softmax-gen verify`",
        "look at, and counts them. Where we differ from PyTorch: [semantics.md](semantics.md).",
        "",
        "| row | input | result | tested in |",
        "|---|---|---|---|",
    ]
    untested = []
    for row, files in places().items():
        text = ", ".join("*every kernel*" if f == "every kernel" else f"`{f}`" for f in sorted(files))
        if not files:
            untested.append(row)
        lines.append(f"| E{row} | {ROWS[row][0]} | {ROWS[row][1]} | {text or 'nowhere'} |")
    return "\n".join(lines) + "\n", untested


def main():
    text, untested = table()
    if "--check" not in sys.argv[1:]:
        TABLE.write_text(text)
    elif not TABLE.exists() or TABLE.read_text() != text:
        print("docs/edge-cases.md is out of date; run scripts/edge-table.py")
        return 1
    if untested:
        print("untested:", ", ".join(f"E{row}" for row in untested))
        return 1
    print(f"{len(ROWS)} rows, each with a test")
    return 0


sys.exit(main())
