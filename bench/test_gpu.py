"""Tests of what bench/gpu.py does without a GPU. Timings in here are made up.

SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""

import contextlib
import ctypes
import io
import json
import os
import tempfile
import unittest

import gpu
import gpu_kernel
import gpu_matrix
import gpu_report

MANIFEST = {
    "name": "k",
    "arguments": [
        {"name": "x", "role": "input", "type": "bf16", "shape": ["d0", 64], "by_value": False},
        {"name": "y", "role": "output", "type": "bf16", "shape": ["d0", 64], "by_value": False},
        {"name": "rate", "role": "input", "type": "f32", "shape": [], "by_value": True},
        {"name": "d0", "role": "extent", "type": "i64", "shape": [], "by_value": True},
        {"name": "parallel_for", "role": "hook", "type": "pointer", "shape": [], "by_value": True},
    ],
    "devices": [
        {"entry": "k_vulkan", "launcher": "vulkan", "workspace": False, "workspace_bytes": 0},
        {"entry": "k_gpu", "launcher": "driver", "workspace": True, "workspace_bytes": 128},
    ],
    "files": {"shared": "libk.so"},
}
BANDWIDTHS = {"copy": 2e12, "read": 2.5e12}


def cell(**fields):
    given = {"group": "rows", "op": "softmax", "rows": 1000, "columns": 4096, "type": "bf16"}
    return gpu_matrix.Cell(**{**given, **fields})


class Arguments(unittest.TestCase):
    def refuses(self, *words):
        errors = io.StringIO()
        with contextlib.redirect_stderr(errors), self.assertRaises(SystemExit) as done:
            gpu.parse(words)
        self.assertEqual(done.exception.code, 2)
        return errors.getvalue()

    def test_one_mode_is_needed(self):
        self.assertIn("required", self.refuses())
        self.assertIn("not allowed", self.refuses("--emit=a", "--run=b"))

    def test_groups_are_known(self):
        self.assertIn("unknown group 'columns'; expected some of backward, decode,",
                      self.refuses("--run=a", "--group=columns"))

    def test_groups_choose_cells(self):
        cells = gpu.parse(["--run=a", "--group=split", "--group=odd"]).cells
        self.assertEqual({c.group for c in cells}, {"split", "odd"})


class Matrix(unittest.TestCase):
    def test_names_are_identifiers_of_their_own(self):
        requests = {}
        for c in gpu_matrix.all_cells() + gpu_matrix.check_cells():
            self.assertTrue(c.kernel.isidentifier() and len(c.kernel) <= 128, c.kernel)
            request = c.request("sm_90")
            self.assertEqual(requests.setdefault(c.kernel, request), request)

    def test_no_cell_is_twice(self):
        cells = gpu_matrix.all_cells()
        self.assertEqual(len(cells), len(set(cells)))

    def test_the_sweep_is_on_demand(self):
        self.assertNotIn("tutorial", {c.group for c in gpu_matrix.choose([])})
        self.assertEqual(len(gpu_matrix.choose(["tutorial"])), 2 * 98)

    def test_bytes_are_what_the_operation_needs(self):
        self.assertEqual(cell().bytes, 2 * 1000 * 4096 * 2)
        self.assertEqual(cell(op="softmax-grad", type="f32").bytes, 3 * 1000 * 4096 * 4)
        self.assertEqual(cell(op="cross-entropy").bytes, 1000 * 4096 * 2)

    def test_bars(self):
        self.assertEqual(cell().bar, (0.95, "copy"))
        self.assertEqual(cell(columns=1024).bar, (0.88, "copy"))
        self.assertEqual(cell(columns=256).bar, (0.75, "copy"))
        self.assertIsNone(cell(columns=255).bar)
        self.assertEqual(cell(group="loss", op="cross-entropy").bar, (0.95, "read"))
        self.assertEqual(cell(group="loss", op="cross-entropy-with-grad").bar, (0.92, "copy"))
        self.assertEqual(cell(group="decode", rows=64).bar, (2.0, "torch.compile"))
        self.assertIsNone(cell(group="decode", rows=128).bar)
        self.assertIsNone(cell(group="odd").bar)

    def test_every_operator_is_checked(self):
        self.assertEqual({c.op for c in gpu_matrix.check_cells()},
                         {"softmax", "log-softmax", "logsumexp", "softmax-grad", "log-softmax-grad",
                          "cross-entropy", "cross-entropy-grad", "cross-entropy-with-grad"})


class Signature(unittest.TestCase):
    def test_pointers_numbers_workspace_stream(self):
        pointer = ctypes.c_void_p
        self.assertEqual(gpu_kernel.argument_types(MANIFEST),
                         [pointer, pointer, ctypes.c_float, ctypes.c_int64, pointer, pointer])

    def test_without_a_workspace(self):
        manifest = {**MANIFEST, "devices": [{"entry": "k_gpu", "launcher": "driver", "workspace": False}]}
        self.assertEqual(len(gpu_kernel.argument_types(manifest)), 5)

    def test_kernels_for_cpus_are_refused(self):
        with self.assertRaisesRegex(ValueError, "kernel 'k' has no entry for CUDA or HIP"):
            gpu_kernel.argument_types({**MANIFEST, "devices": MANIFEST["devices"][:1]})

    def test_extents_come_from_shapes(self):
        extents = gpu_kernel.extents_of(MANIFEST, {"x": (9, 64), "y": (9, 64)})
        self.assertEqual(extents, {"d0": 9})

    def test_wrong_shapes_are_refused(self):
        for x, y, text in [((9, 64), (8, 64), "extent d0 is 9 and 8"),
                           ((9, 63), (9, 64), "'x' has an axis of 63, expected 64"),
                           ((9,), (9, 64), "'x' has 1 axes, expected 2")]:
            with self.assertRaisesRegex(ValueError, text):
                gpu_kernel.extents_of(MANIFEST, {"x": x, "y": y})

    def test_manifests_are_read(self):
        with tempfile.TemporaryDirectory() as folder:
            with open(os.path.join(folder, "k.manifest.json"), "w", encoding="utf-8") as file:
                json.dump(MANIFEST, file)
            self.assertEqual(gpu_kernel.read_manifest(folder, "k"), MANIFEST)


class Report(unittest.TestCase):
    def result(self, share, **fields):
        """A made-up result that reaches `share` of the copy."""
        c = cell(**fields)
        median = c.bytes / (share * BANDWIDTHS["copy"])
        return gpu_report.Result(c, median, median * 0.99, median * 1.02, 3e-6,
                                 {"PyTorch": 2 * median, "Liger": "no kernel"})

    def test_bars_are_judged(self):
        self.assertFalse(gpu_report.below_bar(self.result(0.951), BANDWIDTHS))
        self.assertTrue(gpu_report.below_bar(self.result(0.949), BANDWIDTHS))
        self.assertFalse(gpu_report.below_bar(self.result(0.1, group="odd"), BANDWIDTHS))
        # Of the read, which is faster.
        loss = {"group": "loss", "op": "cross-entropy"}
        self.assertTrue(gpu_report.below_bar(self.result(0.96, **loss), BANDWIDTHS))
        self.assertFalse(gpu_report.below_bar(self.result(1.2, **loss), BANDWIDTHS))

    def test_a_peer_as_bar(self):
        result = self.result(0.5, group="decode", rows=8)
        self.assertTrue(gpu_report.below_bar(result, BANDWIDTHS))  # nothing to compare with
        result.peers["torch.compile"] = 2.1 * result.median
        self.assertFalse(gpu_report.below_bar(result, BANDWIDTHS))
        result.peers["torch.compile"] = 1.9 * result.median
        self.assertTrue(gpu_report.below_bar(result, BANDWIDTHS))

    def test_a_failure_misses_its_bar(self):
        failed = gpu_report.Result(cell(), problem="returned 12 (ARCH)")
        self.assertTrue(gpu_report.below_bar(failed, BANDWIDTHS))

    def test_the_page(self):
        results = [self.result(0.97), self.result(0.80, columns=1024), self.result(0.5, group="odd"),
                   gpu_report.Result(cell(columns=8192), problem="returned 12 (ARCH)")]
        checks = [gpu_report.Check(cell(group="check"), "y", 1.5e-3, True),
                  gpu_report.Check(cell(group="check", type="f32"), "y", 0.25, False)]
        text = gpu_report.page("Made up", [("Device", "none")], results, checks, BANDWIDTHS,
                               ["PyTorch", "Liger"])
        for part in ["# Made up\n", "* Device: none\n", "copy 2000 GB/s, read 2500 GB/s",
                     "1 of 3 bars are reached", "1 of 2 results are within the tolerance",
                     "| softmax bf16 | 1 | 1.50e-03 |", "* wrong: softmax 1000x4096 f32, y: 2.50e-01",
                     "| x PyTorch | x Liger |", "| 2.00 | failed | 3.00 | 0.97 of 0.95 copy |",
                     "**0.80 of 0.88 copy**", "failed: returned 12 (ARCH)", "## odd\n",
                     "* Liger, softmax: no kernel"]:
            self.assertIn(part, text)

    def test_tables_are_rectangular(self):
        lines = gpu_report.table([self.result(0.9), gpu_report.Result(cell(), problem="x")],
                                 BANDWIDTHS, ["PyTorch", "Liger"])
        self.assertEqual(len({line.count("|") for line in lines}), 1, lines)


if __name__ == "__main__":
    unittest.main()
