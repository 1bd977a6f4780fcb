"""Shape of an Open-Unmix model and of the spectrograms it works on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from sep_pipeline.errors import ConfigurationError
from sep_pipeline.models.config_checks import require_valid
from sep_pipeline.models.config_values import config_of_values

MAX_CHANNELS = 2
"""More channels than two have no spatial filter here."""


_require = partial(require_valid, "an Open-Unmix parameter is out of range")


@dataclass(frozen=True, kw_only=True)
class SpectrogramConfig:
    """Sizes of the short-time Fourier transform.

    Args:
        n_fft: Length of the periodic Hann window and of the transform, in samples.
        hop_length: Distance between frames, in samples; divides `n_fft` at least twice.

    Raises:
        ConfigurationError: The sizes do not fit.
    """

    n_fft: int = 4096
    hop_length: int = 1024

    def __post_init__(self) -> None:
        fits = (
            self.hop_length >= 1 and self.n_fft >= 2 * self.hop_length and self.n_fft % self.hop_length == 0
        )
        _require(fits, "n_fft, hop_length", "n_fft a multiple, at least twice", (self.n_fft, self.hop_length))

    @property
    def num_bins(self) -> int:
        """Frequencies of the one-sided spectrum: 2049 at 4096."""
        return self.n_fft // 2 + 1

    def bins_below(self, bandwidth_hz: float, sample_rate: int) -> int:
        """Number of bins at or below a frequency: 1487 for 16 kHz at 44.1 kHz and 4096."""
        frequencies = np.linspace(0, sample_rate / 2, self.num_bins)
        return int(np.count_nonzero(frequencies <= bandwidth_hz))


@dataclass(frozen=True, kw_only=True)
class OpenUnmixConfig:
    """Everything that fixes the parameters of one target's model (Stöter et al. 2019).

    Args:
        spectrogram: Sizes of the transform.
        num_channels: 1 or 2.
        hidden_size: Width of all inner layers.
        num_layers: Layers of the LSTM.
        is_unidirectional: Whether the LSTM reads forwards only, with `hidden_size` units, instead of both ways
            with half as many each.
        num_input_bins: Lowest bins that the model reads; its mask covers all bins. None reads all.
        dropout: Share of values dropped between the layers of the LSTM while training; 0 with one layer.

    Raises:
        ConfigurationError: A value is out of range.
    """

    spectrogram: SpectrogramConfig = SpectrogramConfig()
    num_channels: int = 2
    hidden_size: int = 512
    num_layers: int = 3
    is_unidirectional: bool = False
    num_input_bins: int | None = 1487
    dropout: float = 0.4

    def __post_init__(self) -> None:
        bins = self.spectrogram.num_bins
        _require(1 <= self.num_channels <= MAX_CHANNELS, "num_channels", "1 or 2", self.num_channels)
        _require(self.num_layers >= 1, "num_layers", "at least 1", self.num_layers)
        has_halves = self.is_unidirectional or self.hidden_size % 2 == 0
        _require(
            self.hidden_size >= 1 and has_halves,
            "hidden_size",
            "at least 1, and even when bidirectional",
            self.hidden_size,
        )
        fits = self.num_input_bins is None or 1 <= self.num_input_bins <= bins
        _require(fits, "num_input_bins", f"1 to {bins}", self.num_input_bins)
        _require(0 <= self.dropout < 1, "dropout", "0 up to below 1", self.dropout)

    @property
    def num_bins(self) -> int:
        """Bins of the mask."""
        return self.spectrogram.num_bins

    @property
    def num_read_bins(self) -> int:
        """Bins that the model reads."""
        return self.num_bins if self.num_input_bins is None else self.num_input_bins


def config_from(values: Mapping[str, Any]) -> OpenUnmixConfig:
    """The configuration of plain values, as `dataclasses.asdict` gives them.

    Raises:
        ConfigurationError: Names are unknown, the spectrogram is missing, or a value is out of range.
    """
    if "spectrogram" not in values:
        raise ConfigurationError(
            "this is no configuration of an Open-Unmix model",
            parameter="config",
            expected="spectrogram",
            found=sorted(values),
        )
    return config_of_values(OpenUnmixConfig, values)
