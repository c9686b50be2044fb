#!/usr/bin/env python3
"""Applies deliberate faults one after the other and shows that a test fails.

run.py                     all faults that have no result yet
run.py --only=NAME[,NAME]  these, or those of faults/NAME.toml, again if they have
                           a result
run.py --place=DIR         works in DIR; several runs go on side by side
run.py --again             all, from the start
run.py --list              names, and what each fault is
run.py --check             only whether every fault still applies; builds nothing
run.py --table             the results as rows for README.md

Works in a copy of the tree, DIR/tree; results are kept in DIR/results.json, so
that a run that was interrupted goes on. DIR is build-mutants if not given. Exit
code 0: every fault was killed.
"""
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

import argparse
import hashlib
import json
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import sys
import tomllib

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
PLACE = pathlib.Path(next((a.split("=", 1)[1] for a in sys.argv if a.startswith("--place=")), ROOT / "build-mutants")).resolve()
TREE, RESULTS, LOGS = PLACE / "tree", PLACE / "results.json", PLACE / "log"
BASELINE = PLACE / "baseline.json"  # which tests passed without a fault
BUILD = TREE / "build"
LEAST = 55  # faults that the list must hold
LIMIT = 600  # seconds for a test; one that hangs has failed
LIT = os.environ.get("LIT", "/usr/lib/llvm-22/bin/lit")
# Where the programs of tests lie in the build folder.
FOLDERS = {
    "KernelsTest": "test/numerics", "LargeTest": "test/numerics",
    "OracleTest": "test/numerics", "VerifyTest": "test/numerics",
    "column-sweep": "test/numerics", "math-exhaustive": "test/numerics",
    "VulkanKernelsTest": "test/numerics", "random-cases": "test/numerics",
    "small-shapes": "test/numerics",
    "PtxKernelsTest": "test/ptx", "PtxMachineTest": "test/ptx",
    "RuntimeTest": "test/unit", "RuntimeProcessTest": "test/unit",
    "fuzz-regression": "test/fuzz",
}


class Problem(Exception):
    """Something that is wrong with the list or the tree, in one line."""


def read_faults():
    faults = []
    for path in sorted((HERE / "faults").glob("*.toml")):
        try:
            listed = [dict(fault, area=path.stem) for fault in tomllib.loads(path.read_text()).get("fault", [])]
        except tomllib.TOMLDecodeError as error:
            raise Problem(f"{path.name}: {error}") from error
        for fault in listed:
            missing = {"name", "what", "file", "old", "new", "tests"} - set(fault)
            if missing:
                raise Problem(f"{path.name}: {fault.get('name', '?')} lacks {', '.join(sorted(missing))}")
        faults += listed
    return faults


#===--- Tests ---------------------------------------------------------------===#


def programs_of(test):
    """What has to be built for a test."""
    words = test.split()
    if words[0] == "lit":
        return ["softmax-opt"] if words[1].startswith(("dialect", "lowering")) else ["softmax-gen", "softmax-opt"]
    return ["KernelsTest"] if words[0] == "kernel" else [words[0]]


def command_of(test):
    """lit FILE, kernel REQUEST (a case of KernelsTest), or a program's command line."""
    words = shlex.split(test)
    if words[0] == "lit":
        return [LIT, "-v", str(BUILD / "test" / words[1])]
    if words[0] == "kernel":
        # The names that KernelLines.cpp gives to its requests.
        name = "".join(c if c.isalnum() else "d" if c == "?" else "_" for c in " ".join(words[1:]))
        words = ["KernelsTest", f"--gtest_filter=*Kernels.MatchTheOracle/{name}"]
    program = str(BUILD / FOLDERS[words[0]] / words[0])
    return [argument.replace("%S", str(TREE / "test")) for argument in [program] + words[1:]]


