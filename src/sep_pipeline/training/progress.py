"""Log lines that show how far a training is."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

logger = logging.getLogger(__name__)

SECONDS_BETWEEN_LINES = 5.0
_BAR_LENGTH = 20
_SMOOTHING = 0.9


class Progress:
    """Writes at most one line every few seconds, and one at the end.

    Args:
        description: What is trained.
        num_steps: Updates in all.
        num_done: Updates already done when this process took over.
        note: Gives what else a line says, or nothing.
        clock: Gives seconds; replaced in tests.
    """

    def __init__(
        self,
        description: str,
        num_steps: int,
        num_done: int,
        *,
        note: Callable[[], str] = str,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._description, self._num_steps, self._num_before = description, num_steps, num_done
        self._note, self._clock = note, clock
        self._start = self._last_line = clock()
        self._loss: float | None = None

    def advance(self, num_done: int, loss: float) -> None:
        """Count an update; the loss shown is smoothed over about ten of them."""
        self._loss = loss if self._loss is None else _SMOOTHING * self._loss + (1 - _SMOOTHING) * loss
        now = self._clock()
        if num_done < self._num_steps and now - self._last_line < SECONDS_BETWEEN_LINES:
            return
        self._last_line = now
        seconds_per_step = (now - self._start) / max(1, num_done - self._num_before)
        note = self._note()
        logger.info(
            "%s [%s] %d/%d loss %.4g, %.2g s/step, about %s left%s",
            self._description,
            text_bar(num_done / self._num_steps),
            num_done,
            self._num_steps,
            self._loss,
            seconds_per_step,
            text_duration(seconds_per_step * (self._num_steps - num_done)),
            f"; {note}" if note else "",
        )


def text_bar(share: float) -> str:
    """A bar of fixed length, filled up to `share` in [0, 1]."""
    num_filled = int(share * _BAR_LENGTH)
    return "#" * num_filled + "." * (_BAR_LENGTH - num_filled)


def text_duration(seconds: float) -> str:
    """Seconds below two minutes, minutes below two hours, hours above."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    if seconds < 7200:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"
