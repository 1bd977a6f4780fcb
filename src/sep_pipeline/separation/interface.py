"""What every trained separator offers; what one has to write of its own is how it gets from samples to pieces."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator

import numpy as np

from sep_pipeline.errors import ConfigurationError, DataError, StemMismatchError, TooShortError
from sep_pipeline.separation.blocks import Audio, Progress, ReadSamples, array_reader, filled

MODES = ("context", "published")
"""How a song is divided: so that no division is heard and memory stays bounded, or as the replicated study did."""


class Separator(ABC):
    """A trained separator at one sample rate and number of channels; songs need not be in memory.

    Args:
        name: Name shown in tables.
        stems: Names of the stems, in the order of the output.
        sample_rate: In Hz.
        num_channels: Channels of mixture and estimates.
    """

    def __init__(self, *, name: str, stems: tuple[str, ...], sample_rate: int, num_channels: int) -> None:
        self.name = name
        self.stems = stems
        self.sample_rate = sample_rate
        self.num_channels = num_channels

    def separate(self, mixture: Audio, *, mode: str = "context") -> Audio:
        """Estimate every stem.

        Args:
            mixture: float32, (channel, time), at least one sample, in [-1, 1], at the separator's sample rate.
            mode: A name in `MODES`; the class of the separator says what they do.

        Returns:
            float32, (stem, channel, time), as long as the mixture. Estimates need not sum to the mixture.

        Raises:
            ConfigurationError: Unknown mode.
            StemMismatchError: The mixture has another number of channels.
            TooShortError: There are no samples.
            DataError: A sample is not finite.
        """
        if mixture.ndim != 2 or mixture.shape[0] != self.num_channels:
            kind = {1: "mono", 2: "stereo"}.get(self.num_channels, f"{self.num_channels} channels")
            raise StemMismatchError(
                "the mixture does not fit the separator",
                expected=f"({self.num_channels}, time), {kind}",
                found=mixture.shape,
            )
        blocks = self.separate_blocks(array_reader(mixture), mixture.shape[1], mode=mode)
        return filled(blocks, len(self.stems), mixture)

    def separate_blocks(
        self,
        read: ReadSamples,
        num_samples: int,
        *,
        mode: str = "context",
        progress: Progress | None = None,
    ) -> Iterator[Audio]:
        """Estimate every stem of a song that is not in memory.

        Args:
            read: Gives the samples from the first to before the second number, float32, (channel, time); it may be
                asked for the same ones several times.
            num_samples: Length of the song, at least 1.
            mode: As for `separate`.
            progress: Called with the share of the work that is done, up to 1.

        Returns:
            float32, (stem, channel, time): successive pieces that add up to `num_samples` samples.

        Raises:
            ConfigurationError: Unknown mode.
            StemMismatchError: What is read has another shape.
            TooShortError: There are no samples.
            DataError: A sample is not finite.
            StorageError: The separator keeps temporary files, and they do not find room.
        """
        if mode not in MODES:
            raise ConfigurationError("unknown mode", parameter="mode", expected=MODES, found=mode)
        if num_samples < 1:
            raise TooShortError("nothing to separate", expected="at least 1 sample", found=num_samples)
        checked = _checked_reader(read, self.num_channels)
        return self._blocks(checked, num_samples, is_published=mode == "published", progress=progress)

    @abstractmethod
    def _blocks(
        self, read: ReadSamples, num_samples: int, *, is_published: bool, progress: Progress | None
    ) -> Iterator[Audio]:
        """`separate_blocks` for arguments and samples that have been checked."""


def _checked_reader(read: ReadSamples, num_channels: int) -> ReadSamples:
    """Refuse samples that would make a network answer with nonsense."""

    def checked(start: int, stop: int) -> Audio:
        samples = read(start, stop)
        expected = (num_channels, stop - start)
        if samples.shape != expected:
            raise StemMismatchError(
                "the samples do not fit the separator", expected=expected, found=samples.shape
            )
        is_bad = ~np.isfinite(samples)
        if is_bad.any():
            raise DataError(
                "the mixture has samples that are no finite numbers",
                expected=f"finite samples from {start} to {stop}",
                found=int(is_bad.sum()),
            )
        return np.ascontiguousarray(samples, dtype=np.float32)

    return checked
