"""Which chunk is handed out when: the pool's rule, worked out with numbers alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from sep_pipeline.data.chunk_pool.config import ChunkPoolConfig

# Keeps the random streams apart under one seed: order of the songs, chunks of a visit, shuffles of the pool.
SONG_ORDER, VISIT, SHUFFLE = 0, 1, 2

_VISIT, _CHUNK, _USES = range(3)


class VisitRecord(NamedTuple):
    """What a visit brought: a visit is one rendering of one song.

    Attributes:
        num_chunks: Chunks that were kept.
        reuse: How often each of them is handed out.
    """

    num_chunks: int
    reuse: int


class PoolBook:
    """The pool without its audio.

    Songs are visited in one shuffled order for ever. Before every batch, while the pool is smaller than its nominal
    size, all chunks of some more visits enter it: as many visits as make up one batch, judged by the chunks per
    visit so far. Then the whole pool is shuffled; its first chunks are the batch, and go back to the end of the pool
    if they are to be used again.

    Args:
        config: Sizes and seed.
    """

    def __init__(self, config: ChunkPoolConfig) -> None:
        self._config = config
        self._entries = np.zeros((0, 3), dtype=np.int64)
        self._num_chunks = 0
        self.step = 0
        self.num_visits = 0

    @property
    def entries(self) -> npt.NDArray[np.int64]:
        """Chunks in the pool, (chunk, 2): number of the visit, and of the chunk in it."""
        return self._entries[:, :_USES]

    @property
    def visits_per_refill(self) -> int:
        """Visits after which it is looked whether the pool is full."""
        batch_size = self._config.batch_size
        if not self._num_chunks:
            return -(-batch_size // (self._config.chunks_per_song or batch_size))
        return -(-batch_size * self.num_visits // self._num_chunks)

    def advance(self, record_of: Callable[[int], VisitRecord]) -> npt.NDArray[np.int64]:
        """Fill the pool, shuffle it and take the next batch.

        Args:
            record_of: Gives what a visit brought; called once for every visit, in order.

        Returns:
            (batch, 2): number of the visit, and of the chunk in it.
        """
        config = self._config
        while len(self._entries) < config.pool_size:
            for _ in range(self.visits_per_refill):
                self._enter(self.num_visits, record_of(self.num_visits))
        order = np.random.default_rng([config.seed, SHUFFLE, self.step]).permutation(len(self._entries))
        shuffled = self._entries[order]
        taken, rest = shuffled[: config.batch_size], shuffled[config.batch_size :]
        again = taken[taken[:, _USES] > 1] - np.array([0, 0, 1])
        self._entries = np.concatenate([rest, again])
        self.step += 1
        return taken[:, :_USES]

    def _enter(self, visit: int, record: VisitRecord) -> None:
        entered = np.empty((record.num_chunks, 3), dtype=np.int64)
        entered[:, _VISIT], entered[:, _USES] = visit, record.reuse
        entered[:, _CHUNK] = np.arange(record.num_chunks)
        self._entries = np.concatenate([self._entries, entered])
        self._num_chunks += record.num_chunks
        self.num_visits += 1
