"""Where random excerpts lie: the tracks that have the wanted stems, and draws of a track and a start among them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sep_pipeline.data.manifest import Track
from sep_pipeline.errors import NoInputError, StemMismatchError, TooShortError


@dataclass(frozen=True)
class Excerpt:
    """A place in a track.

    Attributes:
        track: The track.
        start: Its first frame.
    """

    track: Track
    start: int


class ExcerptPool:
    """Sources that are drawn together, and the tracks that have all of them.

    Args:
        tracks: Tracks, some of which may lack stems; these are passed over.
        sources: The stems whose sum each source is.
        num_frames: Length of the longest excerpt.
        is_padded: Whether an excerpt may reach past the end of its track, which then is drawn from its start.
        is_by_time: Whether tracks are drawn in proportion to their length; otherwise all alike.

    Attributes:
        tracks: The tracks that have all stems.
        sources: As given.

    Raises:
        NoInputError: There is no such track.
        TooShortError: A track is shorter than an excerpt, or empty.
    """

    def __init__(
        self,
        tracks: Sequence[Track],
        sources: Sequence[tuple[str, ...]],
        *,
        num_frames: int,
        is_padded: bool,
        is_by_time: bool,
    ) -> None:
        self.sources = tuple(sources)
        self.tracks = _tracks_with({stem for parts in sources for stem in parts}, tracks)
        self._is_by_time = is_by_time
        for track in self.tracks:
            _check_length(track, 1 if is_padded else num_frames)
        self._ends = np.cumsum([track.num_frames for track in self.tracks])

    def drawn(self, random: np.random.Generator, num_frames: int) -> Excerpt:
        """Draw a track, and a start uniformly among those that leave room for `num_frames`; 0 if there is none."""
        track = self.tracks[self._drawn_number(random)]
        return Excerpt(track, int(random.integers(max(0, track.num_frames - num_frames) + 1)))

    def _drawn_number(self, random: np.random.Generator) -> int:
        if self._is_by_time:
            return int(np.searchsorted(self._ends, random.integers(self._ends[-1]), side="right"))
        return int(random.integers(len(self.tracks)))


def _tracks_with(stems: set[str], tracks: Sequence[Track]) -> tuple[Track, ...]:
    found = tuple(track for track in tracks if stems <= set(track.stems))
    if not found:
        raise NoInputError(
            "no track has all the stems that are drawn together",
            expected=", ".join(sorted(stems)),
            found=", ".join(sorted({name for track in tracks for name in track.stems})) or "no tracks",
        )
    return found


def _check_length(track: Track, num_frames: int) -> None:
    if track.num_frames < num_frames:
        raise TooShortError(
            f"track {track.track_id} is shorter than what is drawn from it",
            parameter="chunk_samples",
            expected=f"{num_frames} samples",
            found=f"{track.num_frames} samples",
        )


def check_alike(tracks: Sequence[Track], *, has_own_channels: bool) -> None:
    """Refuse tracks that do not fit into one batch.

    Args:
        tracks: At least one.
        has_own_channels: Whether the numbers of channels have to agree, too.

    Raises:
        StemMismatchError: Sample rates or channels differ.
    """
    first = tracks[0]
    for track in tracks:
        if track.sample_rate != first.sample_rate:
            raise StemMismatchError(
                f"track {track.track_id} has another sample rate than {first.track_id}",
                expected=first.sample_rate,
                found=track.sample_rate,
            )
        if has_own_channels and track.num_channels != first.num_channels:
            raise StemMismatchError(
                f"track {track.track_id} has another number of channels than {first.track_id}",
                expected=first.num_channels,
                found=track.num_channels,
            )
