"""Killed processes."""

import subprocess
import sys
from pathlib import Path


def test_killed_trainings_end_like_an_unbroken_one(tmp_path: Path) -> None:
    """At random moments and in the middle of writing, files and all: see the program."""
    program = Path(__file__).with_name("interrupted_training.py")
    outcome = subprocess.run(
        [sys.executable, program, tmp_path], capture_output=True, text=True, timeout=120, check=False
    )
    assert outcome.returncode == 0, outcome.stderr
