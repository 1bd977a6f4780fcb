"""Where training chunks lie: a grid over all tracks laid end to end; no chunk crosses a track's edge."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from itertools import accumulate

from sep_pipeline.errors import ConfigurationError, TooShortError


class WindowGrid:
    """Cuts the joined timeline of several tracks into windows of one length.

    Item `i` begins at `i * chunk_samples` plus a shift; a window that would cross the edge of a track is
    moved into the track that holds the larger part of it. This is the rule of the Jukebox data set
    (arXiv:2005.00341, code).

    Args:
        lengths: Samples per channel of every track, in timeline order.
        chunk_samples: Length of one window.
        names: Names of the tracks, for error messages; the positions serve otherwise.

    Raises:
        ConfigurationError: `chunk_samples` is not positive.
        TooShortError: A track is shorter than one window, or there is no track.
    """

    def __init__(
        self, lengths: Sequence[int], chunk_samples: int, *, names: Sequence[str] | None = None
    ) -> None:
        if chunk_samples < 1:
            raise ConfigurationError(
                "a chunk needs samples", parameter="chunk_samples", expected=">= 1", found=chunk_samples
            )
        if not lengths:
            raise TooShortError("there are no tracks to cut chunks from", expected=f"{chunk_samples} samples")
        for index, length in enumerate(lengths):
            if length < chunk_samples:
                name = names[index] if names else f"number {index}"
                raise TooShortError(
                    f"track {name} is shorter than one training chunk",
                    parameter="chunk_samples",
                    expected=f"{chunk_samples} samples",
                    found=f"{length} samples",
                )
        self.chunk_samples = chunk_samples
        self._ends = list(accumulate(lengths))

    @property
    def num_items(self) -> int:
        """Number of whole windows on the timeline."""
        return self._ends[-1] // self.chunk_samples

    @property
    def half_samples(self) -> int:
        """Bound of the shift: it lies in [-half_samples, half_samples)."""
        return self.chunk_samples // 2

    def place(self, item: int, shift: int) -> tuple[int, int]:
        """Find the window of an item.

        Args:
            item: Number of the window, in [0, num_items).
            shift: Samples by which the window is moved, in [-half_samples, half_samples).

        Returns:
            Index of the track and first sample of the window in it; the whole window lies inside the track.
        """
        start = item * self.chunk_samples + shift
        track = bisect_left(self._ends, start + self.half_samples)
        first, end = (self._ends[track - 1] if track else 0), self._ends[track]
        if start > end - self.chunk_samples:
            start = max(first, start - self.half_samples)
        elif start < first:
            start = min(end - self.chunk_samples, start + self.half_samples)
        # Halving an odd length leaves one sample over.
        start = min(max(start, first), end - self.chunk_samples)
        return track, start - first
