"""Cut a track into tiles, so that every frame, and the whole track, is a run of tiles."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from sep_pipeline.metrics.frames import num_frames


@dataclass(frozen=True)
class Tile:
    """A stretch of samples that no frame begins or ends in.

    Attributes:
        start: First sample.
        stop: One after the last.
        frames: Indices of the frames that contain it; consecutive, perhaps none.
    """

    start: int
    stop: int
    frames: range

    def __len__(self) -> int:
        return self.stop - self.start


@dataclass(frozen=True)
class Tiling:
    """Frames of a track and the tiles they are made of.

    Attributes:
        frames: First sample and one after the last of every frame, by museval's rule: a last partial frame is
            dropped, a track no longer than the window is one frame.
        tiles: In order, covering the whole track.
    """

    frames: tuple[tuple[int, int], ...]
    tiles: tuple[Tile, ...]

    def before(self, index: int, reach: int) -> Iterator[Tile]:
        """Earlier tiles with samples less than `reach` before tile `index` begins, nearest first."""
        for tile in reversed(self.tiles[:index]):
            if self.tiles[index].start - tile.stop >= reach:
                return
            yield tile


def tile_track(num_samples: int, window: int, hop: int, max_tile_samples: int) -> Tiling:
    """Cut a track at every start and end of a frame, and longer stretches into equal parts.

    Args:
        num_samples: Length of the track, at least 1.
        window: Length of a frame in samples.
        hop: Distance between frame starts in samples.
        max_tile_samples: Longest tile; bounds the memory that one tile needs.

    Returns:
        Frames and tiles.
    """
    count = num_frames(num_samples, window, hop)
    frames = tuple((i * hop, min(i * hop + window, num_samples)) for i in range(count))
    cuts = sorted({0, num_samples}.union(*frames))
    tiles = []
    for start, stop in pairwise(cuts):
        parts = -(-(stop - start) // max_tile_samples)
        inner = [start + (stop - start) * part // parts for part in range(parts + 1)]
        containing = _frames_around(start, stop, frames, window, hop)
        tiles += [Tile(first, last, containing) for first, last in pairwise(inner)]
    return Tiling(frames, tuple(tiles))


def _frames_around(
    start: int, stop: int, frames: tuple[tuple[int, int], ...], window: int, hop: int
) -> range:
    """Frames that contain the stretch, which none of them cuts."""
    first = max(0, -(-(stop - window) // hop))
    last = min(len(frames), start // hop + 1)
    return range(first, max(first, last))
