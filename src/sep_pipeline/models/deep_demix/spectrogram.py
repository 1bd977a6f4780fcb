"""Spectrograms of the contrastive study: the transform that ChimeraNet uses, too, with this study's sizes."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor

from sep_pipeline.models.chimera import ChimeraConfig
from sep_pipeline.models.chimera import magnitudes as chimera_magnitudes
from sep_pipeline.models.chimera import spectrum as chimera_spectrum
from sep_pipeline.models.chimera import waveform as chimera_waveform


class TransformSizes(Protocol):
    """What fixes a transform; every configuration of the study does."""

    @property
    def window_length(self) -> int:
        """Samples of the periodic square-root Hann window."""
        ...

    @property
    def hop_length(self) -> int:
        """Samples between frames."""
        ...


def spectrum(audio: Tensor, sizes: TransformSizes) -> Tensor:
    """Transform a signal of any length, see `chimera.spectrum`.

    Args:
        audio: float, (..., time), at least one sample; computed in float64.
        sizes: Window and hop.

    Returns:
        complex128, (..., frame, bin); a full-scale sine peaks at a magnitude of 0.5.

    Raises:
        TooShortError: There are no samples.
    """
    return chimera_spectrum(audio, _transform(sizes))


def magnitudes(sources: Tensor, sizes: TransformSizes) -> tuple[Tensor, Tensor]:
    """Moduli of the spectra of sources and of their sum, one item at a time.

    Args:
        sources: float, (batch, stem, channel, time).
        sizes: Window and hop.

    Returns:
        float32, (batch, channel, frame, bin) of the mixtures and (batch, stem, channel, frame, bin).

    Raises:
        TooShortError: There are no samples.
    """
    return chimera_magnitudes(sources, _transform(sizes))


def stem_magnitudes(sources: Tensor, sizes: TransformSizes) -> Tensor:
    """The second result of `magnitudes` alone, for stems that make no mixture: what an encoder reads."""
    return torch.stack([spectrum(item, sizes).abs().float() for item in sources])


def waveform(spectrum: Tensor, sizes: TransformSizes, num_samples: int) -> Tensor:
    """Invert `spectrum`: complex, (..., frame, bin), to float64, (..., time), of `num_samples`."""
    return chimera_waveform(spectrum, _transform(sizes), num_samples)


def _transform(sizes: TransformSizes) -> ChimeraConfig:
    # Only window and hop matter to the transform.
    return ChimeraConfig(num_sources=1, window_length=sizes.window_length, hop_length=sizes.hop_length)
