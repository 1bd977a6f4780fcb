"""How long commands take before they do any work, each as a ratio to `kedro --version` in the same run.

    python benchmarks/startup.py --pipeline jukebox_transfer

Works in a temporary copy of the project. The pipeline is run once in the test environment to have something
that is up to date; later runs, which find nothing to do, are what is timed. The reference is what Kedro
itself needs to start, outside any project.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

PROJECT = Path(__file__).parents[1]
COPIED = ("conf", "data/01_raw", "pyproject.toml", ".telemetry")
KEDRO = (sys.executable, "-m", "kedro")
REFERENCE = "kedro --version"
QUIET = {"DO_NOT_TRACK": "1", "MLFLOW_DISABLE_TELEMETRY": "true", "OMP_NUM_THREADS": "1"}


def copy_project(folder: Path) -> None:
    """Copy what a run reads; the package itself is the installed one."""
    for name in COPIED:
        source, target = PROJECT / name, folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("local"))
        else:
            shutil.copyfile(source, target)
    (folder / "conf" / "local").mkdir()
    (folder / "src").mkdir()


def seconds(command: Sequence[str], folder: Path, expected_status: int = 0) -> float:
    """Wall seconds of a command.

    Raises:
        RuntimeError: It ended with another status than the expected one; quotes the end of its output.
    """
    start = time.perf_counter()
    done = subprocess.run(
        command, cwd=folder, env=os.environ | QUIET, capture_output=True, text=True, check=False
    )
    elapsed = time.perf_counter() - start
    if done.returncode != expected_status:
        output = f"{done.stdout[-500:]}{done.stderr[-500:]}"
        raise RuntimeError(f"{' '.join(command)} ended with {done.returncode}: {output}")
    return elapsed


def main() -> None:
    """Print a table of times."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--pipeline", default="jukebox_transfer")
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    run = (*KEDRO, "run", "--env=test", f"--pipeline={arguments.pipeline}")
    cases: dict[str, tuple[Sequence[str], int]] = {
        "kedro registry list": ((*KEDRO, "registry", "list"), 0),
        "kedro run, parameter refused": ((*run, "--params=no_such_parameter=1"), 1),
        "kedro run, nothing to do": (run, 0),
    }
    with tempfile.TemporaryDirectory() as name, tempfile.TemporaryDirectory() as outside:
        folder = Path(name)
        copy_project(folder)
        print(f"first run of {arguments.pipeline} in the test environment: {seconds(run, folder):.1f} s")
        version = (*KEDRO, "--version")
        best = {REFERENCE: min(seconds(version, Path(outside)) for _ in range(arguments.repeats))}
        best |= {
            case: min(seconds(command, folder, status) for _ in range(arguments.repeats))
            for case, (command, status) in cases.items()
        }
    print(f"{'best of ' + str(arguments.repeats):<32}{'seconds':>10}{'x reference':>14}")
    for case, value in best.items():
        print(f"{case:<32}{value:>10.2f}{value / best[REFERENCE]:>14.1f}")


if __name__ == "__main__":
    main()
