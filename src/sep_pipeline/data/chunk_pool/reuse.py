"""How often a chunk is handed out: as configured, or so that the trainer seldom waits."""

from __future__ import annotations

from sep_pipeline.data.chunk_pool.config import ChunkPoolConfig
from sep_pipeline.data.chunk_pool.status import StepTimes

HIGHEST_SHARE = 0.1
STEPS_BETWEEN_CHANGES = 20
# Fewer uses are tried only if rendering would have this much of its time to spare.
_HIGHEST_LOAD = 0.8


class ReuseControl:
    """The current number of uses.

    Under "auto" it rises by one when batches waited for more than a tenth of the time since the last change, and
    falls by one when the renderers would still keep up with ease.

    Args:
        config: `reuse`, `workers` and the pool's size, above which reuse would repeat nothing but itself.
    """

    def __init__(self, config: ChunkPoolConfig) -> None:
        self._is_auto = config.reuse == "auto"
        self._highest = config.pool_size
        self._num_renderers = max(1, config.workers)
        self.factor = 1 if config.reuse == "auto" else config.reuse
        self._steps: list[StepTimes] = []

    def note(self, times: StepTimes) -> None:
        """Learn how a step went, and change the factor if it is time to."""
        if not self._is_auto:
            return
        self._steps.append(times)
        if len(self._steps) == STEPS_BETWEEN_CHANGES:
            self._change(StepTimes(*map(sum, zip(*self._steps, strict=True))))
            self._steps = []

    def _change(self, times: StepTimes) -> None:
        load = times.rendered / (times.seconds * self._num_renderers)
        if times.waited > HIGHEST_SHARE * times.seconds:
            self.factor = min(self.factor + 1, self._highest)
        elif self.factor > 1 and load * self.factor / (self.factor - 1) < _HIGHEST_LOAD:
            self.factor -= 1
