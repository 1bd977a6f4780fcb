"""Time and memory of one case in a process of its own, for the benchmarks of training steps."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from torch import Tensor


class Outcome(NamedTuple):
    """What a case took: seconds, seconds of the processors, growth of the resident set in GB, and its value."""

    seconds: float
    cpu_seconds: float
    peak_gb: float
    value: float


def measured(run: Callable[[], Tensor], repeats: int) -> Outcome:
    """Shortest times of a run, peak growth of the resident set over what is held now, and the last value."""
    before = _resident_gb("VmRSS")
    # "5" sets the peak of the resident set back to what is resident now.
    Path("/proc/self/clear_refs").write_text("5")
    durations, processor_durations, value = [], [], 0.0
    for _ in range(repeats):
        started, processor_started = time.perf_counter(), time.process_time()
        value = float(run().detach())
        durations.append(time.perf_counter() - started)
        processor_durations.append(time.process_time() - processor_started)
    return Outcome(min(durations), min(processor_durations), _resident_gb("VmHWM") - before, value)


def line(text: str) -> None:
    """Print a line at once."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def _resident_gb(key: str) -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(key)) / 1024**2
