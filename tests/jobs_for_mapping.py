"""Functions that worker processes of test_mapping run, and the program whose end they must notice."""

import multiprocessing
import os
import sys
import time
from pathlib import Path

from sep_pipeline.errors import SepPipelineError, UnreadableFileError
from sep_pipeline.mapping import end_with_parent, map_tracks


def square(number: int) -> int:
    """Its square; the first jobs take longest, so that results arrive in another order."""
    time.sleep(0.02 * max(0, 3 - number))
    return number * number


def process_id(_: int) -> int:
    """Which process does the work."""
    return os.getpid()


def refuse_three(number: int) -> int:
    """Fail on the number 3."""
    if number == 3:
        raise UnreadableFileError("the file does not parse", file="three.wav", expected="audio", found=number)
    return number


def note_and_refuse_three(job: tuple[int, Path]) -> None:
    """Leave a file behind, or fail on the number 3."""
    number, folder = job
    refuse_three(number)
    (folder / str(number)).touch()


def wait_long(folder: Path) -> None:
    """Leave the process id behind and go on for a minute."""
    (folder / str(os.getpid())).touch()
    time.sleep(60)


def wait_for_orphanhood(folder: Path, parent: int) -> None:
    """Start to watch the parent only after its death."""
    (folder / str(os.getpid())).touch()
    while os.getppid() == parent:
        time.sleep(0.01)
    end_with_parent(0.05)
    time.sleep(60)


def refuse_late(number: int) -> None:
    """Fail, the first one at once."""
    time.sleep(0.2 * min(1, number))
    refuse_three(3)


def fail_in_processes() -> None:
    """Meet failures of many tracks, as a node does that a worker of the runner runs."""
    jobs = {str(number): number for number in range(6)}
    try:
        map_tracks(refuse_late, jobs, description="refuse", num_processes=2)
    except SepPipelineError:
        sys.exit(3)


if __name__ == "__main__":
    kind, place = sys.argv[1], Path(sys.argv[2])
    if kind == "nested":
        worker = multiprocessing.get_context("fork").Process(target=fail_in_processes)
        worker.start()
        worker.join()
        sys.exit(worker.exitcode)
    if kind == "pool":
        map_tracks(wait_long, {"a": place, "b": place}, description="wait", num_processes=2)
    else:
        context = multiprocessing.get_context("spawn")
        context.Process(target=wait_for_orphanhood, args=(place, os.getpid())).start()
        time.sleep(60)
