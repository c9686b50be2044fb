"""Emitted kernels as Python functions: from a manifest to a ctypes signature.

SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""

import ctypes
import json
import os

STATUS = {1: "NULL", 2: "EXTENT", 4: "ALIAS", 9: "INTERNAL", 10: "DRIVER", 11: "DEVICE",
          12: "ARCH", 13: "MEMORY", 14: "LAUNCH", 15: "WORKSPACE", 16: "LIMIT"}
BY_VALUE = {"f32": ctypes.c_float, "f64": ctypes.c_double, "i64": ctypes.c_int64,
            "i32": ctypes.c_int32}


def read_manifest(folder, name):
    path = os.path.join(folder, name + ".manifest.json")
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def device_entry(manifest):
    """What the manifest says of NAME_gpu; an error when there is none."""
    for device in manifest.get("devices", []):
        if device["launcher"] == "driver":
            return device
    raise ValueError(f"kernel '{manifest['name']}' has no entry for CUDA or HIP; emit it with "
                     "--target-gpu")


def argument_types(manifest):
    """The ctypes of NAME_gpu, in order: pointers for tensors, numbers by value,
    then the workspace, when there is one, and the stream."""
    types = []
    for argument in manifest["arguments"]:
        if argument["role"] == "hook":
            continue  # of the CPU entry alone
        types.append(BY_VALUE[argument["type"]] if argument["by_value"] else ctypes.c_void_p)
    if device_entry(manifest)["workspace"]:
        types.append(ctypes.c_void_p)
    return types + [ctypes.c_void_p]


def extents_of(manifest, shapes):
    """The value of every extent argument, from the shapes of the tensors by name."""
    values = {}
    for argument in manifest["arguments"]:
        if argument["by_value"]:
            continue
        shape = shapes[argument["name"]]
        if len(shape) != len(argument["shape"]):
            raise ValueError(f"'{argument['name']}' has {len(shape)} axes, expected "
                             f"{len(argument['shape'])}")
        for given, expected in zip(shape, argument["shape"]):
            if isinstance(expected, str):
                if values.setdefault(expected, given) != given:
                    raise ValueError(f"extent {expected} is {values[expected]} and {given}")
            elif given != expected:
                raise ValueError(f"'{argument['name']}' has an axis of {given}, expected {expected}")
    return values


class Kernel:
    """NAME_gpu of a shared object that lies beside its manifest."""

    def __init__(self, folder, name):
        self.manifest = read_manifest(folder, name)
        self.entry = device_entry(self.manifest)
        path = os.path.abspath(os.path.join(folder, self.manifest["files"]["shared"]))
        self.library = ctypes.CDLL(path)
        self.function = getattr(self.library, self.entry["entry"])
        self.function.argtypes = argument_types(self.manifest)
        self.function.restype = ctypes.c_int32
        self.workspace_bytes = self.entry["workspace_bytes"]

    def tensors(self):
        """(name, role, element type, shape) of every tensor, in order."""
        return [(a["name"], a["role"], a["type"], a["shape"])
                for a in self.manifest["arguments"] if not a["by_value"] and a["role"] != "hook"]

    def arguments(self, pointers, shapes, workspace=0):
        """Everything before the stream, from addresses and shapes by name."""
        extents = extents_of(self.manifest, shapes)
        values = []
        for argument in self.manifest["arguments"]:
            if argument["role"] == "hook":
                continue
            if argument["role"] == "extent":
                values.append(extents[argument["name"]])
            else:
                values.append(pointers[argument["name"]])
        return values + ([workspace] if self.entry["workspace"] else [])

    def call(self, arguments, stream):
        status = self.function(*arguments, stream)
        if status:
            raise RuntimeError(f"{self.entry['entry']} returned {status} "
                               f"({STATUS.get(status, 'unknown')})")
