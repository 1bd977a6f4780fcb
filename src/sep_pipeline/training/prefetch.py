"""Loads batches ahead of the training in one background thread, in their fixed order."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

Batch = TypeVar("Batch")


@contextmanager
def prefetched(
    load: Callable[[int], Batch], steps: range, *, depth: int = 2
) -> Iterator[Iterator[tuple[int, Batch]]]:
    """Give the batches of `steps`, loading up to `depth` of them ahead.

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
