"""Freed memory is kept for the next update."""

from __future__ import annotations

import subprocess
import sys

from sep_pipeline.training import memory

FAULTS_OF_UPDATES = """
import resource, sys
import numpy as np
from sep_pipeline.training.memory import keep_freed_memory

if sys.argv[1] == "kept":
    print(keep_freed_memory())
def update():
    blocks = [np.ones(4 * 1024**2 // 8 * size) for size in (1, 3, 5)]
update()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(20):
    update()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def _faults(word: str) -> int:
    command = [sys.executable, "-c", FAULTS_OF_UPDATES, word]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    assert output[:-1] == (["True"] if word == "kept" else [])
    return int(output[-1])


def test_updates_after_the_first_take_no_new_pages():
    assert _faults("kept") < 0.1 * _faults("returned")


def test_without_glibc_nothing_happens(monkeypatch):
    monkeypatch.setattr(memory.ctypes, "CDLL", lambda _: object())
    assert not memory.keep_freed_memory()
