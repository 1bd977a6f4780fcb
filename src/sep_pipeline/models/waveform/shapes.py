"""What mixtures the networks take, and which part of them they give."""

from __future__ import annotations

from torch import Tensor

from sep_pipeline.errors import StemMismatchError
from sep_pipeline.models.waveform.config import WaveformConfig


def check_mixture(mixture: Tensor, config: WaveformConfig) -> None:
    """Refuse what is not (batch, channel, time) with the network's channels.

    Raises:
        StemMismatchError: The mixture has other axes or channels.
    """
    if mixture.ndim != 3 or mixture.shape[1] != config.num_channels:
        raise StemMismatchError(
            "the mixture does not fit the network",
            expected=f"(batch, {config.num_channels} channels, time)",
            found=tuple(mixture.shape),
        )


def middle(signal: Tensor, num_samples: int) -> Tensor:
    """The middle of (..., time), of which outputs of networks with context are estimates."""
    start = (signal.shape[-1] - num_samples) // 2
    return signal[..., start : start + num_samples]
