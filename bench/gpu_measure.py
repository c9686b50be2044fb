"""Times of GPU work: graphs of calls on rotated buffers, medians, bandwidths.

Imported only where PyTorch is. SPDX-License-Identifier: Apache-2.0 WITH
LLVM-exception
"""

import statistics
import time
from dataclasses import dataclass

import torch

import gpu_peers


@dataclass
class Timing:
    """Seconds of a call."""

    median: float
    low: float
    high: float


def summarize(samples):
    """The median, and what 80 % of the samples lie between."""
    ordered = sorted(samples)
    tenth = len(ordered) // 10
    return Timing(statistics.median(ordered), ordered[tenth], ordered[-1 - tenth])


def copies_needed(bytes_of_set, l2_bytes, free_bytes):
    """How many sets of buffers take turns, so that none is left in L2."""
    wanted = -(-3 * l2_bytes // max(bytes_of_set, 1)) + 1
    return max(1, min(wanted, 64, int(free_bytes * 0.6) // max(bytes_of_set, 1)))


def time_calls(calls, rounds=30, warmup=3):
    """Timing of one of `calls`, which do the same on different buffers: all of
    them, often enough to fill a few hundred microseconds, in a CUDA graph that
    is replayed between two events."""
    stream = torch.cuda.Stream()
    with torch.cuda.stream(stream):
        for _ in range(warmup):
            for call in calls:
                call()
        stream.synchronize()
        begin = time.perf_counter()
        for call in calls:
            call()
        stream.synchronize()
        one = (time.perf_counter() - begin) / len(calls)
        repeats = max(1, int(300e-6 / max(one * len(calls), 1e-9)))
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, stream=stream):
            for _ in range(repeats):
                for call in calls:
                    call()
        samples = []
        for _ in range(rounds + warmup):
            start, stop = (torch.cuda.Event(enable_timing=True) for _ in range(2))
            start.record(stream)
            graph.replay()
            stop.record(stream)
            stop.synchronize()
            samples.append(start.elapsed_time(stop) * 1e-3 / (repeats * len(calls)))
    return summarize(samples[warmup:])


def enqueue_seconds(call, count=1000):
    """Seconds that the host spends on one of `count` calls in a row."""
    call()
    torch.cuda.synchronize()
    begin = time.perf_counter()
    for _ in range(count):
        call()
    seconds = time.perf_counter() - begin
    torch.cuda.synchronize()
    return seconds / count


def l2_bytes():
    return torch.cuda.get_device_properties(0).L2_cache_size


def bandwidths(size=1 << 30):
    """Bytes per second of copying and of reading `size` bytes, best of what
    PyTorch and Triton offer."""
    source = torch.randn(size // 4, device="cuda")
    target = torch.empty_like(source)
    copy = 2 * size / time_calls([lambda: target.copy_(source)]).median
    rows = source.view(-1, 1 << 16)
    reads = [lambda: torch.sum(source), lambda: torch.amax(rows, 1)]
    if gpu_peers.triton:
        reads.append(lambda: gpu_peers.triton_read(source, target))
    read = max(size / time_calls([call]).median for call in reads)
    del source, target
    torch.cuda.empty_cache()
    return {"copy": copy, "read": read}
