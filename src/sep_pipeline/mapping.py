"""Run one function over many tracks, in this process or several, with progress and remaining time."""

from __future__ import annotations

import logging
import multiprocessing
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from typing import TypeVar

Job = TypeVar("Job")
Result = TypeVar("Result")

logger = logging.getLogger(__name__)

SECONDS_BETWEEN_LINES = 5.0


def available_processes() -> int:
    """Number of processor cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def torch_threads(num_threads: int) -> Iterator[None]:
    """Let torch compute with so many threads, in this process."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(num_threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def map_tracks(
    function: Callable[[Job], Result],
    jobs: Mapping[str, Job],
    *,
    description: str,
    num_processes: int | None = None,
) -> dict[str, Result]:
    """Apply `function` to the job of every track.

    Args:
        function: A module-level function of one picklable job.
        jobs: Track id to job; results keep this order.
        description: What is being done, for the progress line ("render").
        num_processes: Worker processes; 1 runs in this process, None takes one per core.

    Returns:
        Track id to result.

    Raises:
        Exception: The first failure of any track; jobs not yet started are dropped, finished work stays on
            disk.
    """
    wanted = available_processes() if num_processes is None else num_processes
    progress = _Progress(description, len(jobs))
    if min(wanted, len(jobs)) <= 1:
        results = {}
        for track_id, job in jobs.items():
            results[track_id] = function(job)
            progress.advance(track_id)
        return results
    return _map_in_processes(function, jobs, min(wanted, len(jobs)), progress)


def _map_in_processes(
    function: Callable[[Job], Result], jobs: Mapping[str, Job], num_processes: int, progress: _Progress
) -> dict[str, Result]:
    """Spawned workers: forking a process in which torch has started threads can hang."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(num_processes, mp_context=context, initializer=end_with_parent) as pool:
        futures: dict[Future[Result], str] = {pool.submit(function, job): name for name, job in jobs.items()}
        results: dict[str, Result] = {}
        try:
            for future in as_completed(futures):
                results[futures[future]] = future.result()
                progress.advance(futures[future])
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise
    return {track_id: results[track_id] for track_id in jobs}


def end_with_parent(seconds_between_checks: float = 0.5) -> None:
    """End this worker soon after its parent has died, so that a killed run leaves no process writing files.

    A parent that died while the worker was still starting is known by its closed pipe only; a parent whose
    pipe is held open by sister processes (forked later) is known by the new parent's id only.
    """
    parent_id, parent = os.getppid(), multiprocessing.parent_process()

    def watch() -> None:
        while os.getppid() == parent_id and (parent is None or parent.is_alive()):
            time.sleep(seconds_between_checks)
        os._exit(1)

    threading.Thread(target=watch, name="end-with-parent", daemon=True).start()


class ShareProgress:
    """Log lines for one long piece of work, with the share done and the remaining time, one every few seconds.

    Args:
        description: What is being done.
        clock: Gives seconds; replaced in tests.
    """

    def __init__(self, description: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._description = description
        self._clock = clock
        self._start = self._last_line = clock()

    def __call__(self, share: float) -> None:
        """Say that a share of the work, up to 1, is done."""
        now = self._clock()
        if share <= 0 or now - self._last_line < SECONDS_BETWEEN_LINES:
            return
        self._last_line = now
        elapsed = now - self._start
        logger.info(
            "%s: %.0f %%, %.0f s so far, about %.0f s left",
            self._description,
            100 * share,
            elapsed,
            elapsed / share * (1 - share),
        )


class _Progress:
    """Log lines with the share done and the remaining time, at most one every few seconds."""

    def __init__(self, description: str, total: int) -> None:
        self._description = description
        self._total = total
        self._done = 0
        self._start = self._last_line = time.monotonic()

    def advance(self, track_id: str) -> None:
        self._done += 1
        now = time.monotonic()
        if self._done < self._total and now - self._last_line < SECONDS_BETWEEN_LINES:
            return
        self._last_line = now
        elapsed = now - self._start
        remaining = elapsed / self._done * (self._total - self._done)
        logger.info(
            "%s: %d of %d tracks (%s), %.0f s so far, about %.0f s left",
            self._description,
            self._done,
            self._total,
            track_id,
            elapsed,
            remaining,
        )
