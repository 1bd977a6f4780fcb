"""A song as spectra of any of its frames, computed from the samples that are read for them."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from sep_pipeline.models.open_unmix import SpectrogramConfig, spectrum
from sep_pipeline.separation.blocks import Audio, ReadSamples


class Song:
    """Centred spectra of a signal that is read piece by piece.

    Args:
        read: Gives samples, of which all are finite; it is asked for the same ones more than once.
        num_samples: Length of the signal, at least 1.
        config: Sizes of the transform.
        device: Where spectra are computed.
    """

    def __init__(
        self,
        read: ReadSamples,
        num_samples: int,
        *,
        config: SpectrogramConfig,
        device: torch.device,
    ) -> None:
        self.num_frames = num_samples // config.hop_length + 1
        self.num_samples = num_samples
        self._read = read
        self._config = config
        self._device = device

    def spectra(self, start: int, stop: int) -> Tensor:
        """Spectra of the frames from `start` to before `stop`: complex64, (channel, frame, bin)."""
        first = start * self._config.hop_length - self._config.n_fft // 2
        last = first + (stop - start - 1) * self._config.hop_length + self._config.n_fft
        return spectrum(torch.from_numpy(self._extended(first, last)).to(self._device), self._config)

    def _extended(self, first: int, last: int) -> Audio:
        """Samples from `first` to before `last`, mirrored at both ends as `models.open_unmix.centred` does."""
        if first >= 0 and last <= self.num_samples:
            return self._read(first, last)
        wanted = np.abs(np.arange(first, last))
        mirrored = np.where(wanted < self.num_samples, wanted, 2 * (self.num_samples - 1) - wanted)
        is_inside = (mirrored >= 0) & (mirrored < self.num_samples)
        if first < 0:
            is_inside[:-first] &= wanted[:-first] < self.num_samples
        low = int(mirrored[is_inside].min())
        samples = self._read(low, int(mirrored[is_inside].max()) + 1)
        extended = np.zeros((len(samples), last - first), dtype=np.float32)
        extended[:, is_inside] = samples[:, mirrored[is_inside] - low]
        return extended
