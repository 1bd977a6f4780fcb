"""The version that result tables carry; it takes no part in fingerprints."""

from __future__ import annotations

import subprocess
from pathlib import Path

import sep_pipeline


def code_version() -> str:
    """Package version and, in a git checkout, the commit: `0.1.0+1a2b3c4`, `.dirty` for changed files."""
    folder = Path(sep_pipeline.__file__).parent
    described = subprocess.run(
        ["git", "describe", "--always", "--dirty=.dirty", "--exclude=*"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    commit = described.stdout.strip()
    return (
        f"{sep_pipeline.__version__}+{commit}"
        if described.returncode == 0 and commit
        else sep_pipeline.__version__
    )
