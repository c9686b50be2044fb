#!/usr/bin/env python3
"""Adds up JUnit files of lit and CTest: count-tests.py FILE..

Prints a line for each file and each failure, and at the end exactly one line
"N passed, N failed, N skipped". The exit code is 0 when something passed, nothing
failed and every file was there.
"""
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

import re
import sys
import xml.etree.ElementTree as ElementTree

# What GoogleTest prints after each case, also when the program dies later.
CASE = re.compile(r"\[ +(OK|FAILED|SKIPPED) +\] (\S+?)(?:,[^\n]*)? \(\d+ ms\)")
# CTest's reasons for a test that was not run on purpose. All others ("unable
# to find executable", "fixture dependency failed") are failures.
ON_PURPOSE = ("SKIP_RETURN_CODE", "SKIP_REGULAR_EXPRESSION", "Disabled")


def outcome_of(test):
    """One of passed, failed, skipped for a <testcase>."""
    if test.find("failure") is not None or test.find("error") is not None:
        return "failed"
    skipped = test.find("skipped")
    if skipped is None:
        return "passed"
    # lit has no status and skips on purpose only.
    status, reason = test.get("status"), skipped.get("message", "")
    if status is None or status == "disabled" or reason.startswith(ON_PURPOSE):
        return "skipped"
    return "failed"


def outcomes_of(test):
    """(name, outcome) of a <testcase>; of its cases when it runs GoogleTest."""
    name, outcome = test.get("name", "?"), outcome_of(test)
    output = "".join(part.text or "" for part in test.findall("system-out"))
    names = {"OK": "passed", "FAILED": "failed", "SKIPPED": "skipped"}
    cases = [(case, names[word]) for word, case in CASE.findall(output)]
    if outcome == "failed" and all(found != "failed" for _, found in cases):
        cases.append((name, "failed"))  # died, or ran out of time
    return cases or [(name, outcome)]


def main(paths):
    total = {"passed": 0, "failed": 0, "skipped": 0}
    for path in paths:
        count = dict.fromkeys(total, 0)
        try:
            tests = list(ElementTree.parse(path).getroot().iter("testcase"))
        except (OSError, ElementTree.ParseError) as error:
            print(f"FAILED {path}: no results: {error}")
            tests, count["failed"] = [], 1
        for test in tests:
            for name, outcome in outcomes_of(test):
                count[outcome] += 1
                if outcome != "passed":
                    place = test.get("classname", "")
                    print(f"{outcome.upper()} {place} {name}".replace("  ", " "))
        print(f"{path}: {count['passed']} passed, {count['failed']} failed, "
              f"{count['skipped']} skipped")
        for outcome in total:
            total[outcome] += count[outcome]
    print(f"{total['passed']} passed, {total['failed']} failed, "
          f"{total['skipped']} skipped")
    return 0 if total["passed"] > 0 and total["failed"] == 0 else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
