"""Batches of training chunks cut from tracks on disk, each a pure function of seed, step and item."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt
from torch import Tensor

from sep_pipeline.data.assembly import BatchAssembler
from sep_pipeline.data.augmentation import Audio, Blend, BlendMode, Transform, applied
from sep_pipeline.data.chunks import ChunkReader
from sep_pipeline.data.manifest import Track
from sep_pipeline.data.windows import WindowGrid
from sep_pipeline.errors import ConfigurationError, StemMismatchError, TooShortError

# Keeps the random streams apart under one seed: chunk order, chunk content by step and slot, bandwidth windows,
# and chunk content by number.
ORDER, CONTENT, SURVEY, FIXED_CONTENT = 0, 1, 2, 3


class Examples(Protocol):
    """Batches of training examples by number of the step."""

    def batch(self, step: int) -> Tensor:
        """Give the batch of a step, a pure function of it: float32, (batch, stem, channel, time)."""
        ...


@dataclass(frozen=True)
class EpochOrder:
    """Which of a number of items belong to the batch of a step.

    An epoch visits every item once and drops what does not fill a last batch. A batch larger than the number
    of items is filled by going through them again.

    Attributes:
        num_items: Number of items.
        batch_size: Items per batch.
        seed: Seed of the orders; every epoch has its own.
        is_shuffled: Whether the order is random; otherwise it is that of the numbers.
    """

    num_items: int
    batch_size: int
    seed: int
    is_shuffled: bool = True

    @property
    def batches_per_epoch(self) -> int:
        """Whole batches in one pass over the items, at least one."""
        return max(1, self.num_items // self.batch_size)

    def items_of(self, step: int) -> npt.NDArray[np.int64]:
        """Numbers of the items in the batch of a step, (batch,)."""
        epoch, batch = divmod(step, self.batches_per_epoch)
        num_passes = -(-self.batch_size // self.num_items)
        passes = [self._pass(epoch, repeat) for repeat in range(num_passes)]
        first = batch * self.batch_size
        return np.concatenate(passes)[first : first + self.batch_size]

    def _pass(self, epoch: int, repeat: int) -> npt.NDArray[np.int64]:
        if not self.is_shuffled:
            return np.arange(self.num_items)
        return np.random.default_rng([self.seed, ORDER, epoch, repeat]).permutation(self.num_items)


class StemExamples:
    """Aligned chunks of chosen stems of many tracks.

    The same window is read from every stem of a track. Windows of the grid are visited as `EpochOrder` says;
    with `shift` the windows that are repeated to fill a large batch lie elsewhere.

    Nothing but the wanted frames is read, nothing is remembered from one call to the next, and any thread may
    call.

    Args:
        tracks: Tracks in timeline order; all of one sample rate.
        stems: Names of the files to read, "mixture" included if wanted.
        chunk_samples: Samples per chunk.
        batch_size: Chunks per batch.
        seed: Seed of everything random.
        shift: Whether windows are moved randomly by up to half a chunk.
        blend: How stereo becomes mono, see `Blend`; None keeps the channels.
        transforms: Further random changes, applied before the blend.
        epoch_shuffle: Whether the order of windows is random; otherwise it is the timeline's.
        item_share: Share of the timeline's windows that is used, from its start; the published runs of
            Jukebox kept back the last tenth.

    Raises:
        ConfigurationError: A number is out of range.
        StemMismatchError: A track lacks a stem, or sample rates or kept channels differ.
        TooShortError: A track is shorter than one chunk.
    """

    def __init__(
        self,
        tracks: Sequence[Track],
        stems: Sequence[str],
        *,
        chunk_samples: int,
        batch_size: int,
        seed: int,
        shift: bool = True,
        blend: BlendMode | None = "shared",
        transforms: Sequence[Transform] = (),
        epoch_shuffle: bool = True,
        item_share: float = 1.0,
    ) -> None:
        _check_numbers(batch_size, item_share)
        _check_tracks(tracks, stems, has_blend=blend is not None)
        self.tracks, self.stems = tuple(tracks), tuple(stems)
        self.batch_size, self.seed = batch_size, seed
        self.grid = WindowGrid(
            [track.num_frames for track in tracks], chunk_samples, names=[track.track_id for track in tracks]
        )
        self.num_items = int(self.grid.num_items * item_share)
        if not self.num_items:
            raise TooShortError(
                "no window is left to train on", parameter="item_share", expected="at least 1", found=0
            )
        self._order = EpochOrder(self.num_items, batch_size, seed, epoch_shuffle)
        self._shift = shift
        self._transforms = (*transforms, *((Blend(blend),) if blend is not None else ()))
        self._reader, self._assembler = ChunkReader(), BatchAssembler()

    @property
    def batches_per_epoch(self) -> int:
        """Whole batches in one pass over the windows, at least one."""
        return self._order.batches_per_epoch

    def items_of(self, step: int) -> npt.NDArray[np.int64]:
        """Window numbers of the batch of a step, (batch,)."""
        return self._order.items_of(step)

    def batch(self, step: int) -> Tensor:
        """Read the batch of a step.

        Args:
            step: Number of the step, from 0.

        Returns:
            float32, (batch, stem, channel, time), in [-1, 1] before any gain.

        Raises:
            UnreadableFileError: A file is missing, is no audio file or is truncated.
            StemMismatchError: A file has another number of channels than its track.
        """
        items = self.items_of(step)
        shape = None if self._transforms else self._window_shape(self.tracks[0])

        def example(slot: int, room: Audio | None) -> Audio:
            random = np.random.default_rng([self.seed, CONTENT, step, slot])
            window = self.read_window(int(items[slot]), self._drawn_shift(random), room)
            return applied(self._transforms, window, random)

        return self._assembler.assembled(self.batch_size, shape, example)

    def read_window(self, item: int, shift: int = 0, room: Audio | None = None) -> npt.NDArray[np.float32]:
        """Read one window as it is on disk.

        Args:
            item: Number of the window.
            shift: Samples by which it is moved.
            room: Memory of the window's shape to read into; None takes fresh memory.

        Returns:
            float32, (stem, channel, time).
        """
        index, start = self.grid.place(item, shift)
        track = self.tracks[index]
        window = np.empty(self._window_shape(track), dtype=np.float32) if room is None else room
        for stem, out in zip(self.stems, window, strict=True):
            self._reader.read_into(track.paths[stem], start, out)
        return window

    def survey(self, stride: int) -> Iterator[npt.NDArray[np.float32]]:
        """Read every stride-th window as on disk, shifted like training chunks but always in the same way."""
        for item in range(0, self.num_items, stride):
            random = np.random.default_rng([self.seed, SURVEY, item])
            yield self.read_window(item, self._drawn_shift(random))

    def _window_shape(self, track: Track) -> tuple[int, int, int]:
        return len(self.stems), track.num_channels, self.grid.chunk_samples

    def _drawn_shift(self, random: np.random.Generator) -> int:
        half = self.grid.half_samples
        return int(random.integers(-half, half)) if self._shift and half else 0


def _check_numbers(batch_size: int, item_share: float) -> None:
    if batch_size < 1:
        raise ConfigurationError(
            "a batch needs chunks", parameter="batch_size", expected=">= 1", found=batch_size
        )
    if not 0 < item_share <= 1:
        raise ConfigurationError(
            "not a share", parameter="item_share", expected="above 0, up to 1", found=item_share
        )


def _check_tracks(tracks: Sequence[Track], stems: Sequence[str], *, has_blend: bool) -> None:
    for track in tracks:
        missing = [stem for stem in stems if stem not in track.paths]
        if missing:
            raise StemMismatchError(
                f"track {track.track_id} lacks a stem",
                expected=", ".join(stems),
                found=", ".join(track.paths),
            )
        if track.sample_rate != tracks[0].sample_rate:
            raise StemMismatchError(
                f"track {track.track_id} has another sample rate than {tracks[0].track_id}",
                expected=tracks[0].sample_rate,
                found=track.sample_rate,
            )
        if not has_blend and track.num_channels != tracks[0].num_channels:
            raise StemMismatchError(
                f"track {track.track_id} has another number of channels than {tracks[0].track_id}",
                expected=tracks[0].num_channels,
                found=track.num_channels,
            )
