"""Mean and standard deviation per frequency over a training set, from which an Open-Unmix model starts."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor

from sep_pipeline.errors import NoInputError
from sep_pipeline.models.open_unmix.config import SpectrogramConfig
from sep_pipeline.models.open_unmix.spectrogram import frame_blocks, spectrum

SMALLEST_SHARE = 1e-4
"""Of the largest deviation; no smaller one is given, since the model divides by it."""


class InputStatistics:
    """Mean and variance per bin of all frames seen, exact however many there are.

    Blocks of frames are merged by their means and sums of squared deviations (Chan, Golub and LeVeque 1979),
    in double precision.

    Args:
        config: Sizes of the transform.
    """

    def __init__(self, config: SpectrogramConfig) -> None:
        self._config = config
        self._num_frames = 0
        self._mean = torch.zeros(config.num_bins, dtype=torch.float64)
        self._squares = torch.zeros(config.num_bins, dtype=torch.float64)

    def add(self, audio: Tensor) -> None:
        """Take in a whole track.

        Args:
            audio: float, (channel, time), at least one frame long; magnitudes are averaged over channels.

        Raises:
            TooShortError: The track is shorter than one frame.
        """
        for block in frame_blocks(audio, self._config):
            self._merge(spectrum(block, self._config).abs().mean(-3).double())

    def _merge(self, magnitudes: Tensor) -> None:
        """Take in frames, (frame, bin)."""
        num_new = len(magnitudes)
        new_mean = magnitudes.mean(0)
        shift = new_mean - self._mean
        total = self._num_frames + num_new
        self._squares += (magnitudes - new_mean).square_().sum(0)
        self._squares += shift.square() * (self._num_frames * num_new / total)
        self._mean += shift * (num_new / total)
        self._num_frames = total

    def result(self) -> tuple[Tensor, Tensor]:
        """Mean and standard deviation of the population.

        Returns:
            Two float64 tensors, (bin,). Where nothing varies, the deviation is 1; none is below `SMALLEST_SHARE`
            of the largest.

        Raises:
            NoInputError: No track was added.
        """
        if not self._num_frames:
            raise NoInputError("there is no track to take input statistics from", expected="at least one")
        variance = self._squares / self._num_frames
        # scikit-learn's bound of what rounding alone leaves of a constant.
        rounding = self._num_frames * torch.finfo(torch.float64).eps
        is_constant = variance <= rounding * variance + (rounding * self._mean).square()
        deviation = variance.sqrt().masked_fill_(is_constant, 1.0)
        return self._mean.clone(), deviation.clamp(min=SMALLEST_SHARE * float(deviation.max()))


def input_statistics(audios: Iterable[Tensor], config: SpectrogramConfig) -> tuple[Tensor, Tensor]:
    """Statistics of whole tracks, taken one at a time and in blocks of frames.

    Args:
        audios: The tracks' mixtures, each float, (channel, time).
        config: Sizes of the transform.

    Returns:
        Mean and standard deviation per bin, float64, (bin,), for `OpenUnmix.set_input_statistics`.

    Raises:
        NoInputError: There is no track.
        TooShortError: A track is shorter than one frame.
    """
    statistics = InputStatistics(config)
    for audio in audios:
        statistics.add(audio)
    return statistics.result()