def problem_of_test(test):
    """Why the test cannot be run, or None."""
    words = test.split()
    if words[0] == "lit":
        return None if (ROOT / "test" / words[1]).is_file() else f"test/{words[1]} does not exist"
    if words[0] == "kernel":
        line = " ".join(words[1:])
        op, shape = words[1], words[2]
        text = re.sub(r'"\s*\n\s*"', "", (ROOT / "test/numerics/KernelLines.cpp").read_text())
        matrix = re.fullmatch(r"\?x197x(f32|f64|f16|bf16) --target-cpu=x86-64(-v3)?", " ".join(words[2:]))
        if f'"{line}"' in text or (matrix and f'"{op}"' in text):
            return None
        return f"KernelsTest has no request '{line}'"
    return None if words[0] in FOLDERS else f"unknown program '{words[0]}'"


def passes(test, log):
    """Runs a test: None when it passed, else why it did not."""
    environment = dict(os.environ, TMPDIR=str(PLACE / "tmp"))
    shutil.rmtree(PLACE / "tmp", ignore_errors=True)
    (PLACE / "tmp").mkdir()
    print(f"$ {test}", file=log, flush=True)
    try:
        run = subprocess.run(command_of(test), stdout=log, stderr=log, env=environment, cwd=PLACE / "tmp", timeout=LIMIT, check=False)
    except subprocess.TimeoutExpired:
        return f"no end after {LIMIT} s"
    return None if run.returncode == 0 else f"exit code {run.returncode}"


#===--- The copy of the tree ------------------------------------------------===#


def synchronize():
    """Makes TREE hold the files of ROOT, writes only those that differ; a digest of them."""
    listed = subprocess.run(["git", "-C", str(ROOT), "ls-files", "-co", "--exclude-standard", "-z"], capture_output=True, check=True)
    names = {name for name in listed.stdout.decode().split("\0") if name and (ROOT / name).is_file()}
    for path in list(TREE.rglob("*")):
        name = path.relative_to(TREE)
        if name.parts[0] != "build" and path.is_file() and str(name) not in names:
            path.unlink()
    state = hashlib.sha256()
    for name in sorted(names):
        source, copy = ROOT / name, TREE / name
        if not name.startswith("test/mutants"):
            state.update(name.encode() + source.read_bytes())
        if not copy.exists() or copy.read_bytes() != source.read_bytes():
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, copy)
            copy.chmod(source.stat().st_mode)
    return state.hexdigest()


def build(targets, log):
    """True when all of the targets were built."""
    run = subprocess.run(["ninja", "-C", str(BUILD)] + sorted(set(targets)), stdout=log, stderr=log, check=False)
    return run.returncode == 0


def prepare(faults):
    """Copies, configures, and shows that the tests pass without any fault."""
    for folder in (TREE, LOGS):
        folder.mkdir(parents=True, exist_ok=True)
    # ccache may serve this copy with what was compiled elsewhere.
    os.environ.setdefault("CCACHE_BASEDIR", str(TREE))
    os.environ.setdefault("CCACHE_NOHASHDIR", "1")
    os.environ.setdefault("CCACHE_SLOPPINESS", "pch_defines,time_macros")
    state = synchronize()
    passed = json.loads(BASELINE.read_text()) if BASELINE.exists() else {}
    passed = passed if passed.get("state") == state else {"state": state, "tests": []}
    tests = list(dict.fromkeys(test for fault in faults for test in fault["tests"]))
    with open(LOGS / "baseline.log", "w", encoding="utf-8") as log:
        if not (BUILD / "build.ninja").exists():
            say("configuring")
            include = f"-DCMAKE_PROJECT_INCLUDE={TREE / 'test/mutants/precompile.cmake'}"
            if subprocess.run(["cmake", "--preset", "release", include], cwd=TREE, stdout=log, stderr=log, check=False).returncode != 0:
                raise Problem(f"cannot configure, see {log.name}")
        say("building without a fault")
        if not build([p for test in tests for p in programs_of(test)], log):
            raise Problem(f"the tree does not build, see {log.name}")
        for test in tests:
            if test in passed["tests"]:
                continue
            say(f"without a fault: {test}")
            if why := passes(test, log):
                raise Problem(f"fails without a fault ({why}): {test}; see {log.name}")
            passed["tests"].append(test)
            BASELINE.write_text(json.dumps(passed, indent=1))


def say(text):
    print(text, flush=True)


#===--- Faults --------------------------------------------------------------===#


def digest(fault):
    return hashlib.sha256(json.dumps(fault, sort_keys=True).encode()).hexdigest()[:16]


