"""Prepares batches ahead of whoever takes them: in a background thread, or in worker processes."""

from __future__ import annotations

import atexit
import os
import pickle
import sys
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from sep_pipeline.data.examples import Examples
from sep_pipeline.errors import ConfigurationError
from sep_pipeline.mapping import end_with_parent

Batch = TypeVar("Batch")

_BATCHES_AHEAD_PER_WORKER = 2


@contextmanager
def batches(
    examples: Examples, steps: range, *, num_workers: int = 0
) -> Iterator[Iterator[tuple[int, Tensor]]]:
    """Give the batches of `steps`, prepared ahead; the same ones for any number of workers.

    Args:
        examples: What gives a batch; with workers it is sent to other processes, so it must be picklable.
        steps: Steps in order.
        num_workers: Processes that prepare batches; 0 leaves it to a background thread of this process.

    Yields:
        An iterator over pairs of step and batch, in order. What fails in a worker is raised where its batch is
        taken. Leaving the block ends threads and processes.

    Raises:
        ConfigurationError: `num_workers` is negative.
    """
    with (
        fed(examples, num_workers=num_workers, num_steps=steps.stop) as feed,
        prefetched(feed.batch, steps) as pairs,
    ):
        yield pairs


@contextmanager
def fed(examples: Examples, *, num_workers: int = 0, num_steps: int | None = None) -> Iterator[Examples]:
    """Give examples whose batches are prepared by worker processes, for whoever asks for steps in order.

    The workers start with the first step that is asked for, whichever it is, and go on from there; whoever then
    asks for another step than the next one makes them start again. One thread at a time may ask.

    Args:
        examples: What gives a batch, picklable.
        num_workers: Number of processes; with 0 the examples are given back as they are.
        num_steps: Steps after which nothing more is prepared; None prepares without end.

    Yields:
        Examples with the same batches; leaving the block ends the processes.

    Raises:
        ConfigurationError: `num_workers` is negative.
    """
    if num_workers < 0:
        raise ConfigurationError(
            "not a number of processes", parameter="num_workers", expected=">= 0", found=num_workers
        )
    if num_workers == 0:
        yield examples
        return
    feed = _WorkerFeed(examples, num_workers, sys.maxsize if num_steps is None else num_steps)
    try:
        yield feed
    finally:
        feed.close()


@contextmanager
def prefetched(
    load: Callable[[int], Batch], steps: range, *, depth: int = 2
) -> Iterator[Iterator[tuple[int, Batch]]]:
    """Give the batches of `steps`, loading up to `depth` of them ahead in one background thread.

    Args:
        load: Gives the batch of a step; it runs in the background, and its exceptions appear where the batch
            is taken.
        steps: Steps in order.
        depth: Batches held or being loaded at most.

    Yields:
        An iterator over pairs of step and batch; leaving the block ends the thread.
    """
    pool = ThreadPoolExecutor(1, thread_name_prefix="prefetch")
    try:
        yield _in_order(pool, load, steps, depth)
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _in_order(
    pool: ThreadPoolExecutor, load: Callable[[int], Batch], steps: range, depth: int
) -> Iterator[tuple[int, Batch]]:
    waiting: deque[tuple[int, Future[Batch]]] = deque()
    for step in steps:
        waiting.append((step, pool.submit(load, step)))
        if len(waiting) >= depth:
            first, future = waiting.popleft()
            yield first, future.result()
    while waiting:
        first, future = waiting.popleft()
        yield first, future.result()


class _WorkerFeed:
    """Batches in order from the processes of a DataLoader."""

    def __init__(self, examples: Examples, num_workers: int, num_steps: int) -> None:
        self._examples, self._num_workers, self._num_steps = examples, num_workers, num_steps
        self._outcomes: Any = None
        self._coming: int | None = None

    def batch(self, step: int) -> Tensor:
        """Take the batch of a step; see `Examples`."""
        if step != self._coming:
            self._start(step)
        self._coming = step + 1
        outcome: Tensor | _Failure = next(self._outcomes)
        if isinstance(outcome, _Failure):
            raise outcome.error
        return outcome

    def close(self) -> None:
        """End the processes; waiting for the iterator's collection would leave them to chance."""
        if self._outcomes is not None:
            self._outcomes._shutdown_workers()
        self._outcomes = self._coming = None

    def _start(self, step: int) -> None:
        self.close()
        loader = DataLoader(
            _Steps(self._examples),
            batch_size=None,
            sampler=range(step, self._num_steps),
            num_workers=self._num_workers,
            prefetch_factor=_BATCHES_AHEAD_PER_WORKER,
            persistent_workers=True,
            # Forking a process in which torch has started threads can hang.
            multiprocessing_context="spawn",
            worker_init_fn=_begin_worker,
            collate_fn=_unchanged,
            # Otherwise it would draw from torch's global generator.
            generator=torch.Generator().manual_seed(0),
        )
        self._outcomes = iter(loader)


class _Steps(Dataset["Tensor | _Failure"]):
    """What a worker runs: a map from step to batch or failure."""

    def __init__(self, examples: Examples) -> None:
        self._examples = examples

    def __getitem__(self, step: int) -> Tensor | _Failure:
        try:
            batch = self._examples.batch(step)
            # Left to the thread that sends, this copy could be cut off when the worker ends, which aborts it.
            batch.share_memory_()  # type: ignore[no-untyped-call]
            return batch
        except Exception as error:
            return _Failure(_portable(error))


@dataclass(frozen=True)
class _Failure:
    """An exception on its way out of a worker; DataLoader itself would keep its type and text only."""

    error: Exception


def _portable(error: Exception) -> Exception:
    """The exception, or one of the same text if it cannot be sent to another process."""
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error


def _begin_worker(_: int) -> None:
    torch.set_num_threads(1)
    end_with_parent()
    # The interpreter's own end stops the thread that sends; inside of torch, that aborts the process.
    atexit.register(os._exit, 0)


def _unchanged(outcome: Any) -> Any:
    return outcome
