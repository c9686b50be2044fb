#!/usr/bin/env python3
"""Checks that every pass is documented by a test.

Each pass of a Passes.td has a line "Example: test/FOLDER/FILE.mlir" in its
description, and a RUN line of that file runs the pass.
"""
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
PASS = re.compile(r'^def \w+\s*:\s*Pass<\s*"([^"]+)"', re.M)
EXAMPLE = re.compile(r"^\s*Example: (\S+)$", re.M)


def run_lines(text):
    """The RUN lines of a test, with continued ones joined."""
    commands = re.findall(r"RUN:(.*)$", text, re.M)
    return re.sub(r"\\\n", " ", "\n".join(commands)).splitlines()


def problem_of(name, definition):
    """What is wrong with the example of a pass, or None."""
    example = EXAMPLE.search(definition)
    if not example:
        return "its description has no line 'Example: test/...mlir'"
    path = ROOT / example[1]
    if not path.is_file():
        return f"its example {example[1]} does not exist"
    # As a flag or in a pipeline, and not as a part of another name.
    use = re.compile(rf"(?<![\w-])(--?)?{re.escape(name)}(?![\w-])")
    if not any(map(use.search, run_lines(path.read_text(encoding="utf-8")))):
        return f"no RUN line of {example[1]} uses it"
    return None


def main():
    problems, count = [], 0
    for path in sorted(ROOT.glob("*/**/Passes.td")):
        place = path.relative_to(ROOT)
        if place.parts[0].startswith(("build", ".")):
            continue
        text = path.read_text(encoding="utf-8")
        passes = list(PASS.finditer(text))
        ends = [match.start() for match in passes[1:]] + [len(text)]
        for match, end in zip(passes, ends):
            count += 1
            problem = problem_of(match[1], text[match.start() : end])
            if problem:
                line = text.count("\n", 0, match.start()) + 1
                problems.append(f"{place}:{line}: pass {match[1]}: {problem}")
    if count == 0:
        problems.append("found no pass in any Passes.td")
    print("\n".join(problems) or f"{count} passes, each with a test as example")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