def run_fault(fault):
    """The result of a fault: its outcome, what killed it, seconds of CPU time."""
    path = TREE / fault["file"]
    text = path.read_text()
    begin = os.times()
    result = {"digest": digest(fault), "outcome": "survived", "by": ""}
    with open(LOGS / f"{fault['name']}.log", "w", encoding="utf-8") as log:
        try:
            path.write_text(text.replace(fault["old"], fault["new"], 1))
            for test in fault["tests"]:
                if not build(programs_of(test), log):
                    result.update(outcome="does not build")
                    break
                if why := passes(test, log):
                    result.update(outcome="killed", by=test, how=why)
                    break
        finally:
            path.write_text(text)
    end = os.times()
    result["seconds"] = round(end.children_user + end.children_system - begin.children_user - begin.children_system)
    return result


def check(faults):
    """What is wrong with the list, in lines."""
    problems = []
    names = [fault["name"] for fault in faults]
    problems += [f"{name}: listed twice" for name in set(names) if names.count(name) > 1]
    if len(faults) < LEAST:
        problems.append(f"{len(faults)} faults, expected {LEAST} at least")
    for fault in faults:
        path = ROOT / fault["file"]
        found = path.read_text().count(fault["old"]) if path.is_file() else 0
        if found != 1:
            problems.append(f"{fault['name']}: its old text is in {fault['file']} {found} times, expected once")
        if fault["old"] == fault["new"] or not fault["tests"]:
            problems.append(f"{fault['name']}: changes nothing, or names no test")
        problems += [f"{fault['name']}: {why}" for why in map(problem_of_test, fault["tests"]) if why]
    return problems


def print_table(faults, results):
    for fault in faults:
        result = results.get(fault["name"], {"outcome": "not run", "by": "", "seconds": 0})
        by = f"`{result['by']}`" if result["by"] else result["outcome"]
        say(f"| {fault['name']} | {fault['what']} | {by} | {result['seconds']} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="")
    parser.add_argument("--place")
    for flag in ("again", "list", "check", "table"):
        parser.add_argument(f"--{flag}", action="store_true")
    options = parser.parse_args()

    faults = read_faults()
    problems = check(faults)
    if problems:
        say("\n".join(problems))
        return 1
    if options.check:
        say(f"{len(faults)} faults, each applies")
        return 0
    results = json.loads(RESULTS.read_text()) if RESULTS.exists() and not options.again else {}
    results = {f["name"]: results[f["name"]] for f in faults if results.get(f["name"], {}).get("digest") == digest(f)}
    if options.list:
        say("\n".join(f"{fault['name']:40} {fault['what']}" for fault in faults))
        return 0
    if options.table:
        print_table(faults, results)
        return 0

    only = [name for name in options.only.split(",") if name]
    if unknown := set(only) - {fault[key] for fault in faults for key in ("name", "area")}:
        raise Problem(f"unknown faults: {', '.join(sorted(unknown))}; see --list")
    chosen = [f for f in faults if ({f["name"], f["area"]} & set(only) if only else f["name"] not in results)]
    # A file that stays faulty need not be compiled in between.
    chosen.sort(key=lambda fault: fault["file"])
    if chosen:
        prepare(chosen)
    for number, fault in enumerate(chosen, 1):
        result = results[fault["name"]] = run_fault(fault)
        temporary = RESULTS.with_suffix(".tmp")
        temporary.write_text(json.dumps(results, indent=1))
        temporary.rename(RESULTS)
        say(f"[{number}/{len(chosen)}] {fault['name']}: {result['outcome']} {result['by']} ({result['seconds']} s)")
    if only:
        faults = chosen
    killed = sum(results[fault["name"]]["outcome"] == "killed" for fault in faults)
    for fault in faults:
        if results[fault["name"]]["outcome"] != "killed":
            say(f"{fault['name']}: {results[fault['name']]['outcome']}: {fault['what']}")
    say(f"{len(faults)} faults, {killed} killed, {len(faults) - killed} survived")
    return 0 if killed == len(faults) else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Problem as problem:
        say(f"run.py: {problem}")
        sys.exit(1)
