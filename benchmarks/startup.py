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
from collections.abc import Callable, Sequence
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


def seconds(command: Sequence[str], folder: Path, *, said: str, status: int = 0) -> float:
    """Wall seconds of a command.

    Args:
        command: The command.
        folder: Where it is run.
        said: What its output must hold, so that nothing else than what is meant is timed.
        status: The exit status that it must end with.

    Raises:
        RuntimeError: It ended or said otherwise; quotes the end of its output.
    """
    start = time.perf_counter()
    done = subprocess.run(
        command, cwd=folder, env=os.environ | QUIET, capture_output=True, text=True, check=False
    )
    elapsed = time.perf_counter() - start
    if done.returncode != status or said not in done.stdout + done.stderr:
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
    refused = (*run, "--params=no_such_parameter=1")
    with tempfile.TemporaryDirectory() as name, tempfile.TemporaryDirectory() as outside:
        folder = Path(name)
        copy_project(folder)
        first = seconds(run, folder, said="To do")
        print(f"first run of {arguments.pipeline} in the test environment: {first:.1f} s")
        cases: dict[str, Callable[[], float]] = {
            REFERENCE: lambda: seconds((*KEDRO, "--version"), Path(outside), said="version"),
            "kedro registry list": lambda: seconds((*KEDRO, "registry", "list"), folder, said="render"),
            "kedro run, parameter refused": lambda: seconds(
                refused, folder, said="unknown parameter", status=1
            ),
            "kedro run, nothing to do": lambda: seconds(run, folder, said="Everything is up to date"),
        }
        best = {case: min(measure() for _ in range(arguments.repeats)) for case, measure in cases.items()}
    print(f"{'best of ' + str(arguments.repeats):<32}{'seconds':>10}{'x reference':>14}")
    for case, value in best.items():
        print(f"{case:<32}{value:>10.2f}{value / best[REFERENCE]:>14.1f}")


if __name__ == "__main__":
    main()
