"""Refine the estimates of all stems with the mixture: power-ratio masks, and equal shares of the residual."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from sep_pipeline.errors import ConfigurationError, StemMismatchError
from sep_pipeline.separation.blocks import Audio, ReadSignal, filled
from sep_pipeline.separation.chunked import context_blocks

POWER_FLOOR = 1e-10
"""Added to the total power of a bin, shared equally by the stems: in a silent bin every stem gets an equal
part."""

_BLOCK_HOPS = 512


@dataclass(frozen=True, kw_only=True)
class WienerConfig:
    """Sizes of the transform.

    Attributes:
        n_fft: Length of the periodic Hann window and of the transform, in samples.
        hop_length: Distance between frames, in samples; divides `n_fft`.
    """

    n_fft: int = 4096
    hop_length: int = 1024

    def __post_init__(self) -> None:
        if self.hop_length < 1 or self.n_fft < 2 * self.hop_length or self.n_fft % self.hop_length:
            raise ConfigurationError(
                "n_fft must be a multiple, at least twice, of hop_length",
                parameter="n_fft, hop_length",
                found=(self.n_fft, self.hop_length),
            )


def wiener_refine(mixture: Audio, estimates: Audio, config: WienerConfig | None = None) -> Audio:
    """Give every bin of the mixture's STFT to the stems in proportion to the power of their estimates.

    Mask of stem j: (P_j + eps / J) / (sum_k P_k + eps), with P the squared magnitude of the estimate's STFT,
    J the number of stems and eps = `POWER_FLOOR`. The masks sum to one, hence the result sums to the mixture.
    Long signals are worked on in blocks, with the result of one pass.

    Args:
        mixture: float32, (channel, time).
        estimates: float32, (stem, channel, time).
        config: Sizes of the transform.

    Returns:
        float32, (stem, channel, time).

    Raises:
        StemMismatchError: The shapes differ.
    """
    _require_same_shape(mixture, estimates)
    stacked = torch.from_numpy(np.concatenate([mixture[None], estimates]).astype(np.float32, copy=False))
    num_samples = mixture.shape[1]
    blocks = wiener_blocks(lambda start, stop: stacked[..., start:stop], num_samples, config)
    return filled((block.numpy() for block in blocks), len(estimates), mixture)


def wiener_blocks(read: ReadSignal, num_samples: int, config: WienerConfig | None = None) -> Iterator[Tensor]:
    """`wiener_refine` of signals that are not in memory.

    Args:
        read: Gives parts of the signals, each starting no earlier than the one before: float32,
            (1 + stem, channel, time), the mixture first.
        num_samples: Length of the signals, at least 1.
        config: Sizes of the transform.

    Returns:
        float32, (stem, channel, time): successive pieces, `num_samples` samples in all.
    """
    sizes = config or WienerConfig()
    window = torch.hann_window(sizes.n_fft)
    return context_blocks(
        lambda signals: _masked(signals, window, sizes),
        read,
        num_samples,
        chunk_samples=_BLOCK_HOPS * sizes.hop_length,
        context_samples=sizes.n_fft,
        hop_samples=sizes.hop_length,
    )


def mixture_consistency(mixture: Audio, estimates: Audio) -> Audio:
    """Add an equal share of the residual to every estimate, so that they sum to the mixture.

    Args:
        mixture: float32, (channel, time).
        estimates: float32, (stem, channel, time).

    Returns:
        float32, (stem, channel, time).

    Raises:
        StemMismatchError: The shapes differ.
    """
    _require_same_shape(mixture, estimates)
    residual = mixture - estimates.sum(axis=0)
    return cast(Audio, estimates + residual / np.float32(len(estimates)))


def _masked(signals: Tensor, window: Tensor, sizes: WienerConfig) -> Tensor:
    """(1 + stem, channel, time), the mixture first, to (stem, channel, time)."""
    num_stems, num_samples = len(signals) - 1, signals.shape[-1]
    spectra = stft(signals.flatten(0, 1), window, sizes)
    spectra = spectra.reshape(*signals.shape[:2], *spectra.shape[1:])
    power = spectra[1:].abs().square()
    masks = (power + POWER_FLOOR / num_stems) / (power.sum(0) + POWER_FLOOR)
    masked = (masks * spectra[0]).flatten(0, 1)
    restored = torch.istft(masked, sizes.n_fft, sizes.hop_length, window=window, length=num_samples)
    return restored.reshape(num_stems, *signals.shape[1:])


def stft(signals: Tensor, window: Tensor, sizes: WienerConfig) -> Tensor:
    """Zeros, not reflections, beyond the ends: a signal may be shorter than half a window."""
    return torch.stft(
        signals, sizes.n_fft, sizes.hop_length, window=window, pad_mode="constant", return_complex=True
    )


def _require_same_shape(mixture: npt.NDArray[Any], estimates: Sequence[Any] | npt.NDArray[Any]) -> None:
    shape = np.shape(estimates)
    if len(shape) != 3 or shape[0] < 1 or shape[1:] != mixture.shape:
        raise StemMismatchError(
            "estimates do not fit the mixture", expected=("stem", *mixture.shape), found=shape
        )
