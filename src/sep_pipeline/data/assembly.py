"""Puts examples together into batches, side by side in threads and in memory that is used again."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from math import prod

import numpy as np
import torch
from torch import Tensor

from sep_pipeline.data.augmentation import Audio

# One batch in use, two that wait and one in the making.
_NUM_KEPT = 4


class BatchAssembler:
    """Makes batches of examples of one shape.

    Fresh memory for every batch would cost nearly as much as reading it. The memory of earlier batches is kept,
    that of four at most, and taken again when no tensor and no view of it is left. Any thread may call; the
    assembler's own threads end with it.

    Args:
        num_threads: Threads that make the examples of one batch.
    """

    def __init__(self, num_threads: int = 1) -> None:
        self._num_threads = num_threads
        self._pool = (
            ThreadPoolExecutor(num_threads, thread_name_prefix="examples") if num_threads > 1 else None
        )
        self._lock = threading.Lock()
        self._kept: list[tuple[Audio, weakref.ref[Audio]]] = []

    def __reduce__(self) -> tuple[type[BatchAssembler], tuple[int]]:
        return type(self), (self._num_threads,)

    def assembled(
        self, batch_size: int, shape: tuple[int, ...] | None, example: Callable[[int, Audio | None], Audio]
    ) -> Tensor:
        """Make a batch.

        Args:
            batch_size: Number of examples.
            shape: Of every example, (stem, channel, time); None takes that of the first.
            example: Gives the example of a slot; with `shape` it gets memory of that shape, and if it fills and
                returns this very memory, nothing is copied. Several threads call it.

        Returns:
            float32, (batch, stem, channel, time).
        """
        first = example(0, None) if shape is None else None
        batch = self._memory((batch_size, *(first.shape if first is not None else shape or ())))
        if first is not None:
            batch[0] = first

        def make(slot: int) -> None:
            room = None if shape is None else batch[slot]
            made = example(slot, room)
            if made is not room:
                batch[slot] = made

        slots = range(0 if first is None else 1, batch_size)
        for _ in map(make, slots) if self._pool is None else self._pool.map(make, slots):
            pass
        return torch.from_numpy(batch)

    def _memory(self, shape: tuple[int, ...]) -> Audio:
        """Memory that nobody uses: a view which lives as long as the tensor made of it."""
        with self._lock:
            free = [memory for memory, lent in self._kept if lent() is None and memory.size == prod(shape)]
            memory = free[0] if free else np.empty(prod(shape), dtype=np.float32)
            view = memory.reshape(shape)
            others = [(kept, lent) for kept, lent in self._kept if kept is not memory]
            self._kept = [*others[-_NUM_KEPT + 1 :], (memory, weakref.ref(view))]
        return view
