"""A song as samples in a temporary file, of which any part can be read exactly, whatever it was decoded from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import torch

from sep_pipeline.audio.decoding import decoded
from sep_pipeline.audio.resampling import resample_blocks
from sep_pipeline.errors import DataError, TooShortError
from sep_pipeline.separation.blocks import Audio
from sep_pipeline.separation.spill import Spill

BLOCK_SAMPLES = 2**18
MOST_CHANNELS = 2


class StagedSong:
    """The samples of a song on disk.

    Args:
        blocks: float32, (channel, time).
        sample_rate: In Hz.
        num_channels: Number of channels.
        folder: Where the file lies; it has no name and vanishes when it is closed or the process ends.

    Raises:
        StorageError: The folder is not writable or the disk is full.
    """

    def __init__(self, blocks: Iterable[Audio], *, sample_rate: int, num_channels: int, folder: Path) -> None:
        self.sample_rate = sample_rate
        self.num_channels = num_channels
        self.num_samples = 0
        self._samples = Spill(0, num_channels, on_disk=True, folder=folder)
        for block in blocks:
            self._samples.put(self.num_samples, torch.from_numpy(np.ascontiguousarray(block.T)))
            self.num_samples += block.shape[1]

    def read(self, start: int, stop: int) -> Audio:
        """The samples from `start` to before `stop`, (channel, time)."""
        return np.ascontiguousarray(self._samples.get(start, stop).numpy().T)

    def at_rate(self, sample_rate: int, folder: Path) -> StagedSong:
        """The song at another sample rate, one sample at least; itself if it has that rate."""
        if sample_rate == self.sample_rate:
            return self
        starts = range(0, self.num_samples, BLOCK_SAMPLES)
        blocks = (self.read(start, min(start + BLOCK_SAMPLES, self.num_samples)) for start in starts)
        resampled = StagedSong(
            resample_blocks(blocks, self.sample_rate, sample_rate),
            sample_rate=sample_rate,
            num_channels=self.num_channels,
            folder=folder,
        )
        if resampled.num_samples == 0:
            resampled._samples.put(0, torch.zeros(1, self.num_channels))
            resampled.num_samples = 1
        return resampled

    def close(self) -> None:
        """Give the file back."""
        self._samples.close()


def stage(source: Path, folder: Path) -> StagedSong:
    """Decode a song.

    Args:
        source: A mono or stereo file of any format that libsndfile or ffmpeg reads.
        folder: Where the temporary file goes.

    Raises:
        UnreadableFileError: The file is no audio.
        TooShortError: It has no samples.
        DataError: It has more than two channels, or a sample is not finite.
        ConfigurationError: ffmpeg is needed and missing.
        StorageError: The folder is not writable or the disk is full.
    """
    with decoded(source, BLOCK_SAMPLES) as decoding:
        if decoding.num_channels > MOST_CHANNELS:
            raise DataError(
                "the song has more than two channels",
                file=source,
                expected="mono or stereo",
                found=f"{decoding.num_channels} channels",
            )
        song = StagedSong(
            _finite(decoding.blocks, source),
            sample_rate=decoding.sample_rate,
            num_channels=decoding.num_channels,
            folder=folder,
        )
    if song.num_samples == 0:
        raise TooShortError("nothing to separate", file=source, expected="at least 1 sample", found=0)
    return song


def _finite(blocks: Iterable[Audio], source: Path) -> Iterator[Audio]:
    start = 0
    for block in blocks:
        is_bad = ~np.isfinite(block)
        if is_bad.any():
            first = start + int(is_bad.any(axis=0).argmax())
            raise DataError(
                "the song has samples that are NaN or infinite",
                file=source,
                expected="finite samples",
                found=f"the first one at sample {first}",
            )
        yield block
        start += block.shape[1]
