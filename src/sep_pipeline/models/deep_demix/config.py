"""Shapes of the networks of the contrastive study: the baseline, the encoder, and the networks around it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from sep_pipeline.errors import ConfigurationError
from sep_pipeline.models.config_checks import check_counts, check_transform, require_valid
from sep_pipeline.models.config_values import config_of_values
from sep_pipeline.models.mask_spectrogram import num_frames_of

SAMPLE_RATE_HZ = 44_100
"""Rate of the published study; the sizes of the preset "paper" are meant for it."""

Pair = tuple[int, int]

_require = partial(require_valid, "a parameter of the contrastive study's networks is out of range")


@dataclass(frozen=True, kw_only=True)
class BaselineConfig:
    """Everything that fixes the parameters of the recurrent mask network and its spectrograms.

    Args:
        num_sources: Masks that the network gives.
        num_channels: Audio channels, which the network sees together.
        window_length: Length of the periodic square-root Hann window and of the transform, in samples, even.
        hop_length: Distance between frames, in samples; divides `window_length` at least twice.
        hidden_size: Units of the LSTM per direction.
        num_layers: Bidirectional layers.

    Raises:
        ConfigurationError: A value is out of range.
    """

    num_sources: int
    num_channels: int = 1
    window_length: int = 512
    hop_length: int = 128
    hidden_size: int = 50
    num_layers: int = 1

    def __post_init__(self) -> None:
        check_counts(_require, self, "num_sources", "num_channels", "hidden_size", "num_layers")
        check_transform(_require, self.window_length, self.hop_length)

    @property
    def num_bins(self) -> int:
        """Frequencies of the one-sided spectrum: 257 at 512."""
        return self.window_length // 2 + 1


@dataclass(frozen=True, kw_only=True)
class EncoderConfig:
    """Everything that fixes the parameters of the encoder and its spectrograms; the defaults are the study's.

    Kernels and pools are pairs of frames and bins.

    Args:
        segment_samples: Samples of every input; layer norm and linear layers know no other number of frames.
        window_length: See `BaselineConfig`.
        hop_length: See `BaselineConfig`.
        channels: Outputs of the four convolutions.
        kernels: Sizes of the four convolutions.
        pools: Sizes and strides of the max pools behind the second and the fourth convolution.
        hidden_sizes: Units of the two hidden linear layers.
        embedding_size: Dimensions of an embedding.
        dropout: Share of values dropped behind pools and hidden layers while training.

    Raises:
        ConfigurationError: A value is out of range, or the pools leave nothing of the spectrogram.
    """

    segment_samples: int = 220_500
    window_length: int = 512
    hop_length: int = 128
    channels: tuple[int, int, int, int] = (16, 32, 64, 128)
    kernels: tuple[Pair, Pair, Pair, Pair] = ((8, 16), (8, 16), (4, 8), (4, 8))
    pools: tuple[Pair, Pair] = ((16, 4), (8, 4))
    hidden_sizes: Pair = (500, 250)
    embedding_size: int = 125
    dropout: float = 0.5

    def __post_init__(self) -> None:
        check_counts(_require, self, "segment_samples", "embedding_size")
        check_transform(_require, self.window_length, self.hop_length)
        _check_sizes("channels", self.channels, 4)
        _check_sizes("hidden_sizes", self.hidden_sizes, 2)
        _check_pairs("kernels", self.kernels, 4)
        _check_pairs("pools", self.pools, 2)
        _require(0 <= self.dropout < 1, "dropout", "0 up to below 1", self.dropout)
        is_left = min(self.pooled_size) >= 1
        _require(is_left, "pools", f"products up to {(self.num_frames, self.num_bins)}", self.pools)

    @property
    def num_frames(self) -> int:
        """Frames of every input: 1724 of 5 s at 44.1 kHz."""
        return num_frames_of(self.segment_samples, self.hop_length)

    @property
    def num_bins(self) -> int:
        """Frequencies of the one-sided spectrum: 257 at 512."""
        return self.window_length // 2 + 1

    @property
    def pooled_size(self) -> Pair:
        """Frames and bins behind both pools: 13 and 16."""
        (first_frames, first_bins), (second_frames, second_bins) = self.pools
        return self.num_frames // first_frames // second_frames, self.num_bins // first_bins // second_bins

    @property
    def num_features(self) -> int:
        """Values that enter the first linear layer: 26 624."""
        num_frames, num_bins = self.pooled_size
        return self.channels[3] * num_frames * num_bins


@dataclass(frozen=True, kw_only=True)
class _AroundEncoder:
    """What the networks behind an encoder have in common."""

    num_sources: int
    encoder: EncoderConfig = dataclasses.field(default_factory=EncoderConfig)

    def __post_init__(self) -> None:
        check_counts(_require, self, "num_sources")
        _require(isinstance(self.encoder, EncoderConfig), "encoder", "an EncoderConfig", self.encoder)

    @property
    def window_length(self) -> int:
        """See `EncoderConfig`."""
        return self.encoder.window_length

    @property
    def hop_length(self) -> int:
        """See `EncoderConfig`."""
        return self.encoder.hop_length


@dataclass(frozen=True, kw_only=True)
class DeepDemixConfig(_AroundEncoder):
    """Everything that fixes the parameters of the autoencoder.

    The study gives neither channels nor kernels of its decoder; the defaults are ours.

    Args:
        num_sources: Masks that the decoder gives.
        encoder: The encoder, which also fixes the spectrograms.
        decoder_grid: Frames and bins of the decoder's first image; their product is its hidden size.
        decoder_channels: Outputs of its first two convolutions; the third gives the masks.
        decoder_kernels: Sizes of its three convolutions, pairs of frames and bins.

    Raises:
        ConfigurationError: A value is out of range.
    """

    decoder_grid: Pair = (12, 12)
    decoder_channels: Pair = (8, 8)
    decoder_kernels: tuple[Pair, Pair, Pair] = ((3, 3), (3, 3), (3, 3))

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_sizes("decoder_grid", self.decoder_grid, 2)
        _check_sizes("decoder_channels", self.decoder_channels, 2)
        _check_pairs("decoder_kernels", self.decoder_kernels, 3)


@dataclass(frozen=True, kw_only=True)
class MaskNetworkConfig(_AroundEncoder):
    """Everything that fixes the parameters of the recurrent mask network that hears an embedding.

    Args:
        num_sources: Masks that the network gives.
        encoder: The encoder, which also fixes the spectrograms.
        hidden_size: Units of the LSTM per direction.
        num_layers: Bidirectional layers.

    Raises:
        ConfigurationError: A value is out of range.
    """

    hidden_size: int = 50
    num_layers: int = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        check_counts(_require, self, "hidden_size", "num_layers")


def baseline_preset(name: str, *, num_sources: int) -> BaselineConfig:
    """A named size of the baseline, see `encoder_preset`.

    Raises:
        ConfigurationError: The name is unknown.
    """
    return config_of_values(BaselineConfig, {"num_sources": num_sources, **_chosen(BASELINE_PRESETS, name)})


def encoder_preset(name: str) -> EncoderConfig:
    """A named size of the encoder: "paper" is the study's, "compact" learns in minutes on a processor.

    Raises:
        ConfigurationError: The name is unknown.
    """
    return config_of_values(EncoderConfig, _chosen(ENCODER_PRESETS, name))


def _chosen(presets: Mapping[str, Mapping[str, Any]], name: str) -> Mapping[str, Any]:
    if name not in presets:
        raise ConfigurationError(
            "unknown preset of the contrastive study",
            parameter="preset",
            expected=sorted(presets),
            found=name,
        )
    return presets[name]


def _check_sizes(name: str, sizes: tuple[int, ...], number: int) -> None:
    _require(len(sizes) == number and min(sizes) >= 1, name, f"{number} sizes of at least 1", sizes)


def _check_pairs(name: str, pairs: tuple[Pair, ...], number: int) -> None:
    is_valid = len(pairs) == number and all(len(pair) == 2 and min(pair) >= 1 for pair in pairs)
    _require(is_valid, name, f"{number} pairs of frames and bins, at least 1", pairs)


ENCODER_PRESETS: dict[str, dict[str, Any]] = {
    "paper": {},
    # 2 s at 16 kHz: 126 frames of 257 bins.
    "compact": {
        "segment_samples": 32_000,
        "hop_length": 256,
        "channels": (4, 8, 16, 32),
        "kernels": ((4, 4), (4, 4), (4, 4), (4, 4)),
        "pools": ((4, 4), (4, 4)),
        "hidden_sizes": (128, 64),
        "embedding_size": 32,
        # A few hundred updates see nothing twice.
        "dropout": 0.0,
    },
}
"""What a preset changes of the encoder's defaults."""

BASELINE_PRESETS: dict[str, dict[str, Any]] = {"paper": {}, "compact": {"hop_length": 256}}
"""What a preset changes of the baseline's defaults."""
