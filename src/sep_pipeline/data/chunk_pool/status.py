"""What a pool tells about itself while it works."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from sep_pipeline.mapping import SECONDS_BETWEEN_LINES

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class PoolStatus:
    """The state of a pool after its latest batch.

    Attributes:
        num_visits: Songs that have entered the pool so far, each time counted.
        num_chunks: Chunks in the pool.
        pool_size: Its nominal size.
        reuse: How often a chunk that enters now is handed out.
        render_speed: Seconds of stem audio in chunks that were kept, per second of rendering by all workers
            together; 0 before the first.
        data_wait_share: Share of the time since the pool was first full in which batches waited for rendering, in
            [0, 1]. A training that loads ahead waits this share of its time at most.
    """

    num_visits: int
    num_chunks: int
    pool_size: int
    reuse: int
    render_speed: float
    data_wait_share: float

    def __str__(self) -> str:
        return (
            f"pool {self.num_chunks}/{self.pool_size}, reuse {self.reuse}, "
            f"{self.render_speed:.3g} s of stems per s, waiting {self.data_wait_share:.0%}"
        )


class StepTimes(NamedTuple):
    """How a step went, in seconds: in all, waiting for rendering, and rendering by all workers together."""

    seconds: float
    waited: float
    rendered: float


class Meter:
    """Measures waiting and rendering.

    Args:
        clock: Gives seconds; replaced in tests.
    """

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock
        self._rendered = self._stem_seconds = 0.0
        self.restart()

    def restart(self) -> None:
        """Begin to count waiting anew: what has been was filling the pool."""
        self._begin = self._last_end = self._clock()
        self._waited = self._step_waited = self._step_rendered = 0.0

    def note_visit(self, *, waited: float, rendered: float, stem_seconds: float) -> None:
        """Count a visit: seconds waited for it, seconds a worker took, and seconds of stem audio in it."""
        self._step_waited += waited
        self._step_rendered += rendered
        self._rendered += rendered
        self._stem_seconds += stem_seconds

    def end_step(self) -> StepTimes:
        """End a step and give what it took."""
        now = self._clock()
        times = StepTimes(now - self._last_end, self._step_waited, self._step_rendered)
        self._waited += self._step_waited
        self._last_end = now
        self._step_waited = self._step_rendered = 0.0
        return times

    def render_speed(self, num_renderers: int) -> float:
        """Seconds of stem audio per second of rendering; 0 before the first."""
        return self._stem_seconds * num_renderers / self._rendered if self._rendered else 0.0

    @property
    def data_wait_share(self) -> float:
        """Share of waiting since `restart`, in [0, 1]; 0 before the first step."""
        elapsed = self._last_end - self._begin
        return min(1.0, self._waited / elapsed) if elapsed else 0.0


class FillProgress:
    """Log lines while a pool is filled for its first batch, at most one every few seconds.

    Args:
        clock: Gives seconds; replaced in tests.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._begin = self._last_line = clock()

    def advance(self, share: float, num_songs: int) -> None:
        """Count a song.

        Args:
            share: How much has been done, in [0, 1].
            num_songs: Songs so far.
        """
        now = self._clock()
        if not share or now - self._last_line < SECONDS_BETWEEN_LINES:
            return
        self._last_line = now
        elapsed = now - self._begin
        logger.info(
            "filling the pool: %.0f %%, %d songs rendered, about %.0f s left",
            100 * share,
            num_songs,
            elapsed / share - elapsed,
        )
