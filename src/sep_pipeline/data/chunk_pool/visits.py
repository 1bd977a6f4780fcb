"""Renders visits, in this process or ahead of time in others."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from sep_pipeline.data.chunk_pool.bookkeeping import VISIT
from sep_pipeline.data.chunk_pool.chunks import Chunk, drawn_chunks
from sep_pipeline.data.chunk_pool.config import ChunkPoolConfig
from sep_pipeline.data.chunk_pool.playable import PlayableSong, read_playable
from sep_pipeline.data.rendering.config import RenderConfig
from sep_pipeline.data.rendering.track import opened_synthesizer
from sep_pipeline.errors import RenderError
from sep_pipeline.mapping import end_with_parent

# Parsing takes longer than rendering a few chunks; a song of five minutes takes about half a megabyte.
_NUM_SONGS_KEPT = 128


@dataclass(frozen=True)
class VisitJob:
    """One song to render chunks of.

    Attributes:
        path: The MIDI file.
        programs: Programs of every instrument, in their order.
        visit: Number of the visit; with the seed it decides which chunks are drawn.
        config: Everything else.
    """

    path: Path
    programs: tuple[frozenset[int], ...]
    visit: int
    config: ChunkPoolConfig


@dataclass(frozen=True)
class Visit:
    """What a visit brought.

    Attributes:
        chunks: Chunks that were kept, a pure function of the job.
        seconds: How long it took.
    """

    chunks: tuple[Chunk, ...]
    seconds: float

    def stem_seconds(self, sample_rate: int) -> float:
        """Seconds of audio in all stems of the chunks."""
        return sum(chunk.stems.size for chunk in self.chunks) / sample_rate


def visited(job: VisitJob) -> Visit:
    """Render the chunks of one visit.

    Raises:
        UnreadableFileError: The MIDI file is missing or has been damaged.
        RenderError: FluidSynth's library cannot be opened.
        SoundFontError: The sound font is missing or refused.
    """
    started = time.perf_counter()
    rendering = job.config.rendering()
    song = _kept_song(job.path, job.programs, rendering)
    random = np.random.default_rng([job.config.seed, VISIT, job.visit])
    chunks = tuple(drawn_chunks(song, opened_synthesizer(rendering), job.config, random))
    return Visit(chunks, time.perf_counter() - started)


@lru_cache(maxsize=_NUM_SONGS_KEPT)
def _kept_song(path: Path, programs: tuple[frozenset[int], ...], rendering: RenderConfig) -> PlayableSong:
    return read_playable(path, programs, rendering)


class VisitFeed:
    """Gives visits by number.

    Args:
        job_of: The job of a visit.
        workers: Processes that render what is expected; with 0 a visit is rendered when it is taken.
    """

    def __init__(self, job_of: Callable[[int], VisitJob], workers: int) -> None:
        self._job_of, self._workers = job_of, workers
        self._pool: ProcessPoolExecutor | None = None
        self._coming: dict[int, Future[Visit]] = {}

    def expect(self, visits: Iterable[int]) -> None:
        """Start rendering visits that will be taken soon, unless that was done; they are rendered in order."""
        if not self._workers:
            return
        if self._pool is None:
            # Forking a process in which torch has started threads can hang.
            context = multiprocessing.get_context("spawn")
            self._pool = ProcessPoolExecutor(self._workers, mp_context=context, initializer=end_with_parent)
        for visit in visits:
            if visit not in self._coming:
                self._coming[visit] = self._pool.submit(visited, self._job_of(visit))

    def take(self, visit: int) -> Visit:
        """Give a visit, waiting for it if need be; what failed in a process is raised here.

        Raises:
            RenderError: A process was ended from outside.
        """
        self.expect([visit])
        coming = self._coming.pop(visit, None)
        if coming is None:
            return visited(self._job_of(visit))
        try:
            return coming.result()
        except BrokenProcessPool as error:
            raise RenderError("a process that renders was ended, perhaps for want of memory") from error

    def finished(self) -> list[int]:
        """Visits that can be taken without waiting."""
        return [visit for visit, coming in self._coming.items() if coming.done()]

    def forget(self) -> None:
        """Drop what is expected."""
        for coming in self._coming.values():
            coming.cancel()
        self._coming.clear()

    def close(self) -> None:
        """End the processes."""
        self.forget()
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)
            self._pool = None
