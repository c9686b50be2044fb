# Configuration of the lit suite: tools, substitutions and features.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

import glob
import os
import platform
import re
import subprocess

import lit.formats
import lit.util
from lit.llvm import llvm_config

config.name = "softmax"
config.test_format = lit.formats.ShTest(execute_external=False)
config.suffixes = [".mlir", ".test"]
config.excludes = ["Inputs", "fuzz", "numerics", "ptx", "unit", "consumer", "mutants", "performance"]
config.test_source_root = os.path.join(config.softmax_source_root, "test")
config.test_exec_root = config.softmax_test_dir

path = os.pathsep.join(
    [config.softmax_tools_dir, config.llvm_tools_dir, os.environ["PATH"]]
)
config.environment["PATH"] = path
config.environment["FILECHECK_OPTS"] = (
    "-enable-var-scope --allow-unused-prefixes=false"
)
# What a user's shell may hold must not change a result.
for name in ["SMX_TARGET", "SMX_VERBOSE", "SMX_NUM_THREADS"]:
    config.environment.pop(name, None)

llvm_config.add_tool_substitutions(
    ["softmax-opt", "softmax-gen"], [config.softmax_tools_dir]
)
llvm_config.add_tool_substitutions(
    [
        "FileCheck", "count", "not", "split-file", "mlir-opt", "mlir-runner",
        "mlir-translate", "llvm-ar", "llvm-nm", "llvm-readelf", "llvm-readobj",
        "llvm-objdump",
    ],
    [config.llvm_tools_dir],
)


def runner_library(stem):
    """A library of mlir-runner, by its plain or its versioned name."""
    folder = config.llvm_library_dir
    names = sorted(n for n in os.listdir(folder) if n.startswith(stem + ".so"))
    return os.path.join(folder, names[0]) if names else ""


runner = [runner_library(n) for n in ["libmlir_c_runner_utils", "libmlir_runner_utils"]]
# Before the shorter names, which they contain.
config.substitutions += [
    ("%runner_libs", ",".join(runner)),
    ("%cxx", config.cxx_compiler),
    ("%cc", config.c_compiler),
    ("%python", config.python),
    ("%fake_drivers", config.fake_drivers),
    ("%ptx_driver", config.ptx_driver),
    # Links a program without any C library, see tools/Inputs/freestanding.h.
    ("%aarch64_cc", os.path.join(config.llvm_tools_dir, "clang") +
     " --target=aarch64-linux-gnu -std=c11 -Wall -Wextra -Werror -O1"
     " -ffreestanding -static -nostdlib -fuse-ld=lld"),
    ("%refuses", config.python + " " +
     os.path.join(config.test_source_root, "tools", "Inputs", "refuses.py")),
]

features = config.available_features
if all(runner):
    features.add("mlir-runner")

# Abilities of this machine.
features.add("host-" + platform.machine())
try:
    with open("/proc/cpuinfo") as file:
        flags = set(re.search(r"^(?:flags|Features)\s*:(.*)$", file.read(), re.M)[1].split())
except (OSError, TypeError):
    flags = set()
if {"avx2", "fma", "f16c"} <= flags:
    features.add("avx2")
if {"avx512f", "avx512bw", "avx512dq", "avx512vl", "avx512cd"} <= flags:
    features.add("avx512")

if os.geteuid() != 0:
    features.add("not-root")

# Optional programs.
if os.path.exists(os.path.join(config.llvm_tools_dir, "clang")) and lit.util.which("ld.lld", path):
    features.add("aarch64-cc")
# clang's own libraries for sanitizers come in a package of their own.
resources = subprocess.run([config.cxx_compiler, "-print-resource-dir"],
                           capture_output=True, text=True).stdout.strip()
if glob.glob(os.path.join(resources, "lib", "*", "libclang_rt.tsan*.a")):
    features.add("thread-sanitizer")
for tool in ["qemu-aarch64", "node", "valgrind", "ptxas", "spirv-val"]:
    if lit.util.which(tool, path):
        features.add(tool)
for tool in ["ld.lld", "wasm-ld"]:
    if lit.util.which(tool, path) or lit.util.which(tool + "-22", path):
        features.add(tool)
